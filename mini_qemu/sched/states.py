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
from collections import deque
from collections.abc import Iterator
from contextlib import closing
from types import BuiltinFunctionType, CellType, CodeType, FrameType, FunctionType, GeneratorType, MethodType
from typing import Any

from .rewrite import HELPERS
from .run import Run, first_of
from .scenario import Scenario
from .shared import Channel, Freed, Mutex, Semaphore, Shared, _Primitive
from .world import Registry, Task, World

LIMIT_STATES = 2_000_000


class VisitedStates:
    """Visits every state of ``scenario``; ``seen`` are those visited, ``too_long`` says that they exceed the limit."""

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
                    ended = self._descend(world, Fingerprint(world))
                names = [world.by_tid[tid].name for tid in path]
                yield Run(world, names, first_of(world.judge())) if ended else None
            while left and not left[-1]:
                for stack in (left, path, trail):
                    stack.pop()
            if not left:
                return
            path[-1] = left[-1].pop(0)
            self.too_long = len(self.seen) > self.limit_states

    def _descend(self, world: World, fingerprint: Fingerprint) -> bool:
        """Go on from the last step until a state is known or nobody can move; says whether it is a new end."""
        while True:
            state = fingerprint.of()
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


class Fingerprint:
    """Values that are equal for two states of a run only if they have the same future.

    Shared objects and locks are named by their keys and described once; what a thread's frames hold is described anew
    only when the thread has moved, unless it holds something that could have been changed under it.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.threads: dict[int, tuple[int, Any]] = {}  # thread -> (steps made, description of its frames)
        self.mutable = False

    def of(self) -> Any:
        """The fingerprint of the world as it is now."""
        world = self.world
        threads = tuple([self._thread(task) for task in world.tasks])
        objects = tuple([self._object(obj) for obj in world.objects])
        findings = tuple((f.kind, f.message, f.thread) for f in world.findings)
        return threads, objects, self._value(world.state, {}), findings

    def _thread(self, task: Task) -> Any:
        if task.status:
            return task.name, task.status
        known = self.threads.get(task.tid)
        if known is not None and known[0] == task.steps:
            return known[1]
        self.mutable = False
        frames = []
        gen = task.gen
        while gen is not None and getattr(gen, "gi_frame", None) is not None:
            frames.append((gen.gi_code.co_qualname, gen.gi_frame.f_lasti, *self._held(gen)))
            gen = gen.gi_yieldfrom
        described = task.name, tuple(frames), tuple([self._value(v, {}) for v in task.op])
        if not self.mutable:
            self.threads[task.tid] = task.steps, described
        return described

    def _held(self, gen: Any) -> list[Any]:
        """What a suspended frame holds: its variables and its half-finished expressions.

        In ``s.a + s.b`` the value of ``s.a`` is in no variable while ``s.b`` is read; the collector sees it all the
        same.
        """
        frame = gen.gi_frame
        variables = frame.f_locals
        held = [(n, self._value(v, {})) for n, v in variables.items() if n not in _OURS]
        told = [id(variables), id(frame.f_globals), id(frame.f_builtins), *map(id, variables.values())]
        for value in gc.get_referents(gen):
            if id(value) in told:
                told.remove(id(value))  # once: an equal number may also stand in an expression
            elif not isinstance(value, _MACHINERY):
                held.append(("", self._value(value, {})))
        return held

    def _object(self, obj: Any) -> Any:
        seen: dict[int, int] = {}
        if isinstance(obj, Freed):
            return "freed"
        if isinstance(obj, Shared):
            fields = tuple([self._value(v, seen) for v in obj._v.values()])
            plain = vars(obj)
            if len(plain) == 2:
                return fields
            return fields, tuple([(n, self._value(v, seen)) for n, v in plain.items() if n not in ("_v", "_key")])
        if isinstance(obj, Mutex):
            return obj._owner.name if obj._owner else None
        if isinstance(obj, Semaphore):
            return obj._count
        if isinstance(obj, Channel):
            return obj._closed, tuple([self._value(v, seen) for v in obj._queue])
        return obj.name, obj.settled

    def _value(self, value: Any, seen: dict[int, int]) -> Any:
        """A hashable stand-in for ``value``. ``seen`` numbers the containers on the way, so that sharing shows."""
        if value is None or isinstance(value, str | bytes | int | float):
            return value
        if isinstance(value, Shared | _Primitive):
            return _KEY, vars(value)["_key"]
        if isinstance(value, tuple):
            return tuple([self._value(v, seen) for v in value])
        if isinstance(value, type | FunctionType | MethodType | BuiltinFunctionType):
            return getattr(value, "__qualname__", "")
        if id(value) in seen:
            return "again", seen[id(value)]
        seen[id(value)] = len(seen)
        self.mutable = True
        if isinstance(value, list):
            return "list", tuple([self._value(v, seen) for v in value])
        return self._contents(value, seen)

    def _contents(self, value: Any, seen: dict[int, int]) -> Any:
        """A changeable value by what is in it; one whose contents are unknown is equal to nothing but itself."""
        if isinstance(value, dict):
            return "dict", tuple([(self._value(k, seen), self._value(v, seen)) for k, v in value.items()])
        if isinstance(value, set | frozenset | deque):
            return type(value).__name__, tuple(sorted(map(repr, value)) if isinstance(value, set) else map(repr, value))
        if hasattr(value, "__next__") and hasattr(value, "__reduce__"):
            return "iterator", self._value(value.__reduce__(), seen)
        if hasattr(value, "__dict__"):
            return type(value).__qualname__, tuple([(n, self._value(v, seen)) for n, v in vars(value).items()])
        if isinstance(value, range | slice | complex | bytearray):
            return repr(value)
        return object()


_KEY = "key of"
_OURS = {"_sched_made", "_sched_turns", *HELPERS}
_MACHINERY = (FrameType, CodeType, FunctionType, GeneratorType, CellType)
