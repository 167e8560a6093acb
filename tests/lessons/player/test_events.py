from __future__ import annotations

import pytest

from lessons.player.events import chapters, events, opening
from lessons.scenarios import cancel_vs_exit, two_closers, warmups
from lessons.scenarios.precopy_return_path import scenario
from lessons.widgets.lab import follow
from mini_qemu.fixes import fixes
from mini_qemu.sched import Trace, chain, explore, minimise, replay


@pytest.fixture(autouse=True)
def no_fix():
    with fixes.none():
        yield


def crash() -> Trace:
    return replay(scenario, minimise(scenario, kind="crash"))


def beats(trace: Trace) -> list[tuple[int, str]]:
    return [(beat.step, beat.text) for beat in chain(trace)]


def test_the_decisive_read_of_lesson_01_is_an_event():
    found = events(crash())
    assert found[63 - 1].why == "sees what return path wrote at step 62"
    assert found[63 - 1].other == "return path"
    assert found[66 - 1].why == "breaks INV-JOIN"
    assert found[88 - 1].why == "frees it"
    assert found[26 - 1].why == "return path blocked"
    assert not found[64 - 1].why, "what it has read before is not news"


def test_only_the_first_look_at_a_new_value_is_an_event():
    """Ann withdraws; then Bob looks at the balance twice."""
    trace = replay(warmups.check_then_act, "v1:Ann7 Bob3")
    found = events(trace)
    looks = [s.index for s in trace.steps if s.thread == "Bob" and s.op == "read"]
    assert [i for i in looks if found[i - 1].why] == looks[:1]


def test_the_chain_names_the_steps_of_the_explanation():
    assert beats(crash()) == [
        (62, "return path clears from_dst_file"),
        (63, "live_migration reads from_dst_file: None"),
        (66, "live_migration breaks INV-JOIN"),
        (93, "main: crash"),
    ]


def test_the_chain_of_a_copied_pointer_begins_where_it_is_copied():
    trace = replay(cancel_vs_exit.scenario, minimise(cancel_vs_exit.scenario, kind="use-after-free"))
    said = [text for _, text in beats(trace)]
    assert said[0] == "main reads from_dst_file: QEMUFile#1"
    assert said[-2] == "return path frees from_dst_file"
    assert said[-1].endswith("which is freed")


def test_the_chain_of_two_closers_begins_with_the_count_that_was_two():
    trace = replay(two_closers.scenario, minimise(two_closers.scenario))
    assert beats(trace)[0][1] == "return path reads ref: 2"
    assert "adds -1 to ref: 2 becomes 1" in beats(trace)[1][1]


def test_the_chain_of_a_lost_update_is_three_steps():
    trace = replay(warmups.lost_update, explore(warmups.lost_update).failure.schedule)
    assert [step for step, _ in beats(trace)] == [1, 3, 4]
    assert chain(follow(warmups.locked_update, [])) == [], "nothing failed"


def test_a_run_opens_just_before_its_chain_and_is_told_in_chapters():
    trace = crash()
    found = chain(trace)
    assert opening(trace, found, events(trace, found)) == 61
    parts = chapters(trace, found, 61, "connect and send")
    assert [(part["name"], part["first"], part["last"]) for part in parts] == [
        ("connect and send", 0, 61),
        ("how it breaks", 61, 66),
        ("what comes of it", 66, 93),
    ]
