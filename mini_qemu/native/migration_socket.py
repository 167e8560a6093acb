# SPDX-License-Identifier: GPL-2.0-or-later
"""From a URI to a connection. Mirrors migration/socket.c and the beginnings of qmp_migrate and qmp_migrate_incoming.

Connecting waits in a thread of its own and listening in the main loop; both end in channel.py, which the scenarios
enter directly.
Left out: fd:, exec:, vsock, RDMA; further connections for multifd.
"""

from __future__ import annotations

import socket

from mini_qemu.channel import socket_accept_incoming_migration, socket_outgoing_migration
from mini_qemu.migration import migrate_fd_connect, migrate_fd_error, qmp_migrate
from mini_qemu.migration_incoming import MigrationIncomingState, migration_incoming_get_current
from mini_qemu.migration_state import MigrationState
from mini_qemu.monitor import QmpError
from mini_qemu.native.io_channel_socket import (
    QIOChannelSocketOS,
    QIONetListener,
    SocketAddress,
    qio_channel_socket_connect_async,
    socket_parse,
)
from mini_qemu.native.main_loop import RealProcess
from mini_qemu.native.rate_limit import RateLimit
from mini_qemu.process import qapi_event_send
from mini_qemu.yank import MIGRATION_YANK_INSTANCE, yank_register_instance, yank_unregister_instance


def migration_address(uri: str) -> SocketAddress:
    try:
        addr = socket_parse(uri)
    except ValueError as error:
        raise QmpError(str(error)) from None
    if addr is None:
        raise QmpError(f"uri: {uri!r} names no protocol of migration; there are unix:PATH and tcp:HOST:PORT")
    return addr


def start_outgoing_migration(qemu: RealProcess, uri: str, resume: bool) -> None:
    """Main thread. The state is set up first, as upstream: a URI that makes no sense makes a failed migration."""
    s: MigrationState = qemu.current_migration
    if not resume:
        if qemu.runstate == "inmigrate":
            raise QmpError("the guest waits for an incoming migration")
        if qemu.runstate == "postmigrate":
            raise QmpError("the guest has been migrated away already")
    error = qmp_migrate(s, resume)
    if error is not None:
        raise QmpError(error)
    try:
        addr = migration_address(uri)
    except QmpError as problem:
        if not resume:
            yank_unregister_instance(qemu.yank, MIGRATION_YANK_INSTANCE)
        migrate_fd_error(s, str(problem))
        raise

    def connected(sock: socket.socket | None, failure: str | None) -> None:
        if sock is None:
            migrate_fd_connect(s, failure)
        else:
            socket_outgoing_migration(s, QIOChannelSocketOS(qemu, sock, addr.host))

    s.threshold_size = 1
    s.rate_limit = RateLimit(qemu.ram_state, qemu.parameters)
    qemu.ram_state.src_page_requests = ()
    qio_channel_socket_connect_async(qemu, addr, connected)


def start_incoming_migration(qemu: RealProcess, uri: str) -> None:
    """Listen. Any thread: migrate-recover comes out of band. Tells "setup" to everybody, capability or not."""
    addr = migration_address(uri)
    mis = migration_incoming_get_current(qemu)

    latest: list[socket.socket] = []

    def accepted(sock: socket.socket) -> None:
        if latest and latest[-1].fileno() != -1:
            sock.close()  # the one who came first is still there, perhaps in a handshake
            return
        latest.append(sock)
        socket_accept_incoming_migration(mis, QIOChannelSocketOS(qemu, sock))
        if migration_has_all_channels(mis):
            listener.close()

    try:
        listener = QIONetListener(qemu, addr, accepted)
    except OSError as error:
        raise QmpError(f"{addr} cannot be listened on: {error.strerror or error}") from None
    if qemu.incoming_listener is not None:
        qemu.incoming_listener.close()
    qemu.incoming_listener = listener
    qapi_event_send(qemu, "MIGRATION", {"status": "setup"})


def migration_has_all_channels(mis: MigrationIncomingState) -> bool:
    """With TLS this is not known before the handshake is over."""
    return mis.from_src_file is not None


def begin_incoming_migration(qemu: RealProcess, uri: str) -> None:
    """The first time: with an instance for yank, which a recovery has already."""
    if not yank_register_instance(qemu.yank, MIGRATION_YANK_INSTANCE):
        raise QmpError("an incoming migration has been started already")
    try:
        start_incoming_migration(qemu, uri)
    except QmpError:
        yank_unregister_instance(qemu.yank, MIGRATION_YANK_INSTANCE)
        raise
    qemu.incoming = uri
