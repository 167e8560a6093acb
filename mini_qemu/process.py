# SPDX-License-Identifier: GPL-2.0-or-later
"""One QEMU process: its main loop, and what C keeps in globals. Mirrors util/main-loop.c, util/async.c,
softmmu/cpus.c.

The main thread holds the big lock (BQL) while it runs handlers and bottom halves and gives it up while it waits for
the next one. A bottom half is work that another thread leaves for the main thread; it runs later, never inside the
scheduler. Source and destination of one scenario are two of these, so that nothing is shared but the wire.
Left out: file descriptors, timers, the rest of the event loop; run states other than whether the guest runs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from mini_qemu.qemu_thread import Channel, QemuMutex
from mini_qemu.yank import YankList

NOT_EXPECTED = (ValueError, LookupError, ArithmeticError, TypeError, OSError, RecursionError, MemoryError)
"""What input from outside may make Python raise and C would refuse. Each door turns these into a refusal.

An AssertionError, a use after free and a missing object (an AttributeError: C's null pointer) are the symptoms of the
bugs that are kept here, and are caught nowhere."""


class Sink(Protocol):
    """Where reports go: a list keeps them, a real process prints them."""

    def append(self, report: Any, /) -> None: ...


class QemuProcess:
    def __init__(self, name: str = "qemu") -> None:
        self.name = name
        self.bql = QemuMutex("BQL")
        self.bottom_halves = Channel("main loop")
        self.yank = YankList()
        # the one outgoing and the one incoming migration; made by migration_object_init, used again and again
        self.current_migration: Any = None
        self.current_incoming: Any = None
        # the machine: what the migration carries; see ram.py and savevm.py
        self.ram_state: Any = None
        self.savevm_handlers: tuple[Any, ...] = ()
        # changed with the BQL held
        self.runstate = "running"
        # set before a migration comes in: whether the guest shall run after it
        self.autostart = True
        # set once, by the thread that gives up
        self.exit_status: int | None = None
        # any thread
        self.stderr: Sink = []
        self.events: Sink = []

    def migration_state_changed(self, new: str) -> None:
        """For a process that has a clock. Any thread."""


class QEMUBH:
    def __init__(self, qemu: QemuProcess, cb: Callable[[Any], None], opaque: Any) -> None:
        self.qemu = qemu
        self.cb = cb
        self.opaque = opaque
        self.deleted = False
        # a real process lets it wait without keeping the main loop; in a scenario it is like any other
        self.coroutine = False

    def __repr__(self) -> str:
        return f"bottom half {self.cb.__name__}"


def qemu_bh_new(qemu: QemuProcess, cb: Callable[[Any], None], opaque: Any) -> QEMUBH:
    return QEMUBH(qemu, cb, opaque)


def qemu_bh_schedule(bh: QEMUBH) -> None:
    bh.qemu.bottom_halves.send(bh)


def qemu_bh_delete(bh: QEMUBH) -> None:
    bh.deleted = True


def qemu_coroutine_enter(qemu: QemuProcess, entry: Callable[[Any], None], opaque: Any) -> None:
    """Begun when the main loop comes to it."""
    bh = qemu_bh_new(qemu, entry, opaque)
    bh.coroutine = True
    qemu_bh_schedule(bh)


def error_report(qemu: QemuProcess, message: str) -> None:
    """Print a sentence for the user who started the process. Any thread."""
    qemu.stderr.append(message)


def qapi_event_send(qemu: QemuProcess, name: str, data: dict[str, Any]) -> None:
    """News for every monitor. Any thread."""
    qemu.events.append((name, data))


def qemu_exit(qemu: QemuProcess, status: int) -> None:
    """The process gives up. The other threads of the model are not stopped; a scenario ends here."""
    qemu.exit_status = status


def qemu_mutex_lock_iothread(qemu: QemuProcess) -> None:
    qemu.bql.lock()


def qemu_mutex_unlock_iothread(qemu: QemuProcess) -> None:
    qemu.bql.unlock()


def main_loop_wait(qemu: QemuProcess) -> None:
    """Wait for one bottom half and run it. Called and left without the BQL."""
    bh = qemu.bottom_halves.recv()
    qemu_mutex_lock_iothread(qemu)
    if not bh.deleted:
        bh.cb(bh.opaque)
    qemu_mutex_unlock_iothread(qemu)
