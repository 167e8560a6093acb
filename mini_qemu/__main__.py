# SPDX-License-Identifier: GPL-2.0-or-later
"""A process that migrates: `python -m mini_qemu -help`. Mirrors softmmu/main.c and the end of softmmu/vl.c.

The command line is read in native/options.py. What runs are the functions of the scenarios, on threads of the
operating system. Whatever keeps the process from starting is one sentence and exit status 1.
Left out: all hardware.
"""

from __future__ import annotations

import ctypes
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
from mini_qemu.native.cpus import VCPU
from mini_qemu.native.io_channel_socket import reason, unlink
from mini_qemu.native.main_loop import RealProcess, qemu_main_loop, report
from mini_qemu.native.migration_socket import begin_incoming_migration
from mini_qemu.native.options import PROGRAM, OptionError, Options, help_text, parse
from mini_qemu.native.qmp_commands import PARAMETERS, VERSION
from mini_qemu.native.qmp_server import QmpServer
from mini_qemu.process import NOT_EXPECTED, qemu_exit
from mini_qemu.ram import TARGET_PAGE_SIZE, RAMBlock
from mini_qemu.savevm import machine_init

PR_SET_NAME = 15
LIBC = ctypes.PyDLL(None) if sys.platform == "linux" else None  # which keeps Python's lock: such a call never waits


def write_pidfile(name: str) -> None:
    try:
        Path(name).write_text(f"{os.getpid()}\n")
    except OSError as error:
        raise OptionError(f"-pidfile: {name}: {reason(error)}") from None


def load_file(qemu: RealProcess, name: str, addr: int) -> None:
    try:
        data = Path(name).read_bytes()
    except OSError as error:
        raise OptionError(f"-device: {name}: {reason(error)}") from None
    blocks: tuple[RAMBlock, ...] = qemu.ram_state.blocks
    size = sum(block.used_length for block in blocks)
    if addr < 0 or addr % TARGET_PAGE_SIZE or addr + len(data) > size:
        raise OptionError(f"-device: {len(data)} bytes at {addr} do not fit into {size} by pages")
    for at in range(0, len(data), TARGET_PAGE_SIZE):
        page = data[at : at + TARGET_PAGE_SIZE]
        blocks[0].pages[(addr + at) // TARGET_PAGE_SIZE] = page.ljust(TARGET_PAGE_SIZE, b"\0")


def start(options: Options) -> tuple[RealProcess, QmpServer]:
    fixes.set(*options.fixes)
    qemu = RealProcess(options.name, "inmigrate" if options.incoming else "prelaunch")
    qemu.parameters = {name: default for name, (default, _) in PARAMETERS.items()}
    qemu.objects = options.objects
    migration_object_init(qemu)
    machine_init(qemu, *([RAMBlock("ram", options.memory // TARGET_PAGE_SIZE)] if options.memory else []))
    for name, addr in options.loads:
        load_file(qemu, name, addr)
    if options.cpu:
        qemu.vcpu = VCPU(qemu, *options.cpu)
    if options.pidfile:
        write_pidfile(options.pidfile)
    server = QmpServer(qemu, options.monitors, options.stdio)
    qemu.autostart = not options.stopped
    if options.incoming:
        migration_incoming_get_current(qemu)
        qemu.incoming = "defer"
        if options.incoming != "defer":
            try:
                begin_incoming_migration(qemu, options.incoming)
            except QmpError as error:
                server.close()
                raise OptionError(f"-incoming: {error}") from None
    elif not options.stopped:
        qemu.runstate = "running"
    return qemu, server


def name_thread(*_: Any) -> None:
    """Once in each thread, before anything else: `ps -L` shows the names too. Python 3.14 does it by itself."""
    sys.setprofile(None)
    if LIBC is not None:
        LIBC.prctl(PR_SET_NAME, threading.current_thread().name[:15].encode())


def open_standard_descriptors() -> None:
    """Else a socket could become number 2 and get our messages."""
    while (fd := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(fd, True)
    os.close(fd)


def give_up(sentence: str) -> None:
    report(f"{PROGRAM}: {sentence}")
    os._exit(1)  # other threads may be there already


def main() -> None:
    open_standard_descriptors()
    try:
        options = parse(sys.argv[1:])
        if isinstance(options, str):
            version = ".".join(str(part) for part in VERSION.values())
            print(help_text() if options == "help" else f"{PROGRAM}, as QEMU {version}", flush=True)
            return
        if not __debug__:
            give_up("without assertions (python -O) there is nothing to see here")
        abort.install(options.name)
        threading.setprofile(name_thread)
        qemu, server = start(options)
    except OptionError as error:
        give_up(str(error))
    except NOT_EXPECTED as error:
        named = getattr(error, "filename", None)
        give_up(f"{named}: {reason(error)}" if named else reason(error))
    else:
        run(qemu, server, options)


def run(qemu: RealProcess, server: QmpServer, options: Options) -> None:
    def terminate(number: int, _: FrameType | None) -> None:
        if qemu.exit_status is not None:
            os._exit(128 + number)  # asked twice: the main loop is stuck
        qemu_exit(qemu, 0)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, terminate)
    status = qemu_main_loop(qemu)
    server.close()
    if options.pidfile:
        unlink(options.pidfile)
    os._exit(status)  # as in C, where main's return ends all threads


if __name__ == "__main__":
    main()
