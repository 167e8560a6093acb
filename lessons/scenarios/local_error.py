# SPDX-License-Identifier: GPL-2.0-or-later
"""A migration fails by itself, while the destination is well: why the join was not simply moved into the clean-up.

A device cannot be saved. The migration thread says so and ends without a join, as on every failure; the return path
thread waits for a destination that waits for more. Main closes the connection, the destination hears it and hangs up,
the thread wakes and goes. Had main first waited for that thread, both would wait for ever: first stop, then wait,
then free.
"""

from __future__ import annotations

from lessons.replace import edited
from lessons.scenarios.stage import SourceSide, reap, running, source_scenario, start_return_path
from lessons.scenarios.story import Story, WrongFix
from mini_qemu.io_channel import EINVAL, qio_channel_close, qio_channel_read
from mini_qemu.migration import migration_detect_error, migration_iteration_finish
from mini_qemu.process import main_loop_wait
from mini_qemu.qemu_file import qemu_file_set_error


def setup() -> SourceSide:
    w = running()
    qemu_file_set_error(w.ms.to_dst_file, -EINVAL)
    return w


def main(w: SourceSide) -> None:
    start_return_path(w)
    main_loop_wait(w.qemu)
    reap(w)


def live_migration(w: SourceSide) -> None:
    migration_detect_error(w.ms)
    migration_iteration_finish(w.ms)


def destination(w: SourceSide) -> None:
    """Waits for more; when there is no more, hangs up."""
    while True:
        if not qio_channel_read(w.peer_ioc):
            qio_channel_close(w.peer_ioc)
            return


def check(w: SourceSide) -> bool:
    return w.ms.state == "failed"


scenario = source_scenario(
    "local-error",
    "A failure at home",
    setup,
    {"main": main, "live_migration": live_migration, "destination": destination},
    check=check,
)

CLEANUP = "migration.migrate_fd_cleanup"
WRONG_FIXES = (
    WrongFix(
        "join_in_cleanup",
        "Join the return path thread in the clean-up, which every path comes to.",
        {
            CLEANUP: edited(
                CLEANUP,
                "multifd_save_cleanup(s)",
                """
                if s.rp_state.rp_thread_created:
                    qemu_thread_join(s.rp_state.rp_thread)
                    s.rp_state.rp_thread_created = False
                multifd_save_cleanup(s)
                """,
                "join in the clean-up",
            )
        },
        "The right place, as upstream found in 2023, but somebody must wake the thread first: here main waits for the"
        " thread, the thread for the destination, and the destination for main.",
        frozenset({"deadlock"}),
        on=("join_created_thread", "lock_from_dst_file", "explicit_unregister"),
    ),
)

STORY = Story(
    scenario,
    "a failure at home while the destination is well",
    fixes=("explicit_unregister",),
    wrong_fixes=WRONG_FIXES,
)
STORIES = (STORY,)
