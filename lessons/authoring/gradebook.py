# SPDX-License-Identifier: GPL-2.0-or-later
"""Write grades as CSV: a row an exercise for people, or a row a learner for Moodle and for Canvas.

The columns are those that the two look for when they import: Moodle in the offline grading worksheet of an assignment
(`mod/assign/feedback/offline`), Canvas in its gradebook (`lib/gradebook_importer.rb`). Moodle refuses a table without
the time of the last change. "-" there lets it leave alone what somebody has graded by hand. It also leaves out learners
without a number and grades above the assignment's maximum; Canvas looks for learners without a number by their names.

A cell that a spreadsheet would take for a formula gets an apostrophe in front.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

from lessons.authoring.grade import Grade
from lessons.authoring.handed_in import CANVAS, MOODLE

Row = Sequence[str | int]


def plain(grades: Sequence[Grade], title: str) -> Iterator[Row]:
    yield "learner", "file", "exercise", "points", "of", "verdict", "reason", "schedule"
    for one in grades:
        yield one.learner, one.file, one.exercise, one.points, one.of, one.verdict, one.reason, one.schedule


def moodle(grades: Sequence[Grade], title: str) -> Iterator[Row]:
    """The offline grading worksheet: Moodle finds the learner by the identifier."""
    yield "Identifier", "Full name", "Grade", "Maximum Grade", "Last modified (grade)", "Feedback comments"
    for learner, theirs in _by_learner(grades):
        named = MOODLE.fullmatch(learner)
        identifier, name = (f"Participant {named['id']}", named["name"]) if named else ("", learner)
        yield identifier, name, _points(theirs), sum(one.of for one in theirs), "-", _comment(theirs)


def canvas(grades: Sequence[Grade], title: str) -> Iterator[Row]:
    """The gradebook's import: Canvas finds the learner by ID, and the assignment by its title."""
    yield "Student", "ID", "SIS User ID", "SIS Login ID", "Section", title
    most = max((sum(one.of for one in theirs) for _, theirs in _by_learner(grades)), default=0)
    yield "    Points Possible", "", "", "", "", most
    for learner, theirs in _by_learner(grades):
        named = CANVAS.fullmatch(learner)
        yield (named["name"] if named else learner), (named["id"] if named else ""), "", "", "", _points(theirs)


FORMS: dict[str, Callable[[Sequence[Grade], str], Iterator[Row]]] = {"plain": plain, "moodle": moodle, "canvas": canvas}


def strangers(grades: Iterable[Grade], form: str) -> list[str]:
    """The learners whom the reader of this form cannot find by a number."""
    pattern = {"moodle": MOODLE, "canvas": CANVAS}.get(form)
    return [one for one, _ in _by_learner(grades) if pattern and not pattern.fullmatch(one)]


def write(path: Path, grades: Sequence[Grade], form: str = "plain", title: str = "mini_qemu") -> None:
    """Write the file; with a mark at its head from which spreadsheets learn that it is UTF-8."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows([_harmless(cell) for cell in row] for row in FORMS[form](grades, title))


def _by_learner(grades: Iterable[Grade]) -> Iterator[tuple[str, list[Grade]]]:
    for learner, theirs in groupby(grades, key=lambda one: one.learner):
        yield learner, list(theirs)


def _points(grades: Iterable[Grade]) -> int:
    return sum(one.points for one in grades)


def _comment(grades: Iterable[Grade]) -> str:
    lines = (f"{one.exercise or one.file} ({one.points}/{one.of}): {one.verdict}. {one.reason}" for one in grades)
    return "\n".join(lines)


def _harmless(cell: str | int) -> str | int:
    a_formula = isinstance(cell, str) and cell != "-" and cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    return f"'{cell}" if a_formula else cell
