# SPDX-License-Identifier: GPL-2.0-or-later
"""`queue` under control: each put, get, look and `task_done` is one step.

A put or get with a time-out, or without waiting, finds the queue as it is when it is scheduled, and raises Full or
Empty as Python does. All operations on one queue are in one order.

Left out: subclasses that redefine ``_put`` and ``_get``; `shutdown` before Python 3.13.
"""

from __future__ import annotations

import heapq
import queue
from collections import deque
from typing import Any

from mini_qemu.sched.clerk import Steps
from mini_qemu.sched.ops import Op, operation
from mini_qemu.sched.primitives import Primitive

from .items import compared
from .replaced import REPLACED, TWINS
from .words import Standing, word

State = tuple[int, int, int]
"""Of a queue: items in it, items not done, and whether it is shut down (0, or 1)."""


class Queue(Standing, Primitive):
    """`queue.Queue`: a FIFO, bounded if ``maxsize`` is positive."""

    def __init__(self, maxsize: int = 0) -> None:
        self.maxsize = maxsize
        self.items: Any = deque()
        self.unfinished = 0
        self.closed = 0
        super().__init__()

    @property
    def _state(self) -> State:
        return len(self.items), self.unfinished, self.closed

    def contents(self) -> tuple[Any, ...]:
        return self._state, tuple(self.items)

    def shown(self) -> list[Any]:
        return list(self.items)

    def store(self, item: Any) -> None:
        self.items.append(item)

    def take(self) -> Any:
        return self.items.popleft()

    @word
    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> Steps:
        if block and timeout is not None and timeout < 0:
            raise ValueError("'timeout' must be a non-negative number")
        yield (PUT if block and timeout is None else TRY_PUT, self, item)

    @word
    def get(self, block: bool = True, timeout: float | None = None) -> Steps:
        if block and timeout is not None and timeout < 0:
            raise ValueError("'timeout' must be a non-negative number")
        return (yield (GET if block and timeout is None else TRY_GET, self))

    @word
    def put_nowait(self, item: Any) -> Steps:
        yield (TRY_PUT, self, item)

    @word
    def get_nowait(self) -> Steps:
        return (yield (TRY_GET, self))

    @word
    def qsize(self) -> Steps:
        return (yield (LOOK_AT_QUEUE, self, "how many items {name} has", lambda q: len(q.items)))

    @word
    def empty(self) -> Steps:
        return (yield (LOOK_AT_QUEUE, self, "whether {name} is empty", lambda q: not q.items))

    @word
    def full(self) -> Steps:
        return (yield (LOOK_AT_QUEUE, self, "whether {name} is full", lambda q: 0 < q.maxsize <= len(q.items)))

    @word
    def task_done(self) -> Steps:
        yield (TASK_DONE, self)

    @word
    def join(self) -> Steps:
        yield (ALL_DONE, self)

    @word
    def shutdown(self, immediate: bool = False) -> Steps:
        yield (CLOSE_QUEUE, self, immediate)


if not hasattr(queue.Queue, "shutdown"):  # before Python 3.13
    del Queue.shutdown


class LifoQueue(Queue):
    """`queue.LifoQueue`: last in, first out."""

    def __init__(self, maxsize: int = 0) -> None:
        super().__init__(maxsize)
        self.items = []

    def take(self) -> Any:
        return self.items.pop()


class PriorityQueue(Queue):
    """`queue.PriorityQueue`: the smallest item first."""

    def __init__(self, maxsize: int = 0) -> None:
        super().__init__(maxsize)
        self.items = []

    def contents(self) -> tuple[Any, ...]:
        return self._state, tuple(self.items)

    def store(self, item: Any) -> None:
        compared([item, *self.items], ("queue.PriorityQueue", "put", 0))
        heapq.heappush(self.items, item)

    def take(self) -> Any:
        compared(self.items, ("queue.PriorityQueue", "get", 0))
        return heapq.heappop(self.items)


class SimpleQueue(Queue):
    """`queue.SimpleQueue`: without a bound, and without `task_done`."""

    def __init__(self) -> None:
        super().__init__()

    task_done = join = shutdown = full = property()


def _put(world: Any, task: Any, op: Op) -> None:
    box = op[1]
    if box.closed:
        raise queue.ShutDown  # type: ignore[attr-defined,unused-ignore]
    if 0 < box.maxsize <= len(box.items):
        raise queue.Full
    box.store(op[2])
    box.unfinished += 1


def _get(world: Any, task: Any, op: Op) -> Any:
    box = op[1]
    if box.items:
        return box.take()
    if box.closed:
        raise queue.ShutDown  # type: ignore[attr-defined,unused-ignore]
    raise queue.Empty


def _done(world: Any, task: Any, op: Op) -> None:
    if op[1].unfinished <= 0:
        raise ValueError("task_done() called too many times")
    op[1].unfinished -= 1


def _close(world: Any, task: Any, op: Op) -> None:
    box = op[1]
    box.closed = 1
    if op[2]:
        while box.items:
            box.take()
            box.unfinished -= box.unfinished > 0


def _tell_put(name: str, op: Op, value: Any, show: Any) -> tuple[str, str]:
    if isinstance(value, queue.Full):
        return "", f"finds {name} full"
    return show(op[2]), f"puts {show(op[2])} in {name}"


def _tell_got(name: str, op: Op, value: Any, show: Any) -> tuple[str, str]:
    if isinstance(value, queue.Empty):
        return "", f"finds {name} empty"
    return show(value), f"gets {show(value)} from {name}"


PUT = operation(
    "put", "puts in", act=_put, enables=True, tell=_tell_put,
    opens=lambda state, thread, op: state[2] or not 0 < op[1].maxsize <= state[0],
    why=lambda name, state, thread, op: f"waits for room in {name}, which is full",
)  # fmt: skip
TRY_PUT = operation("try_put", "puts in", act=_put, enables=True, tell=_tell_put)
GET = operation(
    "get", "gets from", act=_get, enables=True, tell=_tell_got,
    opens=lambda state, thread, op: state[0] or state[2],
    why=lambda name, state, thread, op: f"waits for an item in {name}, which is empty",
)  # fmt: skip
TRY_GET = operation("try_get", "gets from", act=_get, enables=True, tell=_tell_got)
TASK_DONE = operation("task_done", "marks an item done in", act=_done)
ALL_DONE = operation(
    "join_queue", "waits for", changes=False, opens=lambda state, thread, op: state[1] == 0,
    why=lambda name, state, thread, op: f"waits for {name}, which has {state[1]} items that are not done",
    tell=lambda name, op, value, show: ("", f"finds every item of {name} done"),
)  # fmt: skip
LOOK_AT_QUEUE = operation(
    "look", "looks at", act=lambda world, task, op: op[3](op[1]), changes=False,
    tell=lambda name, op, value, show: (show(value), f"asks {op[2].format(name=name)}: {show(value)}"),
)  # fmt: skip
CLOSE_QUEUE = operation("shutdown_queue", "shuts down", act=_close)


def _filled(cls: type, real: Any) -> Any:
    made = cls() if cls is SimpleQueue else cls(real.maxsize)
    if cls is SimpleQueue:
        if not real.empty():
            raise RuntimeError("a SimpleQueue of the module has items already; fill it in a thread")
        return made
    made.items = type(made.items)(real.queue)
    made.unfinished = real.unfinished_tasks
    return made


for _real, _ours in (
    (queue.Queue, Queue),
    (queue.LifoQueue, LifoQueue),
    (queue.PriorityQueue, PriorityQueue),
    (queue.SimpleQueue, SimpleQueue),
):
    REPLACED[_real] = _ours
    TWINS.append((_real, lambda real, ours=_ours: _filled(ours, real)))  # type: ignore[misc]
