# SPDX-License-Identifier: GPL-2.0-or-later
"""Run something in a forked child with limits on time and memory, so that nothing it does can hurt this process.

What comes back is bytes, or why there are none: an endless loop in C, a huge list, `os._exit(3)` or a crash of the
interpreter end the child. The child has everything that this process had, also what a notebook defined.
Left out: macOS, where a process with threads must not fork, and Windows and a browser's Python, which cannot.
"""

from __future__ import annotations

import faulthandler
import gc
import os
import select
import signal
import sys
import time
import warnings
from collections.abc import Callable
from contextlib import suppress

HAS_FORK = hasattr(os, "fork")
UNDER_LOAD = 3  # the limit is on processor time; one that sleeps, or shares the machine, may take so many times as long
LAST_WORDS = 1.0  # seconds in which a child whose time is up says where it is
INTERRUPTS = {getattr(signal, name) for name in ("SIGINT", "SIGALRM") if hasattr(signal, name)}
MEMORY = 97  # the exit status of a child that has no memory left, not even to report


class Stopped(Exception):
    """The child reported nothing. `kind` is time, memory, exit, signal or silent; `detail` the exit status or the
    number of the signal. `frames` are where it was when its time was up, innermost first: lines as faulthandler writes
    them.
    """

    def __init__(self, kind: str, detail: str = "", written: bytes = b"") -> None:
        super().__init__(f"{kind} {detail}".rstrip())
        self.kind = kind
        self.detail = detail
        lines = written.decode(errors="replace").splitlines()
        self.frames = tuple(line for line in lines if line.startswith("  File "))


def in_a_child(work: Callable[[], bytes], seconds: float, megabytes: int) -> bytes:
    """What `work` returns, made in a child. `seconds` of processor time, `megabytes` on top of what is used now.

    Raises Stopped. An exception of `work` must not reach this far: the child says nothing about it.
    """
    found: bytes | None = None
    written = b""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, INTERRUPTS)  # until somebody is there to end the child
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of threads: the child uses none of theirs
        child = os.fork()
    if child == 0:
        os.close(reading)
        _child(work, writing, seconds, megabytes)
    try:
        os.close(writing)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        found = _read_until(reading, time.monotonic() + seconds * UNDER_LOAD)
        if found is None:
            os.kill(child, signal.SIGXCPU)
            written = _read_until(reading, time.monotonic() + LAST_WORDS) or b""
    finally:  # also when a reader interrupts
        signal.pthread_sigmask(signal.SIG_BLOCK, INTERRUPTS)
        os.close(reading)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child, signal.SIGKILL)  # threads and children of the work end with it
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)  # where it had no time to become the head of a group
        _, status = os.waitpid(child, 0)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    if found is None:
        raise Stopped("time", written=written)
    if found.endswith(WHOLE):
        return found.removesuffix(WHOLE)
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        raise Stopped("time", written=found) if number == signal.SIGXCPU else Stopped("signal", str(number))
    status = os.WEXITSTATUS(status)
    kind = {0: "silent", MEMORY: "memory"}.get(status, "exit")
    raise Stopped(kind, str(status) if kind == "exit" else "")


WHOLE = b"\n.\n"  # after all that a child reports


def _child(work: Callable[[], bytes], writing: int, seconds: float, megabytes: int) -> None:
    status = 0
    try:
        os.setsid()
        faulthandler.disable()  # a crash is told by the parent
        gc.freeze()  # what the parent had, the child does not finalise
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        sys.stdout = sys.stderr = os.fdopen(nowhere, "w", encoding="utf-8")
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        # when its time is up it says where it is, even in the middle of a loop in C; then the signal ends it
        faulthandler.register(signal.SIGXCPU, file=writing, all_threads=False, chain=True)
        _limit(seconds, megabytes)
        report = work() + WHOLE
        while report:
            report = report[os.write(writing, report) :]
    except MemoryError:
        status = MEMORY
    except BaseException:
        status = 0
    finally:
        os._exit(status)


def _limit(seconds: float, megabytes: int) -> None:
    import resource

    limits = {
        resource.RLIMIT_AS: (_used() + megabytes * 2**20,) * 2,
        resource.RLIMIT_CPU: (max(1, round(seconds)), max(1, round(seconds)) + 1),  # first SIGXCPU, then SIGKILL
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_FSIZE: (2**20,) * 2,
    }
    for kind, most in limits.items():
        with suppress(ValueError, OSError):  # a system that has not all of them
            resource.setrlimit(kind, most)


def _used() -> int:
    """The address space that this process has, in bytes; 0 where the system does not say."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def _read_until(pipe: int, deadline: float) -> bytes | None:
    """Everything until the other end is closed; None if that is after the deadline."""
    parts: list[bytes] = []
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([pipe], [], [], left)[0]:
            return None
        if not (part := os.read(pipe, 65536)):
            return b"".join(parts)
        parts.append(part)
        if part.endswith(WHOLE) and b"".join(parts).endswith(WHOLE):
            return b"".join(parts)
