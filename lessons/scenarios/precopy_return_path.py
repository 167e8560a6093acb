# SPDX-License-Identifier: GPL-2.0-or-later
"""Patch 1. A precopy with a return path that succeeds, and nobody joins the return path thread.

Actors: main connects and, later, cleans up; live_migration sends; return path reads the answers; the destination says
SHUT(0). When SHUT has come, the return path thread clears from_dst_file and then closes its file. If the migration
thread looks in between, it finds no return path and joins nobody. What can then happen: the clean-up finds the
channel still in the yank list and aborts (1-A); both closes overlap, both find two references, and the freed channel
stays in the list (1-D); or nothing but a thread that is never joined (1-C).
"""

from __future__ import annotations

from lessons.replace import edited
from lessons.scenarios.stage import SourceSide, destination, is_listed, main_connects_then_cleans_up, source_scenario
from lessons.scenarios.story import Story, WrongFix
from mini_qemu.io_channel import QIOChannelSocket
from mini_qemu.qemu_thread import QEMU_THREAD_DETACHED
from mini_qemu.sched import abort


class LiveWhileListed(QIOChannelSocket):
    """A channel that is not finalised while yank lists it: the list would point to nothing. QEMU does not look."""

    def instance_finalize(self) -> None:
        super().instance_finalize()
        if is_listed(self):
            abort("the channel is finalised, and yank still lists it")


def setup() -> SourceSide:
    w = SourceSide("return-path")
    w.ioc = LiveWhileListed(w.qemu, "ioc", 7, w.ioc.wire)
    return w


scenario = source_scenario(
    "precopy-return-path", "The missing join", setup, {"main": main_connects_then_cleans_up, "destination": destination}
)

WRONG_FIXES = (
    WrongFix(
        "close_first",
        "Swap the two lines: let the thread close its file first and clear the pointer second.",
        {
            "migration.source_return_path_thread": edited(
                "migration.source_return_path_thread",
                """
                ms.rp_state.from_dst_file = None
                qemu_fclose(rp)
                """,
                """
                qemu_fclose(rp)
                ms.rp_state.from_dst_file = None
                """,
                "close first",
            )
        },
        "The pointer is cleared before the thread has ended, so the join can still be skipped; and now others can find"
        " a pointer to a file that is closed.",
        frozenset({"leak"}),
    ),
    WrongFix(
        "test_under_lock",
        "Test from_dst_file under qemu_file_lock.",
        {
            "migration.migration_completion": edited(
                "migration.migration_completion",
                "joinable = s.rp_state.from_dst_file is not None",
                """
                with s.qemu_file_lock:
                    joinable = s.rp_state.from_dst_file is not None
                """,
                "test under the lock",
            )
        },
        "The lock makes the reading whole, not the meaning right: a cleared pointer does not say that the thread is"
        " gone.",
        frozenset({"crash", "leak"}),
    ),
    WrongFix(
        "flag_by_thread",
        "Keep a flag, and let the return path thread clear it when it is done.",
        {
            "migration.source_return_path_thread": edited(
                "migration.source_return_path_thread",
                """
                ms.rp_state.from_dst_file = None
                qemu_fclose(rp)
                """,
                """
                ms.rp_state.rp_thread_created = False
                ms.rp_state.from_dst_file = None
                qemu_fclose(rp)
                """,
                "the thread clears the flag",
            )
        },
        "The same race, one line earlier: the flag says the thread is done while the file is still to be closed.",
        frozenset({"crash", "leak"}),
        on=("join_created_thread",),
    ),
    WrongFix(
        "detach",
        "Detach the thread: then nobody has to join it.",
        {
            "migration.open_return_path_on_source": edited(
                "migration.open_return_path_on_source",
                'ms.rp_state.rp_thread = qemu_thread_create("return path", source_return_path_thread, ms,'
                " QEMU_THREAD_JOINABLE)",
                'qemu_thread_create("return path", source_return_path_thread, ms, QEMU_THREAD_DETACHED)',
                "detached",
                QEMU_THREAD_DETACHED=QEMU_THREAD_DETACHED,
            ),
            "migration.await_return_path_close_on_source": edited(
                "migration.await_return_path_close_on_source",
                "qemu_thread_join(ms.rp_state.rp_thread)",
                "",
                "no join",
            ),
        },
        "The join was the only thing that put the thread's last access before the clean-up.",
        frozenset({"crash"}),
    ),
    WrongFix(
        "join_under_lock",
        "Hold qemu_file_lock from the test until the join is over.",
        {
            "migration.migration_completion": edited(
                "migration.migration_completion",
                """
                if joinable:
                    rp_error = await_return_path_close_on_source(s)
                """,
                """
                with s.qemu_file_lock:
                    if s.rp_state.from_dst_file is not None:
                        rp_error = await_return_path_close_on_source(s)
                """,
                "join under the lock",
            )
        },
        "With patch 2 the thread needs that lock to let go of its file before it can end: each waits for the other.",
        frozenset({"deadlock"}),
        on=("lock_from_dst_file",),
    ),
    WrongFix(
        "tolerate_leftovers",
        "Drop the assertion that the list is empty: what remains does no harm.",
        {
            "yank.yank_unregister_instance": edited(
                "yank.yank_unregister_instance",
                """
                assert QLIST_EMPTY(fns), f"yank instance {instance} still lists {_names(fns)}"
                """,
                "",
                "no assertion",
            )
        },
        "The instance is gone when the return path thread comes to unregister: now that thread aborts.",
        frozenset({"crash"}),
    ),
)

STORY = Story(
    scenario,
    "a precopy with a return path succeeds",
    fixes=("join_created_thread",),
    wrong_fixes=WRONG_FIXES,
)
STORIES = (STORY,)
