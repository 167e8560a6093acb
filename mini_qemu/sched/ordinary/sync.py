# SPDX-License-Identifier: GPL-2.0-or-later
"""`threading`'s semaphores, events and barriers under control, each operation one step.

As in `locks`, an operation with a time-out never waits: it finds things as they are when it is scheduled.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from mini_qemu.sched.clerk import Steps
from mini_qemu.sched.ops import Op, operation
from mini_qemu.sched.primitives import Primitive

from .replaced import REPLACED, TWINS
from .words import Plain, Standing, asked, limit, tells, word

# ---------------------------------------------------------------- semaphores


class Semaphore(Standing, Primitive):
    """`threading.Semaphore`. Its state is the count."""

    most: int | None = None

    def __init__(self, value: int = 1) -> None:
        if value < 0:
            raise ValueError("semaphore initial value must be >= 0")
        self._state = value
        super().__init__()

    def shown(self) -> int:
        return int(self._state)

    @word
    def acquire(self, blocking: bool = True, timeout: float | None = None) -> Steps:
        return (yield (TRY_DOWN if limit(blocking, timeout) else DOWN, self))

    @word
    def __enter__(self) -> Steps:
        return (yield (DOWN, self))

    @word
    def release(self, n: int = 1) -> Steps:
        if n < 1:
            raise ValueError("n must be one or more")
        yield (UP, self, n)

    @word
    def __exit__(self, *exc: object) -> Steps:
        yield (UP, self, 1)


class BoundedSemaphore(Semaphore):
    """`threading.BoundedSemaphore`: releasing more than was acquired raises ValueError."""

    def __init__(self, value: int = 1) -> None:
        super().__init__(value)
        self.most = value


def _down(world: Any, task: Any, op: Op) -> bool:
    if op[1]._state == 0:
        return False
    op[1]._state -= 1
    return True


def _up(world: Any, task: Any, op: Op) -> None:
    if op[1].most is not None and op[1]._state + op[2] > op[1].most:
        raise ValueError("Semaphore released too many times")
    op[1]._state += op[2]


DOWN = operation("acquire", "acquires", act=_down, opens=lambda count, thread, op: count > 0,
                 why=lambda name, count, thread, op: f"waits for {name}, whose count is 0")  # fmt: skip
TRY_DOWN = operation("try_acquire", "tries to acquire", act=_down, enables=False, tell=lambda name, op, value, show: (
    str(value), f"acquires {name}" if value else f"finds {name} at 0"))  # fmt: skip
UP = operation("release", "releases", act=_up)


# ---------------------------------------------------------------- events


class Event(Standing, Primitive):
    """`threading.Event`. Its state is whether it is set."""

    def __init__(self) -> None:
        self._state = False
        super().__init__()

    def shown(self) -> Plain:
        return Plain("set" if self._state else "not set")

    @word
    def set(self) -> Steps:
        yield (SET, self, True)

    @word
    def clear(self) -> Steps:
        yield (SET, self, False)

    @word
    def is_set(self) -> Steps:
        return (yield (IS_SET, self))

    isSet = is_set

    @word
    def wait(self, timeout: float | None = None) -> Steps:
        return (yield (AWAIT_SET if timeout is None else IS_SET, self))


def _set(world: Any, task: Any, op: Op) -> None:
    op[1]._state = op[2]


SET = operation("set", "sets", act=_set, tell=lambda name, op, value, show: (
    str(op[2]), f"{'sets' if op[2] else 'clears'} {name}"))  # fmt: skip
IS_SET = operation("is_set", "looks at", act=lambda world, task, op: op[1]._state, changes=False,
                   tell=tells("asks whether {name} is set: {value}"))  # fmt: skip
AWAIT_SET = operation("await_set", "waits for", act=lambda world, task, op: True, changes=False,
                      opens=lambda state, thread, op: state,
                      why=lambda name, state, thread, op: f"waits for {name}, which is not set",
                      tell=tells("finds {name} set"))  # fmt: skip


# ---------------------------------------------------------------- barriers

FILLING, ACTING, DRAINING, RESETTING, BROKEN = "filling", "acting", "draining", "resetting", "broken"


class Barrier(Standing, Primitive):
    """`threading.Barrier`. Its state: what it is doing, and how many threads are in it."""

    def __init__(self, parties: int, action: Callable[[], Any] | None = None, timeout: float | None = None) -> None:
        if parties < 1:
            raise ValueError("parties must be > 0")
        self.parties = parties
        self.action = action
        self.timeout = timeout
        self._state = (FILLING, 0)
        super().__init__()

    def shown(self) -> Plain:
        phase, count = self._state
        return Plain(f"{count} of {self.parties}" if phase == FILLING else f"{phase}, {count} inside")

    @word
    def wait(self, timeout: float | None = None) -> Steps:
        index = yield (ARRIVE, self)
        if index == self.parties - 1:
            if self.action is not None:
                try:
                    yield from asked(self.action)
                except BaseException:
                    yield (OPEN, self, BROKEN)
                    raise
                yield (OPEN, self, DRAINING)
            return index
        timed = timeout if timeout is not None else self.timeout
        yield (DEPART if timed is None else DEPART_OR_NOT, self)
        return index

    @word
    def abort(self) -> Steps:
        yield (BREAK, self)

    @word
    def reset(self) -> Steps:
        yield (RESET, self)

    @word
    def _look(self, what: int) -> Steps:
        return (yield (LOOK_AT_BARRIER, self, what))


def _settled(phase: str, count: int) -> tuple[str, int]:
    """The last to leave makes the barrier ready for the next time."""
    return (FILLING, 0) if count == 0 and phase in (DRAINING, RESETTING) else (phase, count)


def _arrive(world: Any, task: Any, op: Op) -> int:
    barrier = op[1]
    phase, count = barrier._state
    if phase == BROKEN:
        raise threading.BrokenBarrierError
    last = count + 1 == barrier.parties
    if not last:
        barrier._state = phase, count + 1
    elif barrier.action is not None:
        barrier._state = ACTING, count + 1
    else:
        barrier._state = _settled(DRAINING, count)
    return int(count)


def _open(world: Any, task: Any, op: Op) -> None:
    op[1]._state = _settled(op[2], op[1]._state[1] - 1)


def _depart(world: Any, task: Any, op: Op) -> None:
    phase, count = op[1]._state
    if phase == FILLING:
        phase = BROKEN  # it waited too long
    op[1]._state = _settled(phase, count - 1)
    if phase != DRAINING:
        raise threading.BrokenBarrierError


def _break(world: Any, task: Any, op: Op) -> None:
    op[1]._state = BROKEN, op[1]._state[1]


def _reset(world: Any, task: Any, op: Op) -> None:
    phase, count = op[1]._state
    if count == 0:
        op[1]._state = FILLING, 0
    elif phase in (FILLING, BROKEN):
        op[1]._state = RESETTING, count


def _may_arrive(state: Any, thread: str, op: Op) -> bool:
    return state[0] in (FILLING, BROKEN)


ARRIVE = operation("arrive", "arrives at", act=_arrive, opens=_may_arrive, enables=True,
                   why=lambda name, state, thread, op: f"waits for {name}, which others are leaving",
                   tell=tells("arrives at {name} as number {value}"))  # fmt: skip
OPEN = operation("open", "opens", act=_open)
DEPART = operation("depart", "leaves", act=_depart, opens=lambda state, thread, op: state[0] not in (FILLING, ACTING),
                   why=lambda name, state, thread, op: f"waits at {name} for the others", enables=True)  # fmt: skip
DEPART_OR_NOT = operation("depart_or_time_out", "leaves", act=_depart, enables=True,
                          opens=lambda state, thread, op: state[0] != ACTING,
                          why=lambda name, state, thread, op: f"waits at {name} for the others")  # fmt: skip
BREAK = operation("break", "breaks", act=_break, opens=lambda state, thread, op: state[0] != ACTING, enables=True)
RESET = operation("reset", "resets", act=_reset, opens=lambda state, thread, op: state[0] != ACTING, enables=True)
LOOK_AT_BARRIER = operation("look", "looks at", act=lambda world, task, op: op[2](op[1]._state), changes=False)

Barrier.n_waiting = property(lambda self: None)  # type: ignore[attr-defined]
Barrier.broken = property(lambda self: None)  # type: ignore[attr-defined]
Barrier.n_waiting.fget.__dict__["__controlled__"] = lambda self: (  # type: ignore[attr-defined]
    yield (LOOK_AT_BARRIER, self, lambda state: state[1] if state[0] in (FILLING, ACTING) else 0)
)
Barrier.broken.fget.__dict__["__controlled__"] = lambda self: (  # type: ignore[attr-defined]
    yield (LOOK_AT_BARRIER, self, lambda state: state[0] == BROKEN)
)


def _of_event(real: Any) -> Event:
    event = Event()
    event._state = real.is_set()
    return event


REPLACED.update({
    threading.Semaphore: Semaphore,
    threading.BoundedSemaphore: BoundedSemaphore,
    threading.Event: Event,
    threading.Barrier: Barrier,
})  # fmt: skip
TWINS += [
    (threading.Semaphore, lambda real: Semaphore(real._value)),
    (threading.BoundedSemaphore, lambda real: BoundedSemaphore(real._value)),
    (threading.Event, _of_event),
    (threading.Barrier, lambda real: Barrier(real.parties, real._action, real._timeout)),
]
