# SPDX-License-Identifier: GPL-2.0-or-later
"""Mutexes, semaphores and channels, as the code under test writes them, each with its kinds of steps.

A primitive is a class over `Primitive` and its entries in the table of operations (`ops.operation`): nothing else in
the engine knows it. What decides which steps can be made is its ``_state``: an immutable value, made of numbers, texts
and names of threads, that is the same in every run that made the same steps.

Left out: condition variables, reader-writer locks, time-outs.
"""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Mapping
from typing import Any

from .clerk import CLERK, Steps, controlled_by, yields
from .errors import Misuse
from .ops import (
    CHANNEL,
    CLOSE,
    FIELD_BITS,
    LOCK,
    POST,
    RECV,
    RECV_END,
    SEND,
    SHUTDOWN,
    UNLOCK,
    WAIT,
    Op,
    conflict,
    operation,
)
from .places import OWN_FILES


class Primitive:
    """Something to synchronise with. ``name`` is what messages call it; left empty, the path that leads to it in the
    scenario's state.

    The real thing, for native mode, comes from `real`: at once, or, under a world, when it is first asked for.
    """

    _state: Any = None
    personal = False
    """Whether only the thread that holds it may release it."""
    words = ""
    """The methods that a program may call, for a message."""
    instead: Mapping[str, str] = {}
    """What to write for methods that other libraries have."""

    def __init__(self, name: str = "") -> None:
        self.name = name
        world = CLERK.world
        self._key = world.key_for(self) << FIELD_BITS if world is not None else 0
        self._native: Any = self._real() if world is None else None

    def _real(self) -> Any:
        """Make what serves in native mode."""
        return None

    @property
    def real(self) -> Any:
        """What serves in native mode."""
        if self._native is None:
            self._native = self._real()
        return self._native

    @property
    def holder(self) -> str | None:
        """The thread that holds it, if it is something to hold."""
        return None

    def left_held(self) -> bool:
        """Whether native code, such as a setup, holds it."""
        return False

    def contents(self) -> tuple[Any, ...]:
        """All that decides the future of the object, for `states`."""
        return (self._state,)

    def __getattr__(self, name: str) -> Any:
        """A name that is not ours: in a run, a mistake in using the explorer and not a finding of the program."""
        said = f"{type(self).__name__!r} object has no attribute {name!r}"
        asks = sys._getframe(1).f_code.co_filename
        ours = asks.startswith(OWN_FILES) and not asks.endswith("attributes.py")  # that one asks for the program
        if self.words and not name.startswith("_") and CLERK.world is not None and not ours:
            raise CLERK.refusal(f"{said}; it has {self.words}. {self.instead.get(name, '')}".rstrip())
        raise AttributeError(said)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})" if self.name else f"{type(self).__name__}()"


# ---------------------------------------------------------------- mutex


def _acquires(self: Any) -> Steps:
    yield from yields(LOCK)(self)
    return True


class Mutex(Primitive):
    """A lock that is not reentrant: ``lock()``, ``unlock()`` by the holder, or ``with mutex:``. Its state is the name
    of the holder, or None.
    """

    personal = True
    words = "lock, unlock, acquire, release and with"
    instead = dict.fromkeys(
        ("locked", "try_lock", "trylock", "try_acquire"), "threading.Lock has acquire(False) and locked."
    )

    def __init__(self, name: str = "") -> None:
        self._state: str | None = None
        super().__init__(name)

    def _real(self) -> threading.Lock:
        return threading.Lock()

    @property
    def holder(self) -> str | None:
        return self._state

    def left_held(self) -> bool:
        return self._native is not None and bool(self._native.locked())

    @controlled_by(yields(LOCK))
    def lock(self) -> None:
        """Wait until the mutex is free and take it."""
        CLERK.refuse(f"{self.name or 'a mutex'}.lock()")
        self.real.acquire()

    @controlled_by(yields(UNLOCK))
    def unlock(self) -> None:
        """Give the mutex back. Raises RuntimeError when nobody holds it; under the explorer only the holder may, else
        "misuse".
        """
        CLERK.refuse(f"{self.name or 'a mutex'}.unlock()")
        self.real.release()

    @controlled_by(_acquires)
    def acquire(self) -> bool:
        """`lock` under the name that Python's own locks have. Always True."""
        self.lock()
        return True

    release = unlock

    @controlled_by(yields(LOCK))
    def __enter__(self) -> None:
        self.lock()

    @controlled_by(lambda self, *exc: yields(UNLOCK)(self))
    def __exit__(self, *exc: object) -> None:
        self.unlock()


def _lock(world: Any, task: Any, op: Op) -> None:
    op[1]._state = task.name


def _unlock(world: Any, task: Any, op: Op) -> None:
    if op[1]._state != task.name:
        raise Misuse(f"{task.name} unlocks {op[1].name or 'a mutex'}, which it does not hold")
    op[1]._state = None


operation(
    "lock",
    "locks",
    kind=LOCK,
    act=_lock,
    opens=lambda holder, thread, op: holder is None,
    why=lambda name, holder, thread, op: f"waits for {name}, held by {'itself' if holder == thread else holder}",
)
operation("unlock", "unlocks", kind=UNLOCK, act=_unlock)


# ---------------------------------------------------------------- semaphore


class Semaphore(Primitive):
    """A counter with waiting: ``wait()`` until it is positive and take one, ``post()`` gives one. Its state is the
    count.
    """

    words = "wait, post, acquire and release"
    instead = dict.fromkeys(("up", "signal", "V", "notify"), "post is what gives one.") | dict.fromkeys(
        ("down", "P", "try_wait"), "wait is what takes one."
    )

    def __init__(self, value: int = 0, name: str = "") -> None:
        self._state = value
        super().__init__(name)

    def _real(self) -> threading.Semaphore:
        return threading.Semaphore(self._state)

    @controlled_by(yields(WAIT))
    def wait(self) -> None:
        """Wait until the count is positive, then take one."""
        CLERK.refuse(f"{self.name or 'a semaphore'}.wait()")
        self.real.acquire()
        self._state -= 1

    @controlled_by(yields(POST))
    def post(self) -> None:
        """Add one to the count."""
        CLERK.refuse(f"{self.name or 'a semaphore'}.post()")
        self.real.release()
        self._state += 1  # for a setup; natively only the real one decides

    acquire, release = wait, post


def _wait(world: Any, task: Any, op: Op) -> None:
    op[1]._state -= 1


def _post(world: Any, task: Any, op: Op) -> None:
    op[1]._state += 1


operation(
    "wait",
    "waits for",
    kind=WAIT,
    act=_wait,
    opens=lambda count, thread, op: count > 0,
    why=lambda name, count, thread, op: f"waits for {name}, whose count is 0",
)
operation("post", "posts", kind=POST, act=_post)


# ---------------------------------------------------------------- channel


class Channel(Primitive):
    """An unbounded FIFO. ``recv()`` waits for an item and gives None when the channel is closed and drained.

    ``close()`` is the sender's end, ``shutdown()`` cuts the line from either side; after both, what was sent can still
    be received and a ``send`` raises BrokenPipeError. Its state: how many items, whether it is closed.
    """

    words = "send, recv, close and shutdown"
    instead = (
        dict.fromkeys(("put", "append", "push", "write"), "send is what puts an item in.")
        | dict.fromkeys(("get", "receive", "pop", "popleft", "read"), "recv is what takes one out.")
        | dict.fromkeys(
            ("qsize", "empty", "full", "get_nowait", "put_nowait", "task_done", "join"), "queue.Queue has that one."
        )
    )

    def __init__(self, name: str = "") -> None:
        self._queue: deque[Any] = deque()
        self._closed = False
        super().__init__(name)

    def _real(self) -> threading.Condition:
        return threading.Condition()

    @property
    def _state(self) -> tuple[int, bool]:
        return len(self._queue), self._closed

    def contents(self) -> tuple[Any, ...]:
        return self._closed, tuple(self._queue)

    @controlled_by(lambda self, item: (yield (SEND, self, item)))
    def send(self, item: Any) -> None:
        """Append an item; never waits. Raises BrokenPipeError after `close` or `shutdown`."""
        CLERK.refuse(f"{self.name or 'a channel'}.send()")
        with self.real:
            self._put(item)
            self.real.notify()

    @controlled_by(yields(RECV))
    def recv(self) -> Any:
        """The oldest item; waits for one. None when the channel is closed and drained."""
        CLERK.refuse(f"{self.name or 'a channel'}.recv()")
        with self.real:
            self.real.wait_for(lambda: self._queue or self._closed)
            return self._queue.popleft() if self._queue else None

    @controlled_by(yields(CLOSE))
    def close(self) -> None:
        """No more sends; receivers drain what is there and then get None."""
        self._end("close")

    @controlled_by(yields(SHUTDOWN))
    def shutdown(self) -> None:
        """Cut the line: wakes every thread that waits in `recv`. Unlike `close` it is meant to be called by anyone."""
        self._end("shutdown")

    def _put(self, item: Any) -> None:
        if self._closed:
            raise BrokenPipeError(f"{self.name or 'the channel'} is closed: nothing can be sent any more")
        self._queue.append(item)

    def _end(self, how: str) -> None:
        CLERK.refuse(f"{self.name or 'a channel'}.{how}()")
        if CLERK.world is not None:  # a setup: nobody waits yet
            self._closed = True
            return
        with self.real:
            self._closed = True
            self.real.notify_all()


def _send(world: Any, task: Any, op: Op) -> None:
    op[1]._put(op[2])


def _recv(world: Any, task: Any, op: Op) -> Any:
    return op[1]._queue.popleft()


def _end(world: Any, task: Any, op: Op) -> None:
    op[1]._closed = True


operation(
    "send",
    "sends on",
    kind=SEND,
    family=CHANNEL,
    act=_send,
    tell=lambda name, op, value, show: (show(op[2]), f"sends {show(op[2])} on {name}"),
)
operation(
    "recv",
    "receives from",
    kind=RECV,
    family=CHANNEL,
    act=_recv,
    opens=lambda state, thread, op: state[0] > 0 or state[1],
    why=lambda name, state, thread, op: f"waits for an item on {name}",
    turns=lambda state, thread, op: RECV_END if state[1] and not state[0] else RECV,
    tell=lambda name, op, value, show: (show(value), f"receives {show(value)} from {name}"),
)
operation("recv_end", "finds the end of", kind=RECV_END, family=CHANNEL, changes=False)
operation("close", "closes", kind=CLOSE, family=CHANNEL, act=_end)
operation("shutdown", "shuts down", kind=SHUTDOWN, family=CHANNEL, act=_end)
conflict(SEND, SEND, CLOSE, SHUTDOWN)
conflict(RECV, RECV, RECV_END)
conflict(RECV_END, RECV_END, CLOSE, SHUTDOWN)
conflict(CLOSE, CLOSE, SHUTDOWN)
conflict(SHUTDOWN, SHUTDOWN)
