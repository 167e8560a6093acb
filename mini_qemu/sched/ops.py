# SPDX-License-Identifier: GPL-2.0-or-later
"""The vocabulary: every kind of step a thread can make, in one table, and when two steps depend on each other.

An instrumented thread yields its next operation as a plain tuple ``(KIND, object, ...)``; a tuple, because a step costs
a microsecond and an object with names would cost another. The world packs the part that matters to the search into one
integer, its *code*: ``object key, field number, kind``. `kind_of`, `variable_of` and `object_of` take it apart; only
the loops that run at every step write the shifts out.

A kind is an `Operation`: what it does, when it can be made, what it commutes with, how it reads. The modules that own
the objects register theirs (`shared`, `primitives`, `handles`), and everything else follows from the table. A new
primitive is a class with an immutable ``_state`` and its kinds, in one file:

    SET = operation("set", "sets", act=set_it)
    AWAIT_SET = operation("await_set", "waits for", opens=lambda state, thread, op: state, changes=False,
                          why=lambda name, state, thread, op: f"waits for {name}, which is not set")

Left out: memory models. Every step takes effect at once and in one order (sequential consistency).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

KIND_BITS = 7
FIELD_BITS = 6
KIND_MASK = (1 << KIND_BITS) - 1
FREE_FIELD = (1 << FIELD_BITS) - 1
"""The field number of ``free``: an object has at most this many shared fields."""

Op = tuple[Any, ...]
"""``(KIND, object, ...)``: what an instrumented thread yields."""


def kind_of(code: int) -> int:
    """Which kind of step ``code`` stands for: an index of `OPERATIONS`."""
    return code & KIND_MASK


def variable_of(code: int) -> int:
    """The variable, or the whole lock, semaphore, channel, handle that the step is about."""
    return code >> KIND_BITS


def object_of(code: int) -> int:
    """The object that the step is about, whichever of its fields."""
    return code >> KIND_BITS + FIELD_BITS


# The kinds that the hot loops know by number. The first five touch a field; the first and the last of them only read.
READ, WRITE, CAS, ADD, CAS_FAILED = range(5)
FREE, SPAWN, JOIN, DETACH, AWAIT, LOCK, UNLOCK, WAIT, POST, SEND, RECV, RECV_END, CLOSE, SHUTDOWN = range(5, 19)
FIRST_NEW = 19
WRITING = 1 << WRITE | 1 << CAS | 1 << ADD
"""Bit mask of the kinds that write a field."""

# Notes to the world. They are never scheduled and have no code.
ABORT, FAIL, BEAT = range(KIND_MASK + 1, KIND_MASK + 4)

FIELD, LIFE, THREAD, ORDER, CHANNEL = "field", "life", "thread", "order", "channel"
"""Families of kinds: how `execution` finds out what a step happens after. ``order`` is for every ordinary primitive:
steps that change it are in one order with all others on it, steps that only look at it commute."""


@dataclass(frozen=True, kw_only=True)
class Operation:
    """A kind of step, and all that the engine knows about it.

    ``act(world, task, op)`` carries it out and returns its value; what it raises is raised in the thread.
    ``opens(state, thread, op)`` says whether ``thread`` can make it while its object's ``_state`` is ``state`` (None:
    always); it may look at ``op[2:]``, but not at the object, which can be that of another run.
    ``why(name, state, thread, op)`` says why it cannot: "waits for L, held by B".
    ``turns(state, thread, op)`` is the kind as which it would turn out (None: this one).
    ``changes`` is false if it only looks; ``enables``, if no other thread can be waiting for it.
    ``tell(name, op, value, show)`` gives the value as text, and the step as a sentence without its thread; ``show``
    turns a value into text.
    """

    kind: int
    name: str
    verb: str
    family: str
    act: Callable[[Any, Any, Op], Any]
    opens: Callable[[Any, str, Op], bool] | None
    why: Callable[[str, Any, str, Op], str]
    turns: Callable[[Any, str, Op], int] | None
    changes: bool
    enables: bool
    tell: Callable[[str, Op, Any, Callable[[Any], str]], tuple[str, str]]


OPERATIONS: dict[int, Operation] = {}
"""Kind -> what it is."""

ACT: list[Any] = [None] * (KIND_MASK + 1)
OPENS: list[Any] = [None] * (KIND_MASK + 1)
TURNS: list[Any] = [None] * (KIND_MASK + 1)
"""The same by kind, for the loops that run at every step."""

CONFLICTS = [0] * (KIND_MASK + 1)
"""``CONFLICTS[kind]``: bit mask of the kinds that conflict with it on the same variable or object."""

DEPENDENCE = (
    "same thread; same variable and one of the two writes (values are not compared; a compare_exchange that fails only "
    "reads); any two operations on one mutex or on one semaphore; a thread's steps after its spawn, a join after its "
    "last step, two joins or detachments of one handle; "
    "two sends or two receives on one channel, a receive and the send of the item it takes, close/shutdown and a "
    "send, another close or "
    "a receive that finds the end; free(x) and any access of x"
)
"""The relation every count is relative to, in words: shown beside the counts."""


def _nothing(world: Any, task: Any, op: Op) -> None:
    """A step whose only effect is its place in the order."""


def operation(
    name: str,
    verb: str,
    *,
    act: Callable[[Any, Any, Op], Any] = _nothing,
    opens: Callable[[Any, str, Op], bool] | None = None,
    why: Callable[[str, Any, str, Op], str] | None = None,
    turns: Callable[[Any, str, Op], int] | None = None,
    changes: bool = True,
    enables: bool | None = None,
    tell: Callable[[str, Op, Any, Callable[[Any], str]], tuple[str, str]] | None = None,
    family: str = ORDER,
    kind: int | None = None,
) -> int:
    """Register a kind of step (see `Operation`) and return its number, for the tuples that threads yield.

    ``family`` and ``kind`` are for the engine's own: a new primitive leaves both out. ``enables`` defaults to whatever
    changes something and never waits.
    """
    if kind is None:
        kind = max([FIRST_NEW, *(known + 1 for known in OPERATIONS)])
    if kind > KIND_MASK or kind in OPERATIONS:
        raise ValueError(f"no room for another kind of step, {name!r}: {kind} is taken or above {KIND_MASK}")
    OPERATIONS[kind] = Operation(
        kind=kind,
        name=name,
        verb=verb,
        family=family,
        act=act,
        opens=opens,
        why=why or (lambda name, state, thread, op: f"waits for {name}"),
        turns=turns,
        changes=changes,
        enables=changes and opens is None if enables is None else enables,
        tell=tell or (lambda name, op, value, show: ("", f"{verb} {name}")),
    )
    ACT[kind], OPENS[kind], TURNS[kind] = act, opens, turns
    if family == ORDER:
        for other in OPERATIONS.values():
            if other.family == ORDER and (changes or other.changes):
                conflict(kind, other.kind)
    return kind


def conflict(kind: int, *others: int) -> None:
    """Let steps of ``kind`` conflict with those of ``others`` on the same variable or object."""
    for other in others:
        CONFLICTS[kind] |= 1 << other
        CONFLICTS[other] |= 1 << kind


ANOTHER_OBJECT = 1 << KIND_BITS + FIELD_BITS
"""Codes that differ by this or more are about different objects: such steps never depend on each other."""


def depends(a: int, b: int) -> bool:
    """Whether operations with codes ``a`` and ``b``, of different threads, must be tried in both orders.

    The order between a thread's spawn, steps and join, and between a send and the receive of its item, is not a choice
    and not asked here.
    """
    differ = a ^ b  # asked millions of times: the widths of kind and field are written out
    if differ < 128:  # the same variable, or the same lock, semaphore, channel, handle
        return CONFLICTS[a & 127] >> (b & 127) & 1 == 1
    if differ < 8192:  # another field of the same object
        return a & 127 == FREE or b & 127 == FREE
    return False
