# SPDX-License-Identifier: GPL-2.0-or-later
"""An operator yanks on the destination: while it loads, pauses, recovers, tears down.

While it loads, patch 5 opens a window (C.18e: we found it by reading the code; nobody reported it). A load that fails
closes its file and exits. Before patch 5 that close took the channel out of the yank list; now nobody does, and a yank
between the close and the exit finds a channel that is freed.

While a postcopy recovers, the new line may die too (C.12). The destination's state stayed postcopy-recover, so its
listen thread did not sleep: it read on, and there was no file.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lessons.scenarios.stage import Offstage, SourceSide, Wings, tell, yank, yank_list
from lessons.scenarios.stage.both_ends import BothEnds, accepts, both_lose_their_line, opened
from lessons.scenarios.story import Story
from mini_qemu.io_channel import qio_channel_close
from mini_qemu.migration_incoming import migration_incoming_get_current, migration_incoming_state_destroy
from mini_qemu.monitor import qmp_migrate_incoming
from mini_qemu.savevm import postcopy_ram_listen_thread
from mini_qemu.sched import Scenario


def watch_destination(w: SourceSide) -> Mapping[str, Any]:
    return {"yank list": yank_list(w.peer)}


def oob_yanks_destination(w: SourceSide) -> None:
    yank(w.peer)


def source_goes_away(w: SourceSide) -> None:
    qio_channel_close(w.ioc)


load = Scenario(
    "yank-during-load",
    setup=BothEnds,
    threads={"destination main": accepts, "source": source_goes_away, "oob": oob_yanks_destination},
    watch=watch_destination,
    title="Yank while the destination loads",
    guarded=False,
)


def listening() -> BothEnds:
    """The guest runs here; the listen thread waits for pages that will not come."""
    w = both_lose_their_line()
    w.mis.state = "postcopy-active"
    w.mis.postcopy_pause_sem_dst = Wings()  # nobody recovers: the listen thread's part ends where it goes to sleep
    return w


def listens(w: BothEnds) -> None:
    try:
        postcopy_ram_listen_thread(w.mis)
    except Offstage:
        pass


def line_dies(w: BothEnds) -> None:
    tell(w, "to destination")


pause = Scenario(
    "yank-while-destination-pauses",
    setup=listening,
    threads={"postcopy/listen": listens, "network": line_dies, "oob": oob_yanks_destination},
    watch=watch_destination,
    title="Yank while the destination pauses",
    guarded=False,
)


def recovering() -> BothEnds:
    """The second connection has come, the listen thread reads from it, and the source has not said RESUME yet."""
    w = listening()
    w.mis.state = "postcopy-recover"
    return w


recover = Scenario(
    "yank-while-destination-recovers",
    setup=recovering,
    threads={"postcopy/listen": listens, "network": line_dies, "oob": oob_yanks_destination},
    watch=watch_destination,
    title="Yank while the destination recovers",
    guarded=False,
)


def loaded() -> SourceSide:
    """A destination that has loaded everything and is about to say so."""
    w = SourceSide()
    qmp_migrate_incoming(w.peer)
    opened(w)
    return w


def tears_down(w: SourceSide) -> None:
    migration_incoming_state_destroy(migration_incoming_get_current(w.peer))


destroy = Scenario(
    "yank-during-destroy",
    setup=loaded,
    threads={"destination main": tears_down, "oob": oob_yanks_destination},
    watch=watch_destination,
    title="Yank while the destination tears down",
    guarded=False,
)

STORIES = (
    Story(load, "yank while the destination loads, and the source goes away: patch 5 opens a window"),
    Story(pause, "yank while the destination pauses"),
    Story(
        recover,
        "yank while the destination recovers: survives the series",
        later=("kick_from_recover",),
    ),
    Story(destroy, "yank while the destination tears down"),
)
