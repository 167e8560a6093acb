"""The shortest story of a failure: the fewest preemptions, then the fewest steps.

Strategy: search with DPOR, show the minimum. Every class of interleavings in which the failure occurs is visited once;
for each, the happens-before relation says which steps the failure needs (its causal past) and in which orders they may
stand, and a shortest-path search over those orders finds one with the fewest preemptions: moments at which a thread
that could go on is interrupted. So the answer is the minimum over all interleavings, not over those that happened to be
run.

Left out: steps that the failure does not need, though letting a thread end first would save a preemption. "A writes, B
sees it and crashes" stays two steps and one preemption, even if A has a third step to make.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from contextlib import closing
from typing import TYPE_CHECKING

from .dpor import OptimalDPOR
from .errors import SchedError
from .explore import Failure, Result, explore, replay
from .ops import AWAIT, CLOSE, JOIN, LOCK, POST, RECV, RECV_END, SEND, SHUTDOWN, WAIT
from .run import Run
from .scenario import Finding, Scenario
from .schedule import format_schedule, parse_schedule
from .world import READY, World

if TYPE_CHECKING:
    from .trace import Trace

LIMIT_RUNS = 100_000
"""Classes looked at; beyond, the shortest story found so far is given."""

Cost = tuple[int, int]


def minimise(scenario: Scenario, failure: Result | Failure | str | None = None, limit_runs: int = LIMIT_RUNS) -> str:
    """The schedule of the simplest run with the same failure: fewest preemptions, then fewest steps, then first in the
    alphabet.

    ``failure``: a `Result` (its `failure` is taken), a `Failure`, or a schedule text; by default the scenario is
    explored first. Raises SchedError if nothing failed.
    """
    wanted = _wanted(scenario, failure)
    best: tuple[Cost, str] | None = None
    search = OptimalDPOR(scenario)
    for number, run in enumerate(search.runs(), start=1):
        for finding in run.findings:
            if (finding.kind, finding.message) == wanted:
                found = _shortest(run, finding, best[0] if best else None)
                if found is not None:
                    candidate = (found[0], format_schedule(found[1], scenario.fingerprint))
                    best = candidate if best is None else min(best, candidate)
        if number >= limit_runs:
            break
    if best is None:
        raise SchedError(f"scenario {scenario.name!r}: no interleaving ends in {wanted[0]}: {wanted[1]}")
    return best[1]


def _wanted(scenario: Scenario, failure: Result | Failure | str | None) -> tuple[str, str]:
    """Kind and message of the failure asked for."""
    if failure is None:
        failure = explore(scenario)
    if isinstance(failure, Result):
        if failure.failure is None:
            raise SchedError(f"there is nothing to minimise: {failure!r}")
        failure = failure.failure
    if isinstance(failure, Failure):
        return failure.kind, failure.message
    if replay(scenario, failure).finding is None:
        raise SchedError(f"there is nothing to minimise: the schedule {failure!r} ends without a finding")
    with closing(World(scenario)) as world, world.running():  # a trace tells a deadlock with its steps: no two alike
        world.start()
        for name in parse_schedule(failure)[0]:
            world.step(next(task for task in world.tasks if task.name == name))
        finding = (world.findings or world.judge())[0]
    return finding.kind, finding.message


def _shortest(run: Run, finding: Finding, bound: Cost | None) -> tuple[Cost, list[str]] | None:
    """The cheapest order of the steps that ``finding`` needs, or None if it is not cheaper than ``bound``.

    A state of the search is the set of steps done (a mask closed under happens-before) and the thread that moved last.
    """
    order = _Order(run)
    goal = order.all
    if finding.stops:
        last = finding.step - 1
        goal = run.past[last] if last >= 0 else 0
    size = goal.bit_count()
    if bound is not None and (0, size) > bound:
        return None
    heap: list[tuple[int, int, list[str], int, str]] = [(0, 0, [], 0, "")]
    done: set[tuple[int, str]] = set()
    while heap:
        preemptions, _, names, mask, current = heapq.heappop(heap)
        if bound is not None and (preemptions, size) > bound:
            return None
        if mask == goal:
            return (preemptions, size), names
        if (mask, current) in done:
            continue
        done.add((mask, current))
        goes_on = bool(current) and order.could_move(current, mask)
        for name, events in order.of.items():
            event = next((e for e in events if not mask >> e & 1), None)
            if event is None or not goal >> event & 1 or run.past[event] & ~mask != 1 << event:
                continue
            cost = preemptions + (goes_on and name != current)
            heapq.heappush(heap, (cost, -len(names), [*names, name], mask | 1 << event, name))
    return None


class _Order:
    """A run as a partial order: whether a thread could have moved after some of its steps."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.all = (1 << len(run.thread)) - 1
        self.of: dict[str, list[int]] = defaultdict(list)
        self.on: dict[int, list[int]] = defaultdict(list)
        for i, name in enumerate(run.thread):
            self.of[name].append(i)
            self.on[run.codes[i] >> 4].append(i)
        self.tasks = {task.name: task for task in run.world.tasks}

    def could_move(self, name: str, mask: int) -> bool:
        """Whether ``name`` could make its next step when exactly the steps in ``mask`` have been made."""
        event = next((e for e in self.of[name] if not mask >> e & 1), None)
        task = self.tasks[name]
        if event is None:
            if task.status != READY:
                return False
            code = task.code
        else:
            code = self.run.codes[event]
        kind = code & 15
        events = [e for e in self.on[code >> 4] if mask >> e & 1]
        kinds = [self.run.codes[e] & 15 for e in events]
        if kind == LOCK:
            return not kinds or kinds[-1] != LOCK
        if kind == WAIT:
            touched = self.on[code >> 4]
            count = self.run.before[touched[0]] if touched else task.op[1]._count
            return bool(count + kinds.count(POST) - kinds.count(WAIT) > 0)
        if kind in (RECV, RECV_END):
            touched = self.on[code >> 4]
            channel = self.run.before[touched[0]] if touched else len(task.op[1]._queue) << 1 | task.op[1]._closed
            closed = channel & 1 or CLOSE in kinds or SHUTDOWN in kinds
            return bool(closed or (channel >> 1) + kinds.count(SEND) > kinds.count(RECV))
        if kind in (JOIN, AWAIT):  # one that still waits at the end of the run could never be made
            last = self.run.before[event] if event is not None else None
            return last is not None and (last == 0 or bool(mask >> last - 1 & 1))
        return True


def shortest_trace(scenario: Scenario, failure: Result | Failure | str | None = None) -> Trace:
    """The trace of the simplest run with the failure."""
    return replay(scenario, minimise(scenario, failure))
