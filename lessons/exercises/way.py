# SPDX-License-Identifier: GPL-2.0-or-later
"""Where to go next: from an exercise to the next cell that asks something, from a lesson to the next one.

The notebooks say it themselves: an exercise is the code cell that calls `check(..., "its name")`. A link names the
notebook and the cell, so that JupyterLab opens it and an exported page scrolls to it.
Left out: notebooks that somebody has renamed; then there is no link, and nothing else changes.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache

from lessons.exercises import exercises
from lessons.places import notebooks

CHECK = re.compile(r"\bcheck\(.*\"([\w-]+/[\w-]+)\"\)")
HEADING = re.compile(r"^# (.+)$", re.M)
NUMBERED = re.compile(r"\d\d_")


@dataclass(frozen=True)
class Link:
    """Where to: the words, and the address relative to the notebook."""

    words: str
    address: str


@dataclass(frozen=True)
class _Asking:
    """A code cell that asks something: the exercise of that name, or, without one, questions."""

    cell: str
    exercise: str


@cache
def _read(lesson: str) -> tuple[str, tuple[_Asking, ...]]:
    """The title of a notebook, and its cells that ask, in their order."""
    path = next(one for one in notebooks() if one.stem == lesson)
    title, found = "", []
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            heading = HEADING.search(source)
            title = title or (heading[1] if heading else "")
        elif (checked := CHECK.search(source)) or "Quiz(" in source:
            found.append(_Asking(cell.get("id", ""), checked[1] if checked else ""))
    return title, tuple(found)


def lesson_link(lesson: str) -> Link | None:
    """The notebook of a lesson, by its title; None if there is no such notebook."""
    if lesson not in [path.stem for path in notebooks()]:
        return None
    return Link(_read(lesson)[0] or lesson, f"{lesson}.ipynb")


def next_lesson(lesson: str) -> Link | None:
    """The lesson after this one, in the order of the course."""
    names = [path.stem for path in notebooks() if NUMBERED.match(path.name)]
    after = names[names.index(lesson) + 1 :] if lesson in names else []
    return lesson_link(after[0]) if after else None


def next_to(name: str) -> Link | None:
    """Where to go after an exercise: the next cell of its notebook that asks something, else the next lesson."""
    known = exercises()
    lesson = known[name].lesson if name in known else ""
    if lesson_link(lesson) is None:
        return None
    cells = _read(lesson)[1]
    mine = next((i for i, one in enumerate(cells) if one.exercise == name), len(cells))
    for one in cells[mine + 1 :]:
        words = known[one.exercise].title if one.exercise in known else "the questions at the end"
        return Link(words, f"{lesson}.ipynb#cell-id={one.cell}")
    return next_lesson(lesson)
