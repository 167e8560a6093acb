"""The course keeps its promises: the checks of `mini-qemu audit`, a test for each exercise and question."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lessons.__main__ import main
from lessons.authoring import audit
from lessons.authoring.mutation import Score
from lessons.exercises import exercises, progress, questions
from lessons.places import notebooks


@pytest.fixture(autouse=True)
def nobodys_progress(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("MINI_QEMU_PROGRESS", "")
    yield
    progress.reset()


@pytest.mark.parametrize("name", exercises())
def test_exercise(name: str):
    assert list(audit.of_exercise(exercises()[name])) == []


@pytest.mark.parametrize("name", questions())
def test_question(name: str):
    assert list(audit.of_question(questions()[name])) == []


@pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.stem)
def test_notebook(path: Path):
    assert list(audit.of_notebook(path)) == []


def test_nothing_gives_the_right_choice_away():
    assert list(audit.of_choices()) == []


def test_each_lesson_looks_back():
    assert list(audit.of_lessons()) == []


def test_everything_is_asked_somewhere():
    assert list(audit.unused()) == []


def test_a_complaint_names_what_is_wrong(tmp_path: Path):
    book = tmp_path / "01_missing_join.ipynb"
    cells = [
        '{"cell_type": "markdown", "source": "see `migrate_fd_cleen`"}',
        '{"cell_type": "code", "source": "show(\\"migration.migration_competion\\")"}',
        '{"cell_type": "code", "source": "check(f, \\"missing-join/fill\\")"}',
        '{"cell_type": "code", "source": "Quiz(\\"warmups/lost-update\\")"}',
    ]
    book.write_text('{"cells": [' + ",".join(cells) + "]}", encoding="utf-8")
    said = "\n".join(audit.of_notebook(book))
    for words in ("migrate_fd_cleen", "did you mean migration_completion", "copy it from", "question of 00_start_here"):
        assert words in said


def test_the_command_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(audit, "of_exercise", lambda asked: [])  # the tests above
    monkeypatch.setattr(audit, "of_mutants", lambda asked: [])
    monkeypatch.setattr(audit, "scored", lambda asked: Score(("a",), (), ()))  # test_mutation.py
    assert main(["audit", "--unnamed"]) == 0
    said = capsys.readouterr().out
    assert "no complaints" in said
    count = len(exercises())  # one change of each
    assert f"{count} small changes of the solutions: {count} refused, 0 equivalent" in said
    monkeypatch.setattr(audit, "of_question", lambda asked: [f"{asked.name} is dull"])
    assert main(["audit"]) == 1
    assert "missing-join/kitchen is dull" in capsys.readouterr().out
    assert main([]) == 2
