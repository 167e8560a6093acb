# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether a scenario does the same twice. Every count takes that for granted, so it is tried before an exploration and
after it.

Strategy: one run, in which every thread goes on while it can, is made several times and compared step by step: who did
what, with which value, and where. What was left over by an earlier run, or made outside any, is refused on the way.

Left out: a difference that this run does not show. The search itself notices one that changes what its runs do.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from itertools import zip_longest
from typing import Any

from .errors import DivergenceError, ScenarioError
from .ops import AWAIT, CAS_FAILED, FIELD_BITS, OPERATIONS, RECV, SEND, WRITE, kind_of
from .places import frames_of
from .primitives import Primitive
from .scenario import Scenario
from .world import Task, World

STEPS_COMPARED = 1_000
"""Steps of the run that are compared."""

Entry = tuple[str, ...]
"""What is compared of a step: the words of the sentence that tells it."""


def repeated(scenario: Scenario, first: list[Entry] | None = None) -> list[Entry]:
    """The record of the run. Raises DivergenceError where it differs from ``first``, ScenarioError where the scenario
    uses what no run may use.
    """
    record = list(_record(scenario))
    if first is not None:
        for expected, found in zip_longest(first, record, fillvalue=("nothing more happens",)):
            if expected != found:
                raise _not_deterministic(scenario, " ".join(expected), " ".join(found))
    return record


def diverged(world: World, tid: int, code: int | None = None) -> DivergenceError:
    """The error for thread ``tid`` that does not make the step of an earlier run (whose ``code`` is known, or not)."""
    name = next(name for name, known in world.registry.tids.items() if known == tid)
    task = world.by_tid.get(tid)
    if task is None:
        found = f"{name} was not started"
    elif not world.enabled(task):
        found = f"{name} {world.reason(task) or 'has ended'}"
    else:
        found = f"{name} {OPERATIONS[kind_of(world.pending(task))].verb} {_thing(task)} in {_place(task)}"
    does = "goes on" if code is None else f"{OPERATIONS[kind_of(code)].verb} something"
    return _not_deterministic(world.scenario, f"step {world.count + 1}, {name} {does}", found)


def movable(world: World, tid: int) -> Task:
    """The thread that made the next step in an earlier run. Raises DivergenceError if it cannot make one now."""
    task = world.by_tid.get(tid)
    if task is None or not world.enabled(task):
        raise diverged(world, tid)
    return task


def _not_deterministic(scenario: Scenario, expected: str, found: str) -> DivergenceError:
    return DivergenceError(
        f"scenario {scenario.name!r} is not deterministic: in a run with the same schedule as before, expected: "
        f"{expected}; found: {found}. Does setup, a thread or check use time, random numbers, hash order, or state "
        "that outlives a run?"
    )


def _record(scenario: Scenario) -> Iterator[Entry]:
    with closing(World(scenario)) as world:
        for obj in world.objects:
            if isinstance(obj, Primitive) and obj.left_held():
                raise ScenarioError(
                    f"scenario {scenario.name!r}: setup leaves {world.name_of(obj)} locked; a thread must lock it"
                )
            for field, value in getattr(obj, "_v", {}).items():
                yield "before step 1", f"{type(obj).__name__}.{field}", "is", _told(value)
        with world.running():
            world.start()
            while task := next(iter(world.able()), None):
                if world.count == STEPS_COMPARED:
                    return
                yield _step(world, task)
        for finding in world.judge():
            yield "at the end", str(finding)


def _step(world: World, task: Task) -> Entry:
    """Let ``task`` make its step, and tell it."""
    op, kind = task.op, kind_of(world.pending(task))
    what = op[1]
    if hasattr(what, "_key") and not any(what is obj for obj in reversed(world.objects)):
        raise ScenarioError(
            f"scenario {world.scenario.name!r}: {_place(task)} uses a {type(what).__name__} that was made before "
            "this run; every run must begin with a fresh state: make it in setup or in a thread"
        )
    name, place = _thing(task), _place(task)
    world.step(task)
    value = op[2] if kind == SEND else op[3] if kind == WRITE else world.value
    shown = f" ({_told(value)})" if kind <= CAS_FAILED or kind in (SEND, RECV) else ""
    return f"step {world.count}, {task.name}", OPERATIONS[kind].verb, name + shown, "in", place


def _thing(task: Task) -> str:
    """What ``task``'s next operation is about."""
    kind, obj, *rest = task.op
    if kind <= CAS_FAILED or kind == AWAIT:
        return f"{type(obj).__name__}.{rest[0]}" if kind <= CAS_FAILED else str(rest[0])
    return vars(obj).get("name") or f"{type(obj).__name__}#{vars(obj)['_key'] >> FIELD_BITS}"


def _place(task: Task) -> str:
    """Where ``task`` stands, as "function (file:line)"."""
    file, function, line = (frames_of(task.gen) or [("", "its end", 0)])[-1]
    return f"{function} ({file}:{line})"


def standing(task: Task | None) -> str:
    """Where a thread stands that went on and on, as "A in function (file:line)"."""
    return f"{task.name} in {_place(task)}" if task is not None else ""


def _told(value: Any) -> str:
    """A value as far as it must be the same in every run: of an object, its class."""
    if value is None or isinstance(value, str | bytes | int | float):
        return repr(value)
    if isinstance(value, tuple | list):
        return f"{type(value).__name__}({', '.join(map(_told, value))})"
    return f"a {type(value).__name__}"
