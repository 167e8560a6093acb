# SPDX-License-Identifier: GPL-2.0-or-later
"""An operator yanks at any time: while the source is cleaning up, and while the destination is.

The pair must be in the list as long as the channel lives, and out of it before the channel goes. Finding no instance
is a fair answer; finding a freed channel is not.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lessons.scenarios.stage import Source, oob_yanks, return_path, running, watch_source, yank, yank_list
from lessons.scenarios.story import Story
from mini_qemu.migration import migrate_fd_cancel, migrate_fd_cleanup
from mini_qemu.migration_incoming import (
    migration_incoming_get_current,
    migration_incoming_state_destroy,
)
from mini_qemu.monitor import qmp_migrate_incoming
from mini_qemu.process import qemu_mutex_lock_iothread, qemu_mutex_unlock_iothread
from mini_qemu.qemu_file import qemu_file_get_return_path
from mini_qemu.qemu_file_channel import qemu_fopen_channel_input
from mini_qemu.qom import object_unref
from mini_qemu.sched import Scenario
from mini_qemu.yank_functions import migration_ioc_register_yank


def cancelled() -> Source:
    w = running()
    migrate_fd_cancel(w.ms)
    return w


def cleans_up(w: Source) -> None:
    qemu_mutex_lock_iothread(w.qemu)
    migrate_fd_cleanup(w.ms)
    qemu_mutex_unlock_iothread(w.qemu)


source = Scenario(
    "yank-during-cleanup",
    setup=cancelled,
    threads={"main": cleans_up, "return path": return_path, "oob": oob_yanks},
    watch=watch_source,
    title="Yank while the source cleans up",
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


def watch_destination(w: Source) -> Mapping[str, Any]:
    return {"yank list": yank_list(w.peer)}


def oob_yanks_destination(w: Source) -> None:
    yank(w.peer)


destination = Scenario(
    "yank-during-destroy",
    setup=loaded,
    threads={"destination main": tears_down, "oob": oob_yanks_destination},
    watch=watch_destination,
    title="Yank while the destination tears down",
)

STORIES = (
    Story(source, "yank while the source cleans up after a cancel", patches=("explicit_unregister",)),
    Story(destination, "yank while the destination tears down"),
)
