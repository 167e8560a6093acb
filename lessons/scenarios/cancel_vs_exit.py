# SPDX-License-Identifier: GPL-2.0-or-later
"""Patch 2, interleaving 2-A: cancel looks at from_dst_file, finds a file, and the return path thread takes it away.

Actors: main cancels; the return path thread hears SHUT and leaves. The migration thread is busy elsewhere and plays
no part. Between main's test and its use the thread clears the pointer and closes the file: main then uses NULL, or a
file that is freed.
"""

from __future__ import annotations

from lessons.replace import edited
from lessons.scenarios.stage import SourceSide, return_path, running, says_shut, source_scenario
from lessons.scenarios.story import Story, WrongFix
from mini_qemu.migration import migrate_fd_cancel


def setup() -> SourceSide:
    return running()


def main(w: SourceSide) -> None:
    migrate_fd_cancel(w.ms)


scenario = source_scenario(
    "cancel-vs-exit",
    "Cancel against the end of the return path",
    setup,
    {"main": main, "return path": return_path, "destination": says_shut},
)

silent = source_scenario(
    "cancel-silent", "Cancel while the destination says nothing", setup, {"main": main, "return path": return_path}
)

CANCEL = "migration.migrate_fd_cancel"
THREAD = "migration.source_return_path_thread"
TEST_AND_USE = """
else:
    if s.rp_state.from_dst_file is not None:
        qemu_file_shutdown(s.rp_state.from_dst_file)
"""

WRONG_FIXES = (
    WrongFix(
        "read_once",
        "Read the pointer once, then test and use the copy.",
        {
            CANCEL: edited(
                CANCEL,
                TEST_AND_USE,
                """
                else:
                    rp = s.rp_state.from_dst_file
                    if rp is not None:
                        qemu_file_shutdown(rp)
                """,
                "read once",
            )
        },
        "No NULL any more: instead the copy points to a file that has been freed, which is worse and makes no noise.",
        frozenset({"use-after-free"}),
    ),
    WrongFix(
        "test_twice",
        "Test once more, just before the use.",
        {
            CANCEL: edited(
                CANCEL,
                TEST_AND_USE,
                """
                else:
                    if s.rp_state.from_dst_file is not None:
                        if s.rp_state.from_dst_file is not None:
                            qemu_file_shutdown(s.rp_state.from_dst_file)
                """,
                "test twice",
            )
        },
        "The window is smaller. It is still a window.",
        frozenset({"crash", "use-after-free"}),
    ),
    WrongFix(
        "main_clears",
        "Let the thread close the file and leave the pointer to the main thread.",
        {
            THREAD: edited(
                THREAD,
                """
                ms.rp_state.from_dst_file = None
                qemu_fclose(rp)
                """,
                "qemu_fclose(rp)",
                "the pointer stays",
            )
        },
        "From the close until the clean-up the pointer points to a freed file.",
        frozenset({"use-after-free"}),
    ),
    WrongFix(
        "shut_the_other",
        "Shut to_dst_file down instead; both lie on one channel. (The first version of the patch, in await only.)",
        {
            "migration.await_return_path_close_on_source": edited(
                "migration.await_return_path_close_on_source",
                """
                if qemu_file_get_error(ms.to_dst_file) and ms.rp_state.from_dst_file is not None:
                    qemu_file_shutdown(ms.rp_state.from_dst_file)
                """,
                """
                if qemu_file_get_error(ms.to_dst_file):
                    qemu_file_shutdown(ms.to_dst_file)
                """,
                "the other file",
            )
        },
        "It fixes await, where nobody looks at the file again. Cancel tests and uses it as before.",
        frozenset({"crash", "use-after-free"}),
    ),
    WrongFix(
        "lock_while_reading",
        "Let the thread hold qemu_file_lock as long as it uses the file.",
        {
            THREAD: edited(
                THREAD,
                """
                while not ms.rp_state.error and not qemu_file_get_error(rp) and migration_is_setup_or_active(ms.state):
                    if not source_return_path_message(ms, rp):
                        break
                """,
                """
                with ms.qemu_file_lock:
                    source_return_path_message(ms, rp)
                """,
                "lock while reading",
            )
        },
        "The thread waits for the network with the lock held, and the cancel that would wake it waits for the lock.",
        frozenset({"deadlock"}),
        on=("lock_from_dst_file",),
        scenario=silent,
    ),
    WrongFix(
        "close_under_lock",
        "Close the file in the same hold of the lock that takes it away.",
        {
            "migration.migration_release_from_dst_file": edited(
                "migration.migration_release_from_dst_file",
                """
                with ms.qemu_file_lock:
                    f = ms.rp_state.from_dst_file
                    ms.rp_state.from_dst_file = None
                qemu_fclose(f)
                """,
                """
                with ms.qemu_file_lock:
                    f = ms.rp_state.from_dst_file
                    ms.rp_state.from_dst_file = None
                    qemu_fclose(f)
                """,
                "close under the lock",
            )
        },
        "Nothing fails here, where a close is quick. In QEMU it may wait for the network, and an operator's emergency"
        " command then waits for the lock.",
        frozenset(),
        on=("lock_from_dst_file",),
        breaks="INV-LOCK-SHORT",
    ),
)

STORY = Story(
    scenario,
    "cancel while the return path thread ends",
    fixes=("lock_from_dst_file",),
    wrong_fixes=WRONG_FIXES,
)
STORIES = (STORY,)
