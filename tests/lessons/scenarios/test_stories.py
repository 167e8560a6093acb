"""Every story, before the series and with all five fixes; every wrong fix. The whole table is test_matrix.py's."""

from __future__ import annotations

import pytest

from lessons.authoring.matrix import cell, rows, with_later
from lessons.scenarios import cancel_in_postcopy, find, stories
from lessons.scenarios.story import Story, WrongFix
from lessons.scenarios.yank_pairing import COMBINATIONS, pairing
from lessons.widgets.lab import follow
from mini_qemu.fixes import UnknownName, as_of, fixes, history
from mini_qemu.sched import Trace, explore, replay, shortest_trace

SURVIVORS = {
    "await-vs-exit",  # 2-D, C.1
    "hasty-resume",  # C.4
    "migrate-again",  # C.5
    "yank-during-completion",  # 2-D again
    "yank-in-recover",  # C.12
    "yank-while-destination-recovers",  # C.12, the other end
    "yank-at-the-end-of-postcopy",  # C.18a
    "yank-during-load",  # C.18e: only with patch 5
    "cancel-before-pause",  # the assertion of postcopy_pause
    "cancel-while-pausing",  # C.3a
    "cancel-in-postcopy",
    "cancel-while-paused",  # C.15
    "pause-while-pausing",  # C.3b
    "pause-while-destination-pauses",  # C.3b, the other end; never fixed
    "set-parameters-while-pausing",  # C.3c; not fixed
    "half-a-page",  # C.7
    "multifd-postcopy",  # C.9
    "multifd-tls",  # C.10
    "silent-peer",  # C.5, C.6
    "lost-cancel",  # C.16
    "migrate-too-early",  # C.18h, j, k
}
"""What the series does not fix, and does not claim to."""


@pytest.mark.parametrize("name", stories())
def test_with_all_five_fixes_nothing_fails_that_the_series_fixes(name: str):
    found = cell(name, tuple(fixes.names))
    assert found.verdict == ("failed" if name in SURVIVORS else "proved")
    assert found.classes


@pytest.mark.parametrize("name", [name for name, story in stories().items() if story.fixes])
def test_the_fixes_named_suffice_and_each_is_needed(name: str):
    story = find(name)
    assert cell(name, story.on + story.fixes).verdict == "proved"
    for left_out in story.fixes:
        rest = tuple(fix for fix in story.fixes if fix != left_out)
        assert cell(name, story.on + rest).verdict == "failed"


@pytest.mark.parametrize("name", [name for name, story in stories().items() if story.later])
def test_the_later_fixes_named_end_it_and_each_matters(name: str):
    """Some are not needed in the end: history took detours. But each changed the story at some point of it."""
    story = find(name)
    assert name in SURVIVORS
    assert cell(name, tuple(fixes.names)).verdict == "failed"
    steps = with_later(name)
    came = {on: cell(name, on) for on in steps}
    assert came[steps[-1]].verdict == "proved"
    for i, fix in enumerate(story.later):
        later_steps = reversed(steps[i:])
        assert any(cell(name, tuple(n for n in on if n != fix)) != came[on] for on in later_steps), fix


@pytest.mark.parametrize("name", [name for name, story in stories().items() if story.fixes])
def test_what_fails_replays(name: str):
    story = find(name)
    with as_of(story.on, story.history):
        result = explore(story.scenario)
        for (kind, message), failure in result.examples.items():
            finding = replay(story.scenario, failure.schedule).finding
            assert finding is not None
            if failure.finding.stops:
                assert (finding.kind, finding.message) == (kind, message)
            else:  # of several things wrong at the end, the trace shows the first
                assert not finding.stops


def broken_rules(trace: Trace) -> list[str]:
    """In the order in which they break."""
    return [rule.name for rule in sorted(trace.invariants, key=lambda rule: rule.broken) if rule.broken]


# with no fix, in the simplest failing run: the rule that breaks first, and it does so before anything crashes
FIRST_TO_BREAK = {
    "precopy-return-path": "INV-JOIN",
    "cancel-vs-exit": "INV-OWNER",
    "cancel-vs-pause": "INV-OWNER",
    "tls-june-2021": "INV-YANK-LIVE",
    "cancel-cleanup": "INV-QUIESCE",
    "two-closers": "INV-YANK-LIVE",
    "stale-entry": "INV-YANK-LIVE",
}


@pytest.mark.parametrize("name", FIRST_TO_BREAK)
def test_a_rule_breaks_before_it_shows(name: str):
    story = find(name)
    with as_of((), story.history):
        trace = shortest_trace(story.scenario)
    assert broken_rules(trace)[0] == FIRST_TO_BREAK[name]
    assert trace.finding is not None
    assert min(rule.broken for rule in trace.invariants if rule.broken) < trace.finding.step


@pytest.mark.parametrize("name", ["precopy-return-path", "cancel-vs-exit", "cancel-vs-pause", "tls", "stale-entry"])
def test_with_all_five_fixes_the_rules_hold_that_the_series_is_about(name: str):
    with fixes.all():
        assert broken_rules(follow(find(name).scenario, [])) == []


def test_what_the_series_leaves_broken():
    """Cancel does not join, so main takes the instance away while the return path thread still holds its file."""
    main_first = ["main"] * 100
    with fixes.all():
        assert broken_rules(follow(find("cancel-cleanup").scenario, main_first)) == ["INV-QUIESCE"]
        assert broken_rules(follow(find("await-vs-exit").scenario, ["live_migration"] * 5)) == ["INV-OWNER"]


def test_the_warm_up_is_the_story_cut_to_six_steps():
    """One order of the two reads and the write aborts, with the words of the whole story."""
    story = find("cancel-before-pause")
    with fixes.all():
        found = explore(cancel_in_postcopy.warm_up)
        assert (found.runs, found.failing) == (3, 1)
        assert set(found.outcomes) == set(explore(story.scenario).outcomes)
        assert len(shortest_trace(cancel_in_postcopy.warm_up).steps) == 6


WRONG = [(story, wrong) for story in stories().values() for wrong in story.wrong_fixes]


@pytest.mark.parametrize(("story", "wrong"), WRONG, ids=[f"{story.name}-{wrong.name}" for story, wrong in WRONG])
def test_wrong_fixes_fail_as_foretold(story: Story, wrong: WrongFix):
    scenario = wrong.scenario or story.scenario
    with history.only(*story.history):
        result = wrong.explore(scenario)
    assert result.verdict == ("proved" if wrong.breaks else "failed")
    assert wrong.kinds <= set(result.findings)
    if wrong.breaks:
        with wrong.applied():
            assert wrong.breaks in broken_rules(follow(scenario, []))
    assert wrong.idea.endswith((".", ".)"))
    assert wrong.fails.endswith(".")


def test_an_atomic_last_does_end_5_b():
    atomic = next(wrong for wrong in find("cancel-cleanup").wrong_fixes if wrong.name == "atomic_last")
    assert atomic.explore(find("two-closers").scenario).verdict == "proved"


def test_register_and_unregister_must_agree():
    wrong = {}
    for combination in COMBINATIONS:
        result = explore(pairing(*combination))
        wrong[combination] = " / ".join(sorted(f"{kind}: {message}" for kind, message in result.outcomes))
    assert wrong[1, 1] == ""
    assert "QLIST_EMPTY" in wrong[1, 0]
    assert "does not list" in wrong[0, 1]
    assert wrong[0, 0].startswith("deadlock: reader waits")
    assert "QLIST_EMPTY" in wrong[2, 1]


def test_the_symptom_of_5_b_comes_late():
    """Step 6: the abort is main's, after the recovery, and the entry is of a channel that is long gone."""
    story = find("stale-entry")
    with fixes.none():
        result = explore(story.scenario)
        assert result.failure is not None
        trace = replay(story.scenario, result.failure.schedule)
    assert {message for _, message in result.outcomes} == {
        "assertion failed: QLIST_EMPTY(fns) (yank instance migration still lists ioc)"
    }
    assert trace.finding is not None
    assert trace.finding.thread == "main"
    assert trace.steps[-1].state["state"] == "'completed'"
    assert trace.steps[-1].state["yank list"] == "[freed]"


def test_a_hung_destination_can_be_taken_for_a_success():
    with fixes.only("explicit_unregister"):
        result = explore(find("hung-destination").scenario)
    assert ("check", "the destination never said SHUT, and the source is completed") in result.outcomes


def test_an_unknown_story_names_the_near_misses():
    with pytest.raises(UnknownName, match="did you mean cancel-vs-exit"):
        find("cancel-vs-exits")


def test_rows_fold_what_is_equal():
    found = rows({on: cell("tls", on) for on in fixes.subsets()})
    assert [pattern for pattern, _ in found] == ["....."]


@pytest.mark.slow
def test_cancel_at_any_time():
    """The whole of cancel with all five fixes: thousands of interleavings, none fails."""
    from tests.mini_qemu.cancel_at_any_time import scenario

    with fixes.all():
        result = explore(scenario)
    assert result.verdict == "proved"
    assert result.classes == 7_375
