"""Many migrations in a row by one process, of every ending, after which nothing may be left."""

from __future__ import annotations

import socket
from collections.abc import Callable

from tests.mini_qemu.native.harness import (
    PING_1,
    SHUT_0,
    SHUT_1,
    Machine,
    Stage,
    accept,
    listening,
    read_until,
    wait_for,
)
from tests.reliability.figures import Figure

DESCRIPTION = b'"page_size"'


def completes(a: Machine, sock: socket.socket) -> None:
    read_until(sock, DESCRIPTION)
    sock.sendall(SHUT_0)
    assert a.qmp.wait_status("completed", "failed", "cancelled") == "completed"
    a.settled("postmigrate")
    a.qmp("cont")


def is_refused(a: Machine, sock: socket.socket) -> None:
    read_until(sock, DESCRIPTION)
    sock.sendall(SHUT_1)
    assert a.qmp.wait_status("completed", "failed", "cancelled") == "failed"


def is_yanked(a: Machine, sock: socket.socket) -> None:
    read_until(sock, PING_1)
    a.qmp.oob("yank", instances=[{"type": "migration"}])
    assert a.qmp.wait_status("completed", "failed", "cancelled") == "failed"


def is_cancelled(a: Machine, sock: socket.socket) -> None:
    read_until(sock, PING_1)
    a.qmp("migrate_cancel")
    # either is right: an accepted cancel wakes the threads before it sets the state
    assert a.qmp.wait_status("completed", "failed", "cancelled") in ("cancelled", "failed")


def is_left_alone(a: Machine, sock: socket.socket) -> None:
    sock.close()
    assert a.qmp.wait_status("completed", "failed", "cancelled") == "failed"


ENDINGS: tuple[Callable[[Machine, socket.socket], None], ...] = (
    completes, is_refused, is_yanked, is_cancelled, is_left_alone,
)  # fmt: skip


def memory_kib(a: Machine) -> int:
    """What it has allocated, in memory or swapped out. Not pages of files: those come and go as the machine needs."""
    with open(f"/proc/{a.process.pid}/status") as status:
        return sum(int(line.split()[1]) for line in status if line.startswith(("RssAnon", "VmSwap")))


def migrate_many_times(stage: Stage, count: int, to: Figure | None = None) -> None:
    """Threads, descriptors, entries of the yank list, what was said, and memory: as before."""
    a = stage.mini("a", "-m", "1", "-cpu", "writer")
    a.qmp.capabilities("return-path")
    wait_for(lambda: len(a.threads()) == 3, "all threads are there")
    threads, descriptors = a.threads(), a.descriptors()
    after_the_first = 0
    with listening(stage.uri()) as listener:
        for number in range(count):
            a.qmp("migrate", uri=stage.uri())
            with accept(listener) as sock:
                ending = ENDINGS[number % len(ENDINGS)]
                ending(a, sock)
                a.settled("running")
                # upstream joins the return path thread on the way to success only: let it end before the next begins
                wait_for(lambda: a.threads() == threads, "the threads have ended", lambda: str(a.threads()))
            a.qmp.events.clear()
            if to is not None:
                to.count(ending.__name__.replace("_", " "))
            if number == 49:
                after_the_first = memory_kib(a)
    assert a.qmp("query-yank") == []
    assert a.descriptors() == descriptors
    assert a.errors().count("\n") == count // len(ENDINGS)  # what the destination that refused has said, nothing else
    assert not after_the_first or memory_kib(a) - after_the_first < 2048


def soak(to: Figure, count: int, seed: int) -> None:
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory(prefix="mq") as directory:
        stage = Stage(Path(directory))
        try:
            migrate_many_times(stage, count - count % len(ENDINGS), to)
        except AssertionError as error:
            to.found(str(error).splitlines()[0])
        finally:
            stage.end()
