"""How long a visitor waits: `make bench`. Not a test: a machine that is busy is not a bug.

shown: from the click on a lesson to its notebook on the screen. ready: to an idle kernel. first cell: to the output of
the first cell. Each line is a new visitor with nothing in the browser's cache, except the last. The files come from
this machine, so what is measured is the browser's work; the last column is what a network would have to carry.
Goal: the first cell within 15 s, with nothing else to do on two cores.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from lessons.authoring.site import build
from tests.browser.jupyterlab import chromium_browser
from tests.browser.site import LiteNotebook, serve

if TYPE_CHECKING:
    from playwright.sync_api import Page

LESSON = "lite/lab/index.html?workspace=01&path=01_missing_join.ipynb"


def visit(page: Page, address: str) -> tuple[float, float, float]:
    start = time.monotonic()
    page.goto(f"{address}/{LESSON}")
    page.locator(".jp-Notebook .jp-Cell").first.wait_for(timeout=180_000)
    shown = time.monotonic() - start
    book = LiteNotebook(page)
    ready = time.monotonic() - start
    book.run_cell(1)
    return shown, ready, time.monotonic() - start


def main() -> None:
    parser = argparse.ArgumentParser(description="How long a visitor of the site waits.")
    parser.add_argument("--visitors", type=int, default=3)
    visitors = parser.parse_args().visitors
    with tempfile.TemporaryDirectory() as name, chromium_browser() as browser:
        out = build(Path(name) / "site")
        print(f"{'visitor':<10} {'shown':>7} {'ready':>7} {'first cell':>11} {'loaded':>9}   load of the machine")
        with serve(out) as address:
            for number in range(1, visitors + 1):
                context = browser.new_context()
                page = context.new_page()
                sizes: dict[str, int] = {}  # by address: the service worker asks for the same once more
                context.on("requestfinished", lambda request, sizes=sizes: sizes.update({request.url: length(request)}))
                for turn in ("new", "again") if number == visitors else ("new",):
                    sizes.clear()
                    shown, ready, first = visit(page, address)
                    carried = f"{sum(sizes.values()) / 1e6:.1f} MB"
                    load = os.getloadavg()[0]
                    print(f"{turn:<10} {shown:>5.1f} s {ready:>5.1f} s {first:>9.1f} s {carried:>9}   {load:.1f}")
                context.close()


def length(request: object) -> int:
    """Bytes of an answer as the server announced them."""
    answer = request.response()  # type: ignore[attr-defined]
    return int(answer.headers.get("content-length", 0)) if answer else 0


if __name__ == "__main__":
    main()
