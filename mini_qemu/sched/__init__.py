# SPDX-License-Identifier: GPL-2.0-or-later
"""An explorer for small concurrent programs: it runs every interleaving.

    class Counter(Shared):
        value: int = 0

    def add(s):
        s.value = s.value + 1

    explore(Scenario("lost-update", setup=Counter, threads={"A": add, "B": add}, check=lambda s: s.value == 2))

Standard library only, one OS thread, no clock: the same program gives the same counts and schedules on every machine.
See README.md in this folder for how it works and what it cannot see.
"""

from .choice import choose
from .clerk import control
from .columns import Columns, columns
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
from .explore import explore
from .handles import Handle, abort, fail, join, spawn, started
from .instrument import instrument
from .many import explore_all
from .minimise import minimise, shortest_trace
from .ordinary.program import Explorable, scenario_of
from .picture import Local, Points, Thing
from .primitives import Channel, Mutex, Semaphore
from .replay import Manual, replay
from .result import Failure, Race, Result
from .scenario import Finding, Scenario
from .schedule import format_schedule, parse_schedule
from .shared import Shared, compare_exchange, fetch_add, free, peek
from .trace import Moment, Step, Trace

__all__ = [
    "Beat",
    "Channel",
    "Columns",
    "DivergenceError",
    "Explorable",
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
    "choose",
    "columns",
    "compare_exchange",
    "control",
    "explain",
    "explore",
    "explore_all",
    "fail",
    "fetch_add",
    "format_schedule",
    "free",
    "instrument",
    "join",
    "minimise",
    "parse_schedule",
    "peek",
    "replay",
    "scenario_of",
    "shortest_trace",
    "spawn",
    "started",
]
