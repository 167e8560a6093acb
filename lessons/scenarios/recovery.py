# SPDX-License-Identifier: GPL-2.0-or-later
"""A postcopy loses its line, gets another, and ends well. Two stories: a patient operator and a hasty one.

*stale-entry* (patch 5, 5-B step 6). While the migration pauses, two threads close one channel at the same time;
neither takes it out of the yank list. Nothing happens, until much later, after the recovery, the clean-up finds the
old entry and aborts, far from the cause. The operator is patient: the migration is resumed when both threads sleep.

*hasty-resume* (survives the series). Nothing makes the operator wait for the return path thread. If that one is
late, it closes not its own file but the new one that main has put in its place, and sleeps; woken, it finds no file
at all. The story ends where the migration goes on.
"""

from __future__ import annotations

from lessons.scenarios.stage import SourceSide, reap, source_scenario, start_return_path
from lessons.scenarios.stage.recovery import (
    PATIENT_OPERATOR,
    acknowledges,
    check_recovered,
    losing_its_line,
    recovers,
    resume,
)
from lessons.scenarios.story import Story
from mini_qemu.qemu_thread import QEMU_THREAD_JOINABLE, qemu_thread_create, qemu_thread_join


def hasty(w: SourceSide) -> None:
    """Resumes as soon as the migration says that it is paused."""
    start_return_path(w)
    w.ms.thread = qemu_thread_create("live_migration", recovers, w, QEMU_THREAD_JOINABLE)
    w.ms.migration_thread_running = True
    w.paused.wait()
    resume(w)
    if w.ms.migration_thread_running:
        qemu_thread_join(w.ms.thread)
    reap(w)


stale_entry = source_scenario("stale-entry", "The entry that stayed", losing_its_line, PATIENT_OPERATOR)

hasty_resume = source_scenario(
    "hasty-resume",
    "The successor's file",
    losing_its_line,
    {"main": hasty, "destination": acknowledges},
    check=check_recovered,
)

scenario = stale_entry
STORY = Story(stale_entry, "a postcopy pauses, recovers and ends", fixes=("explicit_unregister",))
STORY_HASTY = Story(
    hasty_resume,
    "a resume before the return path thread has let go: survives the series",
    later=("lock_in_await", "restart_return_path_thread"),
)
STORIES = (STORY, STORY_HASTY)
