"""frontrun's side of `bench_engine.py`: the same programs for an explorer of real threads, started by its own command.

    frontrun python -m tests.benchmarks.frontrun_side

Prints one line of JSON for each program. Written with plain attributes: frontrun does not see `s.cells[0].value`.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import frontrun  # type: ignore[import-untyped]


class Counter:
    def __init__(self) -> None:
        self.value = 0


def add(s: Counter) -> None:
    s.value = s.value + 1


class Variables:
    def __init__(self) -> None:
        self.a0 = self.a1 = self.a2 = self.a3 = self.a4 = self.a5 = self.a6 = 0


def write_first(s: Variables) -> None:
    s.a0 = 1


def read_own_then_first(s: Variables, own: str) -> None:
    getattr(s, own)
    _ = s.a0


def find_last_zero(s: Variables) -> None:
    for name in ("a5", "a4", "a3", "a2", "a1", "a0"):
        if getattr(s, name) == 0:
            return


def write_1(s: Variables) -> None:
    s.a1 = s.a0 + 1


def write_2(s: Variables) -> None:
    s.a2 = s.a1 + 1


def write_3(s: Variables) -> None:
    s.a3 = s.a2 + 1


def write_4(s: Variables) -> None:
    s.a4 = s.a3 + 1


def write_5(s: Variables) -> None:
    s.a5 = s.a4 + 1


class Table:
    def __init__(self) -> None:
        self.forks = [threading.Lock() for _ in range(5)]


def dine(s: Table, first: int, second: int) -> None:
    with s.forks[first]:
        with s.forks[second]:
            pass


Program = tuple[Callable[[], Any], list[Callable[[Any], Any]], Callable[[Any], bool]]
PROGRAMS: dict[str, Program] = {
    "lost_update(3)": (Counter, [add, add, add], lambda s: bool(s.value == 3)),
    "philosophers(5)": (Table, [partial(dine, first=i, second=(i + 1) % 5) for i in range(5)], lambda s: True),
    "readers(6)": (
        Variables,
        [write_first, *(partial(read_own_then_first, own=f"a{i}") for i in range(1, 7))],
        lambda s: True,
    ),
    "lastzero(5)": (Variables, [find_last_zero, write_1, write_2, write_3, write_4, write_5], lambda s: True),
}


def main() -> None:
    for name, (setup, workers, invariant) in PROGRAMS.items():
        start = time.perf_counter()
        result = frontrun.explore(
            setup,
            workers,
            invariant,
            preemption_bound=None,
            stop_on_first=False,
            reproduce_on_failure=0,
            detect_io=False,
            total_timeout=120,
        )
        seconds = time.perf_counter() - start
        print(json.dumps({"program": name, "runs": result.num_explored, "seconds": seconds}), flush=True)


if __name__ == "__main__":
    main()
