"""From every exercise there is a way on, and each address is one that the notebooks have."""

from __future__ import annotations

import json

import pytest

from lessons.exercises import exercises
from lessons.exercises.way import next_lesson, next_to
from lessons.places import notebooks

BOOKS = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in notebooks()}


@pytest.mark.parametrize("name", exercises())
def test_each_exercise_leads_to_a_cell_further_down_or_to_the_next_lesson(name: str):
    link = next_to(name)
    assert link is not None
    file, _, cell = link.address.partition("#cell-id=")
    cells = BOOKS[file]["cells"]
    mine = next((i for i, one in enumerate(cells) if f'"{name}")' in "".join(one["source"])), None)
    if cell:
        assert [one["id"] for one in cells].index(cell) > (mine or 0)
    else:
        assert mine is None, "another notebook"
    assert link.words


def test_the_lessons_are_a_chain():
    lesson, seen = "00_start_here", []
    while link := next_lesson(lesson):
        lesson = link.address.removesuffix(".ipynb")
        seen.append(link.address)
    assert ["00_start_here.ipynb", *seen] == sorted(name for name in BOOKS if name[0].isdigit())
