# SPDX-License-Identifier: GPL-2.0-or-later
"""The shortest story of a failure: the fewest preemptions, then the fewest steps.

Strategy: search with DPOR, show the minimum. Every class of interleavings in which the failure occurs is visited once;
for each, the happens-before relation says which steps the failure needs (its causal past) and in which orders they may
stand, and a shortest-path search over those orders finds one with the fewest preemptions: moments at which a thread
that could go on is interrupted. It takes steps that the failure does not need only where a thread that goes on until
it waits or ends saves a preemption. So the answer is the minimum over all interleavings, not over those that happened
to be run.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from .dpor import OptimalDPOR
from .errors import NothingFailed
from .explore import explore, known
from .ops import AWAIT, CHANNEL, JOIN, OPENS, OPERATIONS, RECV, RECV_END, SEND, kind_of, variable_of
from .ordinary.guard import Discovered
from .ordinary.program import Explorable
from .primitives import Primitive
from .replay import finding_of, replay
from .result import Failure, Result
from .run import Run
from .scenario import Finding, Scenario
from .schedule import format_schedule
from .states import VisitedStates
from .world import READY

if TYPE_CHECKING:
    from .trace import Trace

LIMIT_RUNS = 100_000
"""Classes looked at; beyond, the shortest story found so far is given."""

Cost = tuple[int, int]


def minimise(
    scenario: Explorable, failure: Result | Failure | str | None = None, limit_runs: int = LIMIT_RUNS, kind: str = ""
) -> str:
    """The schedule of the shortest run with the same failure: fewest preemptions, then fewest steps.

    ``failure``: a `Result` (its `failure` is taken), a `Failure`, or a schedule text; by default the scenario is
    explored first. Or give a ``kind``: then any failure of that kind will do. What only a visit of all states shows, a
    livelock for one, is looked for there. Raises NothingFailed.
    """
    scenario = known(scenario)
    if failure is None and not kind:
        failure = explore(scenario)
    wanted: tuple[str, str | None] = (kind, None)
    if failure is not None and not kind:
        wanted = _wanted(scenario, failure)
    by_states = isinstance(failure, Result) and failure.method == "states"
    threads = None if by_states else _by_classes(scenario, *wanted, limit_runs)
    if threads is None and (by_states or wanted[0] == "livelock"):
        run = _by_states(scenario, *wanted)
        threads = run.thread if run is not None else None
    if threads is None:
        sought = f"a {kind}" if kind else ": ".join(filter(None, wanted))
        raise NothingFailed(f"scenario {scenario.name!r}: no interleaving ends in {sought}")
    return format_schedule(threads, scenario.fingerprint)


def _by_classes(scenario: Scenario, kind: str, message: str | None, limit_runs: int) -> list[str] | None:
    """The steps of the shortest run over all classes that end in such a failure."""
    best: tuple[Cost, str, list[str]] | None = None
    for number, run in enumerate(OptimalDPOR(scenario).runs(), start=1):
        for finding in run.findings:
            if finding.kind == kind and message in (None, finding.message):
                found = _shortest(run, finding, best[0] if best else None)
                if found is not None:
                    candidate = (found[0], format_schedule(found[1]), found[1])
                    best = candidate if best is None else min(best, candidate)
        if number >= limit_runs:
            break
    return best and best[2]


def _by_states(scenario: Scenario, kind: str, message: str | None) -> Run | None:
    """The shortest run of a visit of all states that ends in such a failure."""
    while True:
        try:
            return VisitedStates(scenario).simplest(kind, message)
        except Discovered as found:
            found.add_to(scenario.visible)


def _wanted(scenario: Scenario, failure: Result | Failure | str) -> tuple[str, str]:
    """Kind and message of the failure asked for."""
    if isinstance(failure, Result):
        if failure.failure is None:
            raise NothingFailed(f"there is nothing to minimise: {failure!r}")
        failure = failure.failure
    if isinstance(failure, Failure):
        return failure.kind, failure.message
    finding = finding_of(scenario, failure)
    if finding is None:
        raise NothingFailed(f"there is nothing to minimise: the schedule {failure!r} ends without a finding")
    return finding.kind, finding.message


def _shortest(run: Run, finding: Finding, bound: Cost | None) -> tuple[Cost, list[str]] | None:
    """The cheapest order of steps that leads to ``finding``, or None if it is not cheaper than ``bound``.

    A state of the search is the set of steps done (a mask closed under happens-before) and the thread that moved last;
    ``at`` says the same of the mask by thread: how many of its steps are done. The cost is the number of preemptions,
    then that of steps the finding does not need. Such steps help only to bring a thread to where it cannot go on: a
    thread that has begun with them is not interrupted, and nobody is interrupted for them. Nor is anybody interrupted
    before a step that lets nobody else go on: after it, if it can be made, will do as well.
    """
    order = _Order(run)
    goal = allowed = order.all
    if finding.stops:
        last = finding.step - 1
        goal = run.past[last] if last >= 0 else 0
        for other in run.world.findings:  # one that came first would be another story
            allowed &= ~order.after(other.step - 1) | goal
    size = goal.bit_count()
    everybody = tuple(range(len(order.names)))
    heap: list[_State] = [(0, 0, 0, (), 0, -1, (0,) * len(order.names))]
    done: set[tuple[int, int]] = set()
    while heap:
        preemptions, extra, _, moved, mask, current, at = heapq.heappop(heap)
        if bound is not None and (preemptions, size + extra) > bound:
            return None
        if mask & goal == goal:
            return (preemptions, size + extra), [order.names[k] for k in moved]
        if (mask, current) in done:
            continue
        done.add((mask, current))
        goes_on = current >= 0 and order.could_move(current, at[current], mask)
        movers = everybody
        if goes_on:
            astray = not goal >> order.of[current][at[current] - 1] & 1
            ahead = order.ready(current, at[current], mask, allowed)
            if astray or (ahead >= 0 and goal >> ahead & ~order.enabling >> ahead & 1):
                movers = (current,)
        for k in movers:
            event = order.ready(k, at[k], mask, allowed)
            interrupts, needed = goes_on and k != current, event >= 0 and goal >> event & 1
            if event < 0 or (interrupts and not needed):
                continue
            then = (*at[:k], at[k] + 1, *at[k + 1 :])
            cost = preemptions + interrupts, extra + (not needed), -len(moved)
            heapq.heappush(heap, (*cost, (*moved, k), mask | 1 << event, k, then))
    return None


_State = tuple[int, int, int, tuple[int, ...], int, int, tuple[int, ...]]


class _Order:
    """A run as a partial order: which steps may come next after some of them, and which threads could go on.

    Threads are numbers in the order of their names; ``of[k]`` has the steps of thread k.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.all = (1 << len(run.thread)) - 1
        self.names = sorted(set(run.thread))
        self.of: list[list[int]] = [[] for _ in self.names]
        self.on: dict[int, list[int]] = defaultdict(list)
        for i, name in enumerate(run.thread):
            self.of[self.names.index(name)].append(i)
            self.on[variable_of(run.codes[i])].append(i)
        self.touching = {key: sum(1 << e for e in events) for key, events in self.on.items()}
        self.enabling = sum(1 << i for i, code in enumerate(run.codes) if OPERATIONS[kind_of(code)].enables)
        self.enabling |= sum(1 << events[-1] for events in self.of)  # the end of a thread lets another join it
        self.task = [next(task for task in run.world.tasks if task.name == name) for name in self.names]
        self.known: dict[tuple[int, int, int], bool] = {}
        self.objects = {obj._key: obj for obj in run.world.objects if isinstance(obj, Primitive)}

    def after(self, event: int) -> int:
        """The steps that happen after ``event``, and itself: none for a finding before the first."""
        return sum(1 << i for i, past in enumerate(self.run.past) if event >= 0 and past >> event & 1)

    def ready(self, k: int, at: int, mask: int, allowed: int) -> int:
        """The next step of thread ``k``, which has made ``at``, if it is allowed and waits for none; or -1."""
        events = self.of[k]
        if at == len(events):
            return -1
        event = events[at]
        return event if allowed >> event & 1 and self.run.past[event] & ~mask == 1 << event else -1

    def could_move(self, k: int, at: int, mask: int) -> bool:
        """Whether thread ``k``, which has made ``at`` steps, could make another when exactly those in ``mask`` have
        been made.
        """
        event = self.of[k][at] if at < len(self.of[k]) else None
        if event is None and self.task[k].status != READY:
            return False
        code = self.task[k].code if event is None else self.run.codes[event]
        kind = kind_of(code)
        if kind in (JOIN, AWAIT):  # one that still waits at the end of the run could never be made
            last = self.run.before[event] if event is not None else None
            return last is not None and (last == 0 or bool(mask >> last - 1 & 1))
        if OPENS[kind] is None and kind != RECV_END:
            return True
        known = k, code, mask & self.touching.get(variable_of(code), 0)
        if known not in self.known:
            op = self.task[k].op if event is None else self.run.about[event]
            opens = OPENS[RECV if kind == RECV_END else kind]
            self.known[known] = bool(opens(self._state(kind, variable_of(code), mask), self.names[k], op))
        return self.known[known]

    def _state(self, kind: int, key: int, mask: int) -> Any:
        """The state of a primitive when exactly the steps in ``mask`` have been made."""
        touched = self.on[key]
        before = self.run.before
        if not touched:
            return self.objects[key]._state
        if OPERATIONS[kind].family == CHANNEL:  # its sends and receives commute: count them
            kinds = [kind_of(self.run.codes[e]) for e in touched if mask >> e & 1]
            items, closed = before[touched[0]]
            ends = any(OPERATIONS[k].changes and k not in (SEND, RECV) for k in kinds)
            return items + kinds.count(SEND) - kinds.count(RECV), closed or ends
        missing = (e for e in touched if not mask >> e & 1 and OPERATIONS[kind_of(self.run.codes[e])].changes)
        first = next(missing, None)
        return self.objects[key]._state if first is None else before[first]


def shortest_trace(scenario: Explorable, failure: Result | Failure | str | None = None) -> Trace:
    """The trace of the shortest run with the failure. That of a livelock stops after one more step of each thread that
    goes round for ever.
    """
    if failure is None:
        failure = explore(scenario)
    trace = replay(scenario, minimise(scenario, failure))
    known = failure.failure if isinstance(failure, Result) else failure
    if trace.finding is None and isinstance(known, Failure):
        trace.finding = known.finding
    return trace
