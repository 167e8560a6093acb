# SPDX-License-Identifier: GPL-2.0-or-later
"""What most stories need: a source whose connection has just been made, and somebody at the other end.

Everything here happens before the threads start, in a fixed order, so it costs no interleavings.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mini_qemu.channel import socket_outgoing_migration
from mini_qemu.io_channel import QIOChannel, qio_channel_socket_pair
from mini_qemu.migration import qmp_migrate
from mini_qemu.migration_state import MigrationState, migration_object_init
from mini_qemu.process import (
    QemuProcess,
    main_loop_wait,
    qemu_mutex_lock_iothread,
    qemu_mutex_unlock_iothread,
)
from mini_qemu.ram import RAMBlock
from mini_qemu.savevm import machine_init

PING = bytes.fromhex("08 0002 0004")
FOOTER = bytes.fromhex("7e")
PONG = bytes.fromhex("0002 0004")
SHUT_0 = bytes.fromhex("0001 0004 00000000")


class Source:
    """A source on which `migrate` has been accepted; `ioc` is the connection, not yet handed to the migration."""

    def __init__(self, *capabilities: str, pages: int = 0) -> None:
        self.qemu = QemuProcess("source")
        self.peer = QemuProcess("destination")
        for qemu in (self.qemu, self.peer):
            machine_init(qemu, *([RAMBlock("ram", pages)] if pages else []))
        self.ms: MigrationState = migration_object_init(self.qemu, *capabilities)
        error = qmp_migrate(self.ms)
        assert error is None, error
        self.ioc, self.peer_ioc = qio_channel_socket_pair(self.qemu, self.peer)


def destination(w: Source) -> None:
    """The other end, as far as the source can tell: it answers pings, and says SHUT(0) when it has everything."""
    wire = w.peer_ioc.wire
    while True:
        message = wire.incoming.recv()
        if message is None:
            return
        if message.startswith(PING):
            wire.outgoing.send(PONG + message[5:9])
        if message.startswith(FOOTER) and b"globalstate" in message:
            wire.outgoing.send(SHUT_0)
            return


class Word(str):
    """A table cell that is not put in quotes."""

    __slots__ = ()
    __repr__ = str.__str__


def pointer(f: Any) -> Word:
    """Where a pointer to a file points."""
    if f is None:
        return Word("NULL")
    return Word("freed" if is_freed(f) else "shut down" if f.shutdown else "open")


def references(ioc: QIOChannel) -> Word:
    return Word("freed" if is_freed(ioc) else ioc.ref)


def is_freed(obj: object) -> bool:
    return repr(obj).startswith("<freed")


def yank_list(qemu: QemuProcess) -> Word:
    entries = qemu.yank.yank_instance_list
    if not entries:
        return Word("no instance")
    listed = [opaque for entry in entries for _, opaque in entry.yankfns]
    return Word("[" + ", ".join("freed" if is_freed(o) else str(o.name) for o in listed) + "]")


def main_connects_then_cleans_up(w: Source) -> None:
    """The source's main thread: the connection is there; later, the bottom half that the migration leaves behind."""
    qemu_mutex_lock_iothread(w.qemu)
    socket_outgoing_migration(w.ms, w.ioc)
    qemu_mutex_unlock_iothread(w.qemu)
    main_loop_wait(w.qemu)


def watch_source(w: Source) -> Mapping[str, Any]:
    return {
        "state": w.ms.state,
        "from_dst_file": pointer(w.ms.rp_state.from_dst_file),
        "to_dst_file": pointer(w.ms.to_dst_file),
        "rp_thread_created": w.ms.rp_state.rp_thread_created,
        "ioc.ref": references(w.ioc),
        "yank list": yank_list(w.qemu),
    }
