# SPDX-License-Identifier: GPL-2.0-or-later
"""Interleaving 2-D, which the series does not fix: the line dies while the migration thread finishes.

Both threads notice. The migration thread, in await_return_path_close_on_source, tests from_dst_file and then shuts it
down, without the lock; the return path thread releases the file in between. Patch 2 overlooked this place; it was
fixed in September 2023 (639decf529).
"""

from __future__ import annotations

from lessons.scenarios.stage import SourceSide, hangs_up, running, source_scenario
from lessons.scenarios.story import Story
from mini_qemu.migration import await_return_path_close_on_source, open_return_path_on_source
from mini_qemu.qemu_file import qemu_file_set_error


def setup() -> SourceSide:
    w = running()
    qemu_file_set_error(w.ms.to_dst_file, -5)
    return w


def live_migration(w: SourceSide) -> None:
    open_return_path_on_source(w.ms, True)
    await_return_path_close_on_source(w.ms)


scenario = source_scenario(
    "await-vs-exit", "The line dies at the end", setup, {"live_migration": live_migration, "network": hangs_up}
)

while_silent = source_scenario(
    "await-while-silent", "Sending fails, and the other end says nothing", setup, {"live_migration": live_migration}
)
"""What the shutdown is for: without it the thread would read for ever. No story of its own; fixes are tried on it."""

STORY = Story(scenario, "the line dies during completion: survives the series", later=("lock_in_await",))
STORIES = (STORY,)
