# SPDX-License-Identifier: GPL-2.0-or-later
"""`threading`'s locks and conditions under control, each operation one step.

Each mirrors what Python documents, and CPython where the documentation is silent. Time does not exist: an acquire with
a time-out never waits, it succeeds or fails as it finds the lock when it is scheduled. Since every moment is tried, so
is every way in which the time-out can come, or not.

A condition shares the state of its lock: to wait is one step, which releases the lock, and to wake another, which takes
it again. Which waiter a `notify` wakes is decided when one of them wakes, and so each is tried.

Left out: spurious wake-ups, which Python does not have; a notification that CPython loses when it meets a waiter in the
instant between its time-out and its leaving.
"""

from __future__ import annotations

import _thread
import threading
from collections.abc import Callable
from typing import Any

from mini_qemu.sched.clerk import Steps
from mini_qemu.sched.instrument import run
from mini_qemu.sched.ops import Op, operation
from mini_qemu.sched.primitives import Primitive

from .replaced import REPLACED, TWINS, twin
from .words import Standing, asked, limit, tells, word

# ---------------------------------------------------------------- locks

State = tuple[str | None, int, tuple[Any, ...], tuple[Any, ...]]
"""Of a lock: holder, how often it holds it, who waits ((condition, thread, depth), ...), and the notifications that
nobody has taken yet ((condition, threads that may), ...)."""

FREE: State = (None, 0, (), ())


class RLock(Standing, Primitive):
    """`threading.RLock`: its holder may take it again."""

    reentrant = True

    def __init__(self) -> None:
        self._state: State = FREE
        super().__init__()

    @property
    def holder(self) -> str | None:
        return self._state[0]

    @word
    def acquire(self, blocking: bool = True, timeout: float = -1) -> Steps:
        return (yield (TRY if limit(blocking, timeout) else ACQUIRE, self))

    @word
    def __enter__(self) -> Steps:
        return (yield (ACQUIRE, self))

    @word
    def __exit__(self, *exc: object) -> Steps:
        yield (RELEASE, self)

    @word
    def release(self) -> Steps:
        yield (RELEASE, self)

    def owned(self, thread: str) -> bool:
        """What a condition takes for "the caller holds the lock"."""
        return self._state[0] == thread


class Lock(RLock):
    """`threading.Lock`: any thread may release it."""

    reentrant = False

    @word
    def locked(self) -> Steps:
        return (yield (LOCKED, self))

    def owned(self, thread: str) -> bool:
        """Of a plain lock, CPython only asks whether it is held."""
        return self._state[0] is not None


if hasattr(threading.RLock(), "locked"):  # from Python 3.14 on
    RLock.locked = Lock.locked  # type: ignore[attr-defined]


def _take(world: Any, task: Any, op: Op) -> bool:
    lock = op[1]
    _, depth, waiting, tokens = lock._state
    lock._state = task.name, depth + 1, waiting, tokens
    return True


def _may_take(state: State, thread: str, op: Op) -> bool:
    return state[0] is None or (op[1].reentrant and state[0] == thread)


def _try(world: Any, task: Any, op: Op) -> bool:
    return _may_take(op[1]._state, task.name, op) and _take(world, task, op)


def _release(world: Any, task: Any, op: Op) -> None:
    lock = op[1]
    holder, depth, waiting, tokens = lock._state
    if lock.reentrant and holder != task.name:
        raise RuntimeError("cannot release un-acquired lock")
    if holder is None:
        raise RuntimeError("release unlocked lock")
    lock._state = (holder, depth - 1, waiting, tokens) if depth > 1 else (None, 0, waiting, tokens)


def _why_locked(name: str, state: State, thread: str, op: Op) -> str:
    return f"waits for {name}, held by {'itself' if state[0] == thread else state[0]}"


ACQUIRE = operation("lock", "locks", act=_take, opens=_may_take, why=_why_locked)
TRY = operation(
    "try_lock", "tries to lock", act=_try, enables=False,
    tell=lambda name, op, value, show: (str(value), f"{'locks' if value else 'finds locked'} {name}"),
)  # fmt: skip
RELEASE = operation("unlock", "unlocks", act=_release)
LOCKED = operation(
    "locked", "asks for", act=lambda world, task, op: op[1]._state[0] is not None, changes=False,
    tell=tells("asks whether {name} is locked: {value}"),
)  # fmt: skip


# ---------------------------------------------------------------- conditions


class Condition(Standing):
    """`threading.Condition`. ``number`` tells it from the other conditions of its lock."""

    def __init__(self, lock: RLock | None = None) -> None:
        self.name = ""
        self._lock = lock if lock is not None else RLock()
        self.number = vars(self._lock).setdefault("conditions", 0)
        self._lock.conditions += 1  # type: ignore[attr-defined]

    @word
    def acquire(self, *args: Any, **kwargs: Any) -> Steps:
        return (yield from run(self._lock.acquire, *args, **kwargs))

    @word
    def release(self) -> Steps:
        yield (RELEASE, self._lock)

    @word
    def __enter__(self) -> Steps:
        return (yield (ACQUIRE, self._lock))

    @word
    def __exit__(self, *exc: object) -> Steps:
        yield (RELEASE, self._lock)

    @word
    def wait(self, timeout: float | None = None) -> Steps:
        yield (SLEEP, self._lock, self.number)
        if timeout is None:
            yield (WAKE, self._lock, self.number)
            return True
        woken, depth = yield (WAKE_OR_NOT, self._lock, self.number)
        yield (RETAKE, self._lock, depth)
        return woken

    @word
    def wait_for(self, predicate: Callable[[], Any], timeout: float | None = None) -> Steps:
        result = yield from asked(predicate)
        while not result:
            woken = yield from run(self.wait, timeout)
            result = yield from asked(predicate)
            if not woken:
                break
        return result

    @word
    def notify(self, n: int = 1) -> Steps:
        yield (NOTIFY, self._lock, self.number, n)

    @word
    def notify_all(self) -> Steps:
        yield (NOTIFY, self._lock, self.number, None)

    notifyAll = notify_all


def _sleep(world: Any, task: Any, op: Op) -> None:
    lock, number = op[1], op[2]
    _, depth, waiting, tokens = lock._state
    if not lock.owned(task.name):
        raise RuntimeError("cannot wait on un-acquired lock")
    lock._state = None, 0, (*waiting, (number, task.name, depth)), tokens


def _token(state: State, thread: str, number: int) -> int | None:
    """The oldest notification that ``thread`` may take."""
    return next((i for i, (n, able) in enumerate(state[3]) if n == number and thread in able), None)


def _may_wake(state: State, thread: str, op: Op) -> bool:
    return state[0] is None and _token(state, thread, op[2]) is not None


def _leave(state: State, thread: str, number: int) -> tuple[State, int, bool]:
    """The state without the waiter, how often it had held the lock, and whether it was notified."""
    holder, depth, waiting, tokens = state
    mine = next(w for w in waiting if w[0] == number and w[1] == thread)
    token = _token(state, thread, number)
    if token is not None:
        tokens = tokens[:token] + tokens[token + 1 :]
    rest = tuple(w for w in waiting if w is not mine)
    tokens = tuple((n, able - {thread} if n == number else able) for n, able in tokens)
    return (holder, depth, rest, tuple(t for t in tokens if t[1])), mine[2], token is not None


def _wake(world: Any, task: Any, op: Op) -> None:
    lock = op[1]
    (_, _, waiting, tokens), depth, _ = _leave(lock._state, task.name, op[2])
    lock._state = task.name, depth, waiting, tokens


def _wake_or_not(world: Any, task: Any, op: Op) -> tuple[bool, int]:
    lock = op[1]
    lock._state, depth, woken = _leave(lock._state, task.name, op[2])
    return woken, depth


def _retake(world: Any, task: Any, op: Op) -> None:
    lock = op[1]
    lock._state = task.name, op[2], *lock._state[2:]


def _notify(world: Any, task: Any, op: Op) -> None:
    lock, number, n = op[1], op[2], op[3]
    holder, depth, waiting, tokens = lock._state
    if not lock.owned(task.name):
        raise RuntimeError("cannot notify on un-acquired lock")
    able = frozenset(thread for of, thread, _ in waiting if of == number)
    spoken_for = sum(1 for of, _ in tokens if of == number)
    count = len(able) - spoken_for if n is None else min(n, len(able) - spoken_for)
    lock._state = holder, depth, waiting, (*tokens, *((number, able) for _ in range(count)))


def _why_asleep(name: str, state: State, thread: str, op: Op) -> str:
    notified = _token(state, thread, op[2]) is not None
    return _why_locked(name, state, thread, op) if notified else f"waits to be notified on {name}"


SLEEP = operation("wait", "waits on", act=_sleep, tell=tells("waits on {name}, which it releases"))
WAKE = operation("wake", "wakes on", act=_wake, opens=_may_wake, why=_why_asleep,
                 tell=tells("is notified, wakes and locks {name}"))  # fmt: skip
WAKE_OR_NOT = operation(
    "wake_or_time_out", "wakes on", act=_wake_or_not, enables=False,
    tell=lambda name, op, value, show: (
        str(value[0]), f"is notified on {name}" if value[0] else f"has waited too long on {name}"),
)  # fmt: skip
RETAKE = operation("lock", "locks", act=_retake, opens=lambda state, thread, op: state[0] is None, why=_why_locked)
NOTIFY = operation("notify", "notifies", act=_notify, tell=lambda name, op, value, show: (
    "", f"notifies {'all' if op[3] is None else 'one' if op[3] == 1 else op[3]} on {name}"))  # fmt: skip


def _of_lock(real: Any) -> Lock:
    if real.locked():
        raise RuntimeError("a lock of the module is held already: release it before the exploration")
    return Lock()


REPLACED.update({
    _thread.allocate_lock: Lock, threading.Lock: Lock, threading.RLock: RLock, threading.Condition: Condition,
})  # fmt: skip
TWINS += [
    (type(threading.Lock()), _of_lock),
    (type(threading.RLock()), lambda real: RLock()),
    (threading.Condition, lambda real: Condition(twin(real._lock))),
]
