"""The first example of the README prints what the README says."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"


def test_the_first_example_prints_what_stands_below_it() -> None:
    program, printed = re.findall(r"```(?:python|text)\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)[:2]
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(program, "README.md", "exec"), {"__name__": "readme"})
    assert printed.splitlines() == [line.rstrip() for line in out.getvalue().splitlines()]


def test_what_is_not_known_yet_is_named_once() -> None:
    """A publisher of a copy fills in two addresses; until then each is explained where it is first used."""
    text = README.read_text(encoding="utf-8")
    for name, meaning in (("REPOSITORY", "`REPOSITORY` is the address of this repository"),
                          ("SITE", "`SITE`, the address at which this course is published")):  # fmt: skip
        assert text.count(meaning) == 1
        assert text.index(name) == text.index(meaning) + 1


def test_it_lists_every_lesson() -> None:
    text = README.read_text(encoding="utf-8")
    lessons = sorted((README.parent / "notebooks").glob("0*.ipynb"))
    assert [path.name[:2] for path in lessons] == [f"{number:02}" for number in range(len(lessons))], "no gap"
    for path in lessons:
        assert f"[{path.name[:2]}](notebooks/{path.name})" in text
