# SPDX-License-Identifier: GPL-2.0-or-later
"""Who goes next: strategies of two methods each, and the loop that runs them.

    new_run()                     -> bool     False: nothing is left to try
    choose(world, able, current)  -> Task     one of ``able``, the threads that can move

Depth-first search with sleep sets, preemption bounding (Musuvathi and Qadeer, PLDI 2007), probabilistic concurrency
testing (PCT; Burckhardt, Kothari, Musuvathi, Nagarakatte, ASPLOS 2010) and plain random choice. Only the first tries
everything. Replays and the learner's own choices drive a `trace.Recorder` instead, which stops to look after every
step.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import closing
from typing import Protocol

from .dpor import LIMIT_STEPS
from .ops import depends
from .repeat import movable
from .run import Run, first_of
from .scenario import Scenario
from .world import Registry, Task, World


class Strategy(Protocol):
    """Decides at every step. ``choose`` may return None to give the run up (it would only repeat another)."""

    def new_run(self) -> bool: ...

    def choose(self, world: World, able: list[Task], current: Task | None) -> Task | None: ...


class Sampler:
    """The runs that ``strategy`` decides. ``too_long`` is set by a run of more than ``limit_steps`` steps, and ends
    them.
    """

    fraction = 0.0

    def __init__(self, scenario: Scenario, strategy: Strategy, limit_steps: int = LIMIT_STEPS) -> None:
        self.scenario = scenario
        self.strategy = strategy
        self.limit_steps = limit_steps
        self.too_long = False

    def runs(self) -> Iterator[Run | None]:
        """The executions made: a run for each that came to an end, None for one that the strategy gave up."""
        registry = Registry()
        while not self.too_long and self.strategy.new_run():
            with closing(World(self.scenario, registry)) as world:
                with world.running():
                    world.start()
                    thread, ended = self._decide(world)
                if not self.too_long:
                    yield Run(world, thread, first_of(world.judge())) if ended else None

    def _decide(self, world: World) -> tuple[list[str], bool]:
        """Who moved, and whether nobody can any more."""
        thread: list[str] = []
        task: Task | None = None
        choose, step = self.strategy.choose, world.step
        while able := world.able():
            if len(thread) >= self.limit_steps:
                self.too_long = True
                return thread, False
            task = choose(world, able, task)
            if task is None:
                return thread, False
            thread.append(task.name)
            step(task)
        return thread, True


class Random:
    """Every thread that can move is as likely as the others, at every step."""

    def __init__(self, seed: int = 0) -> None:
        self.rng = random.Random(seed)

    def new_run(self) -> bool:
        return True

    def choose(self, world: World, able: list[Task], current: Task | None) -> Task | None:
        return able[int(self.rng.random() * len(able))]  # rng.choice takes as long as the step


class PCT:
    """Random priorities, lowered at ``depth - 1`` random moments: finds a bug of that depth with probability >= 1 / (n
    * k**(depth-1)).

    n is the number of threads, k the number of steps; k is estimated by the longest run so far.
    """

    def __init__(self, seed: int = 0, depth: int = 3) -> None:
        self.rng = random.Random(seed)
        self.depth = depth
        self.longest = 20
        self.step = 0

    def new_run(self) -> bool:
        self.longest = max(self.longest, self.step)
        self.step = 0
        self.priority: dict[str, float] = {}
        self.lower_at = [self.rng.randrange(1, self.longest + 1) for _ in range(self.depth - 1)]
        return True

    def choose(self, world: World, able: list[Task], current: Task | None) -> Task | None:
        priority = self.priority
        for task in able:
            if task.name not in priority:
                priority[task.name] = self.depth + self.rng.random()
        self.step += 1
        best = max(able, key=lambda t: priority[t.name])
        for i, moment in enumerate(self.lower_at):
            if moment == self.step:
                priority[best.name] = float(i)
                best = max(able, key=lambda t: priority[t.name])
        return best


class DepthFirst:
    """Every interleaving up to equivalence, depth first, with sleep sets: complete runs == classes, but many runs are
    cut short.
    """

    def __init__(self) -> None:
        self.chosen: list[int] = []
        self.codes: list[int] = []
        self.sleep: list[dict[int, int]] = []
        self.left: list[list[int]] = []
        self.depth = 0
        self.started = False

    def new_run(self) -> bool:
        self.depth = 0
        if not self.started:
            self.started = True
            return True
        while self.chosen:
            self.sleep[-1][self.chosen[-1]] = self.codes[-1]
            if self.left[-1]:
                self.chosen[-1] = -1
                return True
            for stack in (self.chosen, self.codes, self.sleep, self.left):
                stack.pop()
        return False

    def choose(self, world: World, able: list[Task], current: Task | None) -> Task | None:
        d = self.depth
        self.depth += 1
        if d < len(self.chosen) and self.chosen[d] >= 0:
            return movable(world, self.chosen[d])
        if d == len(self.chosen):
            sleep: dict[int, int] = {}
            if d:
                sleep = {
                    q: c
                    for q, c in self.sleep[d - 1].items()
                    if q != self.chosen[d - 1] and not depends(c, self.codes[d - 1])
                }
            order = sorted(able, key=lambda t: t is not current)
            left = [t.tid for t in order if t.tid not in sleep]
            if not left:
                self.depth = d
                return None
            self.chosen.append(-1)
            self.codes.append(0)
            self.sleep.append(sleep)
            self.left.append(left)
        task = world.by_tid[self.left[d].pop(0)]
        self.chosen[d], self.codes[d] = task.tid, world.pending(task)
        return task


class Bounded:
    """Every schedule with at most ``bound`` preemptions, depth first: a preemption takes the turn from a thread that
    could go on.
    """

    def __init__(self, bound: int = 2) -> None:
        self.bound = bound
        self.chosen: list[int] = []
        self.left: list[list[int]] = []
        self.spent: list[int] = []  # preemptions up to and including each step
        self.depth = 0
        self.started = False

    def new_run(self) -> bool:
        self.depth = 0
        if not self.started:
            self.started = True
            return True
        while self.chosen and not self.left[-1]:
            for stack in (self.chosen, self.left, self.spent):
                stack.pop()
        if self.chosen:
            self.chosen[-1] = -1
        return bool(self.chosen)

    def choose(self, world: World, able: list[Task], current: Task | None) -> Task | None:
        d = self.depth
        self.depth += 1
        if d < len(self.chosen) and self.chosen[d] >= 0:
            return movable(world, self.chosen[d])
        spent = self.spent[d - 1] if d else 0
        if d == len(self.chosen):
            stays = current in able and spent >= self.bound
            order = [current] if stays else sorted(able, key=lambda t: t is not current)
            self.chosen.append(-1)
            self.left.append([t.tid for t in order if t is not None])
            self.spent.append(spent)
        task = world.by_tid[self.left[d].pop(0)]
        self.chosen[d] = task.tid
        self.spent[d] = spent + (current in able and task is not current)
        return task
