# SPDX-License-Identifier: GPL-2.0-or-later
"""Threads, locks and semaphores. Mirrors util/qemu-thread-posix.c.

This file and qom.py are the seam: everything below them is the scheduler's, everything above is QEMU's. Called
plainly the objects are real threads and locks; run by a scenario, every operation on them is a step somebody chooses.
Left out: condition variables, try-lock, priorities, names cut at fifteen characters.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mini_qemu.sched import Channel, Mutex, Semaphore, Shared, abort, compare_exchange, control, free, spawn

__all__ = [
    "QEMU_THREAD_DETACHED",
    "QEMU_THREAD_JOINABLE",
    "Channel",
    "QemuMutex",
    "QemuSemaphore",
    "QemuThread",
    "Shared",
    "abort",
    "free",
    "qatomic_cmpxchg",
    "qemu_thread_create",
    "qemu_thread_join",
]

control("mini_qemu")

QEMU_THREAD_JOINABLE = 0
QEMU_THREAD_DETACHED = 1


class QemuMutex(Mutex):
    """A lock. `with lock:` stands for upstream's QEMU_LOCK_GUARD."""


class QemuSemaphore(Semaphore):
    """A counter that threads wait on."""


class QemuThread:
    """What a create leaves behind. A joinable thread is joined exactly once: never is a leak, twice is undefined."""

    def __init__(self, name: str, handle: Any) -> None:
        self.name = name
        self.handle = handle

    def __repr__(self) -> str:
        return f"<thread {self.name!r}>"


def qemu_thread_create(name: str, start_routine: Callable[..., Any], arg: Any, mode: int) -> QemuThread:
    handle = spawn(name, start_routine, arg)
    if mode == QEMU_THREAD_DETACHED:
        handle.detach()
    return QemuThread(name, handle)


def qemu_thread_join(thread: QemuThread | None) -> None:
    if thread is None:
        abort("join of a thread that was never created")
        return
    thread.handle.join()


def qatomic_cmpxchg(obj: Shared, field: str, old: Any, new: Any) -> bool:
    """Store `new` if the field still holds `old`, in one step. True if it did."""
    return bool(compare_exchange(obj, field, old, new))
