"""The site, as `make site` builds it: to read and to run, from a plain file server, with nothing from anywhere else."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lessons.exercises import exercise
from lessons.player.at_rest import has_player
from tests.browser import learner
from tests.browser.jupyterlab import FOR_TESTS, ROOT, SCREENSHOTS
from tests.browser.site import LiteNotebook, serve, watched_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.needs_npm
NAMES = [path.stem for path in sorted((ROOT / "notebooks").glob("*.ipynb"))]
LESSONS = [name for name in NAMES if name[0].isdigit()]
LARGEST = 45e6  # bytes


def plays(name: str) -> bool:
    """Whether the notebook has a run to play; lesson 07 has transcripts of real processes instead."""
    text = (ROOT / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8")
    return has_player(text.replace('\\"', '"'))


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site")
    subprocess.run([sys.executable, "-m", "lessons.authoring.site", str(out)], cwd=ROOT, check=True)
    settings = out / "lite" / "jupyter-lite.json"
    read = json.loads(settings.read_text(encoding="utf-8"))
    read["jupyter-config-data"].setdefault("settingsOverrides", {}).update(FOR_TESTS)
    settings.write_text(json.dumps(read), encoding="utf-8")
    return out


@pytest.fixture(scope="session")
def address(built: Path) -> Iterator[str]:
    with serve(built) as address:
        yield address


def test_its_size(built: Path):
    assert sum(path.stat().st_size for path in built.rglob("*") if path.is_file()) <= LARGEST


def test_its_links_lead_somewhere(built: Path):
    pages = {page.name: page.read_text(encoding="utf-8") for page in built.glob("*.html")}
    ids = {name: set(re.findall(r' id="([^"]+)"', text)) for name, text in pages.items()}
    dead = []
    for name, text in pages.items():
        for link in re.findall(r'(?:href|src)="([^"]+)"', text):
            if re.match(r"https?:|data:", link):
                continue
            path, _, anchor = link.partition("#")
            target = path.partition("?")[0] or name
            opened = path.partition(";path=")[2]
            there = (built / target).exists() and (not opened or (built / "lite" / "files" / opened).exists())
            if not there or (anchor and anchor not in ids[target]):
                dead.append(f"{name}: {link}")
    assert dead == []


def test_the_front_page(browser: Browser, address: str):
    with watched_page(browser) as page:
        page.goto(address)
        player = page.locator(".mqp")
        player.wait_for()
        player.press("End")
        player.locator(".banner").get_by_text("check").wait_for()
        assert "first start takes about 15 seconds" in page.locator("main").inner_text()
        assert page.get_by_role("link", name="Run", exact=False).count() >= len(LESSONS)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.screenshot(path=SCREENSHOTS / f"site-{scheme}.png", full_page=True)
        page.set_viewport_size({"width": 390, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("name", NAMES)
def test_a_page_to_read(browser: Browser, address: str, name: str):
    with watched_page(browser, width=390) as page:
        page.goto(f"{address}/{name}.html")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        if name not in LESSONS:
            return
        folded = page.locator("details.mini-qemu-folded")
        assert folded.count() > 1, "answers are folded"
        assert not page.locator("details.mini-qemu-folded[open]").count()
        page.evaluate("() => document.querySelectorAll('details').forEach(one => one.open = true)")
        if not plays(name):
            return
        page.locator(".mqp").first.wait_for()
        moved = 0
        for player in page.locator(".mqp").all():  # one whose run has no step yet stays where it is
            before = player.inner_text()
            player.press("End")
            moved += player.inner_text() != before
        assert moved


def test_a_lesson_from_end_to_end(browser: Browser, address: str):
    with watched_page(browser) as page:
        page.goto(address)
        page.get_by_role("link", name="Run The missing join").click()
        book = LiteNotebook(page)
        book.run_all()
        assert book.errors() == []
        assert "end in a crash" in book.output(6).inner_text(), "without matplotlib a figure is its sentence"
        learner.predict(book, 3, 5, "Well, or with an abort")
        lab = book.output(4)
        assert "3 interleavings, all run: none fails" in learner.switch(lab, "join_created_thread", "proved")
        learner.miss(book, 10, "missing-join/fill", exercise("missing-join/fill").wrong[0].name)
        learner.solve(book, 10, "missing-join/fill")
        book.save_and_load_again()
        book.plays_at_rest()
        assert exercise("missing-join/fill").solution.strip() in book.source(10)
        book.run_all()
        assert "missing-join/fill: accepted." in book.output(10).inner_text()
        assert "You said" in book.output(5).inner_text(), "the prediction of before the reload"


def test_a_hundred_clicks_and_start_over(browser: Browser, address: str):
    with watched_page(browser) as page:
        page.goto(address)
        page.get_by_role("link", name="Start the course").click()
        book = LiteNotebook(page)
        book.run_all()
        lab = book.output(8)
        for _ in range(25):
            for button in ("Move A", "Move A", "Undo", "Undo"):
                drawn = lab.locator(".mqp").element_handle()
                lab.get_by_role("button", name=button, exact=True).click()
                page.wait_for_function("drawn => !drawn.isConnected", arg=drawn)
        assert learner.move(lab, "A")
        assert learner.move(lab, "B")
        assert "deadlock" in learner.broken(lab, "deadlock")
        book.write(1, "mine = 1")
        book.do("panel.context.save()")

        page.goto(address)
        page.on("dialog", lambda asked: asked.accept())
        page.get_by_role("button", name="Start over: Start here").click()
        page.get_by_text("the next start brings a fresh copy").wait_for()
        page.get_by_role("link", name="Run Start here").click()
        page.locator(".jp-CodeCell").first.get_by_text("show(warmups.add)").wait_for()


@pytest.mark.parametrize("name", LESSONS[2:])  # the first two are above
def test_every_other_lesson_runs_in_the_browser(browser: Browser, address: str, name: str):
    with watched_page(browser) as page:
        page.goto(f"{address}/lite/lab/index.html?workspace={name}&path={name}.ipynb")
        if plays(name):
            page.locator(".mqp").first.wait_for(state="attached")  # before anything has run
        book = LiteNotebook(page)
        book.run_all()
        assert book.errors() == []
        if name.startswith("08"):
            assert "Recorded on another machine" in page.locator(".jp-Notebook").inner_text()
