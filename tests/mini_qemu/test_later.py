"""Upstream's fixes of this code since the series: each has its stories, or the reason why it has none."""

from __future__ import annotations

import re

import pytest

from lessons.authoring.matrix import with_later
from lessons.scenarios import find, stories
from lessons.scenarios.stage import (
    SourceSide,
    created_return_path,
    return_path,
    running,
    source_scenario,
)
from mini_qemu.fixes import as_of, fixes, later, only
from mini_qemu.io_channel import EIO
from mini_qemu.migration import await_return_path_close_on_source
from mini_qemu.qemu_file import qemu_file_set_error
from mini_qemu.sched import explore
from tests.mini_qemu.upstream_fixes import SINCE_JULY_2021, Upstream


@pytest.mark.parametrize("fix", SINCE_JULY_2021, ids=lambda fix: fix.commit)
def test_a_story_or_a_reason(fix: Upstream):
    assert re.fullmatch("[0-9a-f]{10}", fix.commit)
    assert re.fullmatch(r"20\d\d(-\d\d(-\d\d)?)?", fix.date)
    assert bool(fix.stories) != bool(fix.reason)
    assert not fix.reason or fix.reason.endswith(".")
    for name in fix.stories:
        ends = {later[switch].commit[:10] for switch in find(name).later}
        assert fix.commit in ends


SURVIVORS = [name for name, story in stories().items() if story.later]


@pytest.mark.parametrize("name", SURVIVORS)
def test_a_lesson_can_explore_it_while_its_readers_wait(name: str):
    """About a millisecond an interleaving."""
    for on in (tuple(fixes.names), *with_later(name)):
        with as_of(on):
            result = explore(find(name).scenario, limit_runs=1_500)
        assert result.verdict != "incomplete"


def test_no_switch_and_no_story_is_left_out():
    ends = {fix.commit: fix.stories for fix in SINCE_JULY_2021}
    for switch in later:
        assert switch.commit[:10] in ends
    told = {name for names in ends.values() for name in names}
    assert told == set(SURVIVORS)


def test_dates_agree_with_the_switches():
    dates = {fix.commit: fix.date for fix in SINCE_JULY_2021}
    for switch in later:
        assert switch.date == dates[switch.commit[:10]]


# ---- 28a8347281: why two writers of one flag lose nothing


def back_from_a_pause() -> SourceSide:
    """The migration thread joins because sending has failed; the return path thread comes back from a pause."""
    w = running()
    created_return_path(w)
    qemu_file_set_error(w.ms.to_dst_file, -EIO)
    return w


def clears_the_flag(w: SourceSide) -> None:
    w.ms.rp_state.error = False
    return_path(w)


def joins(w: SourceSide) -> None:
    assert await_return_path_close_on_source(w.ms), "the return path was stopped, and the join hears of no error"


two_writers = source_scenario(
    "two-writers",
    "Two writers of one flag",
    back_from_a_pause,
    {"live_migration": joins, "return path": clears_the_flag},
)


@pytest.mark.parametrize("on", [("lock_in_await",), ("lock_in_await", "only_thread_marks_error")])
def test_the_flag_with_two_writers_loses_no_error(on: tuple[str, ...]):
    with only(*fixes.names, *on):
        result = explore(two_writers)
    assert result.verdict == "proved"
    assert result.classes > 1
