from __future__ import annotations

import pytest

from lessons.player.hands import hands
from lessons.scenarios import cancel_vs_exit, two_closers, warmups
from lessons.scenarios.precopy_return_path import scenario
from mini_qemu.fixes import fixes
from mini_qemu.sched import Scenario, Shared, Trace, explore, minimise, replay


@pytest.fixture(autouse=True)
def no_fix():
    with fixes.none():
        yield


def said(trace: Trace, step: int, thread: str) -> list[str]:
    """What a thread has in hand after a step, as it is read: "name = text", and what is wrong with it."""
    held = list(hands(trace))[step][thread]
    return [f"{item['name']} = {item['text']}{' ≠ ' + item['stale'] if 'stale' in item else ''}" for item in held]


def failing(story: Scenario, kind: str = "") -> Trace:
    return replay(story, minimise(story, kind=kind))


def test_in_a_lost_update_a_still_holds_the_0_it_read():
    trace = failing(warmups.lost_update)
    assert said(trace, 1, "A") == ["value = 0"]
    assert said(trace, 3, "A") == ["value = 0 ≠ now 1"]
    assert said(trace, 3, "B") == [], "it is used up"


def test_in_check_then_act_the_answer_is_stale_when_it_is_used():
    trace = failing(warmups.check_then_act)
    assert said(trace, 2, "Ann") == ["enough = True"]
    assert said(trace, 9, "Ann") == ["enough = True ≠ balance: 100 → 30"]


def test_a_copied_pointer_points_to_what_is_freed():
    trace = failing(cancel_vs_exit.scenario, "use-after-free")
    assert said(trace, 9, "main")[0] == "f = QEMUFile#1"
    assert said(trace, 14, "main")[0] == "f = QEMUFile#1 ≠ from_dst_file → None"
    assert said(trace, 21, "main")[0] == "f = freed QEMUFile#1 ≠ freed by return path"
    last = list(hands(trace))[-1]["main"][0]
    assert last["gone"]
    assert last["to"] in trace.steps[-1].things


def test_the_count_that_was_two():
    trace = failing(two_closers.scenario)
    assert "last = False ≠ ref: 2 → 1" in said(trace, 34, "return path")
    assert said(trace, 47, "oob")[0] == "opaque = freed ioc ≠ freed by return path"


def test_what_a_thread_freed_itself_is_out_of_its_hand():
    trace = failing(scenario, "crash")
    assert said(trace, 87, "main")[0] == "tmp = QEMUFile#1"
    assert not any("freed" in item for item in said(trace, 93, "main"))


class Pair(Shared):
    left: int = 0
    right: int = 0


def swings(pair: Pair) -> None:
    pair.left = 1
    pair.left = 0


def adds(pair: Pair) -> None:
    pair.right = pair.left + pair.right


def test_a_value_that_is_as_it_was_read_is_not_stale():
    trace = replay(Scenario("swing", Pair, {"S": swings, "R": adds}), "v1:R1 S2 R2")
    assert said(trace, 1, "R") == ["left = 0"]
    assert said(trace, 2, "R") == ["left = 0 ≠ now 1"]
    assert said(trace, 3, "R") == ["left = 0"]
    assert said(trace, 4, "R") == ["right = 0", "left = 0"]
    assert said(trace, 5, "R") == []


def test_looking_at_hands_changes_no_count_and_no_schedule():
    found = explore(warmups.check_then_act)
    again = explore(warmups.check_then_act)
    list(hands(replay(warmups.check_then_act, found.failure.schedule)))
    assert (found.runs, found.failing, found.failure.schedule) == (again.runs, again.failing, again.failure.schedule)
