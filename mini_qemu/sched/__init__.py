# SPDX-License-Identifier: GPL-2.0-or-later
"""An explorer for small concurrent programs: it runs them in every way they can go.

    class Counter(Shared):
        value: int = 0

    def add(s):
        s.value = s.value + 1

    explore(Scenario("lost-update", setup=Counter, threads={"A": add, "B": add}, check=lambda s: s.value == 2))

Standard library only, one OS thread, no clock: the same program gives the same counts and schedules on every machine.
See README.md in this folder for how it works and what it cannot see.
"""

from .errors import (
    DivergenceError,
    InstrumentationError,
    Misuse,
    NothingFailed,
    ScenarioError,
    SchedError,
    ScheduleError,
    UseAfterFree,
)
from .explain import Beat, chain, explain
from .explore import Failure, Manual, Race, Result, explore, replay
from .many import explore_all
from .minimise import minimise, shortest_trace
from .picture import Local, Points, Thing
from .scenario import Finding, Scenario
from .schedule import format_schedule, parse_schedule
from .shared import (
    Channel,
    Handle,
    Mutex,
    Semaphore,
    Shared,
    abort,
    compare_exchange,
    control,
    fail,
    fetch_add,
    free,
    join,
    spawn,
)
from .trace import Moment, Step, Trace

__all__ = [
    "Beat",
    "Channel",
    "DivergenceError",
    "Failure",
    "Finding",
    "Handle",
    "InstrumentationError",
    "Local",
    "Manual",
    "Misuse",
    "Moment",
    "Mutex",
    "NothingFailed",
    "Points",
    "Race",
    "Result",
    "Scenario",
    "ScenarioError",
    "SchedError",
    "ScheduleError",
    "Semaphore",
    "Shared",
    "Step",
    "Thing",
    "Trace",
    "UseAfterFree",
    "abort",
    "chain",
    "compare_exchange",
    "control",
    "explain",
    "explore",
    "explore_all",
    "fail",
    "fetch_add",
    "format_schedule",
    "free",
    "join",
    "minimise",
    "parse_schedule",
    "replay",
    "shortest_trace",
    "spawn",
]
