# SPDX-License-Identifier: GPL-2.0-or-later
"""The commands of the monitor, as functions that return plain dicts. Mirrors the qmp_* functions of migration.c and
yank.c.

Most run in the main thread with the BQL held. yank, query-yank, migrate-pause and migrate-recover run in the monitor's
own thread, without the BQL, at any time: they exist for the moment when the main loop is stuck, so they must never wait
for anything slow.
Left out: blockers, events, most parameters; starting a transport (the caller of `migrate` makes the connection).
"""

from __future__ import annotations

from typing import Any

from mini_qemu.fixes import later
from mini_qemu.migration import migrate_fd_cancel
from mini_qemu.migration_incoming import MigrationIncomingState
from mini_qemu.migration_state import (
    MIGRATION_STATUS_NONE,
    MIGRATION_STATUS_POSTCOPY_ACTIVE,
    MIGRATION_STATUS_POSTCOPY_PAUSED,
    MigrationState,
    migrate_postcopy_ram,
    migration_in_postcopy,
    migration_is_running,
)
from mini_qemu.process import QemuProcess
from mini_qemu.qemu_file import qemu_file_shutdown
from mini_qemu.qemu_thread import qatomic_cmpxchg
from mini_qemu.yank import MIGRATION_YANK_INSTANCE, YankInstance, yank_instances, yank_query, yank_register_instance

CAPABILITIES = ("events", "multifd", "postcopy-ram", "return-path")


class QmpError(Exception):
    """What a command answers when it cannot do what it is asked."""

    def __init__(self, desc: str, cls: str = "GenericError") -> None:
        super().__init__(desc)
        self.cls = cls

    def reply(self) -> dict[str, Any]:
        return {"error": {"class": self.cls, "desc": str(self)}}


# main thread, BQL held


def qmp_migrate_cancel(qemu: QemuProcess) -> dict[str, Any]:
    """Never an error, even with nothing to cancel."""
    if later.no_cancel_in_postcopy:
        if migration_in_postcopy(qemu.current_migration):
            raise QmpError("a postcopy that has begun cannot be cancelled: the guest may run at the destination")
    migrate_fd_cancel(qemu.current_migration)
    return {}


def qmp_migrate_start_postcopy(qemu: QemuProcess) -> dict[str, Any]:
    s: MigrationState = qemu.current_migration
    if not migrate_postcopy_ram(s):
        raise QmpError("the capability postcopy-ram is off")
    if s.state == MIGRATION_STATUS_NONE:
        raise QmpError("no migration has been started")
    s.start_postcopy = True
    return {}


def qmp_migrate_set_capabilities(qemu: QemuProcess, capabilities: list[dict[str, Any]]) -> dict[str, Any]:
    s: MigrationState = qemu.current_migration
    if migration_is_running(s.state):
        raise QmpError("a migration is running")
    names = set(s.capabilities)
    for entry in capabilities:
        name = entry["capability"]
        if name not in CAPABILITIES:
            raise QmpError(f"there is no capability {name}; there are {', '.join(CAPABILITIES)}")
        if entry["state"]:
            names.add(name)
        else:
            names.discard(name)
    s.capabilities = frozenset(names)
    return {}


def qmp_query_migrate(qemu: QemuProcess) -> dict[str, Any]:
    s: MigrationState = qemu.current_migration
    state = s.state
    if state == MIGRATION_STATUS_NONE:
        return {}
    info: dict[str, Any] = {"status": state}
    if state == "failed" and s.error is not None:
        info["error-desc"] = s.error
    return info


def qmp_migrate_incoming(qemu: QemuProcess) -> dict[str, Any]:
    """Get ready for a connection."""
    if not yank_register_instance(qemu.yank, MIGRATION_YANK_INSTANCE):
        raise QmpError("an incoming migration has been started already")
    return {}


# the monitor's own thread, no BQL


def qmp_migrate_pause(qemu: QemuProcess) -> dict[str, Any]:
    """Break the connection of a running postcopy, to be made anew.

    On the source the pointer is used under the lock without a test; on the destination there is no lock at all.
    """
    ms: MigrationState | None = qemu.current_migration
    if ms is not None and ms.state == MIGRATION_STATUS_POSTCOPY_ACTIVE:
        with ms.qemu_file_lock:
            if later.lock_to_dst_file:
                ret = qemu_file_shutdown(ms.to_dst_file) if ms.to_dst_file is not None else 0
            else:
                ret = qemu_file_shutdown(ms.to_dst_file)
        if ret:
            raise QmpError("the connection could not be shut down")
        return {}
    mis: MigrationIncomingState | None = qemu.current_incoming
    if mis is not None and mis.state == MIGRATION_STATUS_POSTCOPY_ACTIVE:
        if qemu_file_shutdown(mis.from_src_file):
            raise QmpError("the connection could not be shut down")
        return {}
    raise QmpError("only a postcopy that is active can be paused")


def qmp_migrate_recover(qemu: QemuProcess) -> dict[str, Any]:
    """Be ready for a new connection of a paused postcopy. Registers no yank instance: the old one is there still."""
    mis: MigrationIncomingState = qemu.current_incoming
    if mis.state != MIGRATION_STATUS_POSTCOPY_PAUSED:
        raise QmpError("only a paused postcopy can be recovered")
    if not qatomic_cmpxchg(mis, "postcopy_recover_triggered", False, True):
        raise QmpError("a recovery is under way already")
    return {}


def qmp_yank(qemu: QemuProcess, instances: list[dict[str, str]]) -> dict[str, Any]:
    wanted = tuple([YankInstance(i["type"], i.get("id", i.get("node-name", ""))) for i in instances])
    missing = yank_instances(qemu.yank, wanted)
    if missing is not None:
        raise QmpError(f"there is no yank instance {missing!r}", "DeviceNotFound")
    return {}


def qmp_query_yank(qemu: QemuProcess) -> list[dict[str, str]]:
    return [{"type": instance.type} for instance in yank_query(qemu.yank)]
