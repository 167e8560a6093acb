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
import time
from collections.abc import Callable
from types import CellType, CodeType, FrameType, FunctionType, GeneratorType
from typing import TYPE_CHECKING, Any

from .dpor import Run, first_of
from .scenario import Scenario
from .shared import FIELDS, Channel, Freed, Handle, Mutex, Semaphore, Shared
from .world import Registry, World

if TYPE_CHECKING:
    from .explore import Result

_DEPTH = 6
LIMIT_STATES = 2_000_000


def explore_states(
    scenario: Scenario,
    limit_runs: int | None = None,
    limit_seconds: float | None = None,
    progress: Callable[[int, int, float], Any] | None = None,
) -> Result:
    """Visit every state of ``scenario``. ``limit_runs`` bounds the executions, which are more than the ends reached."""
    from .explore import Result, note_failure

    result = Result(scenario.name, "states")
    registry = Registry()
    seen: set[Any] = set()
    path: list[int] = []  # who moved
    left: list[list[int]] = []  # who is still to be tried there
    trail: list[tuple[Any, frozenset[int]]] = []  # the states on the path, and who could move in them
    start = time.monotonic()
    executions = 0
    try:
        while True:
            executions += 1
            world = World(scenario, registry)
            with world.running():
                world.start()
                for tid in path:
                    world.step(world.by_tid[tid])
                end = _descend(world, seen, path, left, trail)
            if end:
                run = Run(world, [world.by_tid[t].name for t in path], first_of(world.judge()))
                result.runs += 1
                if run.findings:
                    note_failure(result, scenario, run)
            world.close()
            while left and not left[-1]:
                left.pop()
                path.pop()
                trail.pop()
            if not left:
                break
            path[-1] = left[-1].pop(0)
            if len(seen) > LIMIT_STATES or (limit_runs is not None and executions >= limit_runs):
                result.stopped_by = "limit_runs"
                break
            if executions & 127 == 0:
                if limit_seconds is not None and time.monotonic() - start > limit_seconds:
                    result.stopped_by = "limit_seconds"
                    break
                if progress is not None and progress(executions, result.failing, 0.0):
                    result.stopped_by = "cancel"
                    break
    except KeyboardInterrupt:
        result.stopped_by = "an interrupt"
    result.states = len(seen)
    result.seconds = time.monotonic() - start
    result.verdict = "failed" if result.failing else "incomplete" if result.stopped_by else "proved"
    return result


def _descend(
    world: World, seen: set[Any], path: list[int], left: list[list[int]], trail: list[tuple[Any, frozenset[int]]]
) -> bool:
    """Go on from the last step until a state is known or nobody can move; says whether it is a new end."""
    while True:
        state = fingerprint(world)
        if state in seen:
            return _livelock(world, state, path, trail)
        seen.add(state)
        able = [task.tid for task in world.tasks if world.enabled(task)]
        if not able:
            return True
        trail.append((state, frozenset(able)))
        path.append(able[0])
        left.append(able[1:])
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
