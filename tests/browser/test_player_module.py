"""player.js in a page of its own, without kernel, JupyterLab or network: what it draws, and every way to move."""

from __future__ import annotations

import pytest

from lessons.player import Player
from lessons.player.at_rest import module_text, style_text
from lessons.player.follow import follow
from lessons.scenarios import cancel_vs_exit, two_closers
from lessons.scenarios.precopy_return_path import scenario
from lessons.widgets.lab import RaceLab, SchedulerLab
from mini_qemu.fixes import fixes
from mini_qemu.sched import explore, minimise, replay
from tests import sample_scenarios
from tests.browser.jupyterlab import quiet_page


@pytest.fixture(scope="module")
def player() -> Player:
    with fixes.none():
        return Player(replay(sample_scenarios.door, explore(sample_scenarios.door).failure.schedule))


@pytest.fixture(scope="module")
def lost() -> Player:
    return Player(replay(sample_scenarios.lost_update, explore(sample_scenarios.lost_update).failure.schedule))


@pytest.fixture(scope="module")
def crash() -> Player:
    """The missing join: four threads, 93 steps."""
    with fixes.none():
        return Player(replay(scenario, minimise(scenario, kind="crash")))


@pytest.fixture(scope="module")
def freed() -> Player:
    with fixes.none():
        return Player(replay(cancel_vs_exit.scenario, minimise(cancel_vs_exit.scenario, kind="use-after-free")))


@pytest.fixture(scope="module")
def listed() -> Player:
    with fixes.none():
        return Player(replay(two_closers.scenario, minimise(two_closers.scenario)))


def show(page, *shown: object, scripts: bool = True) -> None:
    """The resting forms, as an exported notebook has them; drawn, where scripts run."""
    body = "".join(one if isinstance(one, str) else one._repr_html_() for one in shown)  # type: ignore[attr-defined]
    page.set_content(f"<!doctype html><meta charset='utf-8'><body>{body}</body>")
    if scripts:
        page.wait_for_function("() => !document.querySelector('.mini-qemu-at-rest:not(.mini-qemu)')")


def resting(lab: RaceLab | SchedulerLab) -> str:
    bundle = lab._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    return str(data["text/html"])


def step(page) -> int:
    return int(page.locator(".mqp .count").first.inner_text().split("/")[0])


def test_the_script_puts_the_player_in_the_place_of_the_table(page, player):
    show(page, player)
    assert page.locator(".mqp").count() == 1
    assert page.locator("table").count() == 0
    assert page.locator(".actor").count() == len(player.data["threads"])
    assert page.locator(".mark").count() == len(player.data["steps"])


def test_without_scripts_the_table_tells_the_story(browser, player):
    with quiet_page(browser, java_script_enabled=False) as page:
        show(page, player, scripts=False)
        assert page.locator("table tbody tr").count() == len(player.data["steps"]) + 1
        assert "the door is shut" in page.locator("table").inner_text()


def test_equal_players_may_occur_twice(page, lost):
    show(page, lost, lost)
    players = page.locator(".mqp")
    assert players.count() == 2
    players.nth(1).get_by_role("button", name="Forward one step").click()
    assert [players.nth(i).locator(".count").inner_text() for i in (0, 1)] == ["0 / 4", "1 / 4"]
    assert page.evaluate("document.querySelectorAll('head style').length") == 1


def test_keys_move_and_do_not_leak(page, lost):
    show(page, lost)
    page.evaluate("() => { window.leaked = []; document.addEventListener('keydown', (e) => leaked.push(e.key)); }")
    page.locator(".mqp").focus()
    for key, expected in (("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1), ("End", 4), ("Home", 0), ("d", 0)):
        page.keyboard.press(key)
        assert step(page) == expected
    assert page.evaluate("leaked") == []


def test_every_button_moves(page, lost):
    show(page, lost)
    for name, expected in (
        ("Forward one step", 1), ("Last (End)", 4), ("Back one step", 3), ("Back to the last event", 1),
        ("First (Home)", 0), ("On to the next event", 1),
    ):  # fmt: skip
        page.get_by_role("button", name=name).click()
        assert step(page) == expected, name
    page.get_by_role("slider").fill("2")
    assert step(page) == 2


def test_a_click_on_a_mark_goes_there_and_back_again(page, lost):
    show(page, lost)
    page.locator(".mark").nth(2).click(force=True)
    assert step(page) == 3
    page.get_by_role("button", name="back to step 0").click()
    assert step(page) == 0


def test_a_click_on_a_value_goes_to_its_writer(page, lost):
    show(page, lost)
    page.keyboard.press("Tab")
    page.locator(".mqp").press("End")
    cell = page.locator(".cell")
    assert "written again" in cell.inner_text()
    cell.click()  # step 4 wrote it, and is where we are: so on to the writer before
    assert step(page) == 3
    assert page.locator(".say").inner_text() == "B writes value = 1"
    assert "was 0" in cell.inner_text()


def test_the_sentence_is_announced_but_not_while_playing(page, lost):
    show(page, lost)
    say = page.locator(".say")
    assert (say.get_attribute("role"), say.get_attribute("aria-live")) == ("status", "polite")
    page.locator(".mqp").press(" ")
    assert say.get_attribute("aria-live") == "off"
    page.evaluate("document.querySelector('.mqp').player.interval = 10")
    page.wait_for_function("document.querySelector('.count').textContent === '4 / 4'")
    page.wait_for_function("document.querySelector('.say').getAttribute('aria-live') === 'polite'")


def test_it_never_plays_by_itself(page, lost):
    page.clock.install()
    show(page, lost)
    page.clock.run_for(60_000)
    assert step(page) == 0
    page.locator(".mqp").press(" ")
    page.clock.run_for(60_000)
    assert step(page) == 4


def test_a_crash_cannot_be_overlooked(page, player):
    show(page, player)
    assert not page.locator(".banner").is_visible()
    page.get_by_role("button", name="crash in guest").click()
    assert "the door is shut" in page.locator(".banner").inner_text()
    assert "assert door.is_open" in page.locator(".ln.dead").inner_text()
    assert page.locator(".actor.died").inner_text().startswith("guest")
    assert page.locator(".boom").count() == 1


def test_the_line_that_ran_and_the_line_where_a_thread_stands(page, player):
    show(page, player)
    page.locator(".mqp").press("ArrowRight")
    acted = player.data["steps"][0]["thread"]
    ran = page.locator(".ln.ran")
    assert ran.count() == 1
    assert page.get_by_label(f"Code of {acted}").locator(".ln.ran").count() == 1
    assert page.locator(".ln.stands").count() >= 1


def test_a_thread_that_has_finished_keeps_the_code_where_it_ended(page, lost):
    show(page, lost)
    page.locator(".mqp").press("End")
    for thread in lost.data["threads"]:
        assert "counter.value" in page.get_by_label(f"Code of {thread}").inner_text()


def test_code_is_scrolled_by_whole_lines(browser, player):
    with quiet_page(browser, width=390, height=844) as page:
        show(page, player)
        for _ in player.data["steps"]:
            page.locator(".mqp").press("ArrowRight")
            tops = page.locator(".code").evaluate_all("panes => panes.map(pane => pane.scrollTop % 18)")
            assert set(tops) == {0}


def test_only_the_arm_that_runs_is_shown_the_other_behind_a_chip(page, player):
    show(page, player)
    page.locator(".mqp").press("Home")
    page.get_by_role("button", name="guest", exact=True).click()
    guest = page.get_by_label("Code of guest")
    assert "fixes.join_created_thread" not in guest.inner_text()
    assert "door.bell.wait()" not in guest.inner_text()
    chip = guest.get_by_role("button", name="fix off")
    chip.click()
    assert chip.get_attribute("aria-expanded") == "true"
    assert "door.bell.wait()" in guest.locator(".ln.grey").inner_text()
    assert "fixes.join_created_thread" in guest.inner_text()


def test_large_are_the_thread_that_moves_and_the_one_it_meets(page, crash):
    """Four threads, two panes; a click on a thread's name opens its code, another closes it."""
    show(page, crash)
    for made in crash.data["steps"][crash.data["opens"] :]:
        page.locator(".mqp").press("ArrowRight")
        assert page.locator(".pane:visible").count() == 2
        assert page.get_by_label(f"Code of {made['thread']}").is_visible()
    hidden = next(name for name in crash.data["threads"] if not page.get_by_label(f"Code of {name}").is_visible())
    name = page.get_by_role("button", name=hidden, exact=True)
    name.click()
    assert page.get_by_label(f"Code of {hidden}").is_visible()
    name.click()
    assert not page.get_by_label(f"Code of {hidden}").is_visible()


@pytest.mark.parametrize(("width", "height"), [(1112, 600), (1200, 600)])
def test_four_threads_fit_on_a_screen(browser, crash, width, height):
    with quiet_page(browser, width=width, height=800) as page:
        show(page, crash)
        heights = set()
        for at in range(len(crash.data["steps"]) + 1):
            page.evaluate(f"document.querySelector('.mqp').player.show({at})")
            heights.add(page.evaluate("document.querySelector('.mqp').offsetHeight"))
        assert max(heights) <= height


def test_on_a_phone_sentence_buttons_and_values_are_on_one_screen(browser, crash):
    with quiet_page(browser, width=390, height=844) as page:
        show(page, crash)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.evaluate("window.scrollY") == 0
        for part in (".say", ".controls", ".shared"):
            box = page.locator(part).bounding_box()
            assert box["y"] >= 0, part
            assert box["y"] + box["height"] <= 844, part
        smallest = min(box["height"] for box in (b.bounding_box() for b in page.locator(".ctl:visible").all()) if box)
        assert smallest >= 44


def test_on_a_phone_play_has_its_speed_and_a_function_its_first_line(browser, player):
    """`def ...` may be wrapped; then it is shown from its beginning."""
    with quiet_page(browser, width=390, height=844) as page:
        show(page, player)
        speed = page.get_by_title("Speed of play")
        assert speed.bounding_box()["width"] >= 24
        speed.click()
        assert speed.inner_text() == "2×"
        page.locator(".mqp").press("Home")
        shown = page.locator(".code:visible").evaluate_all(
            """panes => panes.map(pane => [...pane.querySelectorAll(".ln")]
                .find(row => row.offsetParent && row.offsetTop + row.offsetHeight > pane.scrollTop))
                .map((row, k) => [row.textContent, row.offsetTop >= panes[k].scrollTop])"""
        )
        assert shown
        assert all(whole for _, whole in shown), shown


def test_a_message_goes_from_the_senders_lane_to_the_receivers(page, crash):
    """With its name; in the scene it flies from card to card."""
    show(page, crash)
    assert page.locator(".message").count() == 1, "in the folded prologue there is no room"
    page.locator(".chapter.fold").click()
    taken = {i: made for i, made in enumerate(crash.data["steps"], 1) if "from" in made}
    arrows = page.locator(".message")
    assert arrows.count() == len(taken) > 5
    titles = arrows.locator("title").all_text_contents()
    assert "SHUT: from destination to return path" in titles
    at, made = next((i, made) for i, made in taken.items() if made["message"] == "SHUT")
    arrow = arrows.nth(titles.index("SHUT: from destination to return path")).bounding_box()
    ends = [page.locator(".time .mark").nth(i - 1).bounding_box() for i in (made["from"], at)]
    middles = [box["x"] + box["width"] / 2 for box in ends]
    assert abs(arrow["x"] - middles[0]) < 2
    assert abs(arrow["x"] + arrow["width"] - middles[1]) < 2
    page.evaluate(f"document.querySelector('.mqp').player.show({at - 1})")
    page.evaluate(f"document.querySelector('.mqp').player.show({at}, true)")
    assert page.locator(".flyer").inner_text() == "SHUT"


def test_it_opens_just_before_the_race_and_the_prologue_is_folded(page, crash):
    show(page, crash)
    first = crash.data["chain"][0]["step"]
    assert step(page) == first - 1 > 50
    fold = page.get_by_role("button", name=f"{first - 1} steps")
    assert fold.get_attribute("aria-expanded") == "false"
    folded = page.locator(".mark").nth(first).bounding_box()["x"]
    fold.click()
    assert fold.get_attribute("aria-expanded") == "true"
    assert page.locator(".mark").nth(first).bounding_box()["x"] > folded
    assert step(page) == first - 1, "folding moves nothing"


def test_page_keys_stop_where_something_meets(page, crash):
    show(page, crash)
    stops = [i for i, made in enumerate(crash.data["steps"], 1) if made.get("event")]
    assert {62, 63, 66, 88, 93} <= set(stops)
    page.locator(".mqp").press("Home")
    seen = []
    for _ in stops:
        page.locator(".mqp").press("PageDown")
        seen.append(step(page))
    assert seen == stops
    page.locator(".mqp").press("PageUp")
    assert step(page) == stops[-2]


def test_the_chain_says_why_and_leads_there(page, crash):
    show(page, crash)
    beats = page.locator(".beat")
    assert [int(text) for text in beats.locator("b").all_inner_texts()] == [62, 63, 66, 93]
    beats.nth(1).click()
    assert step(page) == 63
    assert beats.nth(1).get_attribute("aria-current") == "step"
    page.get_by_role("button", name="back to step 61").click()
    assert step(page) == 61
    assert page.locator(".time .ring").count() == 4
    assert page.locator(".cause").count() == 3


def test_a_holds_the_0_that_it_has_read_and_b_makes_it_stale(page, lost):
    show(page, lost)
    hand = page.get_by_role("group", name="A", exact=True).locator(".hand")
    page.locator(".mqp").press("ArrowRight")
    assert hand.inner_text() == "value = 0"
    page.locator(".mqp").press("ArrowRight")
    page.locator(".mqp").press("ArrowRight")
    assert hand.locator(".chip.stale").inner_text().split("\n") == ["value = 0", "now 1"]


def test_the_bug_of_lesson_02_is_seen_with_the_code_closed(page, freed):
    """An arrow from the hand of main to a ghost."""
    show(page, freed)
    page.add_style_tag(content=".mqp .panes { display: none }")
    page.locator(".mqp").press("Home")
    assert page.locator(".thing.ghost").count() == 0
    page.locator(".mqp").press("End")
    ghost = page.locator(".thing.ghost")
    assert "freed" in ghost.inner_text()
    assert (
        "freed by return path" in page.get_by_role("group", name="main", exact=True).locator(".chip.stale").inner_text()
    )
    wire = page.locator(".wire.dangling")
    assert wire.count() == 1
    box, target = wire.locator("path").first.bounding_box(), ghost.bounding_box()
    assert abs(box["x"] + box["width"] - target["x"]) < 12, "it ends at the ghost"
    assert page.locator(".pips i").count() == 1, "one reference is left"


def test_the_bug_of_lesson_05_is_a_list_that_points_to_a_ghost(page, listed):
    show(page, listed)
    page.add_style_tag(content=".mqp .panes { display: none }")
    page.locator(".mqp").press("Home")
    assert page.locator(".pips i").count() == 2
    page.locator(".mqp").press("End")
    assert "connection ioc" in page.locator(".thing.ghost.counted").inner_text()
    assert page.locator(".wire.entry.dangling").count() == 1
    page.locator(".thing.list").click()
    assert step(page) == next(
        i for i, made in enumerate(listed.data["steps"], 1) if "yank list" in made.get("changed", [])
    )


def test_a_lock_shows_its_holder_and_its_queue(page):
    show(page, Player(replay(sample_scenarios.ab_ba, explore(sample_scenarios.ab_ba).failure.schedule)))
    page.locator(".mqp").press("End")
    locks = page.locator(".lock.held")
    assert sorted(lock.inner_text().split() for lock in locks.all()) == [
        ["back", "B", "A", "waits"],
        ["front", "A", "B", "waits"],
    ]


def test_helpers_are_folded_into_their_caller_and_can_be_stepped_into(page, crash):
    show(page, crash)  # return path reads the error of its file, in a helper
    pane = page.locator(".pane.acted")
    assert pane.locator(".fn").inner_text() == "source_return_path_thread"
    into = pane.get_by_role("button", name="into qemu_file_get_error")
    into.click()
    assert pane.locator(".fn b").inner_text() == "qemu_file_get_error"
    assert "last_error" in pane.locator(".ln.ran").inner_text()
    pane.get_by_role("button", name="step out").click()
    assert pane.locator(".fn").inner_text() == "source_return_path_thread"


# The least contrast of a name in the lanes with whatever lies below it: the ground, the bar of a lock, a veil over it.
UNDER_THE_VEIL = """() => {
    const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
    const pixel = (...layers) => {
        canvas.clearRect(0, 0, 1, 1);
        for (const [colour, opacity] of layers) {
            canvas.globalAlpha = opacity; canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
        }
        return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map((x) => x / 255)
            .map((x) => x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4)
            .reduce((sum, x, i) => sum + x * [0.2126, 0.7152, 0.0722][i], 0);
    };
    const look = (node) => getComputedStyle(node), time = document.querySelector(".mqp .time");
    const ground = [look(time).backgroundColor, 1], veil = time.querySelector(".veil");
    const dim = [look(veil).fill, +look(veil).opacity];
    const bars = [...time.querySelectorAll(".locks rect")].map((bar) => [look(bar).fill, +look(bar).opacity]);
    const below = [[ground], ...bars.flatMap((bar) => [[ground, bar], [ground, bar, dim]])];
    return Math.min(...[...time.querySelectorAll(".labels text")].flatMap((text) => below.map((layers) => {
        const [a, b] = [pixel(...layers), pixel(...layers, [look(text).fill, +look(text).opacity])];
        return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    })));
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast_in_both_themes(browser, player, scheme):
    with quiet_page(browser, color_scheme=scheme) as page:
        show(page, player)
        luminance = """(selector) => {
            const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
            const light = (colour) => {
                canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
                const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map((x) => x / 255)
                    .map((x) => x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4);
                return 0.2126 * r + 0.7152 * g + 0.0722 * b;
            };
            const ground = light(getComputedStyle(document.querySelector(".mqp .time")).backgroundColor);
            const ink = light(getComputedStyle(document.querySelector(selector)).color);
            return (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05);
        }"""
        page.locator(".mqp").press("Home")  # all is to come, so all is veiled
        assert page.locator(".time .labels text").count()
        assert page.evaluate(UNDER_THE_VEIL) >= 4.5
        for selector in (".say", ".status", ".fn", ".count", ".cell span", ".badge.bad", ".legend", ".beat"):
            assert page.evaluate(luminance, selector) >= 4.5, selector


def test_toggles_work_at_rest_on_what_was_stored(page):
    show(page, resting(RaceLab(sample_scenarios.door, fixes=["join_created_thread"])))
    page.get_by_text("Show the verdict").click()
    verdict = page.locator(".verdict")
    assert verdict.locator("b").inner_text().lower() == "failed"
    page.get_by_role("switch").click()
    assert verdict.locator("b").inner_text().lower() == "proved"
    assert page.locator(".sub").inner_text() == "fixes on: join_created_thread"
    assert page.locator(".badge.bad").count() == 0


def test_a_scheduler_at_rest_can_only_be_looked_at(page):
    show(page, resting(SchedulerLab(sample_scenarios.ab_ba)))
    move = page.get_by_role("button", name="Move A")
    assert move.get_attribute("aria-disabled") == "true"
    move.click(force=True)
    assert page.locator(".mark").count() == 0


def test_live_the_browser_asks_and_the_kernel_draws(page):
    """Both sides of the comm in one process: what the module asks goes to the laboratory, its view comes back."""
    lab = SchedulerLab(sample_scenarios.ab_ba)
    page.expose_function("obey", lambda message: (lab.obey(message), dict(lab.view))[1])
    page.expose_function("look", lambda: dict(lab.view))
    show(page, "<div id='place'></div>")
    page.evaluate(
        """async (source) => {
            const module = (await import(URL.createObjectURL(new Blob([source], {type: "text/javascript"})))).default;
            let view = await look(), heard = () => {};
            const model = {
                get: () => view, on: (_, f) => { heard = f; }, off: () => {},
                send: async (message) => { view = await obey(message); heard(); },
            };
            module.render({model, el: document.getElementById("place")});
        }""",
        type(lab)._esm if isinstance(type(lab)._esm, str) else str(lab._esm),
    )
    page.get_by_role("button", name="Move A").click()
    page.wait_for_selector(".mark")
    assert page.evaluate("document.activeElement.dataset.key") == "move A", "the focus stays where the learner is"
    page.locator(".mqp").press("2")
    page.wait_for_selector(".verdict.failed")
    assert "you broke it" in page.locator(".verdict").inner_text().lower()
    assert page.get_by_role("button", name="Move A").get_attribute("aria-disabled") == "true"
    assert "held by B" in page.locator(".move small").first.inner_text()
    assert page.get_by_label("Schedule so far").input_value() == lab.schedule
    page.get_by_role("button", name="Undo").click()
    page.wait_for_selector(".verdict.turn")


def test_values_are_text_never_markup(page, lost):
    hostile = {**lost.data, "title": "<img src=x onerror=alert(1)>", "labels": ["<b>"]}
    hostile["initial"] = {**lost.data["initial"], "state": {"<b>": "</script><script>window.hit = 1</script>"}}
    show(page, Player(hostile))
    assert page.locator(".mqp img").count() == 0
    assert page.evaluate("window.hit") is None
    assert "</script>" in page.locator(".cell code").inner_text()


def test_with_a_fix_both_runs_stand_above_each_other_at_the_same_step(page):
    show(page, resting(RaceLab(scenario, fixes=["join_created_thread"], kind="crash")))
    page.get_by_text("Show the verdict").click()
    at = step(page)
    assert page.locator(".compare").count() == 0
    page.get_by_role("switch").click()
    page.locator(".verdict.proved").wait_for()
    assert step(page) == at, "the question is still the question"
    upper, lower = page.locator(".time.compact"), page.locator(".time:not(.compact)")
    assert upper.locator(".boom").count() == 1
    assert lower.locator(".boom").count() == 0
    assert lower.locator(".wait.fresh").count() == 1
    assert "here live_migration now waits" in lower.inner_text()
    columns = [part.locator(".mark").nth(at).bounding_box() for part in (upper, lower)]
    middles = [box["x"] + box["width"] / 2 for box in columns]
    assert abs(middles[0] - middles[1]) < 1
    page.get_by_role("switch").click()
    page.locator(".verdict.failed").wait_for()
    assert page.locator(".compare").count() == 0


def test_the_hatch_of_one_player_does_not_depend_on_another(page):
    """Each output of a notebook brings a module of its own; JupyterLab takes outputs away that are out of sight."""
    dead = Player(replay(sample_scenarios.ab_ba, explore(sample_scenarios.ab_ba).failure.schedule))
    show(page, dead, dead)
    page.locator(".mqp").nth(1).press("End")
    ids = page.evaluate("[...document.querySelectorAll('.mqp pattern, .mqp marker')].map(one => one.id)")
    assert len(ids) == len(set(ids)) >= 2 * 3
    page.evaluate("document.querySelector('.mqp').remove()")
    waits = page.locator(".mqp .wait")
    assert waits.count() == 2
    for fill in waits.evaluate_all("all => all.map(one => one.getAttribute('fill'))"):
        assert page.locator(fill.removeprefix("url(").removesuffix(")")).count() == 1


def test_a_line_that_only_a_fix_needs_is_shown_as_kept_for_it(page, crash):
    """It runs though the fix is off, or the 32 sets of fixes would not all mean something."""
    show(page, crash)
    write = next(i for i, made in enumerate(crash.data["steps"], 1) if "rp_thread_created = True" in made["text"])
    page.evaluate(f"document.querySelector('.mqp').player.show({write})")
    assert "kept for join_created_thread, which is off" in page.locator(".say").inner_text()
    assert page.locator(".pane.acted .ln.ran .kept").inner_text() == "kept, fix off"
    with fixes.only("join_created_thread"):
        show(page, Player(follow(scenario, [])))
    assert page.locator(".kept").count() == 0


def test_exploring_does_not_look_like_a_failure(page):
    """Live, between the click on a switch and the kernel's answer."""
    view = RaceLab(sample_scenarios.door, fixes=["join_created_thread"]).view
    show(page, "<div id='place'></div>")
    page.evaluate(
        """async ([source, view]) => {
            const blob = new Blob([source], {type: "text/javascript"});
            const module = (await import(URL.createObjectURL(blob))).default;
            const model = {get: () => view, on: () => {}, off: () => {}, send: () => {}};
            module.render({model, el: document.getElementById("place")});
        }""",
        [module_text(), dict(view)],
    )
    page.add_style_tag(content=style_text())
    verdict, mark = page.locator(".verdict"), "one => getComputedStyle(one.firstChild, '::before').content"
    assert verdict.evaluate(mark) == '"✕ "'
    page.get_by_role("switch").click()
    assert verdict.inner_text().lower().startswith("exploring")
    assert verdict.get_attribute("class") == "verdict"
    assert verdict.evaluate(mark) == "none"


def test_a_deadlock_is_in_no_thread(page):
    dead = Player(replay(sample_scenarios.ab_ba, explore(sample_scenarios.ab_ba).failure.schedule))
    assert "then deadlock: " in repr(dead)
    show(page, dead)
    assert page.locator(".badge.bad").inner_text().strip().lower().endswith("deadlock")


def test_the_focus_ring_lies_inside_the_card(page, lost):
    """An output area clips what stands out of it."""
    show(page, lost)
    page.locator(".mqp").focus()
    page.keyboard.press("ArrowRight")  # now the focus is one of the keyboard
    look = "getComputedStyle(document.querySelector('.mqp'))"
    assert page.evaluate(f"[{look}.outlineStyle, {look}.outlineOffset]") == ["solid", "-2px"]


def test_names_of_locks_are_read_before_they_are_reached(page):
    """The veil dims what has not happened yet; text lies above it."""
    show(page, Player(replay(sample_scenarios.ab_ba, explore(sample_scenarios.ab_ba).failure.schedule)))
    order = page.evaluate(
        """() => {
            const parts = [...document.querySelector(".time svg").children].map(one => one.getAttribute("class"));
            return [parts.indexOf("veil"), parts.indexOf("labels")];
        }"""
    )
    assert 0 <= order[0] < order[1]
