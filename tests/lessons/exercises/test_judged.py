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


HELPERS = {
    "function": """
def join(s):
    qemu_thread_join(s.rp_state.rp_thread)
    s.rp_state.rp_thread_created = False
    return s.rp_state.error

def finish_return_path(s):
    return s.rp_state.rp_thread_created and join(s)
""",
    "class": """
class Joiner:
    def __init__(self, s):
        self.s = s

    def join(self):
        qemu_thread_join(self.s.rp_state.rp_thread)
        self.s.rp_state.rp_thread_created = False
        return self.s.rp_state.error

def finish_return_path(s):
    return s.rp_state.rp_thread_created and Joiner(s).join()
""",
}


@pytest.mark.parametrize("kind", HELPERS)
def test_helpers_beside_an_answer_are_judged_with_it(kind: str):
    asked = exercise("missing-join/write")
    assert check_source(HELPERS[kind], asked)
    slip = check_source(HELPERS[kind].replace("rp_state.error", "rp_sate.error"), asked)
    assert f"Line {HELPERS[kind][: HELPERS[kind].index('.error')].count(chr(10)) + 1} of your cell" in repr(slip)


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
