# SPDX-License-Identifier: GPL-2.0-or-later
"""A QEMUFile over a channel. Mirrors migration/qemu-file-channel.c.

Each file holds one reference on its channel and drops it when it is closed. A channel with a return path carries two
files, which two threads may close at the same time. Left out: vectors, switching between blocking and non-blocking.
"""

from __future__ import annotations

from mini_qemu.fixes import fixes, history
from mini_qemu.io_channel import (
    EIO,
    QIOChannel,
    QIOChannelSocket,
    QIOChannelTLS,
    qio_channel_close,
    qio_channel_read,
    qio_channel_shutdown,
    qio_channel_write,
)
from mini_qemu.qemu_file import QEMUFile, QEMUFileOps, qemu_fopen_ops
from mini_qemu.qom import object_ref, object_unref
from mini_qemu.yank import MIGRATION_YANK_INSTANCE, yank_unregister_function
from mini_qemu.yank_functions import migration_ioc_unregister_yank, migration_yank_iochannel


def channel_get_buffer(ioc: QIOChannel) -> bytes:
    return qio_channel_read(ioc)


def channel_writev_buffer(ioc: QIOChannel, data: bytes) -> int:
    ret = qio_channel_write(ioc, data)
    return ret if ret >= 0 else -EIO


def channel_shutdown(ioc: QIOChannel) -> int:
    if not ioc.has_shutdown:
        return 0
    return qio_channel_shutdown(ioc)


def channel_close(ioc: QIOChannel) -> int:
    """Close one of the files on the channel.

    Before patch 5 the last one to close takes the channel out of the yank list. "Last" is read off the reference count,
    which another thread may be about to change.
    """
    ret = qio_channel_close(ioc)
    if history.yank_knows_tls:
        yankable: tuple[type, ...] = (QIOChannelSocket, QIOChannelTLS)
    else:
        yankable = (QIOChannelSocket,)
    if fixes.explicit_unregister:
        last = False
    else:
        last = ioc.ref == 1
    if fixes.one_yank_predicate:
        if last:
            migration_ioc_unregister_yank(ioc)
    else:
        if isinstance(ioc, yankable) and last:
            yank_unregister_function(ioc.process.yank, MIGRATION_YANK_INSTANCE, migration_yank_iochannel, ioc)
    object_unref(ioc)
    return ret


def channel_get_input_return_path(ioc: QIOChannel) -> QEMUFile:
    """The return path of a file for reading is one for writing."""
    return qemu_fopen_channel_output(ioc)


def channel_get_output_return_path(ioc: QIOChannel) -> QEMUFile:
    return qemu_fopen_channel_input(ioc)


channel_input_ops = QEMUFileOps(
    get_buffer=channel_get_buffer,
    close=channel_close,
    shut_down=channel_shutdown,
    get_return_path=channel_get_input_return_path,
)

channel_output_ops = QEMUFileOps(
    writev_buffer=channel_writev_buffer,
    close=channel_close,
    shut_down=channel_shutdown,
    get_return_path=channel_get_output_return_path,
)


def qemu_fopen_channel_input(ioc: QIOChannel) -> QEMUFile:
    object_ref(ioc)
    return qemu_fopen_ops(ioc, channel_input_ops, True)  # + file_knows_channel


def qemu_fopen_channel_output(ioc: QIOChannel) -> QEMUFile:
    object_ref(ioc)
    return qemu_fopen_ops(ioc, channel_output_ops, True)  # + file_knows_channel
