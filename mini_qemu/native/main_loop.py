# SPDX-License-Identifier: GPL-2.0-or-later
"""The main loop of a real process. Mirrors util/aio-posix.c, util/coroutine-gthread.c and a part of softmmu/runstate.c.

Everything above is unchanged: bottom halves arrive here by `send` and leave by `recv`, as in a scenario; this one also
watches file descriptors. A coroutine is a thread that runs only while the main thread lends it its turn, as in QEMU's
fallback for systems that cannot switch stacks. The loader of an incoming migration is one, so that the main loop can
answer while the stream is silent.
Left out: timers, idle handlers, contexts other than the main one.
"""

from __future__ import annotations

import os
import select
import selectors
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from mini_qemu.process import QEMUBH, QemuProcess, main_loop_wait, qapi_event_send, qemu_bh_new
from mini_qemu.qemu_thread import Channel

EVENT_READ = selectors.EVENT_READ
EVENT_WRITE = selectors.EVENT_WRITE
STDERR = 2


class AioContext(Channel):
    """The queue of bottom halves, and the descriptors that the main loop watches. `send` may come from any thread."""

    def __init__(self, qemu: QemuProcess) -> None:
        super().__init__("main loop")
        self.qemu = qemu
        self.ready: deque[QEMUBH] = deque()
        self.lock = threading.Lock()
        self.handlers: dict[int, QEMUBH] = {}
        self.selector = selectors.DefaultSelector()
        self.notified = False
        self.wake_r, self.wake_w = os.pipe()
        os.set_blocking(self.wake_r, False)
        os.set_blocking(self.wake_w, False)
        self.selector.register(self.wake_r, EVENT_READ)

    def send(self, item: QEMUBH) -> None:
        self.ready.append(item)
        self.notify()

    def notify(self) -> None:
        """One byte wakes for all that has been sent until the main loop has read it."""
        if not self.notified:
            self.notified = True
            os.write(self.wake_w, b"\0")

    def recv(self) -> QEMUBH:
        """The next bottom half; a descriptor that is ready makes one."""
        while not self.ready:
            for key, _ in self.selector.select():
                if key.fd == self.wake_r:
                    os.read(self.wake_r, 4096)
                    self.notified = False  # first this, then the look at what is ready
                    continue
                with self.lock:
                    handler = self.handlers.get(key.fd)
                if handler is not None:
                    self.ready.append(handler)
        bh = self.ready.popleft()
        if bh.coroutine and not bh.deleted:
            return qemu_bh_new(bh.qemu, Coroutine(bh.cb, bh.opaque).enter, None)
        return bh

    def wake_up_to_exit(self) -> None:
        self.send(qemu_bh_new(self.qemu, lambda _: None, None))

    def set_fd_handler(self, fd: int, callback: Callable[[Any], None] | None, events: int = EVENT_READ) -> None:
        """Call back in the main thread, with the BQL, whenever `fd` is ready; None ends that. Any thread."""
        with self.lock:
            old = self.handlers.pop(fd, None)
            if old is not None:
                old.deleted = True
                try:
                    self.selector.unregister(fd)
                except (KeyError, ValueError, OSError):
                    pass  # closed meanwhile, and so forgotten by the kernel
            if callback is not None:
                self.handlers[fd] = qemu_bh_new(self.qemu, callback, None)
                self.selector.register(fd, events)
        self.notify()


class Coroutine:
    """A thread that takes turns with the main thread: never do both run."""

    def __init__(self, entry: Callable[[Any], None], opaque: Any) -> None:
        self.go = threading.Semaphore(0)
        self.back = threading.Semaphore(0)
        self.done = False
        self.thread = threading.Thread(target=self.run, args=(entry, opaque), name="coroutine", daemon=True)

    def __repr__(self) -> str:
        return "coroutine"

    def run(self, entry: Callable[[Any], None], opaque: Any) -> None:
        _current.coroutine = self
        self.go.acquire()
        entry(opaque)
        self.done = True
        self.back.release()

    def enter(self, _: Any) -> None:
        """Main thread: go on until it waits or ends."""
        if self.thread.ident is None:
            self.thread.start()
        self.go.release()
        self.back.acquire()
        if self.done:
            self.thread.join()

    def wait_for_fd(self, aio: AioContext, fd: int, events: int = EVENT_READ) -> None:
        """Let the main loop go on until `fd` can be read, or written."""
        aio.set_fd_handler(fd, self.enter, events)
        self.back.release()
        self.go.acquire()
        aio.set_fd_handler(fd, None)


_current = threading.local()


def qemu_coroutine_self() -> Coroutine | None:
    """The coroutine that this thread is, if it is one."""
    return getattr(_current, "coroutine", None)


class RealProcess(QemuProcess):
    """A process of its own: reports are printed, the guest is a thread, and giving up ends the main loop."""

    def __init__(self, name: str, runstate: str) -> None:
        self._runstate = runstate
        self._exit_status: int | None = None
        super().__init__(name)
        self._runstate = runstate
        self.aio = AioContext(self)
        self.bottom_halves = self.aio
        self.stderr = _Stderr(name)
        self.vcpu: Any = None  # see cpus.py
        # main thread, BQL held: what migrate-set-parameters has set; where the guest's keys for TLS lie
        self.parameters: dict[str, Any] = {}
        self.objects: dict[str, dict[str, str]] = {}
        self.incoming: str | None = None  # the argument of -incoming
        self.incoming_listener: Any = None
        # any thread, each entry once: when the migration came into a state, and when the guest stopped for it
        self.clock: dict[str, float] = {}

    def migration_state_changed(self, new: str) -> None:
        if new == "setup":
            self.clock.clear()
        self.clock[new] = time.monotonic()

    @property
    def runstate(self) -> str:
        return self._runstate

    @runstate.setter
    def runstate(self, new: str) -> None:
        """A guest that shall not run has stopped when this returns."""
        old = self._runstate
        if not hasattr(self, "vcpu") or old == new:
            return
        if old == "running" and self.vcpu is not None:
            self.vcpu.pause()
        self._runstate = new
        if new == "finish-migrate":
            self.clock["stopped"] = time.monotonic()
        if old == "running":
            qapi_event_send(self, "STOP", {})
        if new == "running":
            qapi_event_send(self, "RESUME", {})
            if self.vcpu is not None:
                self.vcpu.resume()

    @property
    def exit_status(self) -> int | None:
        return self._exit_status

    @exit_status.setter
    def exit_status(self, status: int | None) -> None:
        self._exit_status = status
        if status is not None:
            self.aio.wake_up_to_exit()


class _Stderr:
    def __init__(self, name: str) -> None:
        self.name = name

    def append(self, message: str, /) -> None:
        report(f"{self.name}: {message}")


def report(text: str) -> None:
    """A line on standard error, in one piece. Never raises and never waits: a log that is full, closed or not read must
    not change what happens here. What cannot be written is lost."""
    line = text.encode(errors="backslashreplace")[: select.PIPE_BUF - 1] + b"\n"
    try:
        poll = select.poll()
        poll.register(STDERR, select.POLLOUT)
        if poll.poll(0):
            os.write(STDERR, line)
    except OSError:
        pass


def qemu_main_loop(qemu: RealProcess) -> int:
    """Run until somebody has given an exit status."""
    while qemu.exit_status is None:
        main_loop_wait(qemu)
    return qemu.exit_status


def now() -> dict[str, int]:
    """The time as QMP writes it."""
    microseconds = time.time_ns() // 1000
    return {"seconds": microseconds // 1_000_000, "microseconds": microseconds % 1_000_000}
