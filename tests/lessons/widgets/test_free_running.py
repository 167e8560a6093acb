"""Real threads, in child processes: failures are counted, and a cancel keeps what was found."""

from __future__ import annotations

import signal

import pytest

from lessons.widgets.free_running import FreeRuns, _child, once, started
from lessons.widgets.recorded_runs import NotRecorded
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
    with started() as handles:
        assert once(Scenario("fine", Box, {"A": nothing}), handles) == set()
        assert once(Scenario("leak", Box, {"A": leaves_somebody_behind}), handles) == {"leak"}
        assert once(Scenario("fine again", Box, {"A": nothing}), handles) == set()
        assert once(Scenario("crash", Box, {"A": stops}), handles) == {"crash"}
        assert once(Scenario("check", Box, {"A": nothing}, check=is_zero), handles) == {"check"}


def test_runs_in_children():
    runs = FreeRuns("precopy-return-path", 60)
    assert repr(runs) == "precopy-return-path: 60 runs on real threads are to come."
    assert runs.make() is runs
    assert (runs.runs, runs.cancelled) == (60, False)
    assert repr(runs).startswith("precopy-return-path: 60 runs on real threads in ")
    assert not repr(runs).endswith("to come.")
    assert repr(FreeRuns("tls", 9, cancelled=True)).startswith("tls: 0 of 9 runs on real threads in ")


def test_a_cancel_keeps_what_was_found_and_the_rest_can_be_made_later():
    sofar: list[str] = []

    def stop(made: int, failing: int, fraction: float) -> bool:
        sofar.append(repr(runs))
        return made > 0

    runs = FreeRuns("precopy-return-path", 75, processes=1)
    runs.make(stop)
    made = runs.runs
    assert runs.cancelled
    assert 0 < made < 75
    assert sofar[-1].endswith("More are to come.")
    assert repr(runs).endswith("Cancelled.")
    runs.make()
    assert (runs.runs, runs.cancelled) == (75, False)


def test_a_child_is_not_interrupted_and_ends_when_nobody_listens():
    child = _child("precopy-return-path", 100_000, [])
    assert child.stdout is not None
    child.stdout.readline()
    child.send_signal(signal.SIGINT)
    for _ in range(3):
        assert child.stdout.readline()
    child.stdout.close()
    assert child.wait() == 0


def test_bad_questions():
    with pytest.raises(UnknownName, match="precopy-return-path"):
        FreeRuns("precopy-retrun-path", 1)
    with pytest.raises(UnknownName, match="join_created_thread"):
        FreeRuns("precopy-return-path", 1, on=["join"])
    with pytest.raises(ValueError, match="above 0"):
        FreeRuns("precopy-return-path", 0)


def test_a_browser_shows_what_was_recorded_and_says_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.platform", "emscripten")
    runs = FreeRuns("precopy-return-path", 10_000).make()
    assert runs.runs == 10_000
    assert f"Recorded on another machine ({runs.where})" in repr(runs)
    assert "Python 3." in runs.where
    with pytest.raises(NotRecorded, match="install the course on your own computer"):
        FreeRuns("precopy-return-path", 10_000, ["join_created_thread"]).make()
