# SPDX-License-Identifier: GPL-2.0-or-later
"""Optimal dynamic partial order reduction: one run for every class of equivalent interleavings, no run twice.

After Abdulla, Aronis, Jonsson, Sagonas, "Optimal dynamic partial order reduction" (POPL 2014; "Source sets", J. ACM
2017), whose names are kept: E is the current execution, ``sleep[d]`` and ``wut[d]`` the sleep set and the wakeup tree
at the state before its d-th event, ``notdep(e, E)`` the events after e that do not happen after it, WI the weak
initials of a sequence.

Strategy: `execution.py` knows what happens before what; here is the search alone. Nothing is recursive over the length
of a run. A run is made by re-executing the prefix up to the deepest state with an unexplored branch; only there
new races are looked for, but every race of the run is reversed again, since what follows it is new.

Left out: the paper's optimisation for operations that commute by value. Two writes of the same value conflict.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

from .execution import Execution, Reversal
from .ops import JOIN, RECV, RECV_END, depends, kind_of
from .ordinary.guard import Watch
from .repeat import diverged, standing
from .result import Race
from .run import Run
from .scenario import Scenario
from .world import Registry, Task, World

LIMIT_STEPS = 10_000
"""Steps after which a run is given up: the scenario may have no end, and no verdict follows."""

WAITING_STEPS = 1_000
"""Steps after which a run is taken for one that polls, if there is another method that can deal with it."""

Node = list[Any]
"""A branch of a wakeup tree: ``[tid, code, branches after it]``."""


class OptimalDPOR:
    """Explores ``scenario``. ``runs()`` yields every class once; ``redundant`` counts runs cut short: always 0."""

    covers = "classes"
    states = None
    leaves_out = ""
    stands = ""

    def __init__(self, scenario: Scenario, limit_steps: int = LIMIT_STEPS) -> None:
        self.scenario = scenario
        self.limit_steps = limit_steps
        self.registry = Registry()
        self.redundant = 0
        self.too_long = False
        self.E = Execution(self.registry)
        self.watch = Watch(self.E) if scenario.visible is not None else None
        self.reversals: list[Reversal] = []  # of E, in the order of their second events
        self.sleep: list[dict[int, int]] = [{}]
        self.wut: list[list[Node]] = [[]]
        self.done: list[int] = [0]  # branches explored at each state of E

    def runs(self) -> Iterator[Run]:
        """Every maximal execution, one per class. Between two of them the caller may stop."""
        try:
            yield from self._runs()
        finally:
            take_apart(self.wut)

    def _runs(self) -> Iterator[Run]:
        branch = 0  # the state from which the run differs from the one before
        while not self.too_long:
            with closing(World(self.scenario, self.registry)) as world:
                with world.running():
                    world.start()
                    self._replay(world, branch)
                    if self.watch is not None and world.guard is not None:
                        self.watch.begin(branch, world.guard.taken())
                    races = self._extend(world)
                    if self.too_long:
                        break  # no verdict follows from it, so neither do other runs
                    complete = not world.able()
                    if complete:
                        races = races + self.E.blocked(world)
                    for e, i, tid, code in races:
                        self._reverse(e, i, tid, code)
                if complete:
                    names = {task.tid: task.name for task in world.tasks}
                    thread = [names[t] for t in self.E.tid]
                    E = self.E
                    yield Run(world, thread, E.possible(world.judge()), E.past, E.code, E.before, E.about)
            branch = self._backtrack()
            if branch < 0:
                break

    def _replay(self, world: World, branch: int) -> None:
        """Bring ``world`` to the state E[:branch], whose analysis is kept from earlier runs."""
        by_tid, step = world.by_tid, world.step
        for tid, code in zip(self.E.tid[:branch], self.E.code, strict=False):
            task = by_tid.get(tid)
            if task is None or (task.code != code and world.pending(task) != code):
                raise diverged(world, tid, code)
            step(task)

    def _extend(self, world: World) -> list[Reversal]:
        """Run to the end: along the wakeup tree while there is one, then freely. Returns all races of the run: an old
        one has a new notdep(e, E), and that of an earlier run need not cover it.
        """
        races = self.reversals = [race for race in self.reversals if race[1] < len(self.E)]
        sleep, wut = self.sleep, self.wut
        task: Task | None = world.by_tid[self.E.tid[-1]] if self.E.tid else None
        while True:
            depth = len(self.E)
            if wut[depth]:
                tid, code, below = wut[depth][0]
                task = world.by_tid.get(tid)
                if task is None or not world.enabled(task) or world.pending(task) != code:
                    raise diverged(world, tid, code)
            else:
                task = self._choose(world, task, sleep[depth])
                if task is None:
                    return races
                code, below = world.pending(task), []
                wut[depth].append([task.tid, code, below])
            assert task is not None
            races += [(e, depth, task.tid, code) for e in self.E.append(world, task, code)]
            world.step(task)
            if self.watch is not None and world.guard is not None:
                self.watch.step(task.tid, world.guard.taken())
            sleep.append({q: c for q, c in sleep[depth].items() if not depends(c, code)})
            wut.append(below)
            self.done.append(0)

    def _choose(self, world: World, current: Task | None, sleep: dict[int, int]) -> Task | None:
        """Who goes on where the wakeup tree says nothing: the current thread if it can, else the first awake one."""
        if len(self.E) >= self.limit_steps:
            self.too_long, self.stands = True, standing(current)
            return None
        if current is not None and current.tid not in sleep and world.enabled(current):
            return current
        asleep = False
        for task in world.tasks:
            if world.enabled(task):
                if task.tid not in sleep:
                    return task
                asleep = True
        self.redundant += asleep
        return None

    def _reverse(self, e: int, i: int, tid: int, code: int) -> None:
        """Make sure that event e' (number i, or still blocked) is also tried before e: insert notdep(e, E).e' into
        wut[e].
        """
        past, codes, tids = self.E.past, self.E.code, self.E.tid
        if kind_of(code) == RECV_END and kind_of(codes[e]) == RECV:
            code += RECV - RECV_END  # before e it finds the item that e took
        w = [f for f in range(e + 1, len(tids)) if not past[f] >> e & 1]
        own = self.E.prev[i] if i < len(tids) else self.E.last.get(tid, -1)
        before = past[own] if own >= 0 else self.E.birth.get(tid, 0)
        for f in w:
            if depends(codes[f], code):
                before |= past[f]
        if kind_of(code) == JOIN:
            before |= self.E.past_of(self.E.about[i])  # whatever comes first, a join comes after its thread's end
        first: dict[int, int] = {}
        inside = 0
        for f in w:
            first.setdefault(tids[f], f)
            inside |= 1 << f

        def initial(q: int, q_code: int) -> bool:
            """Whether q is a weak initial of w.e': its next event comes first in it, or is not in it and commutes with
            all of it.
            """
            f = first.get(q)
            if f is not None:
                return past[f] & inside == 1 << f
            if q == tid and not gone:
                return not before & inside
            return not (not gone and depends(q_code, code)) and not any(depends(q_code, codes[f]) for f in w)

        gone = False  # e' itself was taken off w
        if any(initial(q, c) for q, c in self.sleep[e].items()):
            return
        branches, start = self.wut[e], 1  # the first branch is the one being explored, and begins with e
        while True:
            for branch in branches[start:]:
                q = branch[0]
                if not initial(q, branch[1]):
                    continue
                if q in first:
                    w.remove(first[q])
                    inside &= ~(1 << first.pop(q))
                    nxt = next((f for f in w if tids[f] == q), None)
                    if nxt is not None:
                        first[q] = nxt
                elif q == tid:
                    gone = True
                break
            else:
                break
            if not branch[2]:
                return  # a leaf: what is behind it will be explored freely
            branches, start = branch[2], 0
        tail: list[Node] = [] if gone else [[tid, code, []]]
        for f in reversed(w):
            tail = [[tids[f], codes[f], tail]]
        branches.extend(tail)

    def _backtrack(self) -> int:
        """Leave the states whose wakeup tree is done. Returns the depth of the deepest that is not, or -1."""
        while self.E.tid:
            depth = len(self.E) - 1
            self.sleep.pop()
            self.wut.pop()
            self.done.pop()
            tid, code, _ = self.wut[depth].pop(0)
            self.E.pop()
            self.sleep[depth][tid] = code
            self.done[depth] += 1
            if self.wut[depth]:
                return depth
        return -1

    @property
    def races(self) -> list[Race]:
        return self.E.races()

    @property
    def fraction(self) -> float:
        """An estimate of how much is done, between 0 and 1: every branch known so far counts as equally large."""
        total, weight = 0.0, 1.0
        for done, branches in zip(self.done, self.wut, strict=True):
            known = done + len(branches)
            if known:
                total += weight * done / known
                weight /= known
        return total


def take_apart(trees: list[list[Node]]) -> None:
    """Free wakeup trees, which are as deep as a run is long. To free the root alone would recurse as deep: where the
    interpreter's stack is the browser's, that ends the interpreter.
    """
    for branches in trees:
        todo = [branches]
        while todo:
            below = todo.pop()
            todo.extend(branch[2] for branch in below)
            below.clear()
