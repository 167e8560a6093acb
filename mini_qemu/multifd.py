# SPDX-License-Identifier: GPL-2.0-or-later
"""Further channels beside the main one. Mirrors migration/multifd.c: connecting and cleaning up.

Send channels are never registered with yank, receive channels are, and they leave the list in multifd_load_cleanup,
there again by "the reference count reads 1". Left out: the data path; a send thread says hello and waits for the end.
"""

from __future__ import annotations

from mini_qemu.fixes import fixes, later
from mini_qemu.io_channel import (
    QIOChannel,
    QIOChannelSocket,
    QIOChannelTLS,
    qio_channel_close,
    qio_channel_read,
    qio_channel_shutdown,
    qio_channel_write,
)
from mini_qemu.migration_state import MigrationState
from mini_qemu.qemu_thread import (
    QEMU_THREAD_JOINABLE,
    QemuSemaphore,
    QemuThread,
    qemu_thread_create,
    qemu_thread_join,
)
from mini_qemu.qom import object_ref, object_unref
from mini_qemu.yank import MIGRATION_YANK_INSTANCE, yank_unregister_function
from mini_qemu.yank_functions import migration_ioc_unregister_yank, migration_yank_iochannel


class MultiFDSendParams:
    """One send channel. Made and taken down by the main thread; `sem` is how it wakes the send thread."""

    def __init__(self, id: int, c: QIOChannel) -> None:
        self.id = id
        self.c = c
        # Main's; over TLS they are set by the handshake thread, which main waits for before it looks.
        self.running = False
        self.thread: QemuThread | None = None
        self.tls_thread: QemuThread | None = None  # + tls_thread_of_its_own
        self.connected = QemuSemaphore()
        self.sem = QemuSemaphore()


class MultiFDRecvParams:
    """One receive channel. Made and taken down by the main thread."""

    def __init__(self, id: int) -> None:
        self.id = id
        self.c: QIOChannel | None = None
        self.running = False
        self.thread: QemuThread | None = None


class MultiFDRecvState:
    """The destination's receive channels. `count` is set before the migration starts."""

    def __init__(self) -> None:
        self.count = 0
        self.params: tuple[MultiFDRecvParams, ...] = ()


def multifd_save_setup(s: MigrationState) -> None:
    """The connections are ready when this is called; upstream each one arrives by a callback."""
    s.multifd_send = tuple([MultiFDSendParams(i, c) for i, c in enumerate(s.multifd_channels)])
    for p in s.multifd_send:
        if s.tls_creds:
            multifd_tls_channel_connect(p)
        else:
            multifd_channel_connect(p, p.c)


def multifd_tls_channel_connect(p: MultiFDSendParams) -> None:
    """A handshake takes time, so a thread of its own does it. Its handle is kept where the send thread's will be."""
    tls_thread = qemu_thread_create(
        "multifd-tls-handshake-worker", multifd_tls_handshake_thread, p, QEMU_THREAD_JOINABLE
    )
    if later.tls_thread_of_its_own:
        p.tls_thread = tls_thread
    else:
        p.thread = tls_thread
    p.connected.wait()


def multifd_tls_handshake_thread(p: MultiFDSendParams) -> None:
    """The handshake is over: go on as without TLS."""
    multifd_channel_connect(p, p.c)
    p.connected.post()


def multifd_channel_connect(p: MultiFDSendParams, ioc: QIOChannel) -> None:
    p.c = ioc
    p.running = True
    p.thread = qemu_thread_create(f"multifdsend_{p.id}", multifd_send_thread, p, QEMU_THREAD_JOINABLE)


def multifd_send_thread(p: MultiFDSendParams) -> None:
    qio_channel_write(p.c, b"hello")
    p.sem.wait()


def multifd_save_cleanup(s: MigrationState) -> None:
    for p in s.multifd_send:
        p.sem.post()
    for p in s.multifd_send:
        if later.tls_thread_of_its_own:
            if p.tls_thread is not None:
                qemu_thread_join(p.tls_thread)
                p.tls_thread = None
        if p.running:
            qemu_thread_join(p.thread)
            p.running = False
    for p in s.multifd_send:
        qio_channel_close(p.c)
        object_unref(p.c)
    s.multifd_send = ()


def multifd_load_setup(state: MultiFDRecvState) -> None:
    state.params = tuple([MultiFDRecvParams(i) for i in range(state.count)])


def multifd_recv_all_channels_created(state: MultiFDRecvState) -> bool:
    return None not in [p.c for p in state.params]


def multifd_recv_new_channel(state: MultiFDRecvState, ioc: QIOChannel) -> None:
    for p in state.params:
        if p.c is None:
            object_ref(ioc)
            p.c = ioc
            p.running = True
            p.thread = qemu_thread_create(f"multifdrecv_{p.id}", multifd_recv_thread, p, QEMU_THREAD_JOINABLE)
            return


def multifd_recv_thread(p: MultiFDRecvParams) -> None:
    assert p.c is not None
    while qio_channel_read(p.c):
        pass


def multifd_load_cleanup(state: MultiFDRecvState) -> None:
    """Main thread, at the end of a precopy. The end of a postcopy does not come here."""
    for p in state.params:
        if p.c is not None:
            qio_channel_shutdown(p.c)
    for p in state.params:
        if p.running:
            qemu_thread_join(p.thread)
            p.running = False
    for p in state.params:
        ioc = p.c
        assert ioc is not None
        last = ioc.ref == 1
        if fixes.one_yank_predicate:
            if last:
                migration_ioc_unregister_yank(ioc)
        else:
            if isinstance(ioc, QIOChannelSocket | QIOChannelTLS) and last:
                yank_unregister_function(ioc.process.yank, MIGRATION_YANK_INSTANCE, migration_yank_iochannel, ioc)
        object_unref(ioc)
        p.c = None
    state.params = ()
