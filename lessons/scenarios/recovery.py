# SPDX-License-Identifier: GPL-2.0-or-later
"""A postcopy loses its line, gets another, and ends well. Two stories: a patient operator and a hasty one.

*stale-entry* (patch 5, 5-B step 6). While the migration pauses, two threads close one channel at the same time;
neither takes it out of the yank list. Nothing happens, until much later, after the recovery, the clean-up finds the
old entry and aborts, far from the cause. The operator is patient: the migration is resumed when both threads sleep.

*hasty-resume* (survives the series). Nothing makes the operator wait for the return path thread. If that one is
late, it closes not its own file but the new one that main has put in its place, and sleeps; woken, it finds no file
at all.
"""

from __future__ import annotations

from lessons.scenarios.invariants import SOURCE_RULES
from lessons.scenarios.stage import (
    SHUT_0,
    Bell,
    Source,
    hangs_up,
    running,
    start_return_path,
    watch_source,
)
from lessons.scenarios.story import Story
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
from mini_qemu.sched import Scenario

RESUME = bytes.fromhex("08 0009 0000")
RESUME_ACK = bytes.fromhex("0006 0004 00000001")


def setup() -> Source:
    """The line is dead and both files have noticed; a second connection is ready."""
    w = running("postcopy-ram", state="postcopy-active")
    hangs_up(w)
    qemu_file_set_error(w.ms.to_dst_file, -EIO)
    qemu_file_set_error(w.ms.rp_state.from_dst_file, -EIO)
    w.ioc2, w.peer_ioc2 = qio_channel_socket_pair(w.qemu, w.peer)
    w.ms.postcopy_pause_sem = Bell(w.paused)
    w.ms.postcopy_pause_rp_sem = Bell(w.parked)
    return w


def live_migration(w: Source) -> None:
    """Pauses, goes on, finishes. It joins without asking, so that the missing join of patch 1 plays no part."""
    if migration_detect_error(w.ms) == MIG_THR_ERR_RECOVERED:
        qemu_savevm_state_complete_postcopy(w.qemu, w.ms.to_dst_file)
        await_return_path_close_on_source(w.ms)
        migrate_set_state(w.ms, "postcopy-active", "completed")
    migration_iteration_finish(w.ms)


def patient(w: Source) -> None:
    """Resumes when both threads sleep."""
    start_return_path(w)
    w.paused.wait()
    w.parked.wait()
    resume(w)


def hasty(w: Source) -> None:
    """Resumes as soon as the migration says that it is paused."""
    start_return_path(w)
    w.paused.wait()
    resume(w)


def resume(w: Source) -> None:
    qemu_mutex_lock_iothread(w.qemu)
    socket_outgoing_migration(w.ms, w.ioc2)
    qemu_mutex_unlock_iothread(w.qemu)
    main_loop_wait(w.qemu)


def destination(w: Source) -> None:
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


stale_entry = Scenario(
    "stale-entry",
    setup=setup,
    threads={"main": patient, "live_migration": live_migration, "destination": destination},
    watch=watch_source,
    invariants=SOURCE_RULES,
    title="The entry that stayed",
)

hasty_resume = Scenario(
    "hasty-resume",
    setup=setup,
    threads={"main": hasty, "live_migration": live_migration, "destination": destination},
    watch=watch_source,
    invariants=SOURCE_RULES,
    title="The successor's file",
)

scenario = stale_entry
STORY = Story(stale_entry, "a postcopy pauses, recovers and ends", patches=("explicit_unregister",))
STORY_HASTY = Story(hasty_resume, "a resume before the return path thread has let go: survives the series")
STORIES = (STORY, STORY_HASTY)
