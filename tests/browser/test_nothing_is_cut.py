"""What one needs in order to follow a run is there to be read: not cut off, not covered, not below the fold; on paper,
too."""

from __future__ import annotations

import pytest

from lessons.exercises import exercise
from lessons.exercises.check import check_source
from lessons.exercises.feedback import Feedback
from lessons.player import Player
from lessons.scenarios import cancel_vs_exit, find
from lessons.scenarios.precopy_return_path import scenario
from lessons.widgets.break_it import BreakIt
from lessons.widgets.lab import RaceLab
from mini_qemu.fixes import fixes, only
from mini_qemu.sched import Scenario, minimise, replay
from tests.browser.jupyterlab import quiet_page
from tests.browser.test_accessibility import LIVE, module_text, show, style_text

IN_JUPYTERLAB = 1112  # px, the width of an output in a window of 1280 px
WINDOW = 656  # px, what JupyterLab shows of a notebook in a window of 1366x768
SMALL = 600  # px, how high a player may be


def shortest(scenario: Scenario, kind: str = "") -> Player:
    return Player(replay(scenario, minimise(scenario, kind=kind) if kind else minimise(scenario)))


@pytest.fixture(scope="module")
def crash() -> Player:
    """The missing join: four threads, 93 steps."""
    with fixes.none():
        return shortest(scenario, "crash")


@pytest.fixture(scope="module")
def freed() -> Player:
    """Main holds two files, both of them named f."""
    with fixes.none():
        return shortest(cancel_vs_exit.scenario, "use-after-free")


@pytest.fixture(scope="module")
def stuck() -> Player:
    """A deadlock of three threads, two of which wait for a semaphore with a long name."""
    with only(*fixes.names):
        return shortest(find("cancel-while-paused").scenario)


@pytest.fixture(scope="module")
def flagged() -> Player:
    """Two rules break just where a chapter begins."""
    with only(*fixes.names):
        return shortest(find("migrate-again").scenario, "crash")


def at_each_step(page, found: str) -> list[object]:
    """What `found`, a function of the player's node that returns a list, finds at any step; each once."""
    return page.evaluate(
        f"""() => {{
            const node = document.querySelector(".mqp"), all = new Set();
            for (let at = 0; at <= node.player.steps; at++) {{
                node.player.show(at);
                for (const one of ({found})(node)) all.add(JSON.stringify(one));
            }}
            return [...all].map(one => JSON.parse(one));
        }}"""
    )


@pytest.mark.parametrize("width", [IN_JUPYTERLAB, 390])
def test_which_object_a_thread_holds_can_be_read(browser, freed, width: int):
    with quiet_page(browser, width=width) as page:
        show(page, freed)
        cut = "e => [e.textContent, e.scrollWidth > e.clientWidth]"
        chips = dict(at_each_step(page, f"node => [...node.querySelectorAll('.chip code')].map({cut})"))
        assert {"f = QEMUFile#1", "f = QEMUFile#2"} <= chips.keys()
        assert not any(chips.values()), chips


@pytest.mark.parametrize("width", [IN_JUPYTERLAB, 620, 390])
def test_what_a_thread_waits_for_can_be_read(browser, stuck, width: int):
    with quiet_page(browser, width=width) as page:
        show(page, stuck)
        outside = """node => [...node.querySelectorAll(".actor")].flatMap(card => {
            const box = card.getBoundingClientRect(), status = card.querySelector(".status");
            const lines = [...status.getClientRects()], whole = status.scrollHeight <= status.clientHeight + 1;
            const inside = lines.every(({left, right, bottom}) =>
                left >= box.left && right <= box.right + 1 && bottom <= box.bottom + 1);
            return inside && (whole || getComputedStyle(status).display === "inline") ? [] : [status.textContent];
        })"""
        assert at_each_step(page, outside) == []
        assert "waits for an item on the line to the destination" in page.locator(".actors").inner_text()


def test_the_end_of_the_causal_chain_can_be_read(page):
    """The long ones are cut, not the short ones."""
    asked = exercise("missing-join/write")
    show(page, check_source(next(wrong.answer for wrong in asked.wrong if wrong.name == "nothing"), asked))
    assert page.locator(".beat").count() >= 5
    assert page.locator(".beat.end span").evaluate("e => e.scrollWidth <= e.clientWidth")


@pytest.mark.parametrize("width", [IN_JUPYTERLAB, 390])
def test_a_function_is_named_even_beside_a_button(browser, crash, width: int):
    """Its caller is there only where both have room; "rsource_return_path_thread" would be another name."""
    with quiet_page(browser, width=width) as page:
        show(page, crash)
        wrong = """node => [...node.querySelectorAll(".pane:not([hidden])")].flatMap(pane => {
            const head = pane.querySelector("header"), fn = pane.querySelector(".fn"), name = fn.querySelector("b");
            const [a, b] = [fn, name].map(e => e.getBoundingClientRect());
            const seen = b.top >= a.top - 1 && b.bottom <= a.bottom + 1 && b.width >= Math.min(name.scrollWidth, 48);
            return seen && head.scrollWidth <= head.clientWidth ? [] : [[fn.textContent, b.top - a.top, b.width]];
        })"""
        assert at_each_step(page, wrong) == []


def test_flags_do_not_cover_the_names_of_chapters(browser, flagged, freed, crash):
    for made in (flagged, freed, crash):
        with quiet_page(browser, width=IN_JUPYTERLAB) as page:
            show(page, made)
            covered = page.evaluate(
                """() => {
                    const flags = [...document.querySelectorAll(".flag")].map(e => e.getBoundingClientRect());
                    const bottom = document.querySelector(".band").getBoundingClientRect().bottom;
                    return [...document.querySelectorAll(".chapter span")].flatMap(span => {
                        const text = document.createRange();
                        text.selectNodeContents(span);
                        const [a, b] = [text.getBoundingClientRect(), span.getBoundingClientRect()];
                        const right = Math.min(a.right, b.right);
                        const hit = b.top < bottom && flags.some(f => f.left < right && f.right > b.left);
                        return hit ? [span.textContent] : [];
                    });
                }"""
            )
            assert page.locator(".flag").count()
            assert covered == []
            assert page.locator(".chapter.fold span").inner_text().endswith(" steps: before")
            assert page.locator(".chapter.fold span").evaluate("e => e.scrollWidth <= e.clientWidth")


def test_the_value_that_changes_is_named_in_full(browser, crash):
    with quiet_page(browser, width=IN_JUPYTERLAB) as page:
        show(page, crash)
        name = "e => [e.textContent, e.scrollWidth > e.clientWidth]"
        changed = dict(at_each_step(page, f"node => [...node.querySelectorAll('.cell.changed span')].map({name})"))
        assert "from_dst_file" in changed
        assert not any(changed.values()), changed


def test_you_are_the_scheduler_on_one_screen_that_does_not_jump(browser):
    lab = BreakIt(scenario, kind="crash", before="writes ms.rp_state.from_dst_file = None")
    heights = []
    with quiet_page(browser, width=IN_JUPYTERLAB) as page:
        show(page)
        page.evaluate("() => document.body.style.margin = 0")
        for thread in ("return path", "live_migration", "live_migration", "live_migration"):
            page.evaluate("() => document.querySelector('main').replaceChildren()")
            page.evaluate(LIVE, [module_text(), style_text(), dict(lab.view)])
            heights.append(page.locator(".moves").bounding_box()["height"])
            assert page.locator(".mqp").bounding_box()["height"] <= SMALL
            lab.obey({"do": "move", "thread": thread})
    assert len(set(heights)) == 1


def test_with_a_fix_on_both_runs_and_the_values_fit_in_a_window(browser):
    with fixes.none():
        lab = RaceLab(scenario, fixes=["join_created_thread"], kind="crash", on=["join_created_thread"])
    with quiet_page(browser, width=IN_JUPYTERLAB) as page:
        show(page, lab)
        page.evaluate("() => document.body.style.margin = 0")
        assert page.locator(".compare").count() == 1
        assert max(at_each_step(page, "node => [node.querySelector('.foot').offsetTop - node.offsetTop]")) <= WINDOW


def test_a_value_that_is_not_there_yet_says_so(page, crash):
    show(page, crash)
    page.evaluate("() => document.querySelector('.cell code').textContent = ''")
    said = page.locator(".cell code").first.evaluate("e => getComputedStyle(e, '::before').content")
    assert said == '"not there yet"'
    assert not page.locator(".cell small").first.is_visible()


def test_on_a_phone_objects_have_room_for_their_names(browser, crash):
    with quiet_page(browser, width=390, height=844) as page:
        show(page, crash)
        page.locator(".mqp").press("End")
        assert all(box["width"] >= 120 for box in (one.bounding_box() for one in page.locator(".thing:visible").all()))


def test_on_a_phone_the_counts_of_an_accepted_answer_are_a_line_each(browser):
    asked = exercise("missing-join/fill")
    accepted: Feedback = check_source(asked.solution, asked)
    with quiet_page(browser, width=390, height=844) as page:
        show(page, accepted)
        page.add_style_tag(content="main dl > dd { float: left; width: 80%; }")  # as JupyterLab has it
        assert all(one.bounding_box()["height"] < 30 for one in page.locator(".counts dd").all())


def test_on_paper_a_player_is_on_one_page_and_shows_where_each_thread_is(page, crash):
    """Nothing can be pressed or scrolled there, and the arrows between objects were drawn for the screen."""
    show(page, crash)
    page.emulate_media(media="print")
    player = page.locator(".mqp")
    assert player.evaluate("e => getComputedStyle(e).breakInside") == "avoid"
    for part in (".buttons", ".wires", ".legend", ".into", "input[type=range]"):
        assert page.locator(part).evaluate_all("all => all.every(e => getComputedStyle(e).display === 'none')"), part
    assert page.locator(".count").inner_text() == "61 / 93"
    for pane in page.locator(".pane:visible").all():
        assert pane.locator(".ln:visible:is(.ran, .stands, .held)").count()
        assert pane.locator(".ln:visible").count() <= 6
        assert pane.locator(".code").evaluate("e => e.scrollHeight <= e.clientHeight + 1")
