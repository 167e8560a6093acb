# SPDX-License-Identifier: GPL-2.0-or-later
"""The ends of multifd's further channels. Two stories that survive the series; neither needs any timing.

*multifd-postcopy* (C.9). A receive channel leaves the yank list in multifd_load_cleanup, and a postcopy does not come
there: the destination aborts at the end of every one. Fixed in February 2023 (cfc3bcf373).

*multifd-tls* (C.10). A thread does the TLS handshake and then starts the send thread. Both handles are kept in one
variable, and nobody joins the first: the mistake of patch 1 in the next file. Fixed in February 2024 (e1921f10d9).
"""

from __future__ import annotations

from lessons.scenarios.stage import SourceSide, source_scenario, yank_list
from lessons.scenarios.stage.both_ends import opened
from lessons.scenarios.story import Story
from mini_qemu.io_channel import qio_channel_socket_pair, qio_channel_write
from mini_qemu.migration_incoming import migration_incoming_get_current
from mini_qemu.monitor import qmp_migrate_incoming
from mini_qemu.multifd import multifd_load_setup, multifd_recv_new_channel, multifd_save_cleanup, multifd_save_setup
from mini_qemu.qemu_thread import QemuSemaphore
from mini_qemu.qom import object_unref
from mini_qemu.savevm import postcopy_ram_listen_thread
from mini_qemu.sched import Scenario
from mini_qemu.yank_functions import migration_ioc_register_yank


def second_connection() -> SourceSide:
    w = SourceSide()
    w.ioc2, w.peer_ioc2 = qio_channel_socket_pair(w.qemu, w.peer)
    return w


def postcopy_runs() -> SourceSide:
    """The guest runs on the destination, and the main thread has loaded what it had to load."""
    w = second_connection()
    qmp_migrate_incoming(w.peer)
    mis = opened(w)
    mis.state, mis.postcopy_state = "active", "running"
    mis.main_thread_load_event = QemuSemaphore(1)
    mis.multifd.count = 1
    multifd_load_setup(mis.multifd)
    migration_ioc_register_yank(w.peer_ioc2)
    return w


def listens(w: SourceSide) -> None:
    """The second channel arrives; then the stream ends."""
    mis = migration_incoming_get_current(w.peer)
    multifd_recv_new_channel(mis.multifd, w.peer_ioc2)
    object_unref(w.peer_ioc2)
    postcopy_ram_listen_thread(mis)


def sends_the_end(w: SourceSide) -> None:
    qio_channel_write(w.ioc, b"\0")


postcopy = Scenario(
    "multifd-postcopy",
    setup=postcopy_runs,
    threads={"postcopy/listen": listens, "source": sends_the_end},
    watch=lambda w: {"yank list": yank_list(w.peer)},
    title="The end of a postcopy with multifd",
    guarded=False,
)


def with_tls() -> SourceSide:
    w = second_connection()
    w.ms.tls_creds = True
    w.ms.multifd_channels = (w.ioc2,)
    return w


def sets_up_and_takes_down(w: SourceSide) -> None:
    """What the main thread does with multifd between the connection and the clean-up."""
    multifd_save_setup(w.ms)
    multifd_save_cleanup(w.ms)


tls = source_scenario("multifd-tls", "multifd over TLS", with_tls, {"main": sets_up_and_takes_down})

STORIES = (
    Story(postcopy, "a postcopy with multifd ends: survives the series", later=("cleanup_in_destroy",)),
    Story(tls, "multifd over TLS: survives the series", later=("tls_thread_of_its_own",)),
)
