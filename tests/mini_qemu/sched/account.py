"""What the engine says about some programs, as JSON: the same text from every process, Python and machine.

    python -m tests.mini_qemu.sched.account

Strategy: counts, verdicts, one schedule for every outcome and the replayed steps of the first failure, by every method
that is deterministic, for the published programs; and what the differential test says of some random ones.
`test_portability.py` compares the texts.
"""

from __future__ import annotations

import json
from typing import Any

from mini_qemu.sched import Scenario, explore, replay
from tests.mini_qemu.sched import published
from tests.mini_qemu.sched.differential import Tally, try_one

SCENARIOS = (
    published.lost_update(3),
    published.locked_update(2, 3),
    published.philosophers(4),
    published.ordered_philosophers(4),
    published.readers(5),
    published.lastzero(5),
    published.filesystem(15),
    published.indexer(12),
)
METHODS = ("dpor", "dfs", "states", "bounded", "random", "pct")
RANDOM_PROGRAMS = 100


def account(scenario: Scenario, methods: tuple[str, ...]) -> dict[str, Any]:
    """Everything about one scenario that must not depend on where it was found out."""
    told: dict[str, Any] = {}
    for method in methods:
        result = explore(
            scenario, method=method, limit_runs=300 if method in ("bounded", "random", "pct") else None, seed=7
        )
        if method == "states":  # what a state is follows the bytecode: its number may differ, what was found may not
            told[method] = [result.verdict, sorted(result.findings)]
            continue
        told[method] = {
            "says": repr(result),
            "counts": [result.runs, result.classes, result.failing],
            "outcomes": sorted([kind, message, count] for (kind, message), count in result.outcomes.items()),
            "schedules": sorted(failure.schedule for failure in result.examples.values()),
            "races": sorted(str(race) for race in result.races),
        }
        if result.failure is not None:
            steps = replay(scenario, result.failure.schedule).steps
            told[method]["steps"] = [[step.thread, step.function, step.line, step.text] for step in steps]
    return told


def whole_account() -> dict[str, Any]:
    """The published programs by every method they are small enough for, and random programs against the oracle."""
    told: dict[str, Any] = {}
    for scenario in SCENARIOS:
        large = scenario.name.startswith(("filesystem", "indexer"))
        told[scenario.name] = account(scenario, ("dpor",) if large else METHODS)
    tally = Tally()
    for seed in range(RANDOM_PROGRAMS):
        tally.add(try_one(seed, limit=400))
    told["random programs"] = [str(tally), *tally.wrong]
    return told


if __name__ == "__main__":
    print(json.dumps(whole_account(), indent=1))
