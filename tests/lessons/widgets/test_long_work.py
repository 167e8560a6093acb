"""The bar: results, cancelling, errors, and what it says."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

import pytest

from lessons.widgets.long_work import LongWork, estimate
from mini_qemu.sched import explore
from tests.mini_qemu.sched import published


def test_result_is_what_the_work_returns() -> None:
    scenario = published.lost_update(4)
    job = LongWork("lost updates", partial(explore, scenario))
    assert repr(job.result()) == repr(explore(scenario))
    assert (job.view["fraction"], job.view["said"], job.view["state"]) == (1.0, "done", "done")
    assert repr(job) == "lost updates: run this cell to see how far it is"


def test_cancel_keeps_what_was_found() -> None:
    clicked = threading.Event()

    def slow(progress: object) -> object:
        clicked.wait()
        return explore(published.locked_update(4, 3), progress=progress)  # type: ignore[arg-type]

    job = LongWork("too many", slow)
    job.obey({"do": "cancel"})
    clicked.set()
    result = job.result()
    assert (result.verdict, result.stopped_by) == ("incomplete", "cancel")  # type: ignore[attr-defined]
    assert "cancelled" in job.view["said"]
    assert job.view["state"] == "cancelled"


def test_the_browser_is_not_told_more_often_than_it_can_follow() -> None:
    times = iter([0.0, 0.1, 0.15, 0.3, 0.4])
    told: list[str] = []

    def work(progress: Callable[[int, int, float], bool]) -> None:
        for runs in (10, 20, 30, 40):
            progress(runs, 0, runs / 100)
            told.append(job.view["said"])

    begin = threading.Event()

    def begun(progress: Callable[[int, int, float], bool]) -> None:
        begin.wait()  # until `job` has its name
        work(progress)

    job = LongWork("ticking", begun, clock=lambda: next(times))
    begin.set()
    job.result()
    assert [said.split(" runs")[0] for said in told] == ["begins", "begins", "30", "30"]


def test_an_error_is_raised_where_the_result_is_asked_for() -> None:
    def broken(progress: object) -> None:
        raise ValueError("no such scenario")

    job = LongWork("broken", broken)
    with pytest.raises(ValueError, match="no such scenario"):
        job.result()
    assert job.view["said"] == "stopped: no such scenario"


def test_estimate() -> None:
    assert estimate(128, 0, 0.0, 1.0) == "128 runs, 0 fail"
    assert estimate(1280, 3, 0.25, 4.0) == "1,280 runs, 3 fail; about 12 s left"
    assert estimate(9, 0, 0.01, 10.0) == "9 runs, 0 fail; about 16 min left"


def test_without_threads_the_work_is_done_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    job = LongWork("here", lambda progress: 7)
    assert job.view["said"] == "done"
    assert job.result() == 7
