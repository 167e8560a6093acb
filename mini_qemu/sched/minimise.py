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
    """The cheapest order of steps that leads to ``finding``, or None if it is not cheaper than ``bound``.

    A state of the search is the set of steps done (a mask closed under happens-before) and the thread that moved last;
    ``at`` says the same of the mask by thread: how many of its steps are done. The cost is the number of preemptions,
    then that of steps the finding does not need. Such steps help only to bring a thread to where it cannot go on: a
    thread that has begun with them is not interrupted, and nobody is interrupted for them.
    """
    order = _Order(run)
    goal = allowed = order.all
    if finding.stops:
        last = finding.step - 1
        goal = run.past[last] if last >= 0 else 0
        for other in run.world.findings:  # one that came first would be another story
            allowed &= ~order.after(other.step - 1) | goal
    size = goal.bit_count()
    names = list(order.of)
    heap: list[_State] = [(0, 0, 0, [], 0, "", (0,) * len(names))]
    done: set[tuple[int, str]] = set()
    while heap:
        preemptions, extra, _, moved, mask, current, at = heapq.heappop(heap)
        if bound is not None and (preemptions, size + extra) > bound:
            return None
        if mask & goal == goal:
            return (preemptions, size + extra), moved
        if (mask, current) in done:
            continue
        done.add((mask, current))
        goes_on = bool(current) and order.could_move(current, mask)
        astray = goes_on and not goal >> order.of[current][at[names.index(current)] - 1] & 1
        for k, name in enumerate(names):
            events = order.of[name]
            event = events[at[k]] if at[k] < len(events) else -1
            if event < 0 or not allowed >> event & 1 or run.past[event] & ~mask != 1 << event:
                continue
            needed = goal >> event & 1
            if name != current and goes_on and (astray or not needed):
                continue
            cost = preemptions + (goes_on and name != current)
            then = (*at[:k], at[k] + 1, *at[k + 1 :])
            left_over = extra + (not needed)
            heapq.heappush(heap, (cost, left_over, -len(moved), [*moved, name], mask | 1 << event, name, then))
    return None


_State = tuple[int, int, int, list[str], int, str, tuple[int, ...]]


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

    def after(self, event: int) -> int:
        """The steps that happen after ``event``, and itself: none for a finding before the first."""
        return sum(1 << i for i, past in enumerate(self.run.past) if event >= 0 and past >> event & 1)

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
