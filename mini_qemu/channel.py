# SPDX-License-Identifier: GPL-2.0-or-later
"""From a connection to a migration. Mirrors migration/channel.c, socket.c and tls.c.

Both ends come here with a fresh channel: register it with yank, put a file on it, go on in migration.c. The
transport's own reference is dropped when the channel has been handed over.
Left out: addresses and listening, see migration_socket.py; the steps of a handshake.
"""

from __future__ import annotations

from mini_qemu.fixes import fixes, history
from mini_qemu.io_channel import (
    QIOChannel,
    QIOChannelSocket,
    QIOChannelTLS,
    qio_channel_tls_handshake,
    qio_channel_tls_new,
)
from mini_qemu.migration import migrate_fd_connect, migration_ioc_process_incoming, process_incoming_migration_co
from mini_qemu.migration_incoming import MigrationIncomingState
from mini_qemu.migration_state import MigrationState
from mini_qemu.process import error_report, qemu_bh_new, qemu_coroutine_enter
from mini_qemu.qemu_file_channel import qemu_fopen_channel_output
from mini_qemu.qom import object_unref
from mini_qemu.yank import MIGRATION_YANK_INSTANCE, yank_register_function
from mini_qemu.yank_functions import migration_ioc_register_yank, migration_yank_iochannel


def socket_outgoing_migration(s: MigrationState, ioc: QIOChannel) -> None:
    """The source's connection is there. Main thread, BQL held."""
    migration_channel_connect(s, ioc, None)
    object_unref(ioc)


def socket_accept_incoming_migration(mis: MigrationIncomingState, ioc: QIOChannel) -> None:
    """Somebody has connected to the destination. Main thread, BQL held."""
    migration_channel_process_incoming(mis, ioc)
    object_unref(ioc)


def migration_channel_connect(s: MigrationState, ioc: QIOChannel, error: str | None) -> None:
    if error is None:
        if s.tls_creds and not isinstance(ioc, QIOChannelTLS):
            # comes back here with the encrypted channel
            migration_tls_channel_connect(s, ioc)
            return
        if history.yank_knows_tls:
            asked = ioc
        else:
            # this was asked before the handshake, when there was only the socket that the TLS channel now wraps
            asked = ioc.master if isinstance(ioc, QIOChannelTLS) else ioc
        if fixes.one_yank_predicate:
            migration_ioc_register_yank(ioc)
        else:
            if isinstance(asked, QIOChannelSocket | QIOChannelTLS):
                yank_register_function(ioc.process.yank, MIGRATION_YANK_INSTANCE, migration_yank_iochannel, asked)
        f = qemu_fopen_channel_output(ioc)
        with s.qemu_file_lock:
            s.to_dst_file = f
    migrate_fd_connect(s, error)


def migration_tls_channel_connect(s: MigrationState, ioc: QIOChannel) -> None:
    """Start the handshake. When it is over the main loop calls migration_tls_outgoing_handshake."""
    tioc = qio_channel_tls_new(ioc)
    qio_channel_tls_handshake(tioc, qemu_bh_new(s.process, migration_tls_outgoing_handshake, (s, tioc)))


def migration_tls_outgoing_handshake(task: tuple[MigrationState, QIOChannelTLS]) -> None:
    s, tioc = task
    migration_channel_connect(s, tioc, tioc.handshake_error)
    object_unref(tioc)


def migration_channel_process_incoming(mis: MigrationIncomingState, ioc: QIOChannel) -> None:
    if mis.tls_creds and not isinstance(ioc, QIOChannelTLS):
        migration_tls_channel_process_incoming(mis, ioc)
        return
    if history.yank_knows_tls:
        asked = ioc
    else:
        # this was asked before the handshake, when there was only the socket that the TLS channel now wraps
        asked = ioc.master if isinstance(ioc, QIOChannelTLS) else ioc
    if fixes.one_yank_predicate:
        migration_ioc_register_yank(ioc)
    else:
        if isinstance(asked, QIOChannelSocket | QIOChannelTLS):
            yank_register_function(ioc.process.yank, MIGRATION_YANK_INSTANCE, migration_yank_iochannel, asked)
    if migration_ioc_process_incoming(mis, ioc):
        qemu_coroutine_enter(mis.process, process_incoming_migration_co, mis)


def migration_tls_channel_process_incoming(mis: MigrationIncomingState, ioc: QIOChannel) -> None:
    tioc = qio_channel_tls_new(ioc)
    qio_channel_tls_handshake(tioc, qemu_bh_new(mis.process, migration_tls_incoming_handshake, (mis, tioc)))


def migration_tls_incoming_handshake(task: tuple[MigrationIncomingState, QIOChannelTLS]) -> None:
    mis, tioc = task
    if tioc.handshake_error is None:
        migration_channel_process_incoming(mis, tioc)
    else:
        error_report(mis.process, tioc.handshake_error)
    object_unref(tioc)
