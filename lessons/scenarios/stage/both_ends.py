# SPDX-License-Identifier: GPL-2.0-or-later
"""Two whole QEMUs: the destination waits for a connection too, and loads what the source sends."""

from __future__ import annotations

from lessons.scenarios.stage.props import Bell
from lessons.scenarios.stage.source import SourceSide, stall, under_way
from mini_qemu.channel import socket_accept_incoming_migration
from mini_qemu.io_channel import EIO, qio_channel_socket_pair
from mini_qemu.migration_incoming import MigrationIncomingState, migration_incoming_get_current
from mini_qemu.monitor import qmp_migrate_incoming
from mini_qemu.process import main_loop_wait, qemu_mutex_lock_iothread, qemu_mutex_unlock_iothread
from mini_qemu.qemu_file import qemu_file_get_return_path, qemu_file_set_error
from mini_qemu.qemu_file_channel import qemu_fopen_channel_input
from mini_qemu.qemu_thread import QemuSemaphore
from mini_qemu.qom import object_unref
from mini_qemu.yank_functions import migration_ioc_register_yank


class BothEnds(SourceSide):
    """The destination waits for a connection too."""

    def __init__(self, *capabilities: str, pages: int = 0) -> None:
        super().__init__(*capabilities, pages=pages)
        self.mis = migration_incoming_get_current(self.peer)
        self.destination_paused = QemuSemaphore(name="destination paused")
        qmp_migrate_incoming(self.peer)


def accepts(w: BothEnds) -> None:
    qemu_mutex_lock_iothread(w.peer)
    socket_accept_incoming_migration(w.mis, w.peer_ioc)
    qemu_mutex_unlock_iothread(w.peer)
    main_loop_wait(w.peer)  # the load


def opened(w: SourceSide) -> MigrationIncomingState:
    """A destination whose files are open and whose channel is registered."""
    mis = migration_incoming_get_current(w.peer)
    migration_ioc_register_yank(w.peer_ioc)
    mis.from_src_file = qemu_fopen_channel_input(w.peer_ioc)
    mis.to_src_file = qemu_file_get_return_path(mis.from_src_file)
    object_unref(w.peer_ioc)
    return mis


def both_lose_their_line() -> BothEnds:
    """A postcopy is under way, the guest runs on the destination, and the line has just died.

    The threads learn of it one after another; that several close at once is a story of its own.
    """
    w = BothEnds("return-path", "postcopy-ram", pages=1)
    stall(w, 0)
    under_way(w, "postcopy-active")
    qemu_file_set_error(w.ms.to_dst_file, -EIO)
    w.qemu.ram_state.blocks[0].dirty[0] = 1

    opened(w)
    w.mis.state, w.mis.postcopy_state = "active", "running"
    for se in w.peer.savevm_handlers:
        se.load_section_id = se.section_id  # the beginning of the stream has been read
    w.mis.main_thread_load_event = QemuSemaphore(1)

    w.ioc2, w.peer_ioc2 = qio_channel_socket_pair(w.qemu, w.peer)
    w.ms.postcopy_pause_sem = Bell(w.paused)
    w.ms.postcopy_pause_rp_sem = Bell(w.parked)
    w.mis.postcopy_pause_sem_dst = Bell(w.destination_paused)
    return w
