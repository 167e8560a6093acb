# SPDX-License-Identifier: GPL-2.0-or-later
"""What yank is for: the destination has everything and says nothing, and the source waits for SHUT for ever.

The operator yanks. The return path thread wakes with an error, the migration thread hears of it from the join, and
the migration has failed, as it should: nobody knows what the destination did. Without patch 1 the join may not take
place, and then the source believes that all went well.
"""

from __future__ import annotations

from lessons.scenarios.invariants import SOURCE_RULES
from lessons.scenarios.stage import FOOTER, Source, main_connects_then_cleans_up, oob_yanks, watch_source
from lessons.scenarios.story import Story
from mini_qemu.io_channel import qio_channel_read
from mini_qemu.sched import Scenario


def setup() -> Source:
    return Source("return-path")


def destination(w: Source) -> None:
    """Hears everything, says nothing; the operator sees the progress stop, and yanks."""
    while True:
        message = qio_channel_read(w.peer_ioc)
        if message.startswith(FOOTER) and b"globalstate" in message:
            oob_yanks(w)
            return


def check(w: Source) -> None:
    assert w.ms.state == "failed", f"the destination never said SHUT, and the source is {w.ms.state}"


scenario = Scenario(
    "hung-destination",
    setup=setup,
    threads={"main": main_connects_then_cleans_up, "destination": destination},
    check=check,
    watch=watch_source,
    invariants=SOURCE_RULES,
    title="The destination hangs",
)

STORY = Story(scenario, "the destination hangs, and an operator yanks", patches=("join_created_thread",))
STORIES = (STORY,)
