# SPDX-License-Identifier: GPL-2.0-or-later
"""The pages to read: a front page, and every notebook with its outputs as it is in the repository.

nbconvert turns notebooks into HTML through the template in templates/reading; it writes cells as plain elements, so
that one style sheet of 150 lines is all a page needs. Outputs are the notebooks' own: players draw by themselves,
answers stay folded, exercises are left to JupyterLite. The front page runs one story when it is built.
Each lesson opens in a JupyterLab workspace of its own, so that only its tab comes back, with one kernel.
Left out: MathJax and require.js, which nbconvert's own templates ask a CDN for; the course uses neither.
"""

from __future__ import annotations

import re
import shutil
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lessons.authoring.normalise import loads, text_of
from lessons.authoring.site import HERE
from lessons.places import NOTEBOOKS, ROOT, notebooks

TEMPLATES = HERE / "templates"
MAP = re.compile(r"\((\w+)\.ipynb\) \| (.+?) \|")  # a row of the table in notebook 00 that lists the lessons
TIME = re.compile(r"\*\*Time:\*\* about (\d+ minutes)")
LINK = re.compile(r'(<a [^>]*href=")(\w+)\.ipynb(#[^"]*)?(")')


@dataclass(frozen=True)
class Lesson:
    """One notebook, as a row of the front page and as the top of its own page."""

    name: str
    title: str
    about: str
    time: str

    @property
    def number(self) -> str:
        return self.name[:2] if self.name[:2].isdigit() else ""


def build(out: Path) -> None:
    """Write index.html, a page for each notebook, and what they need, around the JupyterLite that is there."""
    out.mkdir(parents=True, exist_ok=True)
    shutil.copytree(NOTEBOOKS / "images", out / "images", dirs_exist_ok=True)
    for name in ("site.css", "site.js"):
        shutil.copy(TEMPLATES / name, out)
    shutil.copy(out / "lite" / "lab" / "favicon.ico", out)
    listed = lessons()
    (out / "index.html").write_text(front(listed), encoding="utf-8")
    for previous, lesson, next in zip([None, *listed], listed, [*listed[1:], None], strict=False):
        (out / f"{lesson.name}.html").write_text(page(lesson, previous, next), encoding="utf-8")


def lessons() -> list[Lesson]:
    """All notebooks, described in the words that they use themselves."""
    texts = {path.stem: markdown(path) for path in notebooks()}
    told = dict(MAP.findall(texts["00_start_here"]))
    told["00_start_here"] = "three warm-ups, how to read the player, and your first fix"
    return [
        Lesson(
            name=name,
            title=re.sub(r"^\d\d ", "", text.split("\n", 1)[0].lstrip("# ")),
            about=told.get(name, ""),
            time=found[1] if (found := TIME.search(text)) else "",
        )
        for name, text in texts.items()
    ]


def markdown(path: Path) -> str:
    cells = loads(path.read_text(encoding="utf-8"))["cells"]
    return "\n\n".join(text_of(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")


def front(listed: list[Lesson]) -> str:
    """The front page; the run on it is computed here."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    from lessons.player.at_rest import html_at_rest
    from lessons.scenarios import twins
    from lessons.widgets.lab import RaceLab

    lab = RaceLab(twins.closing_time)
    made = Environment(loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, autoescape=True, trim_blocks=True)
    return made.get_template("index.html").render(
        lessons=[lesson for lesson in listed if lesson.number],
        player=html_at_rest(lab.resting(), lab.static()),
        source=address("Source"),
    )


def page(lesson: Lesson, previous: Lesson | None, next: Lesson | None) -> str:
    """One notebook to read."""
    import nbformat
    from nbconvert import HTMLExporter

    exporter: Any = HTMLExporter(template_name="reading", extra_template_basedirs=[str(TEMPLATES)])
    book = nbformat.read(NOTEBOOKS / f"{lesson.name}.ipynb", as_version=4)
    around = {"lesson": lesson, "previous": previous, "next": next}
    text, _ = exporter.from_notebook_node(book, resources=around)
    return LINK.sub(r"\1\2.html\3\4", text)


def address(name: str) -> str:
    """An address of the course, named once: under [project.urls] in pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["urls"][name])
