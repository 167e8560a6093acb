"""Visited-state search: every state once, whatever way led to it. For scenarios in which one lock is taken many times.

A state is what decides the future: the values of all shared fields, locks, semaphores and channels, and for each thread
the place and the local variables of every frame of its stack. Sound for findings, which are properties of states; it
says how many states there are, not how many interleavings. Strategy: depth first over schedules, re-executing the
prefix; a state seen before is not entered again.

Left out: states whose local variables cannot be compared (an unhashable value without a plain structure) count as new,
which costs time and never an answer.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import closing
from types import CellType, CodeType, FrameType, FunctionType, GeneratorType
from typing import Any

from .dpor import Run, first_of
from .scenario import Scenario
from .shared import FIELDS, Channel, Freed, Handle, Mutex, Semaphore, Shared
from .world import Registry, World

_DEPTH = 6
LIMIT_STATES = 2_000_000


class VisitedStates:
    """Visits every state of ``scenario``; ``seen`` are those visited, ``too_long`` is set when they exceed the limit.
    """

    fraction = 0.0

    def __init__(self, scenario: Scenario, limit_states: int = LIMIT_STATES) -> None:
        self.scenario = scenario
        self.limit_states = limit_states
        self.seen: set[Any] = set()
        self.too_long = False
        self.path: list[int] = []  # who moved
        self.left: list[list[int]] = []  # who is still to be tried there
        self.trail: list[tuple[Any, frozenset[int]]] = []  # the states on the path, and who could move in them

    def runs(self) -> Iterator[Run | None]:
        """The executions made: a run for each that came to an end, None for one that met a state seen before."""
        registry = Registry()
        path, left, trail = self.path, self.left, self.trail
        while not self.too_long:
            with closing(World(self.scenario, registry)) as world:
                with world.running():
                    world.start()
                    for tid in path:
                        world.step(world.by_tid[tid])
                    ended = self._descend(world)
                names = [world.by_tid[tid].name for tid in path]
                yield Run(world, names, first_of(world.judge())) if ended else None
            while left and not left[-1]:
                for stack in (left, path, trail):
                    stack.pop()
            if not left:
                return
            path[-1] = left[-1].pop(0)
            self.too_long = len(self.seen) > self.limit_states

    def _descend(self, world: World) -> bool:
        """Go on from the last step until a state is known or nobody can move; says whether it is a new end."""
        while True:
            state = fingerprint(world)
            if state in self.seen:
                return _livelock(world, state, self.path, self.trail)
            self.seen.add(state)
            able = [task.tid for task in world.tasks if world.enabled(task)]
            if not able:
                return True
            self.trail.append((state, frozenset(able)))
            self.path.append(able[0])
            self.left.append(able[1:])
            world.step(world.by_tid[able[0]])


def _livelock(world: World, state: Any, path: list[int], trail: list[tuple[Any, frozenset[int]]]) -> bool:
    """Whether the path has come back to one of its own states with every thread moving that could move all the time."""
    start = next((i for i, (known, _) in enumerate(trail) if known == state), None)
    if start is None:
        return False
    moved = set(path[start:])
    always = frozenset.intersection(*(able for _, able in trail[start:]))
    if always - moved:
        return False  # unfair: somebody else would have had a turn
    names = " and ".join(world.by_tid[tid].name for tid in sorted(moved))
    round_ = len(path) - start
    task = world.by_tid[path[-1]]
    world.crash(task, "livelock", f"{names} can go round for ever: the state after {round_} steps is the same again")
    return True


def fingerprint(world: World) -> Any:
    """A value that is equal for two states only if they have the same future."""
    snapshot = _Snapshot()
    threads = []
    for task in world.tasks:
        frames = []
        gen = task.gen if not task.status else None
        while gen is not None and getattr(gen, "gi_frame", None) is not None:
            frame = gen.gi_frame
            names = {n: v for n, v in frame.f_locals.items() if n not in ("_sched_made", "_sched_turns")}
            values = tuple((n, snapshot.of(v)) for n, v in names.items())
            frames.append(
                (frame.f_code.co_qualname, frame.f_lasti, values, tuple(snapshot.of(v) for v in _stack(gen, frame)))
            )
            gen = gen.gi_yieldfrom
        operands = tuple(snapshot.of(v) for v in task.op[1:]) if not task.status else ()
        threads.append((task.name, task.status, tuple(frames), operands))
    handles = tuple((h.name, h.settled) for h in world.handles)
    findings = tuple((f.kind, f.message, f.thread) for f in world.findings)
    return tuple(threads), handles, snapshot.of(world.state), findings


def _stack(gen: Any, frame: Any) -> list[Any]:
    """The half-finished expressions of a suspended frame: in ``s.a + s.b`` the value of ``s.a`` is nowhere else while
    ``s.b`` is read.
    """
    bound = [id(v) for v in frame.f_locals.values()]
    out = []
    for value in gc.get_referents(gen):
        if id(value) in bound:
            bound.remove(id(value))
        elif not isinstance(value, FrameType | CodeType | FunctionType | GeneratorType | CellType) and not isinstance(
            value, dict
        ):
            out.append(value)
    return out


class _Snapshot:
    """Turns values into hashable ones. An object seen before in the same state is named by its number, so that sharing
    is part of it.
    """

    def __init__(self) -> None:
        self.numbers: dict[int, int] = {}
        self.kept: list[Any] = []

    def of(self, value: Any, depth: int = _DEPTH) -> Any:
        if value is None or isinstance(value, str | bytes | int | float):
            return value
        if id(value) in self.numbers:
            return ("again", self.numbers[id(value)])
        if isinstance(value, type) or (callable(value) and not isinstance(value, Shared)):
            return getattr(value, "__qualname__", repr(type(value)))
        if isinstance(value, tuple):
            return tuple(self.of(v, depth - 1) for v in value) if depth else object()
        self.numbers[id(value)] = len(self.numbers)
        self.kept.append(value)
        if not depth:
            return object()  # too deep to compare: equal to nothing, so the state counts as new
        if isinstance(value, Freed):
            return ("freed", vars(value)["_key"])
        if isinstance(value, Shared):
            fields = tuple((n, self.of(value._v.get(n), depth - 1)) for n in FIELDS[type(value)])
            plain = tuple((n, self.of(v, depth - 1)) for n, v in vars(value).items() if not n.startswith("_"))
            return (type(value).__name__, fields, plain)
        if isinstance(value, Mutex):
            return ("mutex", value._owner.name if value._owner else None)
        if isinstance(value, Semaphore):
            return ("semaphore", value._count)
        if isinstance(value, Channel):
            return ("channel", value._closed, tuple(self.of(v, depth - 1) for v in value._queue))
        if isinstance(value, Handle):
            return ("handle", value.name, value.settled)
        if isinstance(value, list):
            return ("list", *(self.of(v, depth - 1) for v in value))
        if isinstance(value, dict):
            return ("dict", *((self.of(k, depth - 1), self.of(v, depth - 1)) for k, v in value.items()))
        if hasattr(value, "__next__") and hasattr(value, "__reduce__"):
            return ("iterator", *(self.of(v, depth - 1) for v in value.__reduce__()))
        if isinstance(value, set | frozenset):
            return ("set", *sorted(map(repr, value)))
        if hasattr(value, "__dict__"):
            return (type(value).__qualname__, *((n, self.of(v, depth - 1)) for n, v in vars(value).items()))
        return (type(value).__qualname__, repr(value))
