# SPDX-License-Identifier: GPL-2.0-or-later
"""Which commands there are, what they take, and what only a real process can do. Mirrors the schema in qapi/ and a
part of softmmu/.

The table is the schema: a command's function gets only what the table describes, so that it need not ask again. The
functions of monitor.py are the ones the scenarios call.
Left out: introspection, deprecation, almost all of QEMU's commands.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import BufferedWriter
from typing import Any

from mini_qemu import monitor
from mini_qemu.migration import migrate_params_apply
from mini_qemu.migration_incoming import MigrationIncomingState
from mini_qemu.migration_state import MigrationState
from mini_qemu.monitor import QmpError
from mini_qemu.native.main_loop import RealProcess
from mini_qemu.native.migration_socket import (
    begin_incoming_migration,
    start_incoming_migration,
    start_outgoing_migration,
)
from mini_qemu.process import qemu_exit
from mini_qemu.ram import TARGET_PAGE_SIZE, RAMBlock, RAMState, ram_bytes_remaining

VERSION = {"major": 6, "minor": 1, "micro": 0}
PACKAGE = "mini_qemu"
CAPABILITIES = tuple(name for name in monitor.CAPABILITIES if name != "multifd")

# What an argument may be: a type of Python, [type] for a list, {name: type} for an object, where "name?" may be absent,
# {"type": {tag: object}} for an object whose other members depend on its tag
Type = Any

YANK_INSTANCE = {"type": {"block-node": {"node-name": str}, "chardev": {"id": str}, "migration": {}}}

PARAMETERS: dict[str, tuple[Any, int]] = {
    "max-bandwidth": (128 << 20, 1 << 53),
    "downtime-limit": (300, 2_000_000),
    "max-postcopy-bandwidth": (0, 1 << 53),
    "tls-creds": ("", 0),
    "tls-hostname": ("", 0),
}
"""Those that are heeded: the default, and the largest value of a number."""


@dataclass(frozen=True)
class Command:
    function: Callable[..., Any]
    arguments: dict[str, Type] = field(default_factory=dict)
    oob: bool = False


def check(value: Any, wanted: Type, name: str) -> None:
    """Raise QmpError unless `value` is as the schema says."""
    if isinstance(wanted, type):
        if type(value) is not wanted:
            names = {str: "a string", bool: "true or false", int: "an integer"}
            raise QmpError(f"{name} must be {names[wanted]}, not {json_type(value)}")
        if isinstance(value, str) and "\0" in value:
            raise QmpError(f"{name} must not hold the character 0")
    elif isinstance(wanted, list):
        if not isinstance(value, list):
            raise QmpError(f"{name} must be an array, not {json_type(value)}")
        for i, item in enumerate(value):
            check(item, wanted[0], f"{name}[{i}]")
    else:
        check_members(value, wanted, name)


def check_members(value: Any, wanted: dict[str, Type], name: str) -> None:
    if not isinstance(value, dict):
        raise QmpError(f"{name} must be an object, not {json_type(value)}")
    tags = wanted.get("type")
    if isinstance(tags, dict):
        check(value.get("type", ""), str, f"{name}.type")
        if value.get("type") not in tags:
            raise QmpError(f"{name}.type must be one of {', '.join(tags)}")
        wanted = {"type": str, **tags[value["type"]]}
    known = {key.rstrip("?"): kind for key, kind in wanted.items()}
    for key, item in value.items():
        if key not in known:
            raise QmpError(f"{name} has no member {key!r}" if known else f"{name} must be empty, but has {key!r}")
        check(item, known[key], key if name == "arguments" else f"{name}.{key}")
    for key in wanted:
        if not key.endswith("?") and key not in value:
            raise QmpError(f"{name} lacks {key!r}")


def json_type(value: Any) -> str:
    names = {str: "a string", bool: "true or false", int: "an integer", float: "a number", list: "an array"}
    return names.get(type(value), "null" if value is None else "an object")


# Machine


def qmp_stop(qemu: RealProcess) -> dict[str, Any]:
    if qemu.runstate == "inmigrate":
        qemu.autostart = False
    elif qemu.runstate == "running":
        qemu.runstate = "paused"
    elif qemu.runstate == "finish-migrate":
        qemu.current_migration.vm_was_running = False  # should the migration fail, nobody starts the guest again
    return {}


def qmp_cont(qemu: RealProcess) -> dict[str, Any]:
    if qemu.runstate == "finish-migrate":
        raise QmpError("the migration is not finished: the guest may run on the other side soon")
    if qemu.runstate == "inmigrate":
        qemu.autostart = True
    else:
        qemu.runstate = "running"
    return {}


def qmp_quit(qemu: RealProcess) -> dict[str, Any]:
    qemu_exit(qemu, 0)
    return {}


def qmp_query_status(qemu: RealProcess) -> dict[str, Any]:
    return {"status": qemu.runstate, "running": qemu.runstate == "running", "singlestep": False}


def qmp_query_version(qemu: RealProcess) -> dict[str, Any]:
    return {"qemu": VERSION, "package": PACKAGE}


def qmp_query_commands(qemu: RealProcess) -> list[dict[str, Any]]:
    return [{"name": name} for name in COMMANDS]


def qmp_pmemsave(qemu: RealProcess, val: int, size: int, filename: str) -> dict[str, Any]:
    """A copy of guest memory, in a file."""
    rs: RAMState = qemu.ram_state
    total = sum([block.used_length for block in rs.blocks])
    if val < 0 or size < 0 or val + size > total:
        raise QmpError(f"there are {total} bytes of memory, not {size} at {val}")
    mis: MigrationIncomingState | None = qemu.current_incoming
    if mis is not None and mis.postcopy_state == "running":
        for block, page, _, _ in pieces(rs, val, size):
            if not block.received[page]:
                raise QmpError(f"page {page} of {block.idstr!r} has not come yet: try again after the postcopy")
    try:
        with open_dump(filename) as file:
            for block, page, start, end in pieces(rs, val, size):
                file.write(memoryview(block.pages[page])[start:end])
    except OSError as error:
        raise QmpError(f"{filename} cannot be written: {error.strerror or error}") from None
    return {}


def pieces(rs: RAMState, val: int, size: int) -> Iterator[tuple[RAMBlock, int, int, int]]:
    """Which page of which block, and from where to where in it."""
    for block in rs.blocks:
        at, end = max(val, 0), min(val + size, block.used_length)
        while at < end:
            page, start = divmod(at, TARGET_PAGE_SIZE)
            stop = min(TARGET_PAGE_SIZE, start + end - at)
            yield block, page, start, stop
            at += stop - start
        val -= block.used_length


def open_dump(filename: str) -> BufferedWriter:
    """A file, or a device as /dev/null; a pipe would keep the main loop until somebody reads it."""
    fd = os.open(filename, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
    if stat.S_ISFIFO(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, "it is a pipe")
    return os.fdopen(fd, "wb")


# Migration


def qmp_migrate(qemu: RealProcess, uri: str, resume: bool = False, **ignored: bool) -> dict[str, Any]:
    if ignored.get("blk") or ignored.get("inc"):
        raise QmpError("there are no block devices that could migrate")
    start_outgoing_migration(qemu, uri, resume)
    return {}


def qmp_migrate_incoming(qemu: RealProcess, uri: str) -> dict[str, Any]:
    if qemu.incoming is None:
        raise QmpError("this process was not started with -incoming defer")
    if qemu.incoming != "defer":
        raise QmpError("an incoming migration has been started already")
    begin_incoming_migration(qemu, uri)
    return {}


def qmp_migrate_recover(qemu: RealProcess, uri: str) -> dict[str, Any]:
    if qemu.current_incoming is None:
        raise QmpError("only a paused postcopy can be recovered")
    monitor.qmp_migrate_recover(qemu)
    try:
        start_incoming_migration(qemu, uri)
    except QmpError:
        qemu.current_incoming.postcopy_recover_triggered = False
        raise
    return {}


def qmp_migrate_continue(qemu: RealProcess, state: str) -> dict[str, Any]:
    s: MigrationState = qemu.current_migration
    raise QmpError(f"the migration does not wait before the switch-over, it is in the state {s.state!r}")


def qmp_query_migrate(qemu: RealProcess) -> dict[str, Any]:
    """The destination's view first; an outgoing migration covers it."""
    info: dict[str, Any] = {}
    mis: MigrationIncomingState | None = qemu.current_incoming
    if mis is not None:
        if mis.state != "none":
            info["status"] = mis.state
        elif qemu.incoming_listener is not None:
            info["status"] = "setup"
        if qemu.incoming_listener is not None:
            info["socket-address"] = [qemu.incoming_listener.addr.as_dict()]
    outgoing = monitor.qmp_query_migrate(qemu)
    if outgoing:
        info = outgoing | times(qemu) | {"ram": ram_info(qemu)}
    return info


def times(qemu: RealProcess) -> dict[str, Any]:
    """In milliseconds: how long it takes, or took, and how long the guest stood still for it."""
    s: MigrationState = qemu.current_migration
    clock = dict(qemu.clock)
    begun = clock.get("setup")
    if begun is None or "failed" in clock or "cancelled" in clock:
        return {}
    now = time.monotonic()
    ended = clock.get("completed")
    active = clock.get("active", now)
    info = {"total-time": milliseconds((ended or now) - begun), "setup-time": milliseconds(active - begun)}
    if ended is not None:
        info["downtime"] = milliseconds(ended - clock.get("stopped", ended))
    elif s.rate_limit is not None and "active" in clock:
        info["expected-downtime"] = int(s.rate_limit.expected_downtime)
    return info


def milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def ram_info(qemu: RealProcess) -> dict[str, Any]:
    rs: RAMState = qemu.ram_state
    s: MigrationState = qemu.current_migration
    bandwidth, pages_per_second = 0.0, 0.0
    if s.rate_limit is not None:
        bandwidth, pages_per_second = s.rate_limit.bytes_per_second, s.rate_limit.pages_per_second
    took = qemu.clock.get("completed", 0) - qemu.clock.get("setup", 0)
    if took > 0:
        bandwidth = rs.transferred / took
    return {
        "total": sum([block.used_length for block in rs.blocks]),
        "remaining": ram_bytes_remaining(rs),
        "transferred": rs.transferred,
        "normal": rs.normal_pages,
        "normal-bytes": rs.normal_pages * TARGET_PAGE_SIZE,
        "duplicate": rs.duplicate_pages,
        "skipped": 0,
        "mbps": round(bandwidth * 8 / 1e6, 3),
        "pages-per-second": int(pages_per_second),
        "page-size": TARGET_PAGE_SIZE,
        "dirty-sync-count": rs.bitmap_sync_count,
        "postcopy-requests": rs.postcopy_requests,
    }


def qmp_query_migrate_capabilities(qemu: RealProcess) -> list[dict[str, Any]]:
    s: MigrationState = qemu.current_migration
    return [{"capability": name, "state": name in s.capabilities} for name in CAPABILITIES]


def qmp_migrate_set_capabilities(qemu: RealProcess, capabilities: list[dict[str, Any]]) -> dict[str, Any]:
    for entry in capabilities:
        if entry["capability"] == "multifd":
            raise QmpError("multifd has no data path here, only the threads that the stories need")
    return monitor.qmp_migrate_set_capabilities(qemu, capabilities)


def qmp_query_migrate_parameters(qemu: RealProcess) -> dict[str, Any]:
    return dict(qemu.parameters)


def qmp_migrate_set_parameters(qemu: RealProcess, **new: Any) -> dict[str, Any]:
    names = {name.replace("_", "-"): value for name, value in new.items()}
    for name, value in names.items():
        if type(value) is int and not 0 <= value <= PARAMETERS[name][1]:
            raise QmpError(f"{name} must be from 0 to {PARAMETERS[name][1]}")
    creds = names.get("tls-creds")
    if creds and creds not in qemu.objects:
        raise QmpError(f"there is no object {creds!r} with credentials for TLS")
    qemu.parameters.update(names)
    migrate_params_apply(qemu.current_migration, names.get("max-bandwidth"), names.get("max-postcopy-bandwidth"))
    use_tls = bool(qemu.parameters["tls-creds"])
    qemu.current_migration.tls_creds = use_tls
    if qemu.current_incoming is not None:
        qemu.current_incoming.tls_creds = use_tls
    return {}


COMMANDS: dict[str, Command] = {
    "cont": Command(qmp_cont),
    "migrate": Command(
        qmp_migrate, {"uri": str, "resume?": bool, "detach?": bool, "blk?": bool, "inc?": bool}
    ),
    "migrate-continue": Command(qmp_migrate_continue, {"state": str}),
    "migrate-incoming": Command(qmp_migrate_incoming, {"uri": str}),
    "migrate-pause": Command(monitor.qmp_migrate_pause, oob=True),
    "migrate-recover": Command(qmp_migrate_recover, {"uri": str}, oob=True),
    "migrate-set-capabilities": Command(
        qmp_migrate_set_capabilities, {"capabilities": [{"capability": str, "state": bool}]}
    ),
    "migrate-set-parameters": Command(
        qmp_migrate_set_parameters, {f"{name}?": type(default) for name, (default, _) in PARAMETERS.items()}
    ),
    "migrate-start-postcopy": Command(monitor.qmp_migrate_start_postcopy),
    "migrate_cancel": Command(monitor.qmp_migrate_cancel),
    "pmemsave": Command(qmp_pmemsave, {"val": int, "size": int, "filename": str}),
    "query-commands": Command(qmp_query_commands),
    "query-migrate": Command(qmp_query_migrate),
    "query-migrate-capabilities": Command(qmp_query_migrate_capabilities),
    "query-migrate-parameters": Command(qmp_query_migrate_parameters),
    "query-status": Command(qmp_query_status),
    "query-version": Command(qmp_query_version),
    "query-yank": Command(monitor.qmp_query_yank, oob=True),
    "quit": Command(qmp_quit),
    "stop": Command(qmp_stop),
    "yank": Command(monitor.qmp_yank, {"instances": [YANK_INSTANCE]}, oob=True),
}
