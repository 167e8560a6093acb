# SPDX-License-Identifier: GPL-2.0-or-later
"""Patch 2, interleaving 2-B: cancel while the return path thread goes to sleep because the line is down.

On its way into the postcopy pause the thread closes its file first and clears the pointer second. In between the
pointer is not NULL and the file is gone: here even a single, atomic read of the pointer is not enough.

There is no migration thread in this story, and the return path thread leaves where it would sleep: "proved" says that
cancel is safe against the file that this thread closes. Against the migration thread's own pause it is not, and the
sleep has no end: see cancel_in_postcopy.py.
"""

from __future__ import annotations

from lessons.scenarios.stage import SourceSide, Wings, hangs_up, return_path, running, source_scenario
from lessons.scenarios.story import Story
from mini_qemu.migration import migrate_fd_cancel


def setup() -> SourceSide:
    w = running("postcopy-ram", state="postcopy-active")
    w.ms.postcopy_pause_rp_sem = Wings()  # nobody resumes: the thread's part ends where it goes to sleep
    return w


def main(w: SourceSide) -> None:
    migrate_fd_cancel(w.ms)


scenario = source_scenario(
    "cancel-vs-pause",
    "Cancel against the postcopy pause",
    setup,
    {"main": main, "return path": return_path, "network": hangs_up},
)

STORY = Story(scenario, "cancel while a postcopy loses its line", fixes=("lock_from_dst_file",))
STORIES = (STORY,)
