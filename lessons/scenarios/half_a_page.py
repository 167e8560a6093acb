# SPDX-License-Identifier: GPL-2.0-or-later
"""A page that never arrived (C.7): an operator pauses the destination while it reads one.

qemu_file_shutdown stops the file first and records the error second. The listen thread reads in between: it gets
nothing, finds no error, and takes the nothing for a page. The guest runs on with memory that nobody has sent. Fixed in
November 2022 (f5816b5c86): the error first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lessons.scenarios.stage import SourceSide, Word, pointer
from lessons.scenarios.stage.both_ends import opened
from lessons.scenarios.story import Story
from mini_qemu.migration_incoming import migration_incoming_get_current
from mini_qemu.monitor import qmp_migrate_incoming, qmp_migrate_pause
from mini_qemu.qemu_file import QEMUFile
from mini_qemu.ram import RAM_SAVE_FLAG_CONTINUE, RAM_SAVE_FLAG_PAGE, ram_load
from mini_qemu.sched import Scenario


def half_a_page() -> SourceSide:
    """The guest runs here. The record of a page has begun to arrive: its header is there, its contents are not."""
    w = SourceSide(pages=1)
    qmp_migrate_incoming(w.peer)
    mis = opened(w)
    mis.state = "postcopy-active"
    w.peer.ram_state.last_loaded_block = w.peer.ram_state.blocks[0]
    f: QEMUFile = mis.from_src_file
    f.buf = (RAM_SAVE_FLAG_PAGE | RAM_SAVE_FLAG_CONTINUE).to_bytes(8, "big")
    return w


def loads(w: SourceSide) -> None:
    ram_load(w.peer, migration_incoming_get_current(w.peer).from_src_file)


def oob_pauses(w: SourceSide) -> None:
    qmp_migrate_pause(w.peer)


def check(w: SourceSide) -> None:
    received = w.peer.ram_state.blocks[0].received[0]
    assert not received, "the page counts as received, and its contents never came"


def watch(w: SourceSide) -> Mapping[str, Any]:
    mis = migration_incoming_get_current(w.peer)
    received = bool(w.peer.ram_state.blocks[0].received[0])
    return {"from_src_file": pointer(mis.from_src_file), "page 0": Word("received" if received else "missing")}


scenario = Scenario(
    "half-a-page",
    setup=half_a_page,
    threads={"postcopy/listen": loads, "oob": oob_pauses},
    check=check,
    watch=watch,
    title="A page that never arrived",
    guarded=False,
)

STORY = Story(
    scenario, "pause the destination while it reads a page: survives the series", later=("error_before_shutdown",)
)
STORIES = (STORY,)
