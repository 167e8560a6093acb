# SPDX-License-Identifier: GPL-2.0-or-later
"""Who goes next: strategies of two methods each, and the loop that runs them.

    new_run()                     -> bool     False: nothing is left to try
    choose(world, able, current)  -> Task     one of ``able``, the threads that can move

A strategy says what its runs cover (``covers``: "classes", or nothing) and what they leave out (``leaves_out``).

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
from .ordinary.guard import Together
from .repeat import movable, standing
from .result import Race
from .run import Run, first_of
from .scenario import Scenario
from .world import Registry, Task, World


class Strategy(Protocol):
    """Decides at every step. ``choose`` may return None to give the run up (it would only repeat another)."""

    @property
    def covers(self) -> str: ...

    @property
    def leaves_out(self) -> str: ...

    def new_run(self) -> bool: ...

    def choose(self, world: World, able: list[Task], current: Task | None) -> Task | None: ...


class Sampler:
    """The runs that ``strategy`` decides. ``too_long`` is set by a run of more than ``limit_steps`` steps, and ends
    them.
    """

    states = None
    stands = ""
    races: tuple[Race, ...] = ()
    fraction = 0.0

    def __init__(self, scenario: Scenario, strategy: Strategy, limit_steps: int = LIMIT_STEPS) -> None:
        self.scenario = scenario
        self.strategy = strategy
        self.limit_steps = limit_steps
        self.too_long = False
        self.covers = strategy.covers
        self.together = Together()
        self.leaves_out = strategy.leaves_out

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
                self.too_long, self.stands = True, standing(task)
                return thread, False
            task = choose(world, able, task)
            if task is None:
                return thread, False
            thread.append(task.name)
            if self.covers:  # what it does not see must be no choice
                self.together.step(world)
            step(task)
        return thread, True


class Random:
    """Every thread that can move is as likely as the others, at every step."""

    covers = ""
    leaves_out = ""

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

    covers = ""
    leaves_out = ""

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


class Branch:
    """A state on the current path of a depth-first search: who is still to be tried there, and who was chosen."""

    __slots__ = ("asleep", "chosen", "code", "left", "spent")

    def __init__(self, left: list[int], asleep: dict[int, int] | None = None, spent: int = 0) -> None:
        self.left = left
        self.asleep = asleep if asleep is not None else {}  # threads that need not be tried here, with their steps
        self.spent = spent  # preemptions up to and including the step made here
        self.chosen = -1  # nobody yet
        self.code = 0


class Backtracking:
    """What depth-first searches share: the branches of the last run, and going back to the deepest unfinished one."""

    def __init__(self) -> None:
        self.path: list[Branch] = []
        self.depth = 0
        self.started = False

    def new_run(self) -> bool:
        self.depth = 0
        if not self.started:
            self.started = True
            return True
        while self.path:
            last = self.path[-1]
            last.asleep[last.chosen] = last.code
            if last.left:
                last.chosen = -1
                return True
            self.path.pop()
        return False


class DepthFirst(Backtracking):
    """Every interleaving up to equivalence, depth first, with sleep sets: complete runs == classes, but many runs are
    cut short.
    """

    covers = "classes"
    leaves_out = ""

    def choose(self, world: World, able: list[Task], current: Task | None) -> Task | None:
        d = self.depth
        if d == len(self.path):
            asleep = self._asleep(self.path[-1]) if d else {}
            order = sorted(able, key=lambda t: t is not current)
            left = [t.tid for t in order if t.tid not in asleep]
            if not left:
                return None
            self.path.append(Branch(left, asleep))
        self.depth += 1
        here = self.path[d]
        if here.chosen >= 0:  # the way to the state in which the last run branches off
            return movable(world, here.chosen)
        task = world.by_tid[here.left.pop(0)]
        here.chosen, here.code = task.tid, world.pending(task)
        return task

    def _asleep(self, before: Branch) -> dict[int, int]:
        """Who still sleeps after the step made at ``before``: the threads that step does not concern."""
        return {q: c for q, c in before.asleep.items() if q != before.chosen and not depends(c, before.code)}


class Bounded(Backtracking):
    """Every schedule with at most ``preemptions``, depth first: a preemption takes the turn from a thread that could
    go on.
    """

    covers = ""

    def __init__(self, preemptions: int = 2) -> None:
        super().__init__()
        self.preemptions = preemptions
        self.leaves_out = f"the bound of {preemptions} preemption{'' if preemptions == 1 else 's'}"

    def choose(self, world: World, able: list[Task], current: Task | None) -> Task | None:
        d = self.depth
        self.depth += 1
        spent = self.path[d - 1].spent if d else 0
        if d == len(self.path):
            stays = current in able and spent >= self.preemptions
            order = [current] if stays else sorted(able, key=lambda t: t is not current)
            self.path.append(Branch([t.tid for t in order if t is not None]))
        here = self.path[d]
        if here.chosen >= 0:
            return movable(world, here.chosen)
        task = world.by_tid[here.left.pop(0)]
        here.chosen = task.tid
        here.spent = spent + (current in able and task is not current)
        return task
