"""Everyone can use it: axe finds nothing, a keyboard is enough, and neither zoom, nor touch, nor a system's own colours
or wish for no motion take anything away."""

from __future__ import annotations

from collections.abc import Callable

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
    metas = "<meta charset='utf-8'><meta name='viewport' content='width=device-width'>"
    look = f"<style>html {{ {colours} }}</style>"
    page.set_content(f"<!doctype html><html lang='en'>{metas}<title>A lesson</title>{look}<main>{body}</main>")
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
def test_axe_finds_nothing_in_what_an_exported_page_shows(browser, axe, exported, name: str, scheme: str):
    """The outputs and the prose are ours; the frame around them is nbconvert's."""
    context = browser.new_context(offline=True, color_scheme=scheme)
    page = context.new_page()
    page.goto(exported(name, scheme).as_uri(), wait_until="domcontentloaded")
    page.wait_for_function("() => !document.querySelector('.mini-qemu-at-rest:not(.mini-qemu)')")
    unfold(page)
    page.evaluate("() => document.querySelectorAll('.highlight').forEach(one => one.remove())")  # the theme's colours
    found = violations(page, axe, ".jp-OutputArea-output, .jp-MarkdownOutput")
    assert [one for one in found if not one.startswith("link-in-text-block")] == [], "how a link looks is the theme's"
    context.close()


def pressed(page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def focused(page) -> str:
    """The name of what has the focus."""
    return page.evaluate("(document.activeElement.ariaLabel ?? document.activeElement.textContent).trim()")


def tab_to(page, name: str, most: int = 60) -> None:
    """Tab on until something whose name begins so has the focus. A part that cannot be reached is an error."""
    for _ in range(most):
        page.keyboard.press("Tab")
        if focused(page).startswith(name):
            return
    raise AssertionError(f"{name!r} is not reached by {most} times Tab; the focus is on {focused(page)!r}")


def test_a_keyboard_is_enough(page):
    """Step a run, follow a cause and a value, unfold a chapter, open code, switch a fix on."""
    show(page, two_fixes())
    tab_to(page, "Player: ")
    pressed(page, "PageDown")
    assert page.locator(".count").inner_text() == "62 / 93"
    tab_to(page, "66")
    pressed(page, "Enter")
    assert page.locator(".count").inner_text() == "66 / 93"
    tab_to(page, "▸ 61 steps")
    pressed(page, "Enter")
    assert page.locator(".chapter.fold").get_attribute("aria-expanded") == "true"
    tab_to(page, "main")
    pressed(page, "Enter")
    assert page.get_by_label("Code of main").is_visible()
    tab_to(page, "from_dst_file")
    pressed(page, "Enter")
    assert page.locator(".count").inner_text() == "62 / 93"
    for _ in range(60):
        pressed(page, "Shift+Tab")
        if page.evaluate("document.activeElement.dataset.key") == "fix join_created_thread":
            break
    pressed(page, "Space")
    page.locator(".verdict.proved").wait_for()


def test_every_step_is_spoken_and_nothing_else(page, crash):
    """One live region; its sentence is another at each step, and says which rule the step breaks."""
    show(page, crash)
    live = page.locator("[aria-live], [role=status], [role=alert], output")
    assert live.count() == 1
    heard = []
    for at, made in enumerate(crash.data["steps"], 1):
        page.evaluate(f"document.querySelector('.mqp').player.show({at})")
        heard.append(live.text_content())
        assert heard[-1].startswith(made["text"])
    rule = next(one for one in crash.data["invariants"] if one["broken"])
    assert rule["name"] in heard[rule["broken"] - 1]
    assert crash.data["finding"]["message"] in heard[-1]


def test_with_reduced_motion_nothing_moves_and_play_still_plays(browser, crash):
    with quiet_page(browser, reduced_motion="reduce") as page:
        show(page, crash)
        moving = "document.getAnimations().length + document.querySelectorAll('.flyer').length"
        for at in range(60, len(crash.data["steps"]) + 1):
            page.evaluate(f"document.querySelector('.mqp').player.show({at}, true)")
            assert page.evaluate(moving) == 0, at
        page.evaluate("document.querySelector('.mqp').player.go(90)")
        page.evaluate("document.querySelector('.mqp').player.interval = 1")
        page.locator(".mqp").press(" ")
        page.wait_for_function("document.querySelector('.count').textContent === '93 / 93'")


def test_in_forced_colours_what_colour_says_is_still_there(browser, axe, crash):
    with quiet_page(browser, forced_colors="active") as page:
        show(page, crash)
        page.locator(".mqp").press("End")
        for part in (".ln.dead", ".actor.acted", ".beat.here"):
            assert page.locator(part).first.evaluate("one => getComputedStyle(one).outlineStyle") == "solid", part
        assert page.locator(".veil").evaluate("one => getComputedStyle(one).opacity") == "0"
        assert violations(page, axe, "body") == []


def test_at_200_percent_the_sentence_the_buttons_and_the_values_are_on_one_screen(browser, crash):
    """A laptop's window of 1366x768 in JupyterLab, zoomed: half as many pixels each way."""
    with quiet_page(browser, width=683, height=450, device_scale_factor=2) as page:
        show(page, crash)
        assert page.evaluate("document.documentElement.scrollWidth") <= 683
        page.locator(".top").evaluate("one => one.scrollIntoView()")
        tops = [page.locator(part).bounding_box() for part in (".say", ".controls", ".cell >> nth=0")]
        assert all(box["y"] >= 0 and box["y"] + box["height"] <= 450 for box in tops if box)


@pytest.mark.parametrize("made", [listed, two_fixes], ids=lambda made: made.__name__)
def test_targets_are_large_enough(browser, made: Callable[[], object]):
    """44 px for a finger, but for the names of chapters, which the buttons reach as well; with a mouse 24 px."""
    small = """(least) => [...document.querySelectorAll("button, summary, label, input[type=range]")]
        .filter(one => one.offsetParent && !one.closest(".code"))
        .map(one => [one.className || one.tagName, one.getBoundingClientRect()])
        .filter(([name, box]) => box.height < (/chapter/.test(name) ? 24 : least) - 0.5 || box.width < 24)
        .map(([name, box]) => `${name}: ${Math.round(box.width)} x ${Math.round(box.height)}`)"""
    for options, least in (({"has_touch": True, "is_mobile": True, "width": 390, "height": 844}, 44), ({}, 24)):
        with quiet_page(browser, **options) as page:
            show(page, made())
            assert page.evaluate(small, least) == [], options
