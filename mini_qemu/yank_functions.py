# SPDX-License-Identifier: GPL-2.0-or-later
"""What migration registers with yank. Mirrors migration/yank_functions.c.

The pair in the list is (migration_yank_iochannel, channel). The list owns no reference: the code that retires the
channel must take its pair out first. Nothing left out.
"""

from __future__ import annotations

from mini_qemu.io_channel import QIOChannel, QIOChannelSocket, QIOChannelTLS, qio_channel_shutdown
from mini_qemu.qemu_file import QEMUFile, qemu_file_get_ioc
from mini_qemu.yank import MIGRATION_YANK_INSTANCE, yank_register_function, yank_unregister_function


def migration_yank_iochannel(ioc: QIOChannel) -> None:
    """Runs under yank_lock. The migration is told nothing: it sees input and output fail."""
    qio_channel_shutdown(ioc)


def migration_ioc_yank_supported(ioc: QIOChannel) -> bool:  # + one_yank_predicate
    return isinstance(ioc, QIOChannelSocket | QIOChannelTLS)


def migration_ioc_register_yank(ioc: QIOChannel) -> None:  # + one_yank_predicate
    if migration_ioc_yank_supported(ioc):
        yank_register_function(ioc.process.yank, MIGRATION_YANK_INSTANCE, migration_yank_iochannel, ioc)


def migration_ioc_unregister_yank(ioc: QIOChannel) -> None:  # + one_yank_predicate
    if migration_ioc_yank_supported(ioc):
        yank_unregister_function(ioc.process.yank, MIGRATION_YANK_INSTANCE, migration_yank_iochannel, ioc)


def migration_ioc_unregister_yank_from_file(f: QEMUFile) -> None:  # + explicit_unregister
    ioc = qemu_file_get_ioc(f)
    if ioc is not None:
        migration_ioc_unregister_yank(ioc)
