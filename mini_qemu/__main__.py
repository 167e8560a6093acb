# SPDX-License-Identifier: GPL-2.0-or-later
"""A process that migrates: `python -m mini_qemu -h`. Mirrors softmmu/vl.c and the beginning of softmmu/main.c.

The options are called as QEMU's, with one dash, so the command lines of its manual fit. What runs are the functions of
the scenarios, on threads of the operating system.
Left out: all hardware; almost all options.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

from mini_qemu.fixes import fixes
from mini_qemu.migration_incoming import migration_incoming_get_current
from mini_qemu.migration_state import migration_object_init
from mini_qemu.monitor import QmpError
from mini_qemu.native import abort
from mini_qemu.native.cpus import PROGRAMS, VCPU
from mini_qemu.native.io_channel_socket import SocketAddress, socket_parse
from mini_qemu.native.main_loop import RealProcess, qemu_main_loop
from mini_qemu.native.migration_socket import begin_incoming_migration
from mini_qemu.native.qmp_commands import PARAMETERS
from mini_qemu.native.qmp_server import QmpServer
from mini_qemu.process import qemu_exit
from mini_qemu.ram import TARGET_PAGE_SIZE, RAMBlock
from mini_qemu.savevm import machine_init

PROGRAM = "mini_qemu"
MAX_MIB = 4096


def options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m mini_qemu",
        description="A machine without devices that migrates as QEMU's machine 'none' does.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        epilog="Example: two terminals, then {\"execute\": \"migrate\", ...} on a's monitor\n"
        "  python -m mini_qemu -qmp unix:a.qmp -m 16 -cpu writer\n"
        "  python -m mini_qemu -qmp unix:b.qmp -m 16 -incoming unix:m.sock",
    )
    add = parser.add_argument
    add("-qmp", metavar="unix:PATH|tcp:HOST:PORT", action="append", default=[],
        help="listen for monitors there; may be repeated")
    add("-incoming", metavar="unix:PATH|tcp:HOST:PORT|defer", help="be a destination; defer: until migrate-incoming")
    add("-M", "-machine", metavar="none", default="none", help="the machine, there is one")
    add("-m", metavar="MIB", type=memory_size, default=0, help="guest memory in MiB (default: none)")
    add("-S", action="store_true", help="do not start the guest; 'cont' does")
    add("-cpu", metavar="writer|reader[,seed=N]", help="a guest: a thread that writes or reads memory (default: none)")
    add("-object", metavar="tls-creds-x509,id=ID,dir=DIR,endpoint=client|server[,verify-peer=on|off]",
        action="append", default=[], help="keys for TLS, named by the parameter tls-creds")
    add("-device", metavar="loader,file=FILE[,addr=N]", action="append", default=[],
        help="put a file into guest memory before the guest starts")
    add("-name", metavar="NAME", default=PROGRAM, help="how messages begin (default: %(default)s)")
    add("-fixes", metavar="1,2,...|all|none", type=fix_names, default=tuple(fixes.names),
        help="which of the five patches are in (default: all)")
    for ignored in ("-nodefaults", "-nographic"):
        add(ignored, action="store_true", help=argparse.SUPPRESS)
    add("-display", metavar="none", help=argparse.SUPPRESS)
    return parser


def memory_size(text: str) -> int:
    digits = text[:-1] if text.endswith("M") else text
    if not digits.isascii() or not digits.isdigit() or int(digits) > MAX_MIB:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of MiB from 0 to {MAX_MIB}")
    return int(digits)


def fix_names(text: str) -> tuple[str, ...]:
    if text in ("all", "none"):
        return tuple(fixes.names) if text == "all" else ()
    by_number = {str(fix.patch): fix.name for fix in fixes}
    unknown = [word for word in text.split(",") if word not in by_number]
    if unknown:
        raise argparse.ArgumentTypeError(f"there is no fix {unknown[0]!r}: give numbers from 1 to 5, all or none")
    return tuple([by_number[word] for word in text.split(",")])


def key_values(text: str, option: str) -> tuple[str, dict[str, str]]:
    """`first,key=value,...`"""
    first, *rest = text.split(",")
    pairs = {}
    for word in rest:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise SystemExit(f"{PROGRAM}: {option}: {word!r} is not of the form key=value")
        pairs[key] = value
    return first, pairs


def monitor_address(text: str) -> SocketAddress:
    where, flags = key_values(text, "-qmp")
    try:
        addr = socket_parse(where)
    except ValueError as error:
        raise SystemExit(f"{PROGRAM}: -qmp: {error}") from None
    if addr is None or flags.get("server", "on") != "on" or not set(flags) <= {"server", "wait"}:
        raise SystemExit(f"{PROGRAM}: -qmp: {text!r} must be unix:PATH or tcp:HOST:PORT[,server=on,wait=off]")
    return addr


def cpu(qemu: RealProcess, text: str) -> VCPU:
    program, flags = key_values(text, "-cpu")
    if program not in PROGRAMS or not set(flags) <= {"seed"} or not flags.get("seed", "0").isdigit():
        raise SystemExit(f"{PROGRAM}: -cpu: {text!r} must be {' or '.join(PROGRAMS)}, perhaps with seed=NUMBER")
    return VCPU(qemu, program, int(flags.get("seed", "0")))


def add_objects(qemu: RealProcess, texts: list[str]) -> None:
    for text in texts:
        kind, flags = key_values(text, "-object")
        known = {"id", "dir", "endpoint", "verify-peer"}
        if kind != "tls-creds-x509" or "id" not in flags or not set(flags) <= known:
            raise SystemExit(f"{PROGRAM}: -object: {text!r} must be tls-creds-x509 with id, dir and endpoint")
        qemu.objects[flags["id"]] = flags


def load_files(qemu: RealProcess, texts: list[str]) -> None:
    for text in texts:
        kind, flags = key_values(text, "-device")
        if kind != "loader" or "file" not in flags or not set(flags) <= {"file", "addr", "force-raw"}:
            raise SystemExit(f"{PROGRAM}: -device: {text!r} must be loader with file and perhaps addr")
        try:
            addr = int(flags.get("addr", "0"), 0)
            data = Path(flags["file"]).read_bytes()
        except (OSError, ValueError) as error:
            raise SystemExit(f"{PROGRAM}: -device: {error}") from None
        blocks: tuple[RAMBlock, ...] = qemu.ram_state.blocks
        size = sum(block.used_length for block in blocks)
        if addr < 0 or addr % TARGET_PAGE_SIZE or addr + len(data) > size:
            raise SystemExit(f"{PROGRAM}: -device: {len(data)} bytes at {addr} do not fit into {size} by pages")
        for at in range(0, len(data), TARGET_PAGE_SIZE):
            page = data[at : at + TARGET_PAGE_SIZE]
            blocks[0].pages[(addr + at) // TARGET_PAGE_SIZE] = page.ljust(TARGET_PAGE_SIZE, b"\0")


def start(args: argparse.Namespace) -> tuple[RealProcess, QmpServer]:
    if args.M.partition(",")[0] != "none":
        raise SystemExit(f"{PROGRAM}: -M: there is no machine {args.M!r}, only 'none'")
    addresses = [monitor_address(text) for text in args.qmp]
    fixes.set(*args.fixes)
    guest_runs = not args.S
    qemu = RealProcess(args.name, "inmigrate" if args.incoming else "prelaunch")
    qemu.parameters = {name: default for name, (default, _) in PARAMETERS.items()}
    add_objects(qemu, args.object)
    migration_object_init(qemu)
    machine_init(qemu, *([RAMBlock("ram", args.m * 2**20 // TARGET_PAGE_SIZE)] if args.m else []))
    load_files(qemu, args.device)
    if args.cpu:
        qemu.vcpu = cpu(qemu, args.cpu)
    try:
        server = QmpServer(qemu, addresses)
    except OSError as error:
        raise SystemExit(f"{PROGRAM}: -qmp: {', '.join(args.qmp)}: {error.strerror or error}") from None
    qemu.autostart = guest_runs
    if args.incoming:
        migration_incoming_get_current(qemu)
        qemu.incoming = "defer"
        if args.incoming != "defer":
            try:
                begin_incoming_migration(qemu, args.incoming)
            except QmpError as error:
                server.close()
                raise SystemExit(f"{PROGRAM}: -incoming: {error}") from None
    elif guest_runs:
        qemu.runstate = "running"
    return qemu, server


def name_thread(*_: Any) -> None:
    """Once in each thread, before anything else: `ps -L` shows the names too. Python 3.14 does it by itself."""
    sys.setprofile(None)
    try:
        thread = threading.current_thread()
        Path(f"/proc/self/task/{threading.get_native_id()}/comm").write_text(thread.name[:15])
    except OSError:
        pass  # another operating system


def main() -> None:
    args = options().parse_args()
    if not __debug__:
        raise SystemExit(f"{PROGRAM}: without assertions (python -O) there is nothing to see here")
    abort.install(args.name)
    threading.setprofile(name_thread)
    try:
        qemu, server = start(args)
    except SystemExit as problem:
        print(problem.code, file=sys.stderr, flush=True)
        os._exit(1)  # other threads may be there already

    def terminate(number: int, _: FrameType | None) -> None:
        if qemu.exit_status is not None:
            os._exit(128 + number)  # asked twice: the main loop is stuck
        qemu_exit(qemu, 0)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, terminate)
    status = qemu_main_loop(qemu)
    server.close()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # as in C, where main's return ends all threads


if __name__ == "__main__":
    main()
