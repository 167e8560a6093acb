"""Independent explorations side by side, through whatever executor there is, give what they give one after another."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing import get_context

import pytest

from mini_qemu.sched import Result, SchedError, explore, explore_all
from tests.mini_qemu.sched import published


def explore_this(program: str, n: int) -> Result:
    return explore(getattr(published, program)(n))


WORK: dict[tuple[str, int], Callable[[], Result]] = {
    (program, n): partial(explore_this, program, n)
    for program, n in [("lost_update", 3), ("philosophers", 3), ("locked_update", 2), ("lastzero", 4)]
}


def said(results: dict[tuple[str, int], Result]) -> list[str]:
    return [f"{key} {result!r} {result.failure and result.failure.schedule}" for key, result in results.items()]


def test_one_after_another() -> None:
    results = explore_all(WORK)
    assert list(results) == list(WORK)
    assert [result.runs for result in results.values()] == [36, 7, 2, 28]


def test_threads_and_processes_agree() -> None:
    expected = said(explore_all(WORK))
    seen: list[tuple[int, int]] = []
    with ThreadPoolExecutor(2) as threads:
        assert (
            said(explore_all(WORK, threads, progress=lambda done, total, key: seen.append((done, total)))) == expected
        )
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as processes:
        assert said(explore_all(WORK, processes)) == expected


def test_dask_serves_as_well() -> None:
    from distributed import Client, LocalCluster

    with LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None) as cluster:
        with Client(cluster) as client:
            executor: Executor = client.get_executor()
            assert said(explore_all(WORK, executor)) == said(explore_all(WORK))


def test_progress_can_cancel() -> None:
    assert len(explore_all(WORK, progress=lambda done, total, key: done == 2)) == 2


def test_a_piece_that_fails_is_named() -> None:
    with pytest.raises(SchedError, match=r"exploring \('nonsense', 1\) failed"):
        explore_all({("nonsense", 1): partial(explore_this, "nonsense", 1)})
