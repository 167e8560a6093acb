# SPDX-License-Identifier: GPL-2.0-or-later
"""Patch 2, interleaving 2-C: the destination's end of the return path closes before the migration thread has begun.

The return path thread ends and clears from_dst_file. A migration thread that looks there to find out whether a return
path was asked for does not send OPEN_RETURN_PATH. One that asks whether the thread was created does.
"""

from __future__ import annotations

from collections.abc import Iterable

from lessons.scenarios.stage import SourceSide, main_connects_then_cleans_up, source_scenario
from lessons.scenarios.story import Story
from mini_qemu.io_channel import qio_channel_close, qio_channel_read

OPEN_RETURN_PATH = bytes.fromhex("08 0001 0000")


def setup() -> SourceSide:
    w = SourceSide("return-path")
    return w


def closes_its_end(w: SourceSide) -> None:
    """Closes the return path at once, but goes on listening."""
    qio_channel_close(w.peer_ioc)
    while True:
        data = qio_channel_read(w.peer_ioc)
        if not data:
            return
        w.heard += data


def not_asked_for(w: SourceSide) -> Iterable[str]:
    if w.heard and OPEN_RETURN_PATH not in w.heard:
        yield "a return path was configured, but the stream begins without asking for it"


scenario = source_scenario(
    "early-close",
    "The return path closes at once",
    setup,
    {"main": main_connects_then_cleans_up, "destination": closes_its_end},
    leaks=not_asked_for,
)

STORY = Story(
    scenario,
    "the destination closes the return path at once",
    fixes=("join_created_thread", "lock_from_dst_file"),
)
STORIES = (STORY,)
