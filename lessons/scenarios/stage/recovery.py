# SPDX-License-Identifier: GPL-2.0-or-later
"""A postcopy's source loses its line: the set-ups, the threads, and the destination that answers.

`losing_its_line` gets another and goes on; a story that begins with `line_is_lost` is over when the source has paused.
"""

from __future__ import annotations

from lessons.scenarios.stage.props import Bell, Offstage, Wings
from lessons.scenarios.stage.source import SHUT_0, SourceSide, hangs_up, running, start_return_path
from mini_qemu.channel import socket_outgoing_migration
from mini_qemu.io_channel import EIO, qio_channel_read, qio_channel_socket_pair, qio_channel_write
from mini_qemu.migration import (
    MIG_THR_ERR_RECOVERED,
    await_return_path_close_on_source,
    migration_detect_error,
    migration_iteration_finish,
)
from mini_qemu.migration_state import migrate_set_state
from mini_qemu.process import main_loop_wait, qemu_mutex_lock_iothread, qemu_mutex_unlock_iothread
from mini_qemu.qemu_file import qemu_file_set_error
from mini_qemu.savevm import qemu_savevm_state_complete_postcopy

RESUME = bytes.fromhex("08 0009 0000")
RESUME_ACK = bytes.fromhex("0006 0004 00000001")


def losing_its_line() -> SourceSide:
    """The line is dead and both files have noticed; a second connection is ready."""
    w = running("postcopy-ram", state="postcopy-active")
    hangs_up(w)
    qemu_file_set_error(w.ms.to_dst_file, -EIO)
    qemu_file_set_error(w.ms.rp_state.from_dst_file, -EIO)
    w.ioc2, w.peer_ioc2 = qio_channel_socket_pair(w.qemu, w.peer)
    w.ms.postcopy_pause_sem = Bell(w.paused)
    w.ms.postcopy_pause_rp_sem = Bell(w.parked)
    return w


def line_is_lost() -> SourceSide:
    """The migration thread has seen that the line is dead. There is no return path in this story."""
    w = running("postcopy-ram", state="postcopy-active")
    w.ms.rp_state.from_dst_file = None
    w.ms.postcopy_pause_sem = Wings()  # nobody resumes: the thread's part ends where it goes to sleep
    hangs_up(w)
    qemu_file_set_error(w.ms.to_dst_file, -EIO)
    return w


def pauses(w: SourceSide) -> None:
    try:
        migration_detect_error(w.ms)
    except Offstage:
        pass


def live_migration(w: SourceSide) -> None:
    """Pauses, goes on, finishes. It joins without asking, so that the missing join of patch 1 plays no part."""
    if migration_detect_error(w.ms) == MIG_THR_ERR_RECOVERED:
        qemu_savevm_state_complete_postcopy(w.qemu, w.ms.to_dst_file)
        await_return_path_close_on_source(w.ms)
        migrate_set_state(w.ms, "postcopy-active", "completed")
    migration_iteration_finish(w.ms)


def recovers(w: SourceSide) -> None:
    """The migration thread, up to where it goes on: for a story whose bug is in the pause or in the resume."""
    migration_detect_error(w.ms)


def recovers_then_joins(w: SourceSide) -> None:
    if migration_detect_error(w.ms) == MIG_THR_ERR_RECOVERED:
        await_return_path_close_on_source(w.ms)


def patient(w: SourceSide) -> None:
    """Resumes when both threads sleep."""
    start_return_path(w)
    w.paused.wait()
    w.parked.wait()
    resume(w)
    main_loop_wait(w.qemu)


def resume(w: SourceSide) -> None:
    qemu_mutex_lock_iothread(w.qemu)
    socket_outgoing_migration(w.ms, w.ioc2)
    qemu_mutex_unlock_iothread(w.qemu)


def destination(w: SourceSide) -> None:
    """Acknowledges the resume; says SHUT(0) at the end."""
    while True:
        message = qio_channel_read(w.peer_ioc2)
        if not message:
            return
        if message.startswith(RESUME):
            qio_channel_write(w.peer_ioc2, RESUME_ACK)
        if message.endswith(b"\0"):
            qio_channel_write(w.peer_ioc2, SHUT_0)
            return


def acknowledges(w: SourceSide) -> None:
    """A destination that has everything already, beside `recovers`."""
    while message := qio_channel_read(w.peer_ioc2):
        if message.startswith(RESUME):
            qio_channel_write(w.peer_ioc2, RESUME_ACK)
            qio_channel_write(w.peer_ioc2, SHUT_0)
            return


def check_recovered(w: SourceSide) -> None:
    assert w.ms.state == "postcopy-active", f"the line is there again, and the migration is {w.ms.state}"


PATIENT_OPERATOR = {"main": patient, "live_migration": live_migration, "destination": destination}
