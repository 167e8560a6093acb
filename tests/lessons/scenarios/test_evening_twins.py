"""The places of lesson 06: how often each fails, and that the right idea ends it."""

from __future__ import annotations

import pytest

from lessons.scenarios import evening_twins as twins
from mini_qemu.sched import Scenario, explore, shortest_trace

COUNTS: list[tuple[Scenario, int, int]] = [
    (twins.closing_hatch, 8, 4),
    (twins.hatch_ideas["look"], 10, 2),
    (twins.hatch_ideas["both"], 12, 0),
    (twins.hatch_ideas["early"], 24, 4),
    (twins.museum_evenings["ring_wait_lock"], 1, 0),
    (twins.museum_evenings["wait_ring_lock"], 1, 1),
    (twins.museum_evenings["ring_lock_wait"], 2, 1),
    (twins.same_number, 6, 2),
    (twins.same_guest, 6, 0),
    (twins.closed_twice, 16, 4),
    (twins.taken_first, 4, 0),
]


@pytest.mark.parametrize(("scenario", "classes", "failing"), COUNTS, ids=[scenario.name for scenario, _, _ in COUNTS])
def test_counts(scenario: Scenario, classes: int, failing: int):
    found = explore(scenario)
    assert (found.classes, found.failing) == (classes, failing)
    assert not failing or len(shortest_trace(scenario).steps) < 15
