# SPDX-License-Identifier: GPL-2.0-or-later
"""A lesson for a projector: large type, one player a screen, no network. `make slides`, or `make slides ARGS=01`.

    the prose     split where a heading begins and wherever a screen is full
    a code cell   the code, and each output on a screen of its own, folded as in the notebook
    on paper      a page for each screen; a player is the table that stands for it where no script runs

A page is one column of screens. Page Down, Page Up, the arrow keys and a presenter's remote go from one to the next. A
player keeps its own keys while it is clicked; Escape, or a click beside it, gives them back.
Left out: speaker notes and a layout by hand; reveal.js, which takes the `section` of a player for a slide of its own.
"""

from __future__ import annotations

import argparse
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from lessons.authoring.normalise import loads, text_of
from lessons.authoring.site import BUILD, HERE
from lessons.authoring.site.pages import LINK, Lesson, lessons
from lessons.places import NOTEBOOKS

WORDS = 75  # of prose on a screen, unless one paragraph has more
LEAD = 20  # so few words stay with what follows them
LINES = 14  # of code on a screen together with its output
AT_REST = re.compile(r'(<div class="mini-qemu-at-rest" id="[^"]*">)(.*?)(</div><script>)', re.S)


def build(out: Path, names: Sequence[str] = ()) -> list[Path]:
    """Write the slides of the lessons whose numbers are named, or of all. Returns the pages."""
    out.mkdir(parents=True, exist_ok=True)
    shutil.copytree(NOTEBOOKS / "images", out / "images", dirs_exist_ok=True)
    for name in ("slides.css", "slides.js"):
        shutil.copy(HERE / "templates" / name, out)
    wanted = [lesson for lesson in lessons() if lesson.number and (not names or lesson.number in names)]
    pages = []
    for lesson in wanted:
        pages.append(out / f"{lesson.name}.html")
        pages[-1].write_text(page(lesson), encoding="utf-8")
    return pages


def page(lesson: Lesson) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    book = loads((NOTEBOOKS / f"{lesson.name}.ipynb").read_text(encoding="utf-8"))
    made = Environment(loader=FileSystemLoader(HERE / "templates"), undefined=StrictUndefined, autoescape=True)
    return made.get_template("slides.html").render(lesson=lesson, screens=list(screens(book["cells"])))


def screens(cells: Iterable[dict[str, Any]]) -> Iterator[str]:
    """The HTML of one screen after the other."""
    from nbconvert.filters import Highlight2HTML

    highlight = Highlight2HTML()
    for cell in cells:
        source = text_of(cell["source"])
        if cell["cell_type"] == "markdown":
            yield from of_prose(source)
        elif cell["cell_type"] == "code":
            shown = [one for output in cell["outputs"] if (one := of_output(output))]
            code = highlight(source, language="python")
            if shown and source.count("\n") < LINES:
                yield f"{code}{shown.pop(0)}"
            else:
                yield code
            yield from shown


def of_prose(source: str) -> Iterator[str]:
    """A Markdown cell, cut before each heading and after about WORDS words."""
    from bs4 import BeautifulSoup, Tag
    from nbconvert.filters import markdown2html_mistune

    text = LINK.sub(r"\1\2.html\3\4", markdown2html_mistune(source))
    screen: list[str] = []
    words = 0
    for block in BeautifulSoup(text, "html.parser").children:
        count = len(block.get_text().split())
        heading = isinstance(block, Tag) and block.name in ("h1", "h2", "h3")
        if screen and ((heading and words) or (words > LEAD and words + count > WORDS)):
            yield "".join(screen)
            screen, words = [], 0
        screen.append(str(block))
        words += count
    if words:
        yield "".join(screen)


def of_output(output: dict[str, Any]) -> str:
    """One output; beside each player the table for paper."""
    import html

    data = output.get("data", {})
    if "text/html" in data:
        return AT_REST.sub(r'<div class="twin">\2</div>\1\2\3', text_of(data["text/html"]))
    if "image/png" in data:
        said = html.escape(text_of(data.get("text/plain", "")))
        return f'<img src="data:image/png;base64,{text_of(data["image/png"]).strip()}" alt="{said}">'
    text = output.get("text") or data.get("text/plain") or output.get("traceback") or ""
    return f"<pre>{html.escape(text_of(text))}</pre>" if text else ""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m lessons.authoring.site.slides", description="Build slides.")
    parser.add_argument("lesson", nargs="*", help="numbers, such as 01; without one: all lessons")
    parser.add_argument("--out", type=Path, default=BUILD / "slides", help="where to (default: %(default)s)")
    options = parser.parse_args()
    for path in build(options.out, options.lesson):
        print(path)


if __name__ == "__main__":
    main()
