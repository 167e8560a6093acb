# SPDX-License-Identifier: GPL-2.0-or-later
"""Upstream's tests/qtest/migration-test.c in miniature: both ends are whole QEMUs, and everything is meant to pass.

With all five fixes every one of these is proved; without them, most show what the shorter stories are about. Cancel
runs without a return path: with one it has tens of thousands of interleavings, and stories of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lessons.scenarios.stage import (
    Word,
    connects,
    main_connects_then_cleans_up,
    pointer,
    source_scenario,
    stall,
    start_return_path,
    tell,
    watch_source,
)
from lessons.scenarios.stage.both_ends import BothEnds, accepts, both_lose_their_line
from lessons.scenarios.story import Story
from mini_qemu.channel import socket_accept_incoming_migration, socket_outgoing_migration
from mini_qemu.io_channel import qio_channel_socket_pair
from mini_qemu.migration import (
    MIG_THR_ERR_RECOVERED,
    migration_completion,
    migration_detect_error,
    migration_iteration_finish,
    qmp_migrate,
)
from mini_qemu.monitor import qmp_migrate_cancel, qmp_migrate_recover
from mini_qemu.postcopy_ram import postcopy_ram_incoming_setup
from mini_qemu.process import main_loop_wait, qemu_mutex_lock_iothread, qemu_mutex_unlock_iothread
from mini_qemu.qemu_thread import QEMU_THREAD_DETACHED, qemu_thread_create
from mini_qemu.savevm import postcopy_ram_listen_thread

FIRST_PART = 2  # of a precopy's messages: the first that carries a page


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


test_precopy = source_scenario(
    "test-precopy",
    "migration-test: precopy",
    precopy,
    {"main": main_connects_then_cleans_up, "destination main": loads},
    check=check,
    watch=watch,
)

test_postcopy = source_scenario(
    "test-postcopy",
    "migration-test: postcopy",
    postcopy,
    {"main": main_connects_then_cleans_up, "destination main": accepts},
    check=check,
    watch=watch,
)


# recovery


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


test_recovery = source_scenario(
    "test-recovery",
    "migration-test: recovery",
    both_lose_their_line,
    {"main": source_recovers, "live_migration": goes_on, "destination main": destination_recovers},
    check=check,
    watch=watch,
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


test_cancel = source_scenario(
    "test-cancel",
    "migration-test: cancel",
    cancelled,
    {"main": cancels, "destination main": accepts},
    check=check_cancelled,
    watch=watch,
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


test_tls = source_scenario(
    "test-tls",
    "migration-test: TLS",
    tls,
    {"main": connects_with_tls, "destination main": loads_with_tls},
    check=check,
    watch=watch,
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


test_multifd = source_scenario(
    "test-multifd",
    "migration-test: multifd",
    multifd,
    {"main": main_connects_then_cleans_up, "destination main": loads_with_multifd},
    check=check,
    watch=watch,
)

STORIES = (
    Story(test_precopy, "both ends: precopy", fixes=("join_created_thread",)),
    Story(test_postcopy, "both ends: postcopy", fixes=("join_created_thread",)),
    Story(test_recovery, "both ends: a postcopy recovers", fixes=("join_created_thread", "explicit_unregister")),
    Story(test_cancel, "both ends: cancel"),
    Story(test_tls, "both ends: precopy over TLS", fixes=("join_created_thread",)),
    Story(test_multifd, "both ends: precopy with a second channel", fixes=("join_created_thread",)),
)
