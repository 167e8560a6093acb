# SPDX-License-Identifier: GPL-2.0-or-later
"""Patch 5, interleaving 5-B: the line of a postcopy dies and both threads close their file at the same time.

Each reads two references before the other has dropped its own, so neither takes the channel out of the yank list. The
channel is freed and the entry stays. A yank now shuts down freed memory.
"""

from __future__ import annotations

from lessons.replace import edited
from lessons.scenarios.stage import (
    Offstage,
    SourceSide,
    Wings,
    hangs_up,
    oob_yanks,
    return_path,
    running,
    source_scenario,
)
from lessons.scenarios.story import Story, WrongFix
from mini_qemu.migration import postcopy_pause


def setup() -> SourceSide:
    w = running("postcopy-ram", state="postcopy-active")
    w.ms.postcopy_pause_sem = Wings()
    w.ms.postcopy_pause_rp_sem = Wings()
    hangs_up(w)
    return w


def live_migration(w: SourceSide) -> None:
    """It has found the error; now it pauses. Nobody resumes: its part ends there."""
    try:
        postcopy_pause(w.ms)
    except Offstage:
        pass


scenario = source_scenario(
    "two-closers",
    "Two closers",
    setup,
    {"live_migration": live_migration, "return path": return_path, "oob": oob_yanks},
)

PAUSE = "migration.postcopy_pause"
UNLOCKED = """
if fixes.explicit_unregister:
    # No lock needed: while this thread runs, it alone changes to_dst_file. The lock below is not for the
    # pointer's sake; it waits until nobody uses the file under it any more.
    migration_ioc_unregister_yank_from_file(s.to_dst_file)
with s.qemu_file_lock:
    f = s.to_dst_file
    s.to_dst_file = None
"""
UNDER_THE_LOCK = """
with s.qemu_file_lock:
    migration_ioc_unregister_yank_from_file(s.to_dst_file)
    f = s.to_dst_file
    s.to_dst_file = None
"""
WRONG_FIXES = (
    WrongFix(
        "unregister_under_lock",
        "Unregister in the hold of qemu_file_lock that takes the file away.",
        {
            PAUSE: edited(PAUSE, UNLOCKED, UNDER_THE_LOCK, "under the lock")
        },
        "It works, here as in QEMU. But yank_lock is now taken inside qemu_file_lock: two locks that knew nothing of"
        " each other have an order, which everybody must keep from now on.",
        frozenset(),
        on=("explicit_unregister",),
        scenario=scenario,
        breaks="INV-LOCK-LEAF",
    ),
)

STORY = Story(
    scenario,
    "both threads close while a postcopy pauses, and somebody yanks",
    fixes=("explicit_unregister",),
    wrong_fixes=WRONG_FIXES,
)
STORIES = (STORY,)
