# SPDX-License-Identifier: GPL-2.0-or-later
"""The glossary in the notebooks: its page is written from lessons/glossary.py, and no term is used before its link.

A term is introduced by a bold link to the glossary, in the lesson that the table names. Before that place no prose of
the course may use it. Headings, tables, code and the text of other links do not count as prose.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lessons.glossary import PAGE, TERMS, NoSuchTerm, Term, term

LESSONS = re.compile(r"^(\d\d)_")
_NOT_PROSE = re.compile(r"```[\s\S]*?```|^#.*$|^\|.*$|`[^`]*`|\[[^\]]*\]\((?!" + re.escape(PAGE) + r")[^)]*\)", re.M)
_INTRODUCED = re.compile(rf"\*\*\[[^\]]+\]\({re.escape(PAGE)}#([^ )]+)[^)]*\)\*\*")
_ANY_LINK = re.compile(rf"\[[^\]]+\]\({re.escape(PAGE)}#([^ )]+)[^)]*\)")
_LINK_TARGET = re.compile(r"\]\([^)]*\)")


def page() -> dict[str, Any]:
    """The glossary as a notebook of Markdown cells, a cell a lesson."""
    cells = [_cell("title", "# Glossary\n\nEvery term of the course, in the order in which the lessons introduce it.")]
    for lesson in dict.fromkeys(one.lesson for one in TERMS):
        parts = [f"## Lesson {lesson}"]
        for one in TERMS:
            if one.lesson == lesson:
                more = f" {one.more}" if one.more else ""
                parts.append(f"### {one.name}\n\n{one.definition[0].upper()}{one.definition[1:]}.{more}")
        cells.append(_cell(f"lesson-{lesson}", "\n\n".join(parts)))
    back = "[Back to the map of the course](00_start_here.ipynb)"
    licence = "<small>The prose of this notebook is licensed under CC BY 4.0, the code under GPL-2.0-or-later.</small>"
    cells.append(_cell("licence", f"{back}\n\n{licence}"))
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def _cell(name: str, source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": name, "metadata": {}, "source": source}


def complaints(books: Sequence[tuple[Path, Sequence[str]]]) -> Iterator[str]:
    """`books`: each lesson's path and the sources of its Markdown cells, in the order of the course."""
    introduced: set[str] = set()
    for path, sources in books:
        number = LESSONS.match(path.name)
        if not number:
            continue
        for source in sources:
            yield from _of_cell(path.name, number[1], source, introduced)
    for one in TERMS:
        if one.anchor not in introduced:
            link = f"**[{one.name}]({PAGE}#{one.anchor})**"
            yield f"glossary: no lesson introduces {one.name!r}; write {link} in lesson {one.lesson}"


def _of_cell(book: str, lesson: str, source: str, introduced: set[str]) -> Iterator[str]:
    for anchor in _ANY_LINK.findall(source):
        try:
            term(anchor)
        except NoSuchTerm as error:
            yield f"{book}: {error}"
    here = {anchor: match.start() for match in _INTRODUCED.finditer(source) for anchor in [match[1]]}
    prose = _NOT_PROSE.sub(lambda match: " " * len(match[0]), source)
    prose = _LINK_TARGET.sub(lambda match: " " * len(match[0]), prose)
    for one in TERMS:
        if one.anchor in introduced:
            continue
        used = _use(one).search(prose)
        if used and used.start() < here.get(one.anchor, len(source)):
            yield f"{book}: {used[0]!r} is used before {one.name!r} is introduced; link it where it is first used"
        if one.anchor in here and one.lesson != lesson:
            yield f"{book}: introduces {one.name!r}, which lessons/glossary.py places in lesson {one.lesson}"
    introduced.update(here)


def _use(one: Term) -> re.Pattern[str]:
    words = sorted({one.name, *one.forms}, key=len, reverse=True)
    return re.compile(rf"\b(?:{'|'.join(map(re.escape, words))})\b", 0 if one.name.isupper() else re.I)
