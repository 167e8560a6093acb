# SPDX-License-Identifier: GPL-2.0-or-later
"""Patch 5, interleaving 5-B: the line of a postcopy dies and both threads close their file at the same time.

Each reads two references before the other has dropped its own, so neither takes the channel out of the yank list. The
channel is freed and the entry stays. Whoever yanks now shuts down freed memory; if nobody does, see stale_entry.py.
"""

from __future__ import annotations

from lessons.scenarios.stage import Offstage, Source, Wings, hangs_up, oob_yanks, return_path, running, watch_source
from lessons.scenarios.story import Story
from mini_qemu.migration import postcopy_pause
from mini_qemu.sched import Scenario


def setup() -> Source:
    w = running("postcopy-ram", state="postcopy-active")
    w.ms.postcopy_pause_sem = Wings()
    w.ms.postcopy_pause_rp_sem = Wings()
    hangs_up(w)
    return w


def live_migration(w: Source) -> None:
    """It has found the error; now it pauses. Nobody resumes: its part ends there."""
    try:
        postcopy_pause(w.ms)
    except Offstage:
        pass


scenario = Scenario(
    "two-closers",
    setup=setup,
    threads={"live_migration": live_migration, "return path": return_path, "oob": oob_yanks},
    watch=watch_source,
    title="Two closers",
)

STORY = Story(
    scenario, "both threads close while a postcopy pauses, and somebody yanks", patches=("explicit_unregister",)
)
STORIES = (STORY,)
