# SPDX-License-Identifier: GPL-2.0-or-later
"""Threads that the program starts, joins and stops: `spawn`, its `Handle`, `join` of a scenario's thread, `fail` and
`abort`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from .clerk import CLERK, Steps, controlled_by, yields
from .errors import Misuse
from .ops import ABORT, AWAIT, DETACH, FAIL, JOIN, SPAWN, THREAD, Op, conflict, operation
from .primitives import Primitive


class Handle(Primitive):
    """A started thread: to be joined once, or detached; a handle that never was is a leak. Its state is whether the
    thread has ended.
    """

    daemon = False
    ends_with_process = False
    words = "join and detach"
    instead: Mapping[str, str] = {"start": "spawn has started it.", "is_alive": "threading.Thread has that one."}

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.settled = False
        self._task: Any = None

    @property
    def _state(self) -> bool:
        return self._task is not None and self._task.ended

    def contents(self) -> tuple[Any, ...]:
        return self.name, self.settled

    @controlled_by(yields(JOIN))
    def join(self) -> None:
        """Wait until the thread has ended. If it was joined or detached before, that is a "misuse" (natively a
        RuntimeError).
        """
        CLERK.refuse(f"{self.name}.join()")
        self._settle("joined")
        assert self._native is not None
        self._native.join()

    @controlled_by(yields(DETACH))
    def detach(self) -> None:
        """Nobody will join this thread. A step that never waits; detaching what was joined, or the reverse, is a
        misuse.
        """
        CLERK.refuse(f"{self.name}.detach()")
        self._settle("detached")

    def _settle(self, how: str) -> None:
        if self.settled:
            raise Misuse(f"thread {self.name!r} is {how} although it was joined or detached before")
        self.settled = True


_listening: list[list[Handle]] = []


@contextmanager
def started() -> Iterator[list[Handle]]:
    """The handles of all threads that are started inside, on real threads, by whichever thread."""
    handles: list[Handle] = []
    _listening.append(handles)
    try:
        yield handles
    finally:
        _listening.remove(handles)


def _spawn(name: str, fn: Callable[..., Any], *args: Any) -> Steps:
    return (yield (SPAWN, Handle(name), fn, args))


@controlled_by(_spawn)
def spawn(name: str, fn: Callable[..., Any], *args: Any) -> Handle:
    """Start a thread that calls ``fn(*args)``.

    Schedules are written with the names, so under the explorer a thread's second "worker" is called "worker 2"; two
    threads that start one of the same name are an error.
    """
    CLERK.refuse("spawn()")
    if CLERK.world is not None:
        raise Misuse("setup starts a thread; name it in the scenario's threads, or start it from one of them")
    handle = Handle(name)
    for handles in _listening:
        handles.append(handle)
    handle._native = threading.Thread(target=fn, args=args, name=name)
    handle._native.start()
    return handle


@controlled_by(lambda name: (yield (AWAIT, None, name)))
def join(name: str) -> None:
    """Wait until the scenario's thread ``name`` has ended."""
    CLERK.refuse("join()")
    for thread in threading.enumerate():
        if thread.name == name:
            thread.join()


@controlled_by(lambda message="": (yield (FAIL, message)))
def fail(message: str = "") -> None:
    """Something that must not happen has happened: a "fail" finding, the thread stops here."""
    raise AssertionError(message)


@controlled_by(lambda message="": (yield (ABORT, message)))
def abort(message: str = "") -> None:
    """As C's abort(): a "crash" finding, the thread stops on the spot and keeps its locks."""
    raise AssertionError(message)


def _start(world: Any, task: Any, op: Op) -> Handle:
    handle: Handle = op[1]
    world.add(handle.name, op[2], op[3], handle)
    return handle


operation(
    "spawn",
    "starts",
    kind=SPAWN,
    family=THREAD,
    act=_start,
    tell=lambda name, op, value, show: (op[1].name, f"starts {op[1].name}"),
)
operation(
    "join",
    "joins",
    kind=JOIN,
    family=THREAD,
    act=lambda world, task, op: op[1]._settle("joined"),
    opens=lambda ended, thread, op: ended,
    why=lambda name, ended, thread, op: f"waits for {op[1].name} to end",
    tell=lambda name, op, value, show: (op[1].name, f"joins {op[1].name}"),
)
operation(
    "detach",
    "detaches",
    kind=DETACH,
    family=THREAD,
    act=lambda world, task, op: op[1]._settle("detached"),
    tell=lambda name, op, value, show: (op[1].name, f"detaches {op[1].name}"),
)
operation(
    "await",
    "joins",
    kind=AWAIT,
    family=THREAD,
    opens=lambda ended, thread, op: ended,
    why=lambda name, ended, thread, op: f"waits for {op[2]} to end",
    tell=lambda name, op, value, show: (op[2], f"joins {op[2]}"),
)
conflict(JOIN, JOIN, DETACH)
conflict(DETACH, DETACH)
