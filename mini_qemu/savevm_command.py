# SPDX-License-Identifier: GPL-2.0-or-later
"""The numbers of the stream and the commands in it. Mirrors migration/savevm.h and the sending half of savevm.c.

A command is be16 number, be16 length, payload, and is flushed at once: the other side acts on it now.
Left out: COLO.
"""

from __future__ import annotations

from mini_qemu.qemu_file import QEMUFile, qemu_fflush, qemu_put_be16, qemu_put_buffer, qemu_put_byte

QEMU_VM_FILE_MAGIC = 0x5145564D
QEMU_VM_FILE_VERSION = 3

QEMU_VM_EOF = 0x00
QEMU_VM_SECTION_START = 0x01
QEMU_VM_SECTION_PART = 0x02
QEMU_VM_SECTION_END = 0x03
QEMU_VM_SECTION_FULL = 0x04
QEMU_VM_VMDESCRIPTION = 0x06
QEMU_VM_CONFIGURATION = 0x07
QEMU_VM_COMMAND = 0x08
QEMU_VM_SECTION_FOOTER = 0x7E

MIG_CMD_OPEN_RETURN_PATH = 1
MIG_CMD_PING = 2
MIG_CMD_POSTCOPY_ADVISE = 3
MIG_CMD_POSTCOPY_LISTEN = 4
MIG_CMD_POSTCOPY_RUN = 5
MIG_CMD_POSTCOPY_RAM_DISCARD = 6
MIG_CMD_PACKAGED = 7
MIG_CMD_POSTCOPY_RESUME = 9
MIG_CMD_RECV_BITMAP = 10

# length of the payload; -1: variable
mig_cmd_len = {
    MIG_CMD_OPEN_RETURN_PATH: 0,
    MIG_CMD_PING: 4,
    MIG_CMD_POSTCOPY_ADVISE: -1,
    MIG_CMD_POSTCOPY_LISTEN: 0,
    MIG_CMD_POSTCOPY_RUN: 0,
    MIG_CMD_POSTCOPY_RAM_DISCARD: -1,
    MIG_CMD_PACKAGED: 4,
    MIG_CMD_POSTCOPY_RESUME: 0,
    MIG_CMD_RECV_BITMAP: -1,
}


def qemu_savevm_command_send(f: QEMUFile, command: int, data: bytes = b"") -> None:
    qemu_put_byte(f, QEMU_VM_COMMAND)
    qemu_put_be16(f, command)
    qemu_put_be16(f, len(data))
    qemu_put_buffer(f, data)
    qemu_fflush(f)


def qemu_savevm_send_open_return_path(f: QEMUFile) -> None:
    qemu_savevm_command_send(f, MIG_CMD_OPEN_RETURN_PATH)


def qemu_savevm_send_ping(f: QEMUFile, value: int) -> None:
    qemu_savevm_command_send(f, MIG_CMD_PING, value.to_bytes(4, "big"))


def qemu_savevm_send_postcopy_advise(f: QEMUFile, page_size: int) -> None:
    qemu_savevm_command_send(f, MIG_CMD_POSTCOPY_ADVISE, page_size.to_bytes(8, "big") * 2)


def qemu_savevm_send_postcopy_listen(f: QEMUFile) -> None:
    qemu_savevm_command_send(f, MIG_CMD_POSTCOPY_LISTEN)


def qemu_savevm_send_postcopy_run(f: QEMUFile) -> None:
    qemu_savevm_command_send(f, MIG_CMD_POSTCOPY_RUN)


def qemu_savevm_send_postcopy_ram_discard(f: QEMUFile, name: str, ranges: tuple[tuple[int, int], ...]) -> None:
    data = bytes([0, len(name)]) + name.encode() + b"\0"
    for start, length in ranges:
        data += start.to_bytes(8, "big") + length.to_bytes(8, "big")
    qemu_savevm_command_send(f, MIG_CMD_POSTCOPY_RAM_DISCARD, data)


def qemu_savevm_send_packaged(f: QEMUFile, package: bytes) -> None:
    """The package follows the command, outside its length."""
    qemu_savevm_command_send(f, MIG_CMD_PACKAGED, len(package).to_bytes(4, "big"))
    qemu_put_buffer(f, package)
    qemu_fflush(f)


def qemu_savevm_send_postcopy_resume(f: QEMUFile) -> None:
    qemu_savevm_command_send(f, MIG_CMD_POSTCOPY_RESUME)


def qemu_savevm_send_recv_bitmap(f: QEMUFile, block_name: str) -> None:
    qemu_savevm_command_send(f, MIG_CMD_RECV_BITMAP, bytes([len(block_name)]) + block_name.encode())
