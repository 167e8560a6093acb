# SPDX-License-Identifier: GPL-2.0-or-later
"""Explore every interleaving of a scenario, and report exactly what that proves.

`explore` is the loop all methods share: take the next run, note its findings, keep the shortest example of each, stop
at a limit. A verdict is "proved" only when every interleaving was covered; a limit that was hit gives "incomplete",
never a pass.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from .canary import check_canary
from .clerk import CLERK
from .dpor import LIMIT_STEPS, WAITING_STEPS, OptimalDPOR
from .errors import OutOfTime, SchedError
from .first_run import try_out_typed
from .instrument import reread
from .ordinary.guard import Discovered
from .ordinary.program import Explorable, scenario_of
from .repeat import repeated
from .result import Race, Result, note_failure
from .run import Run
from .scenario import Scenario
from .shared import check_classes
from .states import VisitedStates
from .strategies import PCT, Bounded, DepthFirst, Random, Sampler

METHODS = ("auto", "dpor", "states", "bounded", "random", "pct", "dfs")
TOO_LONG = "limit_steps"
"""What stopped an exploration in which a run did not end."""
BUDGET_RUNS = 200_000
"""Runs that "auto" gives to DPOR, all its turns together."""
FIRST_TURN = 25_000
"""Executions of the first turn of "auto"."""
WAITING_STATES = 20_000
"""States that "auto" visits of a scenario with a run that goes on and on, before it tries runs of full length."""
REPEATS = 3
"""How often a run is made again to see whether the scenario is deterministic: all but once before the exploration."""
DISCOVERY_RUNS = 200
"""Runs of the systematic search that show the other methods what a program's threads share."""
FIRST = "the first failure"
"""What stopped an exploration that was to stop there."""
SAMPLES = 1_000
"""Runs of the random methods when no limit is given."""

Progress = Callable[[int, int, float], Any]
"""Called with the runs made, the failing ones among them, and an estimate of the fraction done; a true answer stops."""


def explore(
    scenario: Explorable,
    method: str = "auto",
    limit_runs: int | None = None,
    limit_seconds: float | None = None,
    preemptions: int = 2,
    depth: int = 3,
    seed: int = 0,
    progress: Progress | None = None,
    first: bool = False,
    limit_steps: int = LIMIT_STEPS,
) -> Result:
    """Explore every interleaving of ``scenario``, or many.

    ``scenario`` is a `Scenario`, or a function without arguments that makes its threads with `threading`, joins them
    and asserts. What the threads of such a program share without synchronisation is found by running: each discovery
    makes a place visible, and the exploration begins again.

    "dpor" runs one interleaving of every class (optimal), "dfs" the same with sleep sets only, "states" visits every
    state once, "auto" tries DPOR and states by turns; "bounded" makes every schedule with at most so many
    ``preemptions``, "pct" (for bugs of a certain ``depth``) and "random" make ``limit_runs`` schedules from ``seed``.
    ``limit_seconds`` is wall-clock time. ``progress(runs, failing, fraction)`` is called now and then; a true answer
    stops, and so does the ``first`` failure if that is true. So does a run of "dpor" that has no end after
    ``limit_steps``. An interrupt stops too, and what was seen so far is returned as "incomplete". Raises SchedError
    where the question cannot be answered.
    """
    check_canary()
    reread()
    check_classes()
    scenario = scenario_of(scenario)
    try_out_typed(scenario)
    if method not in METHODS:
        raise SchedError(f"unknown method {method!r}; the methods are {', '.join(METHODS)}")
    if method == "auto":
        if scenario.visible is None and limit_runs is None:
            return _alternating(scenario, limit_seconds, progress, first)
        return _watched(scenario, limit_runs, limit_seconds, progress, first)
    if method in ("random", "pct") and limit_runs is None and limit_seconds is None:
        limit_runs = SAMPLES
    if scenario.visible is not None and method != "dpor":
        _discover(scenario)
    return _search(
        scenario, method, lambda: _source(scenario, method, preemptions, depth, seed, limit_steps), limit_runs,
        limit_seconds, progress, first,
    )  # fmt: skip


def _watched(
    scenario: Scenario, limit_runs: int | None, limit_seconds: float | None, progress: Progress | None, first: bool
) -> Result:
    """Guarded, "auto" is DPOR within a budget, then states. A run that goes on and on may be one that polls, which
    has few states: they are tried before runs of full length are.
    """
    start = time.monotonic()
    attempts: list[tuple[str, Callable[[], Source]]] = [
        ("dpor", lambda: OptimalDPOR(scenario, WAITING_STEPS)),
        ("states", lambda: VisitedStates(scenario, WAITING_STATES, WAITING_STEPS)),
        ("dpor", lambda: OptimalDPOR(scenario)),
        ("states", lambda: VisitedStates(scenario)),
    ]
    if limit_runs is not None:
        attempts = attempts[2:3]
    while True:
        method, source = attempts.pop(0)
        left = None if limit_seconds is None else max(0.0, limit_seconds - (time.monotonic() - start))
        runs = limit_runs or BUDGET_RUNS if method == "dpor" else limit_runs
        result = _search(scenario, method, source, runs, left, progress, first)
        if result.failing or limit_runs is not None or result.stopped_by not in (TOO_LONG, "limit_runs"):
            break
        if result.stopped_by == "limit_runs":
            del attempts[:-1]
        if not attempts:
            break
    result.seconds = time.monotonic() - start
    return result


def _search(
    scenario: Scenario,
    method: str,
    make: Callable[[], Source],
    limit_runs: int | None,
    limit_seconds: float | None,
    progress: Progress | None,
    first: bool,
) -> Result:
    """Explore with the sources that ``make`` makes: another one after each discovery."""
    start = time.monotonic()
    while True:
        result = Result(scenario.name, method)
        source = make()
        left = None if limit_seconds is None else max(0.0, limit_seconds - (time.monotonic() - start))
        try:
            _collect(result, scenario, source, source.runs(), limit_runs, left, progress, first)
        except Discovered as found:
            found.add_to(scenario.visible)
            continue
        _conclude(result, source)
        result.seconds = time.monotonic() - start
        if scenario.visible is not None:
            scenario.visible.known = True
            result.discovered = scenario.visible.sentences()
        return result


def _alternating(
    scenario: Scenario, limit_seconds: float | None, progress: Progress | None, first: bool
) -> Result:
    """DPOR and visited states by turns, each time for twice as many executions, until one of them knows the answer.

    Turns are counted in executions, so that the answer is the same on every machine. The method that finds a failure
    goes on alone.
    """
    start = time.monotonic()
    sources = {method: _source(scenario, method) for method in ("dpor", "states")}
    results = {method: Result(scenario.name, method) for method in sources}
    left = {method: source.runs() for method, source in sources.items()}
    turns, budget = ["dpor", "states"], FIRST_TURN
    while True:
        for method in [*turns]:
            if method not in turns:
                continue
            result, source = results[method], sources[method]
            result.stopped_by = ""
            most = budget if method == "states" else min(budget, BUDGET_RUNS - result.runs)
            seconds = None if limit_seconds is None else max(0.0, limit_seconds - (time.monotonic() - start))
            left[method] = _collect(result, scenario, source, left[method], most, seconds, progress, first)
            _conclude(result, source)
            result.seconds = time.monotonic() - start
            if result.stopped_by not in (TOO_LONG, "limit_runs"):
                return result
            if result.failing:
                turns = [method]  # the question is answered; the rest is the count
            if result.stopped_by == TOO_LONG or (method == "dpor" and result.runs >= BUDGET_RUNS):
                turns.remove(method)
            if not turns:
                return result
        budget *= 2


def _discover(scenario: Scenario) -> None:
    """Find what the threads share, as far as some runs of the systematic search show it."""
    try:
        repeated(scenario, repeated(scenario))
        while True:
            try:
                for _ in zip(range(DISCOVERY_RUNS), OptimalDPOR(scenario, WAITING_STEPS).runs(), strict=False):
                    pass
                return
            except Discovered as found:
                found.add_to(scenario.visible)
    finally:
        scenario.end()


def known(scenario: Explorable, fingerprint: str = "") -> Scenario:
    """The scenario of ``scenario``, explored before if need be, so that what its threads share is known: all of it, or
    as much as a schedule with that ``fingerprint`` was recorded with.
    """
    made = scenario_of(scenario)
    if made.visible is not None and not made.visible.known and made.fingerprint != fingerprint:
        explore(made)
    return made


class Source(Protocol):
    """Where runs come from. ``runs()`` may yield None for an execution that was cut short; ``too_long`` ends it, and
    ``stands`` says where the thread stood that went on and on.

    ``covers`` says what is covered when it ends by itself: "classes" (each run is another), "states", or nothing, for
    the reason that ``leaves_out`` names. ``states`` were visited, or None; ``races`` were seen.
    """

    too_long: bool
    stands: str

    @property
    def covers(self) -> str: ...

    @property
    def leaves_out(self) -> str: ...

    @property
    def states(self) -> int | None: ...

    @property
    def races(self) -> Sequence[Race]: ...

    @property
    def fraction(self) -> float: ...

    def runs(self) -> Iterator[Run | None]: ...


def _source(
    scenario: Scenario, method: str, preemptions: int = 0, depth: int = 0, seed: int = 0, limit_steps: int = LIMIT_STEPS
) -> Source:
    if method == "dpor":
        return OptimalDPOR(scenario, limit_steps)
    if method == "states":
        return VisitedStates(scenario)
    if method == "dfs":
        return Sampler(scenario, DepthFirst())
    if method == "bounded":
        return Sampler(scenario, Bounded(preemptions))
    if method == "pct":
        return Sampler(scenario, PCT(seed, depth))
    return Sampler(scenario, Random(seed))


def _collect(
    result: Result,
    scenario: Scenario,
    source: Source,
    made: Iterator[Run | None],
    limit_runs: int | None,
    limit_seconds: float | None,
    progress: Progress | None,
    stops_at_first: bool = False,
) -> Iterator[Run | None]:
    """Fill ``result`` from the runs ``made`` by ``source`` until they end, a limit is reached, or somebody interrupts.
    Returns the runs that are left.
    """
    start = time.monotonic()
    executions = 0
    before = CLERK.deadline, CLERK.active, CLERK.world, CLERK.guard
    CLERK.deadline = None if limit_seconds is None else start + limit_seconds
    try:
        first = repeated(scenario)
        for _ in range(REPEATS - 1):
            repeated(scenario, first)
        for run in made:
            executions += 1
            if run is not None:
                result.runs += 1
                result.threads = max(result.threads, len(run.world.tasks))
                if run.findings:
                    note_failure(result, scenario, run)
                    if stops_at_first:
                        result.stopped_by = FIRST
                        break
            if limit_runs is not None and executions >= limit_runs:
                following = list(itertools.islice(made, 1))
                result.stopped_by = "limit_runs" if following else ""
                made = itertools.chain(following, made)
                break
            if limit_seconds is not None and time.monotonic() - start > limit_seconds:
                result.stopped_by = "limit_seconds"
                break
            if progress is not None and executions & 127 == 0:
                done = source.fraction or (executions / limit_runs if limit_runs else 0.0)
                if progress(executions, result.failing, done):
                    result.stopped_by = "cancel"
                    break
        repeated(scenario, first)
    except KeyboardInterrupt:
        result.stopped_by = "an interrupt"
    except OutOfTime:
        result.stopped_by = "limit_seconds"
    finally:
        # an interrupt may have left a run as it was
        CLERK.deadline, CLERK.active, CLERK.world, CLERK.guard = before
        scenario.end()
    result.seconds = time.monotonic() - start
    return made


def _conclude(result: Result, source: Source) -> None:
    """The verdict, and what it is relative to."""
    if source.too_long and not result.stopped_by:
        result.stopped_by, result.stands = TOO_LONG, source.stands
    result.stopped_by = result.stopped_by or source.leaves_out
    result.races, result.states = list(source.races), source.states
    covered = source.covers if not result.stopped_by else ""
    if covered == "classes":
        result.classes = result.runs
    result.verdict = "failed" if result.failing else "proved" if covered else "incomplete"
