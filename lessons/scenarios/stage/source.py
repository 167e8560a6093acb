# SPDX-License-Identifier: GPL-2.0-or-later
"""A source whose connection has just been made, its threads, and somebody at the other end.

In every story `w` is the world it is set in: two processes, the line between them, and the migration's state.
"""

from __future__ import annotations

from collections.abc import Callable

from lessons.scenarios.stage.props import Late, Offstage, Stalling
from mini_qemu.channel import socket_outgoing_migration
from mini_qemu.io_channel import (
    QIOChannelSocket,
    Wire,
    qio_channel_read,
    qio_channel_shutdown,
    qio_channel_socket_pair,
    qio_channel_write,
)
from mini_qemu.migration import (
    migrate_fd_cancel,
    migrate_fd_cleanup,
    migrate_fd_cleanup_bh,
    migration_completion,
    migration_iteration_finish,
    qmp_migrate,
    source_return_path_thread,
)
from mini_qemu.migration_state import MigrationState, migration_object_init
from mini_qemu.monitor import QmpError, qmp_yank
from mini_qemu.process import (
    QemuProcess,
    main_loop_wait,
    qemu_bh_new,
    qemu_mutex_lock_iothread,
    qemu_mutex_unlock_iothread,
)
from mini_qemu.qemu_file import qemu_fflush, qemu_file_get_return_path, qemu_put_byte
from mini_qemu.qemu_file_channel import qemu_fopen_channel_output
from mini_qemu.qemu_thread import (
    QEMU_THREAD_JOINABLE,
    QemuSemaphore,
    QemuThread,
    qemu_thread_create,
    qemu_thread_join,
)
from mini_qemu.qom import object_unref
from mini_qemu.ram import RAMBlock
from mini_qemu.savevm import machine_init
from mini_qemu.sched import join
from mini_qemu.yank_functions import migration_ioc_register_yank

PING = bytes.fromhex("08 0002 0004")
FOOTER = bytes.fromhex("7e")
PONG = bytes.fromhex("0002 0004")
SHUT_0 = bytes.fromhex("0001 0004 00000000")


class SourceSide:
    """A source on which `migrate` has been accepted; `ioc` is the connection, not yet handed to the migration."""

    ioc2: QIOChannelSocket  # where there is a second connection
    peer_ioc2: QIOChannelSocket

    def __init__(self, *capabilities: str, pages: int = 0) -> None:
        self.qemu = QemuProcess("source")
        self.peer = QemuProcess("destination")
        for qemu in (self.qemu, self.peer):
            machine_init(qemu, *([RAMBlock("ram", pages)] if pages else []))
        self.heard = b""  # for a destination that keeps what it reads
        self.paused = QemuSemaphore(name="paused")
        self.parked = QemuSemaphore(name="parked")
        self.ms: MigrationState = migration_object_init(self.qemu, *capabilities)
        error = qmp_migrate(self.ms)
        assert error is None, error
        self.stalled = QemuSemaphore(name="stalled")
        self.ioc, self.peer_ioc = qio_channel_socket_pair(self.qemu, self.peer)


def running(*capabilities: str, state: str = "active") -> SourceSide:
    """A migration that is under way: both files are open and the channel is registered; no thread has been started."""
    w = SourceSide("return-path", *capabilities)
    under_way(w, state)
    return w


def under_way(w: SourceSide, state: str) -> None:
    migration_ioc_register_yank(w.ioc)
    w.ms.to_dst_file = qemu_fopen_channel_output(w.ioc)
    object_unref(w.ioc)
    w.ms.rp_state.from_dst_file = qemu_file_get_return_path(w.ms.to_dst_file)
    w.ms.state = state
    w.ms.cleanup_bh = qemu_bh_new(w.qemu, migrate_fd_cleanup_bh, w.ms)


def return_path(w: SourceSide) -> None:
    """The return path thread, where the story starts it by hand."""
    try:
        source_return_path_thread(w.ms)
    except Offstage:
        pass


class StoryThread(QemuThread):
    """A thread of the scenario in the place of one that the migration has created; joined by its name."""

    def __init__(self, name: str) -> None:
        super().__init__(name, self)
        self.settled = False

    def join(self) -> None:
        join(self.name)
        self.settled = True


def created_return_path(w: SourceSide) -> None:
    """In a setup: the scenario's thread "return path" is the one that the migration has created and has to join."""
    w.ms.rp_state.rp_thread = StoryThread("return path")
    w.ms.rp_state.rp_thread_created = True


def start_return_path(w: SourceSide) -> None:
    """What open_return_path_on_source does after it has opened the file."""
    w.ms.rp_state.rp_thread = qemu_thread_create(
        "return path", source_return_path_thread, w.ms, QEMU_THREAD_JOINABLE
    )
    w.ms.rp_state.rp_thread_created = True


def oob_yanks(w: SourceSide) -> None:
    """An operator loses patience, at any time."""
    yank(w.qemu)


def oob_yanks_before_the_next_send(w: SourceSide) -> None:
    """The line is cut before the migration thread can come to its end: only then is there more to send."""
    oob_yanks(w)
    w.stalled.post()


def sends_once_more(w: SourceSide) -> None:
    w.stalled.wait()
    qemu_put_byte(w.ms.to_dst_file, 0)
    qemu_fflush(w.ms.to_dst_file)


def yank(qemu: QemuProcess) -> None:
    """That there is nothing to yank any more is a fair answer."""
    try:
        qmp_yank(qemu, [{"type": "migration"}])
    except QmpError:
        pass


def says_shut(w: SourceSide) -> None:
    """A destination that has everything already."""
    qio_channel_write(w.peer_ioc, SHUT_0)


def hangs_up(w: SourceSide) -> None:
    """The line goes dead: readers and writers at both ends notice."""
    qio_channel_shutdown(w.peer_ioc)


def destination(w: SourceSide) -> None:
    """The other end, as far as the source can tell: it answers pings, and says SHUT(0) when it has everything."""
    while True:
        message = qio_channel_read(w.peer_ioc)
        if not message:
            return
        if message.startswith(PING):
            qio_channel_write(w.peer_ioc, PONG + message[5:9])
        if message.startswith(FOOTER) and b"globalstate" in message:
            qio_channel_write(w.peer_ioc, SHUT_0)
            return


def stall(w: SourceSide, at: int) -> None:
    """The line will stall at the source's message number `at`. When it has been cut, tell each reader."""
    w.ioc.wire = Wire(Late("the line to the source"), Stalling("the line to the destination", at, w.stalled))
    w.peer_ioc.wire = w.ioc.wire.other_end()


def tell(w: SourceSide, direction: str) -> None:
    line = w.ioc.wire.incoming if direction == "to source" else w.ioc.wire.outgoing
    assert isinstance(line, Late)
    line.tell()


def connects(w: SourceSide) -> None:
    """The source's main thread: the connection is there."""
    qemu_mutex_lock_iothread(w.qemu)
    socket_outgoing_migration(w.ms, w.ioc)
    qemu_mutex_unlock_iothread(w.qemu)


def main_connects_then_cleans_up(w: SourceSide) -> None:
    """The source's main thread: the connection is there; later, the bottom half that the migration leaves behind."""
    connects(w)
    main_loop_wait(w.qemu)


def main_starts_then_cleans_up(w: SourceSide, live_migration: Callable[[SourceSide], None]) -> None:
    """The source's main thread, from where `running` leaves off: starts both threads, and cleans up in the end."""
    start_return_path(w)
    w.ms.thread = qemu_thread_create("live_migration", live_migration, w, QEMU_THREAD_JOINABLE)
    w.ms.migration_thread_running = True
    main_loop_wait(w.qemu)
    reap(w)


def completes(w: SourceSide) -> None:
    """The migration thread when there is nothing left to send."""
    migration_completion(w.ms)
    migration_iteration_finish(w.ms)


def cancelled() -> SourceSide:
    """Cancelled: both files are shut down, the migration thread has ended."""
    w = running()
    migrate_fd_cancel(w.ms)
    return w


def cleans_up(w: SourceSide) -> None:
    """The source's main thread after a cancel."""
    qemu_mutex_lock_iothread(w.qemu)
    migrate_fd_cleanup(w.ms)
    qemu_mutex_unlock_iothread(w.qemu)


def reap(w: SourceSide) -> None:
    """Join the return path thread if the migration has not.

    Upstream leaves it behind on cancel and on failure. That is a story of its own, and would only hide this one.
    """
    if w.ms.rp_state.rp_thread_created:
        qemu_thread_join(w.ms.rp_state.rp_thread)
