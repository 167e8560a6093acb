"""The slides of a lesson, as `make slides` builds them: from a file, without a network, on a wall and on paper."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lessons.authoring.site import slides
from tests.browser.jupyterlab import SCREENSHOTS, quiet_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser

OPEN = "() => document.querySelectorAll('details:has(.mqp)').forEach(one => one.open = true)"
SEEN = "() => [...document.querySelectorAll('.screen')].findIndex(one => one.getBoundingClientRect().bottom > 40)"


@pytest.fixture(scope="module")
def lesson(tmp_path_factory: pytest.TempPathFactory) -> str:
    (page,) = slides.build(tmp_path_factory.mktemp("slides"), ["01"])
    return page.as_uri()


def test_one_player_a_screen_and_all_of_it_is_seen(browser: Browser, lesson: str):
    with quiet_page(browser, 1920, 1080, offline=True) as page:
        page.goto(lesson)
        page.locator(".mqp").first.wait_for(state="attached")
        page.evaluate(OPEN)
        page.wait_for_function(
            "() => [...document.querySelectorAll('.mini-qemu:has(.mqp)')].every(one => one.style.zoom)"
        )
        players = page.locator(".screen").filter(has=page.locator("details .mqp"))
        assert players.count() > 2
        for screen in players.all():
            assert screen.locator(".mqp").count() == 1
            assert screen.evaluate("one => one.offsetHeight") <= 1080
        players.first.scroll_into_view_if_needed()
        page.screenshot(path=SCREENSHOTS / "slide.png")


def test_a_remote_turns_the_pages_and_a_player_has_its_own_keys(browser: Browser, lesson: str):
    with quiet_page(browser, offline=True) as page:
        page.goto(lesson)
        page.locator(".mqp").first.wait_for(state="attached")
        for key, expected in [("PageDown", 1), ("ArrowRight", 2), ("PageUp", 1), ("Home", 0)]:
            page.keyboard.press(key)
            page.wait_for_function(f"() => ({SEEN})() === {expected}")
        page.evaluate(OPEN)
        player = page.locator(".mqp").first
        player.press("Home")
        before = player.inner_text()
        player.press("ArrowRight")
        assert player.inner_text() != before
        page.keyboard.press("Escape")
        page.keyboard.press("Home")
        page.wait_for_function(f"() => ({SEEN})() === 0")


def test_on_paper_a_player_is_a_table(browser: Browser, lesson: str, tmp_path: Path):
    with quiet_page(browser, offline=True) as page:
        page.goto(lesson)
        page.locator(".mqp").first.wait_for(state="attached")
        page.emulate_media(media="print")
        page.evaluate("() => window.dispatchEvent(new Event('beforeprint'))")
        twin = page.locator(".twin").first
        assert "waiter" in twin.inner_text()
        assert "locks" in twin.inner_text() or "locked" in twin.inner_text()
        assert not page.locator(".mqp").first.is_visible()
        assert page.locator(".screen").nth(1).evaluate("one => getComputedStyle(one).breakAfter") == "page"
        assert page.pdf(format="A4").startswith(b"%PDF")
