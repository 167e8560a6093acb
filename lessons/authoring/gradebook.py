# SPDX-License-Identifier: GPL-2.0-or-later
"""Write grades as CSV: a row an exercise for people, or a row a learner for Moodle and for Canvas.

Moodle and Canvas name the files that they let a teacher download after the learner; the names are read back:

    Moodle   `Ada Lovelace_4711_assignsubmission_file/...`   the participant 4711
    Canvas   `lovelaceada_1234_5678_notebook.ipynb`          the user 1234, also with LATE in it

A cell that a spreadsheet would take for a formula gets an apostrophe in front.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

from lessons.authoring.grade import Grade

Row = Sequence[str | int]
MOODLE = re.compile(r"(?P<name>[^/]+)_(?P<id>\d+)_assignsubmission_(file|onlinetext)_?(/.*)?")
CANVAS = re.compile(r"(?P<name>[^/_]+)_(LATE_)?(?P<id>\d+)_\d+_.*", re.DOTALL)


def plain(grades: Sequence[Grade], title: str) -> Iterator[Row]:
    yield "learner", "file", "exercise", "points", "of", "verdict", "reason", "schedule"
    for one in grades:
        yield one.learner, one.file, one.exercise, one.points, one.of, one.verdict, one.reason, one.schedule


def moodle(grades: Sequence[Grade], title: str) -> Iterator[Row]:
    """The offline grading worksheet: Moodle finds the learner by the identifier."""
    yield "Identifier", "Full name", "Grade", "Maximum Grade", "Feedback comments"
    for learner, theirs in _by_learner(grades):
        named = MOODLE.fullmatch(learner)
        identifier, name = (f"Participant {named['id']}", named["name"]) if named else ("", learner)
        yield identifier, name, _points(theirs), sum(one.of for one in theirs), _comment(theirs)


def canvas(grades: Sequence[Grade], title: str) -> Iterator[Row]:
    """The gradebook's import: Canvas finds the learner by ID, and the assignment by its title."""
    yield "Student", "ID", "SIS User ID", "SIS Login ID", "Section", title
    most = max((sum(one.of for one in theirs) for _, theirs in _by_learner(grades)), default=0)
    yield "    Points Possible", "", "", "", "", most
    for learner, theirs in _by_learner(grades):
        named = CANVAS.fullmatch(learner)
        yield (named["name"] if named else learner), (named["id"] if named else ""), "", "", "", _points(theirs)


FORMS: dict[str, Callable[[Sequence[Grade], str], Iterator[Row]]] = {"plain": plain, "moodle": moodle, "canvas": canvas}


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
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
