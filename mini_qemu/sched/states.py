# SPDX-License-Identifier: GPL-2.0-or-later
"""Visited-state search: every state once, whatever way led to it. For scenarios in which one lock is taken many times.

A state is what decides the future: the values of all shared fields, locks, semaphores and channels, and for each thread
the place and the local variables of every frame of its stack. Sound for findings, which are properties of states; it
says how many states there are, not how many interleavings. Strategy: depth first over schedules, re-executing the
prefix; a state seen before is not entered again.

Left out: a state in which a thread holds something that cannot be looked into (what `pickle` refuses, other than
functions and generators) counts as new, which costs time and never an answer.
"""

from __future__ import annotations

import gc
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from types import CellType, CodeType, FrameType, FunctionType, GeneratorType, MethodType, ModuleType, TracebackType
from typing import Any

from .callbacks import code_of
from .dpor import LIMIT_STEPS
from .graph import StateGraph
from .ordinary.guard import Box, Guard, Together
from .ordinary.names import Names
from .ordinary.rewriting import ORDINARY_HELPERS
from .primitives import Primitive
from .repeat import movable, standing
from .result import Race
from .run import Run, first_of
from .scenario import Scenario
from .shared import Shared
from .world import Registry, Task, World

LIMIT_STATES = 2_000_000


class VisitedStates:
    """Visits every state of ``scenario``; ``seen`` are those visited, ``too_long`` says that they, or the steps of one
    run, exceed the limit.
    """

    covers = "states"
    races: tuple[Race, ...] = ()
    leaves_out = ""
    stands = ""
    fraction = 0.0

    def __init__(self, scenario: Scenario, limit_states: int = LIMIT_STATES, limit_steps: int = LIMIT_STEPS) -> None:
        self.scenario = scenario
        self.limit_states = limit_states
        self.limit_steps = limit_steps
        self.registry = Registry()
        self.seen: dict[Any, int] = {}  # fingerprint -> number in the graph
        self.graph = StateGraph()
        self.together = Together()
        self.too_long = False
        self.path: list[int] = []  # who moved
        self.left: list[list[int]] = []  # who is still to be tried there
        self.trail: list[int] = []  # the states on the path
        self.round: list[int] = []  # the threads of a livelock, if there is one
        self.around: list[int] = []  # the states in which they go round
        self._last = 0  # the state that a run ended in

    @property
    def states(self) -> int:
        return len(self.seen)

    def runs(self) -> Iterator[Run | None]:
        """The executions made: a run for each that came to an end, None for one that met a state seen before; at last,
        a run to each failure that has no end.
        """
        path, left, trail = self.path, self.left, self.trail
        ended: set[tuple[str, str]] = set()
        while not self.too_long:
            with closing(World(self.scenario, self.registry)) as world:
                self._go(world, path)
                with world.running():
                    complete = self._descend(world, Fingerprint(world))
                run = (
                    Run(world, [world.by_tid[tid].name for tid in path], first_of(world.judge())) if complete else None
                )
                if run is not None:
                    for finding in run.findings:
                        self.graph.note((finding.kind, finding.message), self._last)
                        ended.add((finding.kind, finding.message))
                yield run
            while left and not left[-1]:
                for stack in (left, path, trail):
                    stack.pop()
            if not left:
                break
            path[-1] = left[-1].pop(0)
        if not self.too_long:
            yield from self._endless(ended)

    def _go(self, world: World, path: list[int]) -> None:
        """Start ``world`` and let the threads of ``path`` move."""
        with world.running():
            world.start()
            for tid in path:
                self.together.step(world)
                world.step(movable(world, tid))

    def _descend(self, world: World, fingerprint: Fingerprint) -> bool:
        """Go on from the last step until a state is known or nobody can move; says whether it is a new end."""
        while True:
            self.together.step(world)
            state = fingerprint.of()
            known = self.seen.get(state)
            number = self.graph.add() if known is None else known
            if self.trail:
                self.graph.edges[self.trail[-1]][self.path[-1]] = number
            if known is not None:
                return False
            self.seen[state] = number
            for finding in world.findings[:1]:  # after a crash there is no process left to fail
                self.graph.note((finding.kind, finding.message), number)
            can_move = world.able()
            able = [task.tid for task in can_move]
            if not able or world.over(can_move):  # what a daemon could do now, it can do earlier, too
                self._last = number
                self.graph.ends.append(number)
                return True
            if len(self.path) >= self.limit_steps or len(self.seen) > self.limit_states:
                self.stands = standing(world.by_tid[self.path[-1]]) if self.path else ""
                self.too_long = True  # a counter that grows for ever has no last state
                return False
            self.trail.append(number)
            self.path.append(able[0])
            self.left.append(able[1:])
            world.step(world.by_tid[able[0]])

    def _endless(self, ended: set[tuple[str, str]]) -> Iterator[Run]:
        """A run to every failure after which no end comes: a crash while others go round for ever, a livelock."""
        graph = self.graph
        for finding, states in list(graph.failing.items()):
            if finding not in ended:
                yield self._run_to(states)
        hopeless = graph.hopeless()
        if hopeless:
            self.round, self.around = graph.going_round(hopeless)
            run = self._run_to(hopeless, self.round)
            graph.failing["livelock", run.findings[0].message] = list(hopeless)
            yield run

    def _run_to(self, states: Collection[int], round_: Sequence[int] = ()) -> Run:
        """The shortest run to one of ``states``. ``round_``: the threads that from there go round for ever; each of
        them takes one more step, to show where.
        """
        path = self.graph.shortest(states)
        assert path is not None
        with closing(World(self.scenario, self.registry)) as world:
            self._go(world, path)
            if round_:
                if any(tid not in world.by_tid for tid in round_):  # not started yet where all hope is lost
                    return self._run_to(self.around, round_)
                tasks = [world.by_tid[tid] for tid in round_]
                with world.running():
                    for task in filter(world.enabled, tasks):
                        world.step(task)
                        path.append(task.tid)
                names = " and ".join(task.name for task in tasks)
                world.crash(tasks[0], "livelock", f"{names} can go round for ever: no end can be reached any more")
            return Run(world, [world.by_tid[tid].name for tid in path], first_of(world.findings))

    def simplest(self, kind: str, message: str | None) -> Run | None:
        """The run with the fewest preemptions, then the fewest steps, that ends in such a failure: any of the kind, if
        no message is given. Visits all states first.
        """
        if not self.seen:
            for _ in self.runs():
                pass
        failing = self.graph.failing.items()
        goals = [s for (k, m), states in failing for s in states if k == kind and message in (None, m)]
        return self._run_to(goals, self.round if kind == "livelock" and self.round else ()) if goals else None


class Fingerprint:
    """Values that are equal for two states of a run only if they have the same future.

    Shared objects and locks are named by their keys and described once; what a thread's frames hold is described anew
    only when the thread has moved, unless it holds something that could have been changed under it.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.threads: dict[int, tuple[int, Any]] = {}  # thread -> (steps made, description of its frames)
        self.seen: dict[int, tuple[int, Any]] = {}  # id -> (number, the value itself: its id must not be used again)
        self.mutable = False

    def of(self) -> Any:
        """The fingerprint of the world as it is now."""
        world = self.world
        self.seen = {}
        threads = tuple([self._thread(task) for task in world.tasks])
        objects = tuple([self._object(obj) for obj in sorted(world.objects, key=lambda obj: vars(obj)["_key"])])
        findings = tuple((f.kind, f.message, f.thread) for f in world.findings)
        rest = [self._value(value) for value in world.scenario.outliving()]
        return threads, objects, self._value(world.state), tuple(rest), findings

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
            frames.append(self._frame(gen))
            gen = gen.gi_yieldfrom
        described = task.name, tuple(frames), tuple([self._value(v) for v in task.op])
        if not self.mutable:
            self.threads[task.tid] = task.steps, described
        return described

    def _frame(self, gen: Any) -> Any:
        """Where a suspended generator stands and what it holds: its variables and its half-finished expressions.

        In ``s.a + s.b`` the value of ``s.a`` is in no variable while ``s.b`` is read; the collector sees it all the
        same.
        """
        frame, code = gen.gi_frame, gen.gi_code
        if frame is None:
            return "ended"
        variables = frame.f_locals
        held = [(n, self._value(v)) for n, v in variables.items() if n not in _OURS]
        told = [id(variables), id(frame.f_globals), id(frame.f_builtins), *map(id, variables.values())]
        for value in gc.get_referents(gen):
            if id(value) in told:
                told.remove(id(value))  # once: an equal number may also stand in an expression
            elif not (isinstance(value, _MACHINERY) or value is gen.gi_yieldfrom or _runs(value, code)):
                held.append(("", self._value(value)))
        return _number(code), frame.f_lasti, tuple(held)

    def _object(self, obj: Any) -> Any:
        """An object that has a key, with all that is in it."""
        plain = vars(obj)
        inside: Any
        if isinstance(obj, Primitive):
            inside = tuple([self._value(v) for v in obj.contents()])
        else:
            inside = tuple([(n, self._value(v)) for n, v in obj._v.items()])
            if len(plain) > 2:
                inside += tuple([(n, self._value(v)) for n, v in plain.items() if n not in ("_v", "_key")])
        return plain["_key"], type(obj), inside

    def _value(self, value: Any) -> Any:
        """A hashable stand-in for ``value``, equal only to those of values that behave alike."""
        kind = type(value)
        if kind in _PLAIN:
            return value
        if kind in _NUMBERS:
            return kind, repr(value)  # True is not 1, -0.0 is not 0.0
        if isinstance(value, Shared | Primitive):
            return _KEY, vars(value)["_key"]
        if kind is tuple:
            return kind, tuple([self._value(v) for v in value])
        if isinstance(value, ModuleType) or (isinstance(value, type) and "<locals>" not in value.__qualname__):
            return value  # what a class of the module keeps is part of `outliving`
        if kind is FunctionType and not (value.__closure__ or value.__defaults__ or value.__kwdefaults__):
            return kind, _number(code_of(value))
        if kind in (Guard, Names, World):
            return kind
        if kind is Box:
            return kind, value._key
        known = self.seen.get(id(value))
        if known is not None:
            return "again", known[0]
        guard = self.world.guard
        stands = guard and (guard.twins.get(id(value)) or guard.lives.get(id(value)))
        if stands:
            return self._value(stands[1])
        self.seen[id(value)] = len(self.seen), value
        self.mutable = True
        return self._value(kind) if "<locals>" in kind.__qualname__ else kind, self._contents(value)

    def _contents(self, value: Any) -> Any:
        """A changeable value by what is in it; one whose contents are unknown is equal to nothing."""
        if type(value) is list:
            return tuple([self._value(v) for v in value])
        if type(value) is dict:
            return tuple([(self._value(k), self._value(v)) for k, v in value.items()])
        if isinstance(value, type):
            inside = {name: v for name, v in vars(value).items() if name not in _OF_A_CLASS}
            return value.__qualname__, self._value(inside)
        if isinstance(value, GeneratorType):
            return self._frame(value)
        if isinstance(value, FunctionType):
            return _number(code_of(value)), self._value([value.__defaults__, value.__kwdefaults__, _closure(value)])
        if isinstance(value, MethodType):
            return self._value(value.__func__), self._value(value.__self__)
        if isinstance(value, TracebackType):
            return None
        try:
            parts = value.__reduce_ex__(2)  # what a copy would be made of
        except Exception:
            return object()
        if isinstance(parts, str):
            return parts
        rebuilt, items = parts[:3], [list(part) for part in parts[3:5] if part is not None]
        return self._value(rebuilt), self._value(items)


def _closure(f: FunctionType) -> dict[str, Any]:
    """The variables of enclosing functions that ``f`` uses."""
    found = {}
    for name, cell in zip(code_of(f).co_freevars, f.__closure__ or (), strict=True):
        if name not in _OURS:
            try:
                found[name] = cell.cell_contents
            except ValueError:  # not assigned yet
                continue
    return found


def _runs(value: Any, code: CodeType) -> bool:
    return isinstance(value, FunctionType) and value.__code__ is code


def _number(code: CodeType) -> int:
    """A number for ``code``: comparing code objects themselves takes long."""
    _KEPT[id(code)] = code
    return id(code)


_KEPT: dict[int, CodeType] = {}
"""So that no other code gets the number of one that is gone."""
_KEY = "key of"
_PLAIN = {type(None), int, str, bytes}
_NUMBERS = {bool, float, complex}
_OURS = {"_sched_made", "_sched_turns", *ORDINARY_HELPERS}
_OF_A_CLASS = {"__dict__", "__weakref__", "__module__", "__doc__", "__annotations__"}
_MACHINERY = (FrameType, CodeType, CellType)
