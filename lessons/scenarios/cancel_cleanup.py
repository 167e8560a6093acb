# SPDX-License-Identifier: GPL-2.0-or-later
"""Patch 5, interleaving 5-A: the clean-up after a cancel, while the return path thread is still on its way out.

Nobody joins the return path thread on cancel. If it has not closed its file when main closes the other one, main
finds two references, concludes that somebody else will take the channel out of the yank list, and removes the
instance: abort. No join helps, since cancel never comes to it. With patch 5 the owner of to_dst_file takes the entry
out, no matter which thread closes last.
"""

from __future__ import annotations

from lessons.replace import edited
from lessons.scenarios.stage import cancelled, cleans_up, return_path, source_scenario, without_return_path
from lessons.scenarios.story import Story, WrongFix
from mini_qemu.io_channel import QIOChannel, qio_channel_close
from mini_qemu.qemu_thread import free
from mini_qemu.qom import fetch_add, object_ref
from mini_qemu.yank_functions import migration_ioc_unregister_yank

scenario = source_scenario(
    "cancel-cleanup", "The clean-up after a cancel", cancelled, {"main": cleans_up, "return path": return_path}
)

def atomic_close(ioc: QIOChannel) -> int:
    ret = qio_channel_close(ioc)
    if fetch_add(ioc, "ref", -1) == 1:
        migration_ioc_unregister_yank(ioc)
        free(ioc)
    return ret


CLOSE = "qemu_file_channel.channel_close"
CLEANUP = "migration.migrate_fd_cleanup"
UNREGISTER = "yank.yank_unregister_function"
NOT_LISTED = 'abort(f"yank instance {instance} does not list this {func.__name__}")'
LAST = "last = ioc.ref == 1"
EVERYTHING_ELSE = ("join_created_thread", "lock_from_dst_file", "one_yank_predicate", "file_knows_channel")

WRONG_FIXES = (
    WrongFix(
        "atomic_last",
        "Make the test and the drop of the reference one atomic step.",
        {CLOSE: atomic_close},
        "Two closers can no longer both see two. But the last close still comes after the instance is gone.",
        frozenset({"crash"}),
        on=EVERYTHING_ELSE,
    ),
    WrongFix(
        "first_close",
        "Unregister on the first close, by whichever thread.",
        {CLOSE: edited(CLOSE, LAST, "last = True", "first close")},
        "The second close unregisters again, and finds no such pair.",
        frozenset({"crash"}),
        on=EVERYTHING_ELSE,
    ),
    WrongFix(
        "first_close_tolerant",
        "Unregister on the first close, and do not mind when the second finds nothing.",
        {
            CLOSE: edited(CLOSE, LAST, "last = True", "first close"),
            UNREGISTER: edited(UNREGISTER, NOT_LISTED, "return", "not found is fine"),
        },
        "If the second close comes after the instance is gone there is nobody left to ask; and a pair that is really"
        " missing is noticed by nobody.",
        frozenset({"crash"}),
        on=EVERYTHING_ELSE,
    ),
    WrongFix(
        "list_owns_reference",
        "Let the yank list hold a reference of its own.",
        {
            "yank.yank_register_function": edited(
                "yank.yank_register_function",
                "entry.yankfns = ((func, opaque), *entry.yankfns)",
                """
                entry.yankfns = ((func, opaque), *entry.yankfns)
                object_ref(opaque)
                """,
                "the list owns a reference",
                object_ref=object_ref,
            )
        },
        "As long as it is listed the count never reads one, so it is never taken out: now every run aborts.",
        frozenset({"crash"}),
        on=EVERYTHING_ELSE,
    ),
    WrongFix(
        "compare_with_two",
        "Compare with 2: with a return path that is the first of two closes.",
        {CLOSE: edited(CLOSE, LAST, "last = ioc.ref == 2", "two")},
        "Without return path the count is 1 from the start, and the entry stays for ever.",
        frozenset({"crash"}),
        on=EVERYTHING_ELSE,
        scenario=without_return_path,
    ),
    WrongFix(
        "unregister_after_close",
        "Unregister in the clean-up, but after the close.",
        {
            CLEANUP: edited(
                CLEANUP,
                """
                if fixes.explicit_unregister:
                    migration_ioc_unregister_yank_from_file(tmp)
                qemu_fclose(tmp)
                """,
                """
                qemu_fclose(tmp)
                migration_ioc_unregister_yank_from_file(tmp)
                """,
                "after the close",
            )
        },
        "File and channel are gone by then; what is looked up is the address of something freed.",
        frozenset({"use-after-free"}),
        on=(*EVERYTHING_ELSE, "explicit_unregister"),
    ),
    WrongFix(
        "both_ends",
        "Let both threads unregister, each for its own file.",
        {
            "migration.migration_release_from_dst_file": edited(
                "migration.migration_release_from_dst_file",
                "qemu_fclose(f)",
                """
                migration_ioc_unregister_yank_from_file(f)
                qemu_fclose(f)
                """,
                "both ends",
            )
        },
        "One channel, registered once, unregistered twice.",
        frozenset({"crash"}),
        on=(*EVERYTHING_ELSE, "explicit_unregister"),
    ),
    WrongFix(
        "joiner_closes",
        "Leave clearing and closing from_dst_file to the thread that joins.",
        {
            "migration.source_return_path_thread": edited(
                "migration.source_return_path_thread",
                """
                if fixes.lock_from_dst_file:
                    migration_release_from_dst_file(ms)
                else:
                    ms.rp_state.from_dst_file = None
                    qemu_fclose(rp)
                """,
                "",
                "the joiner closes",
            )
        },
        "On cancel nobody joins: the file is never closed, the count never falls to one, and every cancel aborts.",
        frozenset({"crash"}),
        on=EVERYTHING_ELSE,
    ),
)

STORY = Story(
    scenario,
    "the clean-up after a cancel",
    fixes=("explicit_unregister",),
    wrong_fixes=WRONG_FIXES,
)
STORIES = (STORY,)
