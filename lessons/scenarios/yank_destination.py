# SPDX-License-Identifier: GPL-2.0-or-later
"""An operator yanks on the destination: while it loads, while it pauses, while it tears down.

While it loads, patch 5 opens a window (C.18e; by reading, no report is known). A load that fails closes its file and
exits. Before patch 5 that close took the channel out of the yank list; now nobody does, and a yank between the close
and the exit finds a channel that is freed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lessons.scenarios.migration_test import BothEnds, accepts, recovery
from lessons.scenarios.stage import Offstage, Source, Wings, tell, yank, yank_list
from lessons.scenarios.story import Story
from mini_qemu.io_channel import qio_channel_close
from mini_qemu.migration_incoming import migration_incoming_get_current, migration_incoming_state_destroy
from mini_qemu.monitor import qmp_migrate_incoming
from mini_qemu.qemu_file import qemu_file_get_return_path
from mini_qemu.qemu_file_channel import qemu_fopen_channel_input
from mini_qemu.qom import object_unref
from mini_qemu.savevm import postcopy_ram_listen_thread
from mini_qemu.sched import Scenario
from mini_qemu.yank_functions import migration_ioc_register_yank


def watch_destination(w: Source) -> Mapping[str, Any]:
    return {"yank list": yank_list(w.peer)}


def oob_yanks_destination(w: Source) -> None:
    yank(w.peer)


def source_goes_away(w: Source) -> None:
    qio_channel_close(w.ioc)


load = Scenario(
    "yank-during-load",
    setup=BothEnds,
    threads={"destination main": accepts, "source": source_goes_away, "oob": oob_yanks_destination},
    watch=watch_destination,
    title="Yank while the destination loads",
)


def listening() -> BothEnds:
    """The guest runs here; the listen thread waits for pages that will not come."""
    w = recovery()
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
)


def loaded() -> Source:
    """A destination that has loaded everything and is about to say so."""
    w = Source()
    qmp_migrate_incoming(w.peer)
    migration_ioc_register_yank(w.peer_ioc)
    mis = migration_incoming_get_current(w.peer)
    mis.from_src_file = qemu_fopen_channel_input(w.peer_ioc)
    mis.to_src_file = qemu_file_get_return_path(mis.from_src_file)
    object_unref(w.peer_ioc)
    return w


def tears_down(w: Source) -> None:
    migration_incoming_state_destroy(migration_incoming_get_current(w.peer))


destroy = Scenario(
    "yank-during-destroy",
    setup=loaded,
    threads={"destination main": tears_down, "oob": oob_yanks_destination},
    watch=watch_destination,
    title="Yank while the destination tears down",
)

STORIES = (
    Story(load, "yank while the destination loads, and the source goes away: patch 5 opens a window"),
    Story(pause, "yank while the destination pauses"),
    Story(destroy, "yank while the destination tears down"),
)
