# SPDX-License-Identifier: GPL-2.0-or-later
"""`threading.Thread` under control: the class stays Python's, and programs may derive from it; its methods are ours.

A thread's last step is its end, which `join` waits for and `is_alive` looks at. Threads are named as Python names them,
by their maker, so that a schedule reads the same in every run: the second thread that main makes for `work` is
``Thread-2 (work)``, whatever other threads made meanwhile.

An exception that ends a thread is a finding. A thread that nobody joins goes on, as Python waits for it at exit. A
daemon goes on as well, but one that still waits at the end is not a deadlock.

Left out: `enumerate`, `active_count`, `settrace` and `excepthook`.
"""

from __future__ import annotations

import contextvars
import sys
import threading
import time
from typing import Any

from mini_qemu.sched.clerk import Steps
from mini_qemu.sched.handles import Handle
from mini_qemu.sched.ops import SPAWN, Op, operation
from mini_qemu.sched.places import OWN_FILES

from .access import UNSHARED, answer, guard_of, refuse
from .attributes import attribute
from .guard import Site
from .replaced import CARRIERS, REPLACED, TWINS, twin
from .sync import Event
from .words import answered, asked

CARRIERS.update((threading.Thread, threading.Timer))


class Life(Handle):
    """A thread object as the explorer sees it. Its state: whether it was started, and whether it has ended."""

    words = ""

    def __init__(self, name: str, thread: threading.Thread | None) -> None:
        super().__init__(name)
        self.settled = True  # Python joins at exit what nobody joined
        self.thread = thread
        self.begun = False
        self.over = False
        self.kept = _kept(thread)
        self.idle = False  # a worker of a pool that waits for work: Python sends it home at exit

    @property
    def _state(self) -> tuple[bool, bool]:  # type: ignore[override]
        return self.begun, self.over

    def contents(self) -> tuple[Any, ...]:
        return self.name, *self._state

    @property
    def ends_with_process(self) -> bool:  # type: ignore[override]
        """Whether it is a daemon: Python does not wait for it at exit."""
        return self.thread is not None and self.thread.daemon

    @property
    def daemon(self) -> bool:  # type: ignore[override]
        """Whether it may wait for ever."""
        return self.idle or self.ends_with_process


def _end(world: Any, task: Any, op: Op) -> None:
    op[1].over = True


def _joined(world: Any, task: Any, op: Op) -> None:
    joined = world.guard.joined
    joined.setdefault(task.name, set()).update({op[1].name}, joined.get(op[1].name, ()))


END = operation("end", "ends", act=_end, tell=lambda name, op, value, show: ("", "ends"))
JOINED = operation(
    "join_thread", "joins", changes=False, act=_joined, opens=lambda state, thread, op: state[1],
    why=lambda name, state, thread, op: f"waits for {op[1].name} to end",
    tell=lambda name, op, value, show: (op[1].name, f"joins {op[1].name}"),
)  # fmt: skip
IS_ALIVE = operation(
    "is_alive", "looks at", changes=False, act=lambda world, task, op: op[1].begun and not op[1].over,
    tell=lambda name, op, value, show: (
        str(value), f"finds that {op[1].name} {'still runs' if value else 'has ended'}"),
)  # fmt: skip


_PRIVATE = {
    "_started", "_stop", "_is_stopped", "_tstate_lock", "_handle", "_ident", "_initialized", "_invoke_excepthook",
    "_bootstrap", "_bootstrap_inner", "_delete", "_wait_for_tstate_lock",
}  # fmt: skip
"""What Python's threads keep under names that a program may take for its own, in one version or another."""


def _kept(thread: Any) -> dict[str, Any]:
    """What of that a thread object has itself, or by its class."""
    made = getattr(thread, "__dict__", {})
    return {name: made.get(name, getattr(type(thread), name, None)) for name in _PRIVATE}


def _refuse_taken(thread: threading.Thread, kept: dict[str, Any]) -> None:
    """Refuse a thread that uses such a name: `join` would call an event, for example, where it stopped the thread."""
    now = _kept(thread)
    for name in sorted(_PRIVATE):
        by_class = getattr(type(thread), name, None) is not getattr(threading.Thread, name, None)
        if by_class or (now[name] is not kept[name] and now[name] is not twin(kept[name])):
            raise refuse(here(), f"{type(thread).__name__}.{name} takes the place of what threading.Thread keeps under "
                                 "this name; call it something else")  # fmt: skip


def life_of(thread: threading.Thread) -> Life:
    """The explorer's side of a thread object."""
    lives = guard_of().lives
    if id(thread) not in lives:
        name = getattr(thread, "_name", "")
        lives[id(thread)] = (thread, Life(name, thread))
    life: Life = lives[id(thread)][1]
    return life


def _init(
    self: threading.Thread, group: Any = None, target: Any = None, name: Any = None, args: Any = (),
    kwargs: Any = None, *, daemon: bool | None = None, **more: Any,
) -> None:  # fmt: skip
    guard = guard_of()
    if name is None:
        maker = guard.world.current.name
        number = guard.made[maker] = guard.made.get(maker, 0) + 1
        lineage = f"{maker.partition(' ')[0]}-{number}" if maker.startswith("Thread-") else f"Thread-{number}"
        name = f"{lineage} ({target.__name__})" if hasattr(target, "__name__") else lineage
    if daemon is None:
        daemon = _current().daemon
    threading.Thread.__init__(self, group, target, name, args, kwargs, daemon=daemon)
    getattr(threading, "_dangling", set()).discard(self)  # no real thread: a fork must not look for its locks
    life_of(self)


def _begun(self: threading.Thread, starts: bool = False) -> Steps:
    """Whether a thread was started, and perhaps that it is: a place like any other, as two threads may ask."""
    if not getattr(self, "_initialized", False):
        raise RuntimeError("thread.__init__() not called")
    life = life_of(self)
    _refuse_taken(self, life.kept)

    def run() -> bool:
        was, life.begun = life.begun, life.begun or starts
        return was

    return (yield from answer(attribute(self, "started", starts, run, here())))


def _start(self: threading.Thread) -> Steps:
    guard = guard_of()
    if id(self) not in guard.lives and guard.world.scenario.puts_back and getattr(self, "_initialized", False):
        raise refuse(here(), f"{self.name} is a thread that the module made, which can be started once and not in "
                             "every run; make it in main")  # fmt: skip
    if (yield from _begun(self, True)):
        raise RuntimeError("threads can only be started once")
    life = life_of(self)
    yield (SPAWN, life, live, (life,))


def live(life: Life) -> Steps:
    """What a thread does: its ``run``, and its end."""
    thread: Any = life.thread
    try:
        yield from answered(("", "", 0), type(thread).run, thread)
    except SystemExit:
        pass
    yield (END, life)


live.__dict__["__controlled__"] = live


def _run(self: Any) -> Steps:
    """`Thread.run`: the target."""
    if self._target is not None:
        yield from answered(("", "", 0), self._target, *self._args, **self._kwargs)


def _join(self: threading.Thread, timeout: float | None = None) -> Steps:
    if not (yield from _begun(self)):
        raise RuntimeError("cannot join thread before it is started")
    if self is _current():
        raise RuntimeError("cannot join current thread")
    yield (JOINED if timeout is None else IS_ALIVE, life_of(self))


def _is_alive(self: threading.Thread) -> Steps:
    if not (yield from _begun(self)):
        return False
    return (yield (IS_ALIVE, life_of(self)))


def _ident_of(self: threading.Thread) -> int | None:
    """`Thread.ident`: None before it is started."""
    life = life_of(self)
    return int(guard_of().world.registry.tids[life.name]) + 1 if life.begun else None


def _set_daemon(self: Any, daemonic: bool) -> None:
    if life_of(self).begun:
        raise RuntimeError("cannot set daemon status of active thread")
    self._daemonic = bool(daemonic)


def here() -> Site:
    """Where the program calls one of these words."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(OWN_FILES):
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_code.co_qualname, frame.f_lineno


def worker(life: Life) -> Life:
    """``life`` with the thread object that `current_thread` gives in a pool."""
    thread = threading.Thread(name=life.name, daemon=False)
    getattr(threading, "_dangling", set()).discard(thread)
    life.thread = thread
    guard_of().lives[id(thread)] = thread, life
    return life


def first(life: Life) -> None:
    """``life`` is that of the main thread."""
    life.begun = True
    guard_of().lives[id(threading.main_thread())] = threading.main_thread(), life


def _current() -> Any:
    """The thread object of the thread that runs now."""
    handle = guard_of().world.current.handle
    return handle.thread if isinstance(handle, Life) and handle.thread is not None else threading.main_thread()


def _ident() -> int:
    return int(guard_of().world.current.tid) + 1


def _timer_init(self: Any, interval: float, function: Any, args: Any = None, kwargs: Any = None) -> None:
    _init(self)
    self.interval, self.function = interval, function
    self.args, self.kwargs = args if args is not None else [], kwargs if kwargs is not None else {}
    self.finished = Event()


def _timer_cancel(self: Any) -> Steps:
    yield from answered(("", "", 0), self.finished.set)


def _timer_run(self: Any) -> Steps:
    """`Timer.run`: the time may be over before somebody cancels, or not; both are tried."""
    cancelled = yield from answered(("", "", 0), self.finished.wait, self.interval)
    if not cancelled:
        yield from asked(self.function, *self.args, **self.kwargs)
    yield from answered(("", "", 0), self.finished.set)


_NOTHING: Any = object()


class Local:
    """`threading.local`: every thread has its own attributes."""

    def __init__(self) -> None:
        object.__setattr__(self, "_of", {})

    def _mine(self) -> dict[str, Any]:
        of: dict[str, dict[str, Any]] = object.__getattribute__(self, "_of")
        return of.setdefault(guard_of().world.current.name, {})

    def __getattribute__(self, name: str) -> Any:
        mine = object.__getattribute__(self, "_mine")()
        if name == "__dict__":
            return mine
        if name in mine:
            return mine[name]
        if name.startswith("_"):
            return object.__getattribute__(self, name)
        raise AttributeError(f"'_thread._local' object has no attribute {name!r}")

    def __setattr__(self, name: str, value: Any) -> None:
        object.__getattribute__(self, "_mine")()[name] = value

    def __delattr__(self, name: str) -> None:
        mine = object.__getattribute__(self, "_mine")()
        if name not in mine:
            raise AttributeError(name)
        del mine[name]


UNSHARED.add(Local)


class ContextVariable:
    """`contextvars.ContextVar`: a thread begins with no value of it."""

    def __init__(self, name: str, *, default: Any = _NOTHING) -> None:
        self.name = name
        self._default = default
        self._of: dict[str, Any] = {}

    def get(self, *default: Any) -> Any:
        value = self._of.get(guard_of().world.current.name, default[0] if default else self._default)
        if value is _NOTHING:
            raise LookupError(f"<ContextVar name={self.name!r}>")
        return value

    def set(self, value: Any) -> Any:
        thread = guard_of().world.current.name
        token = self, self._of.get(thread, _NOTHING)
        self._of[thread] = value
        return token

    def reset(self, token: Any) -> None:
        thread = guard_of().world.current.name
        if token[1] is _NOTHING:
            self._of.pop(thread, None)
        else:
            self._of[thread] = token[1]


for _method in (ContextVariable.get, ContextVariable.set, ContextVariable.reset):
    _method.__dict__["__ordinary__"] = _method.__code__, _method  # called as they are


def _context_variable(real: contextvars.ContextVar[Any]) -> ContextVariable:
    try:
        return ContextVariable(real.name, default=contextvars.Context().run(real.get))
    except LookupError:
        return ContextVariable(real.name)


def _local(real: threading.local) -> Local:
    made = Local()
    object.__getattribute__(made, "_of")["main"] = dict(vars(real))
    return made


UNSHARED.add(ContextVariable)
TWINS.append((threading.local, _local))
TWINS.append((contextvars.ContextVar, _context_variable))

REPLACED.update({
    threading.Thread.__init__: _init,
    threading.Thread.start: _start,
    threading.Thread.run: _run,
    threading.Thread.join: _join,
    threading.Thread.is_alive: _is_alive,
    threading.Timer.__init__: _timer_init,
    threading.Timer.cancel: _timer_cancel,
    threading.Timer.run: _timer_run,
    threading.Thread.ident.fget: _ident_of,  # type: ignore[attr-defined]
    threading.Thread.daemon.fset: _set_daemon,  # type: ignore[attr-defined]
    threading.Thread.setName: lambda self, name: setattr(self, "name", name),
    threading.Thread.getName: lambda self: self.name,
    threading.Thread.isDaemon: lambda self: self.daemon,
    threading.Thread.setDaemon: _set_daemon,
    threading.current_thread: _current,
    threading.main_thread: threading.main_thread,
    threading.get_ident: _ident,
    getattr(threading, "get_native_id", threading.get_ident): _ident,  # not in a browser's Python
    threading.local: Local,
    contextvars.ContextVar: ContextVariable,
    time.sleep: lambda seconds: None,
})  # fmt: skip
