"""Each answer of judged.py gets the judgement that is right, in words that are about what it did."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lessons.exercises import exercise, progress
from lessons.exercises.check import check_source
from tests.lessons.exercises.judged import JUDGED, Judged


@pytest.fixture(autouse=True)
def nobodys_progress(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("MINI_QEMU_PROGRESS", "")
    yield
    progress.reset()


@pytest.mark.parametrize("judged", JUDGED, ids=lambda judged: f"{judged.exercise}-{judged.name}")
def test_judged(judged: Judged):
    asked = exercise(judged.exercise)
    answer = judged.answer.replace(f"def {judged.name}(", f"def {asked.entry}(")
    said = repr(check_source(answer, asked))
    assert said.startswith(f"{judged.exercise}: {judged.verdict}"), said
    for words in judged.words:
        assert words in said
    for words in judged.never:
        assert words not in said
