# SPDX-License-Identifier: GPL-2.0-or-later
"""Optimal dynamic partial order reduction: one run for every class of equivalent interleavings, no run twice.

After Abdulla, Aronis, Jonsson, Sagonas, "Optimal dynamic partial order reduction" (POPL 2014; "Source sets", J. ACM
2017), whose names are kept: E is the current execution, ``sleep[d]`` and ``wut[d]`` the sleep set and the wakeup tree
at the state before its d-th event.

Strategy: `execution.py` knows what happens before what, `reversal.py` how a race is turned round; here is the search
alone. Nothing is recursive over the length of a run. A run re-executes the prefix up to the deepest state with an
unexplored branch. Only from there on it looks for new races, but it reverses every race of the run again, since what
follows the race is new.

Left out: the paper's optimisation for operations that commute by value. Two writes of the same value conflict.
"""

from __future__ import annotations

from collections.abc import Iterator

from .execution import Execution
from .ops import ANOTHER_OBJECT, CAS, CAS_FAILED, depends, kind_of
from .ordinary.guard import Watch
from .repeat import diverged, standing
from .result import Race
from .reversal import Node, Reversals
from .run import Run
from .scenario import Scenario
from .world import Registry, Task, World

LIMIT_STEPS = 10_000
"""Steps after which a run is given up: the scenario may have no end, and no verdict follows."""

WAITING_STEPS = 1_000
"""Steps after which a run is taken for one that polls, if there is another method that can deal with it."""


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
        self.sleep: list[dict[int, int]] = [{}]
        self.wut: list[list[Node]] = [[]]
        self.reversals = Reversals(self.E, self.sleep, self.wut)
        self.done: list[int] = [0]  # branches explored at each state of E

    def runs(self) -> Iterator[Run]:
        """Every maximal execution, one per class. Between two of them the caller may stop."""
        try:
            yield from self._runs()
        finally:
            take_apart(self.wut)

    def _runs(self) -> Iterator[Run]:
        branch = 0  # the state from which the run differs from the one before
        while branch >= 0:
            world = World(self.scenario, self.registry)
            try:
                with world.running():
                    complete = self._execute(world, branch)
                if self.too_long:
                    break  # no verdict follows from it, so neither do other runs
                if complete:
                    names, E = list(self.registry.tids), self.E
                    thread = [names[tid] for tid in E.tid]
                    yield Run(world, thread, E.possible(world.judge()), E.past, E.code, E.before, E.about)
            finally:
                world.close()
            branch = self._backtrack()

    def _execute(self, world: World, branch: int) -> bool:
        """Run as before up to state ``branch``, then on; reverse the races. Says whether the run came to its end."""
        world.start()
        self._replay(world, branch)
        if self.watch is not None and world.guard is not None:
            self.watch.begin(branch, world.guard.taken())
        complete = self._extend(world)
        if not self.too_long:
            self.reversals.take(self.E.blocked(world) if complete else [])
        return complete

    def _replay(self, world: World, branch: int) -> None:
        """Bring ``world`` to the state E[:branch], whose analysis is kept from earlier runs."""
        by_tid, step = world.by_tid, world.step
        for tid, code in zip(self.E.tid[:branch], self.E.code, strict=False):
            task = by_tid.get(tid)
            if task is None or (task.code != code and world.pending(task) != code):
                raise diverged(world, tid, code)
            step(task)

    def _extend(self, world: World) -> bool:
        """Run on: along the wakeup tree while there is one, then freely, until nobody can move (true) or only threads
        that sleep (false).
        """
        E, sleep, wut = self.E, self.sleep, self.wut
        depth = len(E)
        races = self.reversals.races
        task: Task | None = world.by_tid[E.tid[-1]] if depth else None
        redundant = self.redundant
        while True:
            if wut[depth]:
                branch = wut[depth][0]
                tid, code, below = branch
                task = world.by_tid.get(tid)
                if task is None or not world.enabled(task):
                    raise diverged(world, tid, code)
                if world.pending(task) != code:
                    if (kind_of(code), kind_of(world.pending(task))) != (CAS, CAS_FAILED):
                        raise diverged(world, tid, code)
                    code = branch[1] = world.pending(task)  # `Execution.code_before` could not know that it fails
            else:
                task = self._choose(world, task, depth)
                if task is None:
                    return self.redundant == redundant
                tid, code, below = task.tid, world.pending(task), []
                wut[depth].append([tid, code, below])
            for e in E.append(world, task, code):
                races.append((e, depth, tid, code))
            world.step(task)
            if self.watch is not None and world.guard is not None:
                self.watch.step(tid, world.guard.taken())
            asleep = sleep[depth]
            sleep.append({q: c for q, c in asleep.items() if c ^ code >= ANOTHER_OBJECT or not depends(c, code)})
            wut.append(below)
            self.done.append(0)
            depth += 1

    def _choose(self, world: World, current: Task | None, depth: int) -> Task | None:
        """Who goes on where the wakeup tree says nothing: the current thread if it can, else the first awake one."""
        if depth >= self.limit_steps:
            self.too_long, self.stands = True, standing(current)
            return None
        sleep = self.sleep[depth]
        if current is not None and current.tid not in sleep and world.enabled(current):
            return current
        asleep = False
        for task in world.able():
            if task.tid not in sleep:
                return task
            asleep = True
        self.redundant += asleep
        return None

    def _backtrack(self) -> int:
        """Leave the states whose wakeup tree is done. Returns the depth of the deepest that is not, or -1."""
        depth = len(self.E) - 1
        while depth >= 0 and len(self.wut[depth]) == 1:
            depth -= 1
        kept = max(depth, 0)
        self.E.truncate(kept)
        self.reversals.truncate(kept)
        for per_state in (self.sleep, self.wut, self.done):
            del per_state[kept + 1 :]
        if self.wut[kept]:
            tid, code, _ = self.wut[kept].pop(0)
            self.sleep[kept][tid] = code
            self.done[kept] += 1
        return depth

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
