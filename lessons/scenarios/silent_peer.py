# SPDX-License-Identifier: GPL-2.0-or-later
"""Stop, then wait, then free: the join that upstream added in 2023, and the four commits it took (C.5, C.6).

The migration fails at home: a device cannot be saved. The destination is well and waits for more. The return path
thread waits in a read, and as long as it does, closing the socket tells the other end nothing: Linux keeps a connection
open while a thread is in a read on it. Somebody must shut it down. (Now and then the thread sees the state before it
reads, and leaves by itself: those are the runs that do not fail.)

With the five patches nobody does, and the thread is left behind for ever. 36e9aab3c5 joins it in the clean-up, after
to_dst_file is gone: the join has no error to see, and the main loop hangs. 22b04245f0 joins before. 9425ef3f99 asks the
migration for its error, not the file, and a failure that records none hangs again. 30158d8850 records it.
"""

from __future__ import annotations

from lessons.scenarios.stage import SourceSide, completes, main_starts_then_cleans_up, running, source_scenario
from lessons.scenarios.story import Story


def device_is_broken() -> SourceSide:
    """Everything else is sent. Nobody is at the other end: what it does not hear it cannot answer."""
    w = running()
    w.qemu.savevm_handlers[1].broken = True
    return w


scenario = source_scenario(
    "silent-peer",
    "A failure at home, and a destination that waits",
    device_is_broken,
    {"main": (main_starts_then_cleans_up, completes)},
)

STORY = Story(
    scenario,
    "a failure at home while the destination waits for more: survives the series",
    later=(
        "lock_in_await",
        "join_on_every_path",
        "join_before_close",
        "any_error_stops",
        "completion_records_error",
    ),
)
STORIES = (STORY,)
