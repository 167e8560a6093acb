"""Two hundred migrations by one process, of every ending: nothing may be left behind."""

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


def test_nothing_is_left(stage: Stage):
    a = stage.mini("a", "-m", "1", "-cpu", "writer")
    a.qmp.capabilities("return-path")
    wait_for(lambda: len(a.threads()) == 3, "all threads are there")
    threads, descriptors = a.threads(), a.descriptors()
    with listening(stage.uri()) as listener:
        for number in range(200):
            a.qmp("migrate", uri=stage.uri())
            with accept(listener) as sock:
                ENDINGS[number % len(ENDINGS)](a, sock)
                a.settled("running")
                # upstream joins the return path thread on the way to success only: let it end before the next begins
                wait_for(lambda: a.threads() == threads, "the threads have ended", lambda: str(a.threads()))
    assert a.qmp("query-yank") == []
    assert a.descriptors() == descriptors
    assert a.errors().count("\n") == 200 // len(ENDINGS)  # what the destination that refused has said, nothing else
