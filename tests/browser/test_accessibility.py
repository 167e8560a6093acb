"""Everyone can use it: axe finds nothing, a keyboard is enough, and neither zoom, nor touch, nor a system's own colours
or wish for no motion take anything away."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lessons.exercises import exercise
from lessons.exercises.check import check_source
from lessons.exercises.feedback import Feedback
from lessons.player import Player
from lessons.player.at_rest import module_text, style_text
from lessons.scenarios import two_closers
from lessons.scenarios.precopy_return_path import scenario
from lessons.widgets import predict
from lessons.widgets.lab import RaceLab, SchedulerLab
from mini_qemu.fixes import fixes
from mini_qemu.sched import explore, minimise, replay
from tests import sample_scenarios
from tests.browser.axe import fetched, violations
from tests.browser.jupyterlab import ROOT, quiet_page

SCHEMES = ["light", "dark"]
NAMES = [path.name for path in sorted((ROOT / "notebooks").glob("*.ipynb"))]
FILL = exercise("missing-join/fill")

LIVE = """async ([source, style, view]) => {
    document.head.appendChild(document.createElement("style")).textContent = style;
    const blob = new Blob([source], {type: "text/javascript"});
    const module = (await import(URL.createObjectURL(blob))).default;
    const el = document.querySelector("main").appendChild(document.createElement("div"));
    module.render({model: {get: () => view, on() {}, off() {}, send() {}}, el});
}"""


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    return fetched(tmp_path_factory.mktemp("axe"))


@pytest.fixture(scope="module")
def crash() -> Player:
    """The missing join: four threads, 93 steps."""
    with fixes.none():
        return Player(replay(scenario, minimise(scenario, kind="crash")))


def listed() -> Player:
    with fixes.none():
        return Player(replay(two_closers.scenario, minimise(two_closers.scenario)))


def stuck() -> Player:
    return Player(replay(sample_scenarios.ab_ba, explore(sample_scenarios.ab_ba).failure.schedule))


def accepted() -> Feedback:
    return check_source(FILL.solution, FILL)


def not_yet() -> Feedback:
    return check_source(FILL.starter, FILL)


def two_fixes() -> RaceLab:
    return RaceLab(scenario, fixes=["join_created_thread", "explicit_unregister"], kind="crash")


def show(page, *shown: object) -> None:
    """A page with a title, a language and a main part, as an exported notebook is; everything unfolded."""
    body = "".join(one._repr_html_() for one in shown)  # type: ignore[attr-defined]
    colours = "color-scheme: light dark; background: light-dark(#fff, #111); color: light-dark(#000, #fff);"
    look = f"<style>html {{ {colours} }}</style>"
    page.set_content(
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>A lesson</title>{look}<main>{body}</main>"
    )
    page.wait_for_function("() => !document.querySelector('.mini-qemu-at-rest:not(.mini-qemu)')")
    unfold(page)


def unfold(page) -> None:
    page.evaluate("() => document.querySelectorAll('details').forEach(one => one.open = true)")


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("made", [listed, stuck, accepted, not_yet, two_fixes], ids=lambda made: made.__name__)
def test_axe_finds_nothing_at_rest(browser, axe, scheme: str, made: Callable[[], object]):
    with quiet_page(browser, color_scheme=scheme) as page:
        show(page, made())
        for key in ("", "End", "Home"):
            if key and page.locator(".mqp").count():
                page.locator(".mqp").first.press(key)
            assert violations(page, axe, "body") == []


@pytest.mark.parametrize("scheme", SCHEMES)
def test_axe_finds_nothing_at_any_event_of_a_run(browser, axe, crash, scheme: str):
    with quiet_page(browser, color_scheme=scheme) as page:
        show(page, crash)
        stops = [i for i, made in enumerate(crash.data["steps"], 1) if made.get("event")]
        for at in stops[::4]:
            page.evaluate(f"document.querySelector('.mqp').player.show({at})")
            assert violations(page, axe, "body") == [], at


@pytest.mark.parametrize("scheme", SCHEMES)
def test_axe_finds_nothing_in_live_widgets(browser, axe, scheme: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MINI_QEMU_PROGRESS", "")
    asked = predict.Predict("missing-join/endings")
    answered = predict.Quiz("missing-join/kitchen")
    answered.choose("missing-join/kitchen", next(iter(answered.asked["missing-join/kitchen"].choices)))
    cards = [asked, answered, predict.Reveal("missing-join/endings"), predict.Progress()]
    with quiet_page(browser, color_scheme=scheme) as page:
        show(page)
        page.evaluate("() => document.querySelector('main').innerHTML = '<h1>A lesson</h1><h2>Run</h2>'")
        for lab in (SchedulerLab(sample_scenarios.ab_ba), two_fixes()):
            page.evaluate(LIVE, [module_text(), style_text(), dict(lab.view)])
        for card in cards:
            page.evaluate(LIVE, [predict._text("predict.js"), predict._text("predict.css"), dict(card.view)])
        unfold(page)
        page.get_by_role("switch").first.click()
        assert violations(page, axe, "body") == []


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", NAMES)
def test_axe_finds_nothing_in_what_an_exported_page_shows(browser, axe, tmp_path: Path, name: str, scheme: str):
    """The outputs and the prose are ours; the frame around them is nbconvert's."""
    theme = ["--theme", scheme]
    export = [sys.executable, "-m", "nbconvert", "--to", "html", *theme, "--output-dir", str(tmp_path)]
    subprocess.run([*export, str(ROOT / "notebooks" / name)], check=True, capture_output=True)
    context = browser.new_context(offline=True, color_scheme=scheme)
    page = context.new_page()
    page.goto((tmp_path / name).with_suffix(".html").as_uri(), wait_until="domcontentloaded")
    page.wait_for_function("() => !document.querySelector('.mini-qemu-at-rest:not(.mini-qemu)')")
    unfold(page)
    page.evaluate("() => document.querySelectorAll('.highlight').forEach(one => one.remove())")  # the theme's colours
    assert violations(page, axe, ".jp-OutputArea-output, .jp-MarkdownOutput") == []
    context.close()
