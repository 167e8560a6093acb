# SPDX-License-Identifier: GPL-2.0-or-later
"""What yank is for: the destination has everything and says nothing, and the source waits for SHUT for ever.

The operator yanks. The return path thread wakes with an error, the migration thread hears of it from the join, and
the migration has failed, as it should: nobody knows what the destination did. Without patch 1 the join may not take
place, and then the source believes that all went well.
"""

from __future__ import annotations

from lessons.scenarios.stage import FOOTER, SourceSide, main_connects_then_cleans_up, oob_yanks, source_scenario
from lessons.scenarios.story import Story
from mini_qemu.io_channel import qio_channel_read


def setup() -> SourceSide:
    return SourceSide("return-path")


def destination(w: SourceSide) -> None:
    """Hears everything, says nothing; the operator sees the progress stop, and yanks."""
    while True:
        message = qio_channel_read(w.peer_ioc)
        if message.startswith(FOOTER) and b"globalstate" in message:
            oob_yanks(w)
            return


def check(w: SourceSide) -> None:
    assert w.ms.state == "failed", f"the destination never said SHUT, and the source is {w.ms.state}"


scenario = source_scenario(
    "hung-destination",
    "The destination hangs",
    setup,
    {"main": main_connects_then_cleans_up, "destination": destination},
    check=check,
)

STORY = Story(scenario, "the destination hangs, and an operator yanks", fixes=("join_created_thread",))
STORIES = (STORY,)
