# SPDX-License-Identifier: GPL-2.0-or-later
"""Run a scenario in every way it can go, and say honestly what that showed.

`explore` is the loop all methods share: take the next run, note its findings, keep the shortest example of each, stop
at a limit. A verdict is "proved" only when every interleaving was covered; a limit that was hit gives "incomplete",
never a pass.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from .canary import check_canary
from .dpor import OptimalDPOR
from .errors import DivergenceError, SchedError, ScheduleError
from .ops import DEPENDENCE, VERBS
from .repeat import repeated
from .run import Run
from .scenario import Finding, Scenario
from .schedule import format_schedule, parse_schedule, switches
from .states import VisitedStates
from .strategies import PCT, Bounded, DepthFirst, Random, Sampler
from .trace import Recorder, Trace

LIMIT_OF_STEPS = "limit_steps"
METHODS = ("auto", "dpor", "states", "bounded", "random", "pct", "dfs")
BUDGET_RUNS = 200_000
"""Runs that "auto" gives to DPOR before it falls back to visited states."""
REPEATS = 3
"""How often a run is made again to see whether the scenario is deterministic: all but once before the exploration."""
SAMPLES = 1_000
"""Runs of the random methods when no limit is given."""


@dataclass(frozen=True)
class Failure:
    """An example of a finding, with the schedule that replays it; ``cost``: its switches between threads, its steps."""

    kind: str
    message: str
    thread: str
    schedule: str
    finding: Finding
    cost: tuple[int, int]


@dataclass(frozen=True)
class Access:
    """One side of a race: who, reading or writing, where."""

    thread: str
    verb: str
    function: str
    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.thread} {self.verb} it in {self.function} line {self.line}"


@dataclass(frozen=True)
class Race:
    """Two accesses of ``variable``, at least one a write, whose order nothing decides but luck."""

    variable: str
    first: Access
    second: Access

    def __str__(self) -> str:
        return f"{self.variable}: {self.first}, {self.second}"


@dataclass
class Result:
    """What an exploration showed.

    ``runs`` were made, each a different interleaving; ``classes`` of equivalent interleavings exist (None if not all
    were covered), relative to ``dependence``; ``states`` is set by method "states". ``failing`` runs have a finding;
    ``findings`` counts runs by kind, ``outcomes`` by (kind, message); ``examples`` has one schedule for each outcome,
    ``failure`` the one with the fewest switches.
    """

    scenario: str
    method: str
    verdict: str = "incomplete"
    runs: int = 0
    classes: int | None = None
    states: int | None = None
    failing: int = 0
    findings: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    examples: dict[tuple[str, str], Failure] = field(default_factory=dict)
    races: list[Race] = field(default_factory=list)
    dependence: str = DEPENDENCE
    stopped_by: str = ""
    seconds: float = 0.0

    @property
    def failure(self) -> Failure | None:
        """The failing example with the fewest switches between threads, then the fewest steps, or None."""

        return min(self.examples.values(), key=lambda failure: (*failure.cost, failure.schedule), default=None)

    def __repr__(self) -> str:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.findings.items()))
        failed = f"{self.failing:,} fail ({kinds})" if self.failing else "none fails"
        if self.method == "states":
            size = (
                f"{self.states:,} states, all of them visited"
                if self.verdict != "incomplete"
                else f"{self.states or 0:,} states visited"
            )
            found = (
                f"{len(self.outcomes)} kinds of failure ({', '.join(sorted(self.findings))})"
                if self.failing
                else "none fails"
            )
        elif self.classes is not None:
            size, found = f"{self.classes:,} interleavings, all run", failed
            if self.classes == 1:
                size, found = (
                    "1 interleaving, run",
                    f"it fails ({', '.join(self.findings)})" if self.failing else "it is well",
                )
        else:
            size, found = f"{self.runs:,} interleavings run", failed if self.failing else "none of them fails"
        tail = f" Stopped by {self.stopped_by}: this proves nothing." if self.verdict == "incomplete" else ""
        tail = f" Stopped by {self.stopped_by}." if self.stopped_by and self.verdict == "failed" else tail
        return f"{self.scenario}: {self.verdict}. {size}: {found}. [{self.method}]{tail}"


Progress = Callable[[int, int, float], Any]
"""Called with the runs made, the failing ones among them, and an estimate of the fraction done; a true answer stops."""


def explore(
    scenario: Scenario,
    method: str = "auto",
    limit_runs: int | None = None,
    limit_seconds: float | None = None,
    bound: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Result:
    """Run ``scenario`` in every way it can go, or in many.

    "dpor" runs one interleaving of every class (optimal), "dfs" the same with sleep sets only, "states" visits every
    state once, "auto" tries DPOR within a budget and then states; "bounded" makes every schedule with at most ``bound``
    preemptions (2), "pct" and "random" sample ``limit_runs`` schedules from ``seed`` (``bound`` is PCT's depth, 3).
    ``progress(runs, failing, fraction)`` is called now and then; a true answer stops. An interrupt stops too, and what
    was seen so far is returned as "incomplete". Raises SchedError where the question cannot be answered.
    """
    check_canary()
    if not isinstance(scenario, Scenario):
        raise SchedError(
            f"explore wants a Scenario, not {type(scenario).__name__}; build one with Scenario(name, setup, threads)"
        )
    if method not in METHODS:
        raise SchedError(f"unknown method {method!r}; the methods are {', '.join(METHODS)}")
    if method == "auto":
        result = explore(scenario, "dpor", limit_runs or BUDGET_RUNS, limit_seconds, progress=progress)
        if result.failing or result.stopped_by not in (LIMIT_OF_STEPS, "limit_runs") or limit_runs is not None:
            return result
        method = "states"
        if limit_seconds is not None:
            limit_seconds = max(0.0, limit_seconds - result.seconds)
    if method in ("random", "pct") and limit_runs is None and limit_seconds is None:
        limit_runs = SAMPLES
    result = Result(scenario.name, method)
    source = _source(scenario, method, bound, seed)
    _collect(result, scenario, source, limit_runs, limit_seconds, progress)
    _conclude(result, source)
    return result


class Source(Protocol):
    """Where runs come from. ``runs()`` may yield None for an execution that was cut short; ``too_long`` ends it."""

    too_long: bool

    @property
    def fraction(self) -> float: ...

    def runs(self) -> Iterator[Run | None]: ...


def _source(scenario: Scenario, method: str, bound: int | None, seed: int) -> Source:
    if method == "dpor":
        return OptimalDPOR(scenario)
    if method == "states":
        return VisitedStates(scenario)
    if method == "dfs":
        return Sampler(scenario, DepthFirst())
    if method == "bounded":
        return Sampler(scenario, Bounded(2 if bound is None else bound))
    if method == "pct":
        return Sampler(scenario, PCT(seed, 3 if bound is None else bound))
    return Sampler(scenario, Random(seed))


def _collect(
    result: Result,
    scenario: Scenario,
    source: Source,
    limit_runs: int | None,
    limit_seconds: float | None,
    progress: Progress | None,
) -> None:
    """Fill ``result`` from ``source`` until it ends, a limit is reached, or somebody interrupts."""
    start = time.monotonic()
    made = source.runs()
    executions = 0
    try:
        first = repeated(scenario)
        for _ in range(REPEATS - 1):
            repeated(scenario, first)
        for run in made:
            executions += 1
            if run is not None:
                result.runs += 1
                if run.findings:
                    note_failure(result, scenario, run)
            if limit_runs is not None and executions >= limit_runs:
                result.stopped_by = "" if next(made, made) is made else "limit_runs"
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
    result.seconds = time.monotonic() - start


def _conclude(result: Result, source: Source) -> None:
    """The verdict, and what it is relative to."""
    if source.too_long and not result.stopped_by:
        result.stopped_by = LIMIT_OF_STEPS
    if isinstance(source, OptimalDPOR):
        result.races = _races(source)
    if isinstance(source, VisitedStates):
        result.states = len(source.seen)
    if not result.stopped_by:
        if result.method in ("dpor", "dfs"):
            result.classes = result.runs
        elif result.method == "bounded" and isinstance(source, Sampler) and isinstance(source.strategy, Bounded):
            bound = source.strategy.bound
            result.stopped_by = f"the bound of {bound} preemption{'' if bound == 1 else 's'}"
    covered = result.method in ("dpor", "dfs", "states") and not result.stopped_by
    result.verdict = "failed" if result.failing else "proved" if covered else "incomplete"


def note_failure(result: Result, scenario: Scenario, run: Run) -> None:
    """Count a failing run, and keep it as an example if it is simpler than the one at hand."""
    result.failing += 1
    result.findings.update({finding.kind for finding in run.findings})
    result.outcomes.update({(finding.kind, finding.message) for finding in run.findings})
    for finding in run.findings:
        threads = needed(run, finding)
        cost = switches(threads), len(threads)
        old = result.examples.get((finding.kind, finding.message))
        if old is None or cost < old.cost:
            schedule = format_schedule(threads, scenario.fingerprint)
            result.examples[finding.kind, finding.message] = Failure(
                finding.kind, finding.message, finding.thread, schedule, finding, cost
            )


def needed(run: Run, finding: Finding) -> list[str]:
    """Who moves, up to ``finding``; where happens-before is known, without the steps that it does not need."""
    if not finding.stops:
        return run.thread
    last = finding.step - 1  # the step that led to it, whichever thread made it
    if not run.past or last < 0:
        return run.thread[: finding.step]
    return [name for i, name in enumerate(run.thread[: finding.step]) if run.past[last] >> i & 1]


def _races(search: OptimalDPOR) -> list[Race]:
    def access(side: tuple[str, int, Any]) -> Access:
        thread, kind, site = side
        file, function, line = site or ("", "compare_exchange", 0)
        return Access(thread, VERBS[kind], function, file, line)

    found = {Race(name, access(first), access(second)) for name, first, second in search.E.data_races.values()}
    return sorted(found, key=str)


# ---------------------------------------------------------------- one schedule at a time


def replay(scenario: Scenario, schedule: str, strict: bool = True) -> Trace:
    """The run that ``schedule`` describes.

    Raises ScheduleError for a text that cannot be read or (``strict``) was recorded for other code, DivergenceError
    where a thread is asked for that cannot move: it names the step, what was expected and what was found.
    """
    threads, fingerprint = parse_schedule(schedule)
    if strict and fingerprint and fingerprint != scenario.fingerprint:
        raise ScheduleError(
            f"the schedule was recorded for other code (#{fingerprint}; {scenario.name!r} is now "
            f"#{scenario.fingerprint}): explore again, or replay with strict=False"
        )
    recorder = Recorder(scenario)
    try:
        for i, name in enumerate(threads, start=1):
            _move(recorder, name, i)
        return recorder.finish(scenario.fingerprint)
    finally:
        recorder.close()


def _move(recorder: Recorder, name: str, i: int) -> None:
    world = recorder.world
    task = next((t for t in world.tasks if t.name == name), None)
    if task is None:
        known = ", ".join(t.name for t in world.tasks)
        raise DivergenceError(f"step {i}: the schedule asks for thread {name!r}, but there are only {known}")
    if recorder.trace.finding is not None:
        raise DivergenceError(
            f"step {i}: the schedule asks for {name}, but the run has ended: {recorder.trace.finding}; was it "
            "recorded with another set of fixes?"
        )
    if not world.enabled(task):
        why = "has ended" if task.status else world.reason(task)
        raise DivergenceError(
            f"step {i}: the schedule asks for {name}, but {name} {why}; was it recorded with another set of fixes?"
        )
    recorder.step(task)


class Manual:
    """The learner is the scheduler: choose who moves, look, undo.

    ``choices`` are the threads that can move; ``trace`` is the run so far, with the reason why the others cannot;
    ``schedule`` is its text.
    """

    def __init__(self, scenario: Scenario, schedule: str = "") -> None:
        self.scenario = scenario
        self._fingerprint = scenario.fingerprint
        self._threads: list[str] = parse_schedule(schedule)[0] if schedule else []
        self._recorder = self._rerun()

    def _rerun(self) -> Recorder:
        recorder = Recorder(self.scenario)
        for i, name in enumerate(self._threads, start=1):
            _move(recorder, name, i)
        return recorder

    def choices(self) -> list[str]:
        """The threads that can make a step now; none once the run has ended or has a finding."""
        return self._recorder.choices

    def step(self, thread: str) -> Trace:
        """Let ``thread`` make one step. Raises DivergenceError with the reason if it cannot."""
        _move(self._recorder, thread, len(self._threads) + 1)
        self._threads.append(thread)
        return self.trace

    def undo(self) -> Trace:
        """Take the last step back (the run is made again without it); at the start, nothing happens."""
        if self._threads:
            self._threads.pop()
            self._recorder.close()
            self._recorder = self._rerun()
        return self.trace

    def reset(self) -> Trace:
        """Back to the start."""
        self._threads = []
        self._recorder.close()
        self._recorder = self._rerun()
        return self.trace

    @property
    def trace(self) -> Trace:
        return self._recorder.finish(self._fingerprint)

    @property
    def schedule(self) -> str:
        return self.trace.schedule

    @property
    def finished(self) -> bool:
        """Whether nobody can move any more, or something went wrong."""
        return not self.choices()

    @property
    def findings(self) -> list[Finding]:
        finding = self._recorder.trace.finding
        return [] if finding is None else [finding]

    def close(self) -> None:
        self._recorder.close()
