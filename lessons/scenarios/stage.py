# SPDX-License-Identifier: GPL-2.0-or-later
"""What most stories need: a source whose connection has just been made, and somebody at the other end.

Everything here happens before the threads start, in a fixed order, so it costs no interleavings.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mini_qemu.io_channel import QIOChannel, qio_channel_socket_pair
from mini_qemu.migration import qmp_migrate
from mini_qemu.migration_incoming import migrate_send_rp_shut, migration_incoming_get_current
from mini_qemu.migration_state import MigrationState, migration_object_init
from mini_qemu.process import QemuProcess
from mini_qemu.qemu_file_channel import qemu_fopen_channel_input
from mini_qemu.ram import RAMBlock
from mini_qemu.savevm import machine_init, qemu_loadvm_state

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


def yank_list(qemu: QemuProcess) -> str:
    """The list as a table cell."""
    entries = [entry for entry in qemu.yank.yank_instance_list]
    if not entries:
        return "no instance"
    return "[" + ", ".join(str(opaque.name) for entry in entries for _, opaque in entry.yankfns) + "]"


def watch_source(w: Source) -> Mapping[str, Any]:
    return {
        "state": w.ms.state,
        "from_dst_file": str(w.ms.rp_state.from_dst_file),
        "to_dst_file": str(w.ms.to_dst_file),
        "rp_thread_created": w.ms.rp_state.rp_thread_created,
        "ioc.ref": repr(w.ioc),
        "yank list": yank_list(w.qemu),
    }
