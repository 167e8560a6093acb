"""Exact counts of the published programs: runs, classes and failing runs, all of them, nothing twice."""

from __future__ import annotations

from collections.abc import Callable
from math import factorial

import pytest

from mini_qemu.sched import Scenario, explore
from mini_qemu.sched.dpor import OptimalDPOR
from tests.mini_qemu.sched import published


def counts(scenario: Scenario) -> tuple[int, int]:
    """(classes, failing) by optimal DPOR, having checked that every run was a class of its own and nothing was left."""
    result = explore(scenario, method="dpor")
    assert result.verdict == ("failed" if result.failing else "proved")
    assert result.runs == result.classes
    return result.classes, result.failing


@pytest.mark.parametrize(("threads", "classes", "failing"), [(2, 4, 2), (3, 36, 30), (4, 576, 552)])
def test_lost_update(threads: int, classes: int, failing: int) -> None:
    assert counts(published.lost_update(threads)) == (classes, failing)


@pytest.mark.parametrize(("threads", "rounds"), [(2, 1), (3, 1), (4, 1), (2, 4), (3, 2)])
def test_locked_update_counts_orders_of_critical_sections(threads: int, rounds: int) -> None:
    expected = factorial(threads * rounds) // factorial(rounds) ** threads
    assert counts(published.locked_update(threads, rounds)) == (expected, 0)


@pytest.mark.parametrize("n", [2, 3, 4, 5, 6, 8])
def test_philosophers(n: int) -> None:
    result = explore(published.philosophers(n), method="dpor")
    assert (result.runs, result.classes, dict(result.findings)) == (2**n - 1, 2**n - 1, {"deadlock": 1})
    assert counts(published.ordered_philosophers(n)) == (2**n - 2, 0)


@pytest.mark.parametrize(
    ("program", "n", "classes"),
    [
        (published.filesystem, 14, 2),
        (published.filesystem, 16, 8),
        (published.filesystem, 18, 32),
        (published.filesystem, 19, 64),
        (published.indexer, 11, 1),
        (published.indexer, 12, 8),
        pytest.param(published.indexer, 15, 4096, marks=pytest.mark.slow),
        (published.readers, 2, 4),
        (published.readers, 8, 256),
        pytest.param(published.readers, 13, 8192, marks=pytest.mark.slow),
        (published.lastzero, 5, 64),
        (published.lastzero, 10, 3328),
    ],
)
def test_counts_of_the_literature(program: Callable[[int], Scenario], n: int, classes: int) -> None:
    assert counts(program(n)) == (classes, 0)


def test_an_exchange_that_fails_only_reads() -> None:
    """Were it a write, there would be 36 and 5,411 classes."""
    assert counts(published.treiber()) == (22, 3)
    assert counts(published.treiber(poppers=2)) == (780, 48)


@pytest.mark.parametrize(
    "scenario",
    [published.lost_update(3), published.lastzero(6), published.locked_update(2, 3), published.treiber()],
)
def test_no_run_is_cut_short(scenario: Scenario) -> None:
    search = OptimalDPOR(scenario)
    assert sum(1 for _ in search.runs()) == explore(scenario, "dfs").classes
    assert search.redundant == 0
