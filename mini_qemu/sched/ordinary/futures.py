# SPDX-License-Identifier: GPL-2.0-or-later
"""`concurrent.futures` under control: a pool of threads, and futures.

To submit is one step, and a second one that starts a worker as long as there are fewer than ``max_workers``: CPython
starts none while one is idle, but which worker takes which work is tried anyway. A program sees the difference by its
``initializer``; with one, a worker that has done its work says so in a step, and none is started in its place. A
callback of `add_done_callback` runs in the thread that finished the work, or at once. A worker that waits for work at
the end of the program is no deadlock: Python ends it at exit.

`as_completed` and `wait` hear of a future before anybody can see its result, and before its callbacks. Of a cancelled
one they hear when a worker comes to it, as in CPython: never, if the pool dropped it.

Left out: `ProcessPoolExecutor`, which shares nothing.
"""

from __future__ import annotations

import concurrent.futures
from collections import deque
from collections.abc import Generator
from concurrent.futures import CancelledError, InvalidStateError
from concurrent.futures.thread import BrokenThreadPool
from typing import Any

from mini_qemu.sched.clerk import Steps
from mini_qemu.sched.errors import Closed
from mini_qemu.sched.instrument import run
from mini_qemu.sched.ops import FIELD_BITS, SPAWN, Op, operation
from mini_qemu.sched.primitives import Primitive

from .access import answer, call, guard_of
from .iteration import Produced, collected, generating
from .replaced import REPLACED, TWINS
from .threads import END, JOINED, Life, worker
from .words import Standing, answered, asked, tells, word

PENDING, RUNNING, FINISHING, FINISHED = "pending", "running", "finishing", "finished"
CANCELLED, NOTIFIED = "cancelled", "cancelled and notified"
SETTLED = NOTIFIED, FINISHED
"""What `as_completed` and `wait` wait for."""
DONE = CANCELLED, *SETTLED
MAX_WORKERS = 32
"""Of a pool that does not say: CPython's number depends on the machine, and is at most this."""


class Future(Standing, Primitive):
    """`concurrent.futures.Future`. Its state is one of six words."""

    def __init__(self) -> None:
        self._state = PENDING
        self.value: Any = None
        self.error: BaseException | None = None
        self.callbacks: list[Any] = []
        self.waiters: list[Any] = []
        super().__init__()

    def contents(self) -> tuple[Any, ...]:
        return self._state, self.value, self.error, len(self.callbacks), len(self.waiters)

    def __hash__(self) -> int:
        """The same in every run, so that a set of futures has one order."""
        return self._key >> FIELD_BITS

    @word
    def done(self) -> Steps:
        return (yield (LOOK, self, "is done", DONE))

    @word
    def running(self) -> Steps:
        return (yield (LOOK, self, "is running", (RUNNING, FINISHING)))

    @word
    def cancelled(self) -> Steps:
        return (yield (LOOK, self, "was cancelled", (CANCELLED, NOTIFIED)))

    @word
    def result(self, timeout: float | None = None) -> Steps:
        return (yield (RESULT if timeout is None else RESULT_OR_NOT, self))

    @word
    def exception(self, timeout: float | None = None) -> Steps:
        try:
            yield (RESULT if timeout is None else RESULT_OR_NOT, self)
        except BaseException as error:
            if self._state == FINISHED and error is self.error:
                return error
            raise
        return None

    @word
    def cancel(self) -> Steps:
        was_pending = yield (CANCEL, self)
        if was_pending:
            yield from self.call_back()
        return was_pending is not None

    @word
    def set_running_or_notify_cancel(self) -> Steps:
        begun = yield (BEGIN, self)
        if not begun:
            yield from self.tell_waiters()
        return begun

    @word
    def set_result(self, result: Any) -> Steps:
        yield from self.finish(result, None)

    @word
    def set_exception(self, exception: BaseException | None) -> Steps:
        yield from self.finish(None, exception)

    @word
    def add_done_callback(self, fn: Any) -> Steps:
        at_once = yield (WHEN_DONE, self, fn)
        if at_once:
            yield from self.one_callback(fn)

    @word
    def _add_waiter(self, fn: Any) -> Steps:
        """Call ``fn`` when it is settled, unless it is; say whether it will be called."""
        return (yield (WAIT, self, fn))

    @word
    def _settled(self) -> Steps:
        yield (AWAIT, self)

    @word
    def _is_settled(self) -> Steps:
        return (yield (LOOK, self, "is done", SETTLED))

    def finish(self, value: Any, error: BaseException | None) -> Steps:
        waited_for = yield (FINISH, self, value, error)
        if waited_for:
            yield from self.tell_waiters()
            yield (SETTLE, self)
        yield from self.call_back()

    def tell_waiters(self) -> Steps:
        for fn in self.waiters:
            yield from asked(fn, self)

    def call_back(self) -> Steps:
        for fn in self.callbacks:
            yield from self.one_callback(fn)

    def one_callback(self, fn: Any) -> Steps:
        """Python logs what a callback raises, and goes on."""
        try:
            yield from asked(fn, self)
        except Exception:
            pass


def _result(world: Any, task: Any, op: Op) -> Any:
    future = op[1]
    if future._state in (CANCELLED, NOTIFIED):
        raise CancelledError
    if future._state != FINISHED:
        raise TimeoutError
    if future.error is not None:
        raise future.error
    return future.value


def _cancel(world: Any, task: Any, op: Op) -> bool | None:
    future = op[1]
    if future._state in (RUNNING, FINISHING, FINISHED):
        return None
    was_pending = future._state == PENDING
    if was_pending:
        future._state = CANCELLED
    return bool(was_pending)


def _begin(world: Any, task: Any, op: Op) -> bool:
    future = op[1]
    if future._state == CANCELLED:
        future._state = NOTIFIED
        return False
    if future._state != PENDING:
        raise RuntimeError("Future in unexpected state")
    future._state = RUNNING
    return True


def _finish(world: Any, task: Any, op: Op) -> bool:
    future = op[1]
    if future._state in (FINISHING, *DONE):
        raise InvalidStateError(f"{future._state.upper()}: {future!r}")
    future.value, future.error = op[2], op[3]
    future._state = FINISHING if future.waiters else FINISHED
    return bool(future.waiters)


def _settle(world: Any, task: Any, op: Op) -> None:
    op[1]._state = FINISHED


def _when_done(world: Any, task: Any, op: Op) -> bool:
    if op[1]._state in DONE:
        return True
    op[1].callbacks.append(op[2])
    return False


def _wait_too(world: Any, task: Any, op: Op) -> bool:
    if op[1]._state in SETTLED:
        return False
    op[1].waiters.append(op[2])
    return True


LOOK = operation(
    "look", "looks at", act=lambda world, task, op: op[1]._state in op[3], changes=False,
    tell=lambda name, op, value, show: (str(value), f"asks whether {name} {op[2]}: {value}"),
)  # fmt: skip
RESULT = operation(
    "result", "takes the result of", act=_result, changes=False,
    opens=lambda state, thread, op: state in DONE,
    why=lambda name, state, thread, op: f"waits for the result of {name}",
    tell=tells("takes the result of {name}: {value}"),
)  # fmt: skip
RESULT_OR_NOT = operation("result_or_time_out", "asks for the result of", act=_result, changes=False)
CANCEL = operation(
    "cancel", "cancels", act=_cancel, enables=True,
    tell=lambda name, op, value, show: ("", f"{'cannot cancel' if value is None else 'cancels'} {name}"),
)  # fmt: skip
BEGIN = operation("begin", "begins", act=_begin)
FINISH = operation(
    "finish", "finishes", act=_finish,
    tell=lambda name, op, value, show: (show(op[2]), f"finishes {name} with {show(op[3] or op[2])}"),
)  # fmt: skip
SETTLE = operation("settle", "shows the result of", act=_settle)
WHEN_DONE = operation("add_done_callback", "adds a callback to", act=_when_done, enables=False)
WAIT = operation(
    "wait_for_future", "waits for", act=_wait_too, opens=lambda state, thread, op: state != FINISHING,
    why=lambda name, state, thread, op: f"waits for {name} to be done",
)  # fmt: skip
AWAIT = operation(
    "await_future", "waits for", changes=False, opens=lambda state, thread, op: state in SETTLED,
    why=lambda name, state, thread, op: f"waits for {name}, which was cancelled and which no worker comes to"
    if state == CANCELLED else f"waits for {name} to be done",
    tell=lambda name, op, value, show: ("", f"finds {name} done"),
)  # fmt: skip


class ThreadPoolExecutor(Standing, Primitive):
    """`concurrent.futures.ThreadPoolExecutor`. Its state: work that waits, and whether it is shut down."""

    def __init__(
        self, max_workers: int | None = None, thread_name_prefix: str = "", initializer: Any = None,
        initargs: tuple[Any, ...] = (),
    ) -> None:  # fmt: skip
        if max_workers is not None and max_workers <= 0:
            raise ValueError("max_workers must be greater than 0")
        self.most = max_workers or MAX_WORKERS
        self.work: deque[Any] = deque()
        self.closed = False
        self.broken = False
        self.idle = 0
        self.workers: list[Life] = []
        self.initializer, self.initargs = initializer, initargs
        super().__init__()
        made = guard_of().made
        number = made["ThreadPoolExecutor"] = made.get("ThreadPoolExecutor", -1) + 1
        self.prefix = thread_name_prefix or f"ThreadPoolExecutor-{number}"

    @property
    def _state(self) -> tuple[int, bool]:
        return len(self.work), self.closed

    def contents(self) -> tuple[Any, ...]:
        return self._state, tuple(self.work), len(self.workers), self.broken, self.idle

    @word
    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Steps:
        future = Future()
        life = yield (SUBMIT, self, future, fn, args, kwargs)
        if life is not None:
            yield (SPAWN, life, work, (self, life))
        return future

    @word
    def map(self, fn: Any, *iterables: Any, timeout: float | None = None, chunksize: int = 1) -> Steps:
        columns = []
        for iterable in iterables:
            columns.append((yield from answer(collected(iterable, _HERE))))
        futures = []
        for values in zip(*columns, strict=False):
            futures.append((yield from run(self.submit, fn, *values)))
        return generating(_results(futures, timeout))

    @word
    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> Steps:
        dropped = yield (SHUTDOWN, self, cancel_futures)
        for future in dropped:
            yield from run(future.cancel)
        if wait:
            for life in list(self.workers):
                yield (JOINED, life)

    @word
    def __enter__(self) -> Steps:
        return self
        yield

    @word
    def __exit__(self, *exc: object) -> Steps:
        yield from run(self.shutdown)


_HERE = ("", "", 0)


def _results(futures: list[Future], timeout: float | None) -> Generator[Any, Any, Any]:
    """The results in their order. A caller that stops before the last one cancels the rest."""
    waiting = deque(futures)
    try:
        while waiting:
            yield Produced((yield from run(waiting[0].result, timeout)))
            waiting.popleft()
    except (Exception, SystemExit, Closed):
        for future in waiting:
            yield from run(future.cancel)
        raise


def _submit(world: Any, task: Any, op: Op) -> Life | None:
    pool = op[1]
    if pool.broken:
        raise BrokenThreadPool(_BROKEN)
    if pool.closed:
        raise RuntimeError("cannot schedule new futures after shutdown")
    pool.work.append(op[2:])
    if pool.idle:
        pool.idle -= 1
        return None
    if len(pool.workers) >= pool.most:
        return None
    life = worker(Life(f"{pool.prefix}_{len(pool.workers)}", None))
    life.begun = True
    pool.workers.append(life)
    return life


def _take(world: Any, task: Any, op: Op) -> Any:
    return op[1].work.popleft() if op[1].work else None


def _shutdown(world: Any, task: Any, op: Op) -> list[Future]:
    pool = op[1]
    pool.closed = True
    dropped = [entry[0] for entry in pool.work] if op[2] else []
    if op[2]:
        pool.work.clear()
    return dropped


def _rest(world: Any, task: Any, op: Op) -> None:
    op[1].idle += 1


def _break(world: Any, task: Any, op: Op) -> list[Future]:
    op[1].broken = True
    dropped = [entry[0] for entry in op[1].work]
    op[1].work.clear()
    return dropped


_BROKEN = "A thread initializer failed, the thread pool is not usable anymore"


def _name(fn: Any) -> str:
    return str(getattr(fn, "__name__", type(fn).__name__))


SUBMIT = operation(
    "submit", "submits to", act=_submit,
    tell=lambda name, op, value, show: (_name(op[3]), f"submits {_name(op[3])} to {name}"),
)  # fmt: skip
TAKE = operation(
    "take_work", "takes work from", act=_take, opens=lambda state, thread, op: state[0] or state[1],
    why=lambda name, state, thread, op: f"waits for work from {name}",
    tell=lambda name, op, value, show: (
        "", f"takes {_name(value[1])} from {name}" if value else f"finds {name} shut down"),
)  # fmt: skip
SHUTDOWN = operation("shutdown_pool", "shuts down", act=_shutdown)
REST = operation("rest", "has time for", act=_rest)
BREAK = operation("break_pool", "breaks", act=_break)


def work(pool: ThreadPoolExecutor, life: Life) -> Steps:
    """What a worker does until the pool is shut down and has no work left."""
    if (yield from _initialized(pool)):
        life.idle = True
        while (taken := (yield (TAKE, pool))) is not None:
            life.idle = False
            yield from _done(*taken)
            if pool.initializer is not None:
                yield (REST, pool)
            life.idle = True
    yield (END, life)


def _initialized(pool: ThreadPoolExecutor) -> Steps:
    """Call the initializer, and say whether the worker may go on: if it raises, the pool is broken."""
    if pool.initializer is not None:
        try:
            yield from asked(pool.initializer, *pool.initargs)
        except (Exception, SystemExit):
            for future in (yield (BREAK, pool)):
                yield from run(future.set_exception, BrokenThreadPool(_BROKEN))
            return False
    return True


def _done(future: Future, fn: Any, args: Any, kwargs: Any) -> Steps:
    """Do one piece of work, unless it was cancelled."""
    if not (yield (BEGIN, future)):
        yield from future.tell_waiters()
        return
    try:
        value = yield from answered(_HERE, fn, *args, **kwargs)
    except (Exception, SystemExit) as error:
        yield from future.finish(None, error)
    else:
        yield from future.finish(value, None)


work.__dict__["__controlled__"] = work


def _wait(fs: Any, timeout: float | None = None, return_when: str = concurrent.futures.ALL_COMPLETED) -> Steps:
    """`concurrent.futures.wait`, without a time-out: until all are done, or until the first."""
    from .library import wait_

    return (yield from answered(_HERE, wait_, fs, timeout, return_when))


def _as_completed(fs: Any, timeout: float | None = None) -> Any:
    from .library import as_completed_

    return call(_HERE, as_completed_, fs, timeout)


REPLACED.update({
    concurrent.futures.Future: Future,
    concurrent.futures.ThreadPoolExecutor: ThreadPoolExecutor,
    concurrent.futures.wait: _wait,
    concurrent.futures.as_completed: _as_completed,
})  # fmt: skip


def _pool_of(real: Any) -> ThreadPoolExecutor:
    if real._threads or real._shutdown:
        raise RuntimeError("a ThreadPoolExecutor of the module was used already; make it in main")
    if hasattr(real, "_initializer"):
        begins = real._initializer, real._initargs
    else:  # from Python 3.14 on
        context = real._create_worker_context()
        begins = context.initializer, context.initargs
    return ThreadPoolExecutor(real._max_workers, real._thread_name_prefix, *begins)


TWINS.append((concurrent.futures.ThreadPoolExecutor, _pool_of))
