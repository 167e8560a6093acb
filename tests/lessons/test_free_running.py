"""Real threads, in child processes: what goes wrong is counted, and a cancel keeps what was found."""

from __future__ import annotations

import pytest

from lessons.free_running import free_runs, once
from mini_qemu.fixes import UnknownName
from mini_qemu.sched import Scenario, Shared, spawn


class Box(Shared):
    value: int = 0


def nothing(box: Box) -> None:
    box.value = 1


def leaves_somebody_behind(box: Box) -> None:
    spawn("other", nothing, box)


def stops(box: Box) -> None:
    raise AssertionError("on purpose")


def is_zero(box: Box) -> bool:
    return box.value == 0


def test_what_is_noticed():
    assert once(Scenario("fine", Box, {"A": nothing})) == set()
    assert once(Scenario("leak", Box, {"A": leaves_somebody_behind})) == {"leak"}
    assert once(Scenario("fine again", Box, {"A": nothing})) == set()
    assert once(Scenario("crash", Box, {"A": stops})) == {"crash"}
    assert once(Scenario("check", Box, {"A": nothing}, check=is_zero)) == {"check"}


def test_runs_in_children():
    found = free_runs("precopy-return-path", 60)
    assert (found.runs, found.cancelled) == (60, False)
    assert repr(found).startswith("precopy-return-path: 60 runs on real threads in ")


def test_a_cancel_keeps_what_was_found():
    found = free_runs("precopy-return-path", 100_000, progress=lambda runs, failing, fraction: runs > 0)
    assert found.cancelled
    assert 0 < found.runs < 100_000
    assert repr(found).endswith("Cancelled.")


def test_bad_questions():
    with pytest.raises(UnknownName, match="precopy-return-path"):
        free_runs("precopy-retrun-path", 1)
    with pytest.raises(UnknownName, match="join_created_thread"):
        free_runs("precopy-return-path", 1, on=["join"])
    with pytest.raises(ValueError, match="above 0"):
        free_runs("precopy-return-path", 0)
