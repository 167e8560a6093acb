# SPDX-License-Identifier: GPL-2.0-or-later
"""Two migrations in a row, the first with a return path and the second without: one state, used twice.

`migrate_init` resets part of it. The handle of the first migration's thread stays where it was, and so does everything
nobody thought of.
"""

from __future__ import annotations

from lessons.replace import edited
from lessons.scenarios.stage import SourceSide, connects, destination, source_scenario
from lessons.scenarios.story import Story, WrongFix
from mini_qemu.channel import socket_outgoing_migration
from mini_qemu.io_channel import qio_channel_socket_pair
from mini_qemu.migration import qmp_migrate
from mini_qemu.process import main_loop_wait, qemu_mutex_lock_iothread, qemu_mutex_unlock_iothread


def setup() -> SourceSide:
    w = SourceSide("return-path")
    w.ioc2, w.peer_ioc2 = qio_channel_socket_pair(w.qemu, w.peer)
    return w


def main(w: SourceSide) -> None:
    connects(w)
    main_loop_wait(w.qemu)
    w.ms.capabilities = frozenset()
    qemu_mutex_lock_iothread(w.qemu)
    error = qmp_migrate(w.ms)
    assert error is None, error
    socket_outgoing_migration(w.ms, w.ioc2)
    qemu_mutex_unlock_iothread(w.qemu)
    main_loop_wait(w.qemu)


def check(w: SourceSide) -> bool:
    return w.ms.state == "completed"


scenario = source_scenario(
    "migrate-twice", "Migrate twice", setup, {"main": main, "destination": destination}, check=check
)

COMPLETION = "migration.migration_completion"
WRONG_FIXES = (
    WrongFix(
        "test_handle",
        "Join if there is a handle: it is empty as long as no thread was created.",
        {
            COMPLETION: edited(
                COMPLETION,
                "joinable = s.rp_state.from_dst_file is not None",
                "joinable = s.rp_state.rp_thread is not None",
                "test the handle",
            )
        },
        "The handle outlives its thread and the migration: the second one joins the first one's thread again.",
        frozenset({"misuse"}),
    ),
)

STORY = Story(
    scenario,
    "a migration with a return path, then one without",
    fixes=("join_created_thread",),
    wrong_fixes=WRONG_FIXES,
)
STORIES = (STORY,)
