# SPDX-License-Identifier: GPL-2.0-or-later
"""The source's state, grouped by what protects it. Mirrors migration/migration.h and the state helpers of
migration.c.

There is one MigrationState per process, used again by every outgoing migration; `migrate_init` resets part of it.
Before asking whether an access is right, ask which group its field is in.
Left out: counters, downtime, most parameters; whatever matters for performance only.
"""

from __future__ import annotations

from typing import Any

from mini_qemu.io_channel import QIOChannel
from mini_qemu.process import QemuProcess, qapi_event_send
from mini_qemu.qemu_file import QEMUFilePointer
from mini_qemu.qemu_thread import QemuMutex, QemuSemaphore, QemuThread, Shared, qatomic_cmpxchg
from mini_qemu.qom import Object

MIGRATION_STATUS_NONE = "none"
MIGRATION_STATUS_SETUP = "setup"
MIGRATION_STATUS_CANCELLING = "cancelling"
MIGRATION_STATUS_CANCELLED = "cancelled"
MIGRATION_STATUS_ACTIVE = "active"
MIGRATION_STATUS_POSTCOPY_ACTIVE = "postcopy-active"
MIGRATION_STATUS_POSTCOPY_PAUSED = "postcopy-paused"
MIGRATION_STATUS_POSTCOPY_RECOVER = "postcopy-recover"
MIGRATION_STATUS_COMPLETED = "completed"
MIGRATION_STATUS_FAILED = "failed"

_POSTCOPY = (MIGRATION_STATUS_POSTCOPY_ACTIVE, MIGRATION_STATUS_POSTCOPY_PAUSED, MIGRATION_STATUS_POSTCOPY_RECOVER)


class ReturnPathState(Shared):
    """The source's end of the return path."""

    # two threads, and nothing protects it (see patch 2); the return path thread clears it itself
    from_dst_file: QEMUFilePointer = None
    # written by the return path thread and by the migration thread, no lock
    error: bool = False
    # main sets it when it has made the thread, the joiner clears it; never the thread itself  # + join_created_thread
    rp_thread_created: bool = False

    def __init__(self) -> None:
        # main makes it, the migration thread joins it
        self.rp_thread: QemuThread | None = None
        # the return path thread posts, the migration thread waits while it resumes
        self.rp_sem = QemuSemaphore()


class MigrationState(Object):
    # changed by compare-and-swap, read by anyone at any time
    state: str = MIGRATION_STATUS_NONE

    # guarded by qemu_file_lock (the pointer, not the file); the migration thread, which alone changes it while it
    # runs, reads it without
    to_dst_file: QEMUFilePointer = None

    # an atomic flag: main sets it, the migration thread looks
    start_postcopy: bool = False

    def __init__(self, process: QemuProcess) -> None:
        self.process = process
        self.rp_state = ReturnPathState()

        # Held for a few instructions only: an out-of-band command takes it, and must never wait for the network.
        self.qemu_file_lock = QemuMutex("qemu_file_lock")

        # guarded by error_mutex
        self.error: str | None = None
        self.error_mutex = QemuMutex("error_mutex")

        # main posts on resume, the migration thread waits while paused
        self.postcopy_pause_sem = QemuSemaphore()
        # the migration thread posts once recovery has begun, the return path thread waits while paused
        self.postcopy_pause_rp_sem = QemuSemaphore()

        # main thread only
        self.thread: QemuThread | None = None
        self.migration_thread_running = False
        self.cleanup_bh: Any = None  # a QEMUBH, or NULL
        self.multifd_send: tuple[Any, ...] = ()

        # set before the migration starts
        self.capabilities: frozenset[str] = frozenset()
        self.tls_creds = False
        self.multifd_channels: tuple[QIOChannel, ...] = ()
        # a clock and a limit on the bandwidth, where there is time; it also sets how little may be left for the end
        self.rate_limit: Any = None
        self.threshold_size = 1

        # migration thread, with the BQL held
        self.vm_was_running = False

    def instance_finalize(self) -> None:
        """Nothing to give back: the global reference lives as long as the process."""


def migration_object_init(qemu: QemuProcess, *capabilities: str) -> MigrationState:
    s = MigrationState(qemu)
    s.capabilities = frozenset(capabilities)
    qemu.current_migration = s
    return s


def migrate_init(s: MigrationState) -> None:
    """Make the state ready for another migration. Locks, capabilities and rp_thread_created stay as they are."""
    s.cleanup_bh = None
    s.to_dst_file = None
    s.state = MIGRATION_STATUS_NONE
    s.rp_state.from_dst_file = None
    s.rp_state.error = False
    s.start_postcopy = False
    s.migration_thread_running = False
    s.vm_was_running = False
    s.error = None
    migrate_set_state(s, MIGRATION_STATUS_NONE, MIGRATION_STATUS_SETUP)


def migrate_set_state(s: Any, old: str, new: str) -> bool:
    """For both ends. A change from a state that no longer holds is dropped silently."""
    if not qatomic_cmpxchg(s, "state", old, new):
        return False
    s.process.migration_state_changed(new)
    migrate_generate_event(s.process, new)
    return True


def migrate_use_events(qemu: QemuProcess) -> bool:
    return qemu.current_migration is not None and "events" in qemu.current_migration.capabilities


def migrate_generate_event(qemu: QemuProcess, new_state: str) -> None:
    if migrate_use_events(qemu):
        qapi_event_send(qemu, "MIGRATION", {"status": new_state})


def migrate_generate_pass_event(qemu: QemuProcess, number: int) -> None:
    """One more pass over the guest's memory begins."""
    if migrate_use_events(qemu):
        qapi_event_send(qemu, "MIGRATION_PASS", {"pass": number})


def migrate_set_error(s: MigrationState, error: str) -> None:
    """The first error stays."""
    with s.error_mutex:
        if s.error is None:
            s.error = error


def migrate_postcopy_ram(s: MigrationState) -> bool:
    return "postcopy-ram" in s.capabilities


def migrate_postcopy_ram_incoming(qemu: QemuProcess) -> bool:
    """The destination's own capability. A story's destination has no outgoing half, and so no opinion."""
    return qemu.current_migration is None or migrate_postcopy_ram(qemu.current_migration)


def migrate_use_return_path(s: MigrationState) -> bool:
    return "return-path" in s.capabilities


def migrate_use_multifd(s: MigrationState) -> bool:
    return "multifd" in s.capabilities


def migration_in_postcopy(s: MigrationState) -> bool:
    return s.state in _POSTCOPY


def migration_is_active(s: MigrationState) -> bool:
    return s.state in (MIGRATION_STATUS_ACTIVE, MIGRATION_STATUS_POSTCOPY_ACTIVE)


def migration_is_setup_or_active(state: str) -> bool:
    return state in (MIGRATION_STATUS_SETUP, MIGRATION_STATUS_ACTIVE, *_POSTCOPY)


def migration_is_running(state: str) -> bool:
    """Whether there is something to cancel."""
    return migration_is_setup_or_active(state) or state == MIGRATION_STATUS_CANCELLING


def migrate_has_error(s: MigrationState) -> bool:  # + any_error_stops
    with s.error_mutex:
        return s.error is not None


def migration_rp_wait(s: MigrationState) -> bool:  # + kick_from_recover
    """Wait for the return path thread during a recovery. False if that thread has failed and will not answer."""
    if s.rp_state.error:
        return False
    s.rp_state.rp_sem.wait()
    return not s.rp_state.error


def mark_source_rp_bad(s: MigrationState) -> None:
    s.rp_state.error = True
