# SPDX-License-Identifier: GPL-2.0-or-later
"""The course as a static site: read every notebook, or run it in the browser with nothing installed. `make site`.

    build()     everything below, into build/site: any web server can serve it, from any folder
    pages       the front page and every notebook to read, with working players and folded answers
    lite        a JupyterLite in which the notebooks run
    python      the Python for it: Pyodide, the libraries and the course, from npm, PyPI and this checkout
    slides      a lesson for a projector and for paper; `make slides`

A visitor's browser asks no other host for anything, and nothing that a visitor does is sent anywhere.
Left out: a server for learners. What they do stays in their browser.
"""

from __future__ import annotations

from pathlib import Path

from lessons.places import ROOT

HERE = Path(__file__).parent
BUILD = ROOT / "build"
SITE = BUILD / "site"
DOWNLOADS = BUILD / "downloads"  # kept from one build to the next; `make clean` takes it away


def build(out: Path = SITE) -> Path:
    """Build the whole site in a folder, which is emptied first. Returns the folder.

    Raises CalledProcessError if npm, pip or JupyterLite fails; what they said is on standard error.
    """
    from lessons.authoring.site import lite, pages

    lite.build(out / "lite")
    pages.build(out)
    return out
