# SPDX-License-Identifier: GPL-2.0-or-later
"""Upstream's tests/qtest/migration-test.c in miniature: both ends are whole QEMUs, and everything is meant to pass.

With all five fixes every one of these is proved; without them, most show what the shorter stories are about. Cancel
runs without a return path: with one it has tens of thousands of interleavings, and stories of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lessons.scenarios.invariants import SOURCE_RULES
from lessons.scenarios.stage import (
    Bell,
    Source,
    Word,
    connects,
    main_connects_then_cleans_up,
    pointer,
    stall,
    start_return_path,
    tell,
    under_way,
    watch_source,
)
from lessons.scenarios.story import Story
from mini_qemu.channel import socket_accept_incoming_migration, socket_outgoing_migration
from mini_qemu.io_channel import EIO, qio_channel_socket_pair
from mini_qemu.migration import (
    MIG_THR_ERR_RECOVERED,
    migration_completion,
    migration_detect_error,
    migration_iteration_finish,
    qmp_migrate,
)
from mini_qemu.migration_incoming import migration_incoming_get_current
from mini_qemu.monitor import qmp_migrate_cancel, qmp_migrate_incoming, qmp_migrate_recover
from mini_qemu.postcopy_ram import postcopy_ram_incoming_setup
from mini_qemu.process import main_loop_wait, qemu_mutex_lock_iothread, qemu_mutex_unlock_iothread
from mini_qemu.qemu_file import qemu_file_get_return_path, qemu_file_set_error
from mini_qemu.qemu_file_channel import qemu_fopen_channel_input
from mini_qemu.qemu_thread import QEMU_THREAD_DETACHED, QemuSemaphore, qemu_thread_create
from mini_qemu.qom import object_unref
from mini_qemu.savevm import postcopy_ram_listen_thread
from mini_qemu.sched import Scenario
from mini_qemu.yank_functions import migration_ioc_register_yank

FIRST_PART = 2  # of a precopy's messages: the first that carries a page


class BothEnds(Source):
    """The destination waits for a connection too."""

    def __init__(self, *capabilities: str, pages: int = 0) -> None:
        super().__init__(*capabilities, pages=pages)
        self.mis = migration_incoming_get_current(self.peer)
        self.destination_paused = QemuSemaphore(name="destination paused")
        qmp_migrate_incoming(self.peer)


def accepts(w: BothEnds) -> None:
    qemu_mutex_lock_iothread(w.peer)
    socket_accept_incoming_migration(w.mis, w.peer_ioc)
    qemu_mutex_unlock_iothread(w.peer)
    main_loop_wait(w.peer)  # the load


def loads(w: BothEnds) -> None:
    """The destination's main thread in a precopy."""
    accepts(w)
    main_loop_wait(w.peer)  # its end


def check(w: BothEnds) -> None:
    assert w.ms.state == "completed", f"the source is {w.ms.state}"
    assert w.mis.state == "completed", f"the destination is {w.mis.state}"
    assert not w.qemu.yank.yank_instance_list, "the source still has a yank instance"
    assert not w.peer.yank.yank_instance_list, "the destination still has a yank instance"


def watch(w: BothEnds) -> Mapping[str, Any]:
    return {
        **watch_source(w),
        "destination": Word(w.mis.state),
        "from_src_file": pointer(w.mis.from_src_file),
        "to_src_file": pointer(w.mis.to_src_file),
    }


def precopy() -> BothEnds:
    return BothEnds("return-path")


def postcopy() -> BothEnds:
    w = BothEnds("return-path", "postcopy-ram", pages=1)
    w.ms.start_postcopy = True
    return w


test_precopy = Scenario(
    "test-precopy",
    setup=precopy,
    threads={"main": main_connects_then_cleans_up, "destination main": loads},
    check=check,
    watch=watch,
    invariants=SOURCE_RULES,
    title="migration-test: precopy",
)

test_postcopy = Scenario(
    "test-postcopy",
    setup=postcopy,
    threads={"main": main_connects_then_cleans_up, "destination main": accepts},
    check=check,
    watch=watch,
    invariants=SOURCE_RULES,
    title="migration-test: postcopy",
)


# recovery


def recovery() -> BothEnds:
    """A postcopy is under way, the guest runs on the destination, and the line has just died.

    The threads learn of it one after another; that several close at once is a story of its own.
    """
    w = BothEnds("return-path", "postcopy-ram", pages=1)
    stall(w, 0)
    under_way(w, "postcopy-active")
    qemu_file_set_error(w.ms.to_dst_file, -EIO)
    w.qemu.ram_state.blocks[0].dirty[0] = 1

    migration_ioc_register_yank(w.peer_ioc)
    w.mis.from_src_file = qemu_fopen_channel_input(w.peer_ioc)
    w.mis.to_src_file = qemu_file_get_return_path(w.mis.from_src_file)
    object_unref(w.peer_ioc)
    w.mis.state, w.mis.postcopy_state = "active", "running"
    for se in w.peer.savevm_handlers:
        se.load_section_id = se.section_id  # the beginning of the stream has been read
    w.mis.main_thread_load_event = QemuSemaphore(1)

    w.ioc2, w.peer_ioc2 = qio_channel_socket_pair(w.qemu, w.peer)
    w.ms.postcopy_pause_sem = Bell(w.paused)
    w.ms.postcopy_pause_rp_sem = Bell(w.parked)
    w.mis.postcopy_pause_sem_dst = Bell(w.destination_paused)
    return w


def source_recovers(w: BothEnds) -> None:
    start_return_path(w)
    w.paused.wait()
    tell(w, "to source")
    w.parked.wait()
    tell(w, "to destination")
    error = qmp_migrate(w.ms, resume=True)
    assert error is None, error
    qemu_mutex_lock_iothread(w.qemu)
    socket_outgoing_migration(w.ms, w.ioc2)
    qemu_mutex_unlock_iothread(w.qemu)
    main_loop_wait(w.qemu)


def goes_on(w: BothEnds) -> None:
    """The migration thread: pauses, recovers, sends what is left."""
    if migration_detect_error(w.ms) == MIG_THR_ERR_RECOVERED:
        migration_completion(w.ms)
    migration_iteration_finish(w.ms)


def destination_recovers(w: BothEnds) -> None:
    postcopy_ram_incoming_setup(w.mis)
    qemu_thread_create("postcopy/listen", postcopy_ram_listen_thread, w.mis, QEMU_THREAD_DETACHED)
    w.destination_paused.wait()
    qmp_migrate_recover(w.peer)
    qemu_mutex_lock_iothread(w.peer)
    socket_accept_incoming_migration(w.mis, w.peer_ioc2)
    qemu_mutex_unlock_iothread(w.peer)


test_recovery = Scenario(
    "test-recovery",
    setup=recovery,
    threads={"main": source_recovers, "live_migration": goes_on, "destination main": destination_recovers},
    check=check,
    watch=watch,
    invariants=SOURCE_RULES,
    title="migration-test: recovery",
)


# cancel


def cancelled() -> BothEnds:
    w = BothEnds(pages=1)
    stall(w, FIRST_PART)
    return w


def cancels(w: BothEnds) -> None:
    """The line stalls; an operator gives up."""
    connects(w)
    w.stalled.wait()
    qemu_mutex_lock_iothread(w.qemu)
    qmp_migrate_cancel(w.qemu)
    qemu_mutex_unlock_iothread(w.qemu)
    main_loop_wait(w.qemu)
    tell(w, "to destination")


def check_cancelled(w: BothEnds) -> None:
    assert w.ms.state == "cancelled", f"the source is {w.ms.state}"
    assert w.qemu.runstate == "running", "the guest does not run on"
    assert not w.qemu.yank.yank_instance_list, "the source still has a yank instance"


test_cancel = Scenario(
    "test-cancel",
    setup=cancelled,
    threads={"main": cancels, "destination main": accepts},
    check=check_cancelled,
    watch=watch,
    invariants=SOURCE_RULES,
    title="migration-test: cancel",
)


# TLS and multifd


def tls() -> BothEnds:
    w = precopy()
    w.ms.tls_creds = w.mis.tls_creds = True
    return w


def connects_with_tls(w: BothEnds) -> None:
    connects(w)
    main_loop_wait(w.qemu)  # the handshake
    main_loop_wait(w.qemu)  # the clean-up


def loads_with_tls(w: BothEnds) -> None:
    accepts(w)  # and the handshake
    main_loop_wait(w.peer)  # the load
    main_loop_wait(w.peer)  # its end


test_tls = Scenario(
    "test-tls",
    setup=tls,
    threads={"main": connects_with_tls, "destination main": loads_with_tls},
    check=check,
    watch=watch,
    invariants=SOURCE_RULES,
    title="migration-test: TLS",
)


def multifd() -> BothEnds:
    w = BothEnds("return-path", "multifd")
    ours, theirs = qio_channel_socket_pair(w.qemu, w.peer)
    w.ms.multifd_channels = (ours,)
    w.mis.multifd.count = 1
    w.peer_ioc2 = theirs
    return w


def loads_with_multifd(w: BothEnds) -> None:
    qemu_mutex_lock_iothread(w.peer)
    socket_accept_incoming_migration(w.mis, w.peer_ioc)
    socket_accept_incoming_migration(w.mis, w.peer_ioc2)
    qemu_mutex_unlock_iothread(w.peer)
    main_loop_wait(w.peer)  # the load
    main_loop_wait(w.peer)  # its end


test_multifd = Scenario(
    "test-multifd",
    setup=multifd,
    threads={"main": main_connects_then_cleans_up, "destination main": loads_with_multifd},
    check=check,
    watch=watch,
    invariants=SOURCE_RULES,
    title="migration-test: multifd",
)

STORIES = (
    Story(test_precopy, "both ends: precopy", patches=("join_created_thread",)),
    Story(test_postcopy, "both ends: postcopy", patches=("join_created_thread",)),
    Story(test_recovery, "both ends: a postcopy recovers", patches=("join_created_thread", "explicit_unregister")),
    Story(test_cancel, "both ends: cancel"),
    Story(test_tls, "both ends: precopy over TLS", patches=("join_created_thread",)),
    Story(test_multifd, "both ends: precopy with a second channel", patches=("join_created_thread",)),
)
