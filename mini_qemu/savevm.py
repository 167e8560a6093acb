# SPDX-License-Identifier: GPL-2.0-or-later
"""The stream: what a machine consists of, written and read. Mirrors migration/savevm.c.

header, configuration, then sections and commands until EOF, then a description that the reader throws away. RAM is
the one section that comes in parts; devices come whole. In postcopy the reader changes threads in the middle: the
main thread loads the package, the listen thread reads on.
Left out: subsections, device formats (a device is a fixed number of bytes), COLO, the order of device priorities.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from mini_qemu.fixes import fixes
from mini_qemu.migration_incoming import (
    MigrationIncomingState,
    migrate_send_rp_pong,
    migrate_send_rp_recv_bitmap,
    migrate_send_rp_resume_ack,
    migration_incoming_get_current,
    migration_incoming_state_destroy,
)
from mini_qemu.migration_state import (
    MIGRATION_STATUS_ACTIVE,
    MIGRATION_STATUS_COMPLETED,
    MIGRATION_STATUS_FAILED,
    MIGRATION_STATUS_POSTCOPY_ACTIVE,
    MIGRATION_STATUS_POSTCOPY_PAUSED,
    MIGRATION_STATUS_POSTCOPY_RECOVER,
    migrate_set_state,
)
from mini_qemu.postcopy_ram import (
    postcopy_fault_thread_notify,
    postcopy_ram_incoming_cleanup,
    postcopy_ram_incoming_setup,
)
from mini_qemu.process import QemuProcess, qemu_exit
from mini_qemu.qemu_file import (
    QEMUFile,
    QEMUFileOps,
    qemu_fclose,
    qemu_fflush,
    qemu_file_get_error,
    qemu_file_get_return_path,
    qemu_file_set_error,
    qemu_file_shutdown,
    qemu_fopen_ops,
    qemu_get_be16,
    qemu_get_be32,
    qemu_get_buffer,
    qemu_get_byte,
    qemu_put_be32,
    qemu_put_buffer,
    qemu_put_byte,
)
from mini_qemu.qemu_thread import QEMU_THREAD_DETACHED, qemu_thread_create
from mini_qemu.ram import (
    TARGET_PAGE_SIZE,
    RAMBlock,
    RAMState,
    qemu_get_counted_string,
    qemu_ram_block_by_name,
    ram_load,
    ram_save_complete,
    ram_save_iterate,
    ram_save_pending,
    ram_save_setup,
)
from mini_qemu.savevm_command import (
    MIG_CMD_OPEN_RETURN_PATH,
    MIG_CMD_PACKAGED,
    MIG_CMD_PING,
    MIG_CMD_POSTCOPY_ADVISE,
    MIG_CMD_POSTCOPY_LISTEN,
    MIG_CMD_POSTCOPY_RAM_DISCARD,
    MIG_CMD_POSTCOPY_RESUME,
    MIG_CMD_POSTCOPY_RUN,
    MIG_CMD_RECV_BITMAP,
    QEMU_VM_COMMAND,
    QEMU_VM_CONFIGURATION,
    QEMU_VM_EOF,
    QEMU_VM_FILE_MAGIC,
    QEMU_VM_FILE_VERSION,
    QEMU_VM_SECTION_END,
    QEMU_VM_SECTION_FOOTER,
    QEMU_VM_SECTION_FULL,
    QEMU_VM_SECTION_PART,
    QEMU_VM_SECTION_START,
    QEMU_VM_VMDESCRIPTION,
    mig_cmd_len,
)
from mini_qemu.yank import MIGRATION_YANK_INSTANCE, yank_register_instance
from mini_qemu.yank_functions import migration_ioc_unregister_yank_from_file

LOADVM_QUIT = 1
EINVAL = 22


@dataclass
class SaveStateEntry:
    """One section. RAM is iterative; a device is `size` bytes, taken from and put into `data`."""

    idstr: str
    version_id: int
    section_id: int
    iterative: bool = False
    size: int = 0
    data: bytes = b""


def machine_init(qemu: QemuProcess, *blocks: RAMBlock) -> None:
    """The machine type "none": memory, a clock and the run state. Section numbers as the real one gives them."""
    qemu.ram_state = RAMState(*blocks)
    runstate = b"running".ljust(100, b"\0")
    qemu.savevm_handlers = (
        SaveStateEntry("ram", 4, 2, iterative=True),
        SaveStateEntry("timer", 2, 0, size=24, data=bytes(24)),
        SaveStateEntry("globalstate", 1, 4, size=104, data=len(b"running\0").to_bytes(4, "big") + runstate),
    )


# The writing half


def save_section_header(f: QEMUFile, se: SaveStateEntry, section_type: int) -> None:
    qemu_put_byte(f, section_type)
    qemu_put_be32(f, se.section_id)
    if section_type in (QEMU_VM_SECTION_FULL, QEMU_VM_SECTION_START):
        qemu_put_byte(f, len(se.idstr))
        qemu_put_buffer(f, se.idstr.encode())
        qemu_put_be32(f, 0)
        qemu_put_be32(f, se.version_id)


def save_section_footer(f: QEMUFile, se: SaveStateEntry) -> None:
    qemu_put_byte(f, QEMU_VM_SECTION_FOOTER)
    qemu_put_be32(f, se.section_id)


def qemu_savevm_state_header(f: QEMUFile) -> None:
    qemu_put_be32(f, QEMU_VM_FILE_MAGIC)
    qemu_put_be32(f, QEMU_VM_FILE_VERSION)
    qemu_put_byte(f, QEMU_VM_CONFIGURATION)
    qemu_put_be32(f, len(b"none"))
    qemu_put_buffer(f, b"none")


def qemu_savevm_state_setup(qemu: QemuProcess, f: QEMUFile) -> None:
    for se in qemu.savevm_handlers:
        if se.iterative:
            save_section_header(f, se, QEMU_VM_SECTION_START)
            ram_save_setup(qemu, f)
            save_section_footer(f, se)


def qemu_savevm_state_iterate(qemu: QemuProcess, f: QEMUFile) -> None:
    for se in qemu.savevm_handlers:
        if se.iterative:
            save_section_header(f, se, QEMU_VM_SECTION_PART)
            ram_save_iterate(qemu, f)
            save_section_footer(f, se)


def qemu_savevm_state_pending(qemu: QemuProcess) -> int:
    return ram_save_pending(qemu)


def qemu_savevm_state_complete_postcopy(qemu: QemuProcess, f: QEMUFile) -> None:
    """What RAM is left, then EOF. No description follows."""
    qemu_savevm_state_complete_iterable(qemu, f)
    qemu_put_byte(f, QEMU_VM_EOF)
    qemu_fflush(f)


def qemu_savevm_state_complete_iterable(qemu: QemuProcess, f: QEMUFile) -> None:
    for se in qemu.savevm_handlers:
        if se.iterative:
            save_section_header(f, se, QEMU_VM_SECTION_END)
            ram_save_complete(qemu, f)
            save_section_footer(f, se)


def qemu_savevm_state_complete_precopy(qemu: QemuProcess, f: QEMUFile, in_postcopy: bool) -> int:
    """The guest is stopped: the rest of RAM (left to later in postcopy), the devices, EOF, the description."""
    if not in_postcopy:
        qemu_savevm_state_complete_iterable(qemu, f)
    devices = []
    for se in qemu.savevm_handlers:
        if se.iterative:
            continue
        save_section_header(f, se, QEMU_VM_SECTION_FULL)
        qemu_put_buffer(f, se.data)
        save_section_footer(f, se)
        devices.append({"name": se.idstr, "instance_id": 0, "version": se.version_id, "size": se.size})
    if not in_postcopy:
        description = json.dumps({"page_size": TARGET_PAGE_SIZE, "devices": devices}).encode()
        qemu_put_byte(f, QEMU_VM_EOF)
        qemu_put_byte(f, QEMU_VM_VMDESCRIPTION)
        qemu_put_be32(f, len(description))
        qemu_put_buffer(f, description)
    qemu_fflush(f)
    return 0


# A file in memory: the package of postcopy


def buffer_writev(buffer: bytearray, data: bytes) -> int:
    buffer += data
    return len(data)


def buffer_get(buffer: bytearray) -> bytes:
    data = bytes(buffer)
    buffer.clear()
    return data


buffer_output_ops = QEMUFileOps(writev_buffer=buffer_writev)
buffer_input_ops = QEMUFileOps(get_buffer=buffer_get)


# The reading half


def qemu_loadvm_state(mis: MigrationIncomingState) -> int:
    """Load a whole stream. In postcopy the listen thread reads on after this has returned."""
    f = mis.from_src_file
    assert f is not None
    ret = qemu_loadvm_state_header(f)
    if ret == 0:
        ret = qemu_loadvm_state_main(f, mis)
    mis.main_thread_load_event.post()
    if mis.have_listen_thread:
        return ret
    if ret == 0:
        ret = qemu_file_get_error(f)
    if ret == 0 and qemu_get_byte(f) == QEMU_VM_VMDESCRIPTION:
        qemu_get_buffer(f, qemu_get_be32(f))
    return ret


def qemu_loadvm_state_header(f: QEMUFile) -> int:
    if qemu_get_be32(f) != QEMU_VM_FILE_MAGIC or qemu_get_be32(f) != QEMU_VM_FILE_VERSION:
        return -EINVAL
    if qemu_get_byte(f) != QEMU_VM_CONFIGURATION:
        return -EINVAL
    name = qemu_get_buffer(f, qemu_get_be32(f))
    return 0 if name == b"none" else -EINVAL


def qemu_loadvm_state_main(f: QEMUFile, mis: MigrationIncomingState) -> int:
    """Sections and commands until EOF. A postcopy that loses its line pauses here and goes on with another file."""
    while True:
        ret = qemu_loadvm_sections(f, mis)
        if ret >= 0:
            return ret
        qemu_file_set_error(f, ret)
        if mis.postcopy_state != "running":
            return ret
        postcopy_pause_incoming(mis)
        new = mis.from_src_file
        assert new is not None
        f = new


def qemu_loadvm_sections(f: QEMUFile, mis: MigrationIncomingState) -> int:
    while True:
        section_type = qemu_get_byte(f)
        ret = qemu_file_get_error(f)
        if ret:
            return ret
        if section_type == QEMU_VM_EOF:
            return 0
        if section_type in (QEMU_VM_SECTION_START, QEMU_VM_SECTION_FULL):
            ret = qemu_loadvm_section_start_full(f, mis)
        elif section_type in (QEMU_VM_SECTION_PART, QEMU_VM_SECTION_END):
            ret = qemu_loadvm_section_part_end(f, mis)
        elif section_type == QEMU_VM_COMMAND:
            ret = loadvm_process_command(f, mis)
            if ret == LOADVM_QUIT:
                return ret
        else:
            ret = -EINVAL
        if ret < 0:
            return ret


def qemu_loadvm_section_start_full(f: QEMUFile, mis: MigrationIncomingState) -> int:
    section_id = qemu_get_be32(f)
    idstr = qemu_get_counted_string(f)
    instance_id = qemu_get_be32(f)
    version_id = qemu_get_be32(f)
    for se in mis.process.savevm_handlers:
        if se.idstr == idstr and instance_id == 0 and version_id <= se.version_id:
            se.section_id = section_id
            return vmstate_load(f, mis, se)
    return -EINVAL


def qemu_loadvm_section_part_end(f: QEMUFile, mis: MigrationIncomingState) -> int:
    section_id = qemu_get_be32(f)
    for se in mis.process.savevm_handlers:
        if se.section_id == section_id and se.iterative:
            return vmstate_load(f, mis, se)
    return -EINVAL


def vmstate_load(f: QEMUFile, mis: MigrationIncomingState, se: SaveStateEntry) -> int:
    """The payload and the footer."""
    if se.iterative:
        ret = ram_load(mis.process, f)
        if ret < 0:
            return ret
    else:
        se.data = qemu_get_buffer(f, se.size)
    mark = qemu_get_byte(f)
    section_id = qemu_get_be32(f)
    error = qemu_file_get_error(f)
    if error:
        return error
    if mark != QEMU_VM_SECTION_FOOTER or section_id != se.section_id:
        return -EINVAL
    return 0


def loadvm_process_command(f: QEMUFile, mis: MigrationIncomingState) -> int:
    """One command. LOADVM_QUIT leaves every nested loop: the listen thread has taken over."""
    command = qemu_get_be16(f)
    length = qemu_get_be16(f)
    error = qemu_file_get_error(f)
    if error:
        return error
    if command not in mig_cmd_len or mig_cmd_len[command] not in (-1, length):
        return -EINVAL
    if command == MIG_CMD_OPEN_RETURN_PATH:
        if mis.to_src_file is None:
            mis.to_src_file = qemu_file_get_return_path(f)
        return 0
    if command == MIG_CMD_PING:
        value = qemu_get_be32(f)
        if mis.to_src_file is None:
            return -EINVAL
        migrate_send_rp_pong(mis, value)
        return 0
    if command == MIG_CMD_PACKAGED:
        return loadvm_handle_cmd_packaged(f, mis)
    return loadvm_process_postcopy_command(f, mis, command, length)


def loadvm_process_postcopy_command(f: QEMUFile, mis: MigrationIncomingState, command: int, length: int) -> int:
    if command == MIG_CMD_POSTCOPY_ADVISE:
        qemu_get_buffer(f, length)
        mis.postcopy_state = "advise"
        return 0
    if command == MIG_CMD_POSTCOPY_RAM_DISCARD:
        return loadvm_postcopy_ram_handle_discard(f, mis, length)
    if command == MIG_CMD_POSTCOPY_LISTEN:
        return loadvm_postcopy_handle_listen(mis)
    if command == MIG_CMD_POSTCOPY_RUN:
        return loadvm_postcopy_handle_run(mis)
    if command == MIG_CMD_RECV_BITMAP:
        return loadvm_handle_recv_bitmap(f, mis)
    assert command == MIG_CMD_POSTCOPY_RESUME
    return loadvm_postcopy_handle_resume(mis)


def loadvm_handle_cmd_packaged(f: QEMUFile, mis: MigrationIncomingState) -> int:
    """A stream within the stream, read whole before it is run: the line is then free for the listen thread."""
    length = qemu_get_be32(f)
    package = qemu_get_buffer(f, length)
    if len(package) < length:
        return -EINVAL
    packf = qemu_fopen_ops(bytearray(package), buffer_input_ops, False)
    ret = qemu_loadvm_state_main(packf, mis)
    qemu_fclose(packf)
    return ret


def loadvm_postcopy_ram_handle_discard(f: QEMUFile, mis: MigrationIncomingState, length: int) -> int:
    """Forget these ranges: newer contents will come."""
    data = qemu_get_buffer(f, length)
    if mis.postcopy_state == "advise":
        postcopy_ram_incoming_setup(mis)
        mis.postcopy_state = "discard"
    name_end = 2 + data[1]
    block = qemu_ram_block_by_name(mis.process.ram_state, data[2:name_end].decode("ascii", "replace"))
    if block is None:
        return -EINVAL
    for at in range(name_end + 1, len(data), 16):
        start = int.from_bytes(data[at : at + 8], "big") // TARGET_PAGE_SIZE
        count = int.from_bytes(data[at + 8 : at + 16], "big") // TARGET_PAGE_SIZE
        block.received -= set(range(start, start + count))
    return 0


def loadvm_postcopy_handle_listen(mis: MigrationIncomingState) -> int:
    """From here on another thread reads the stream; this one goes on with the package."""
    if mis.postcopy_state == "advise":
        postcopy_ram_incoming_setup(mis)
    mis.postcopy_state = "listening"
    mis.have_listen_thread = True
    qemu_thread_create("postcopy/listen", postcopy_ram_listen_thread, mis, QEMU_THREAD_DETACHED)
    return 0


def loadvm_postcopy_handle_run(mis: MigrationIncomingState) -> int:
    if mis.postcopy_state != "listening":
        return -EINVAL
    mis.postcopy_state = "running"
    mis.process.runstate = "running"
    return LOADVM_QUIT


def loadvm_handle_recv_bitmap(f: QEMUFile, mis: MigrationIncomingState) -> int:
    block = qemu_ram_block_by_name(mis.process.ram_state, qemu_get_counted_string(f))
    if block is None:
        return -EINVAL
    migrate_send_rp_recv_bitmap(mis, block)
    return 0


def loadvm_postcopy_handle_resume(mis: MigrationIncomingState) -> int:
    """The source is ready: acknowledge, and let the fault thread ask for pages again."""
    if mis.state != MIGRATION_STATUS_POSTCOPY_RECOVER:
        return 0
    migrate_set_state(mis, MIGRATION_STATUS_POSTCOPY_RECOVER, MIGRATION_STATUS_POSTCOPY_ACTIVE)
    migrate_send_rp_resume_ack(mis)
    mis.postcopy_pause_sem_fault.post()
    return 0


def postcopy_ram_listen_thread(mis: MigrationIncomingState) -> None:
    """Reads the stream while the guest runs; the last to use the state, so it also tears it down. Detached."""
    migrate_set_state(mis, MIGRATION_STATUS_ACTIVE, MIGRATION_STATUS_POSTCOPY_ACTIVE)
    f = mis.from_src_file
    assert f is not None
    load_res = qemu_loadvm_state_main(f, mis)
    if load_res < 0:
        migrate_set_state(mis, MIGRATION_STATUS_POSTCOPY_ACTIVE, MIGRATION_STATUS_FAILED)
    else:
        # the main thread may still be loading devices from the package
        mis.main_thread_load_event.wait()
    postcopy_ram_incoming_cleanup(mis)
    if load_res < 0:
        qemu_exit(mis.process, 1)
        return
    migrate_set_state(mis, MIGRATION_STATUS_POSTCOPY_ACTIVE, MIGRATION_STATUS_COMPLETED)
    migration_incoming_state_destroy(mis)
    mis.postcopy_state = "end"


def postcopy_pause_incoming(mis: MigrationIncomingState) -> None:
    """The line is lost while the guest runs here: let go of both files and wait for another connection."""
    mis.postcopy_recover_triggered = False
    if fixes.explicit_unregister:
        # either file would do, one channel lies beneath both
        assert mis.from_src_file is not None
        migration_ioc_unregister_yank_from_file(mis.from_src_file)
    assert mis.from_src_file is not None
    qemu_file_shutdown(mis.from_src_file)
    qemu_fclose(mis.from_src_file)
    mis.from_src_file = None
    assert mis.to_src_file is not None
    qemu_file_shutdown(mis.to_src_file)
    with mis.rp_mutex:
        qemu_fclose(mis.to_src_file)
        mis.to_src_file = None
    migrate_set_state(mis, MIGRATION_STATUS_POSTCOPY_ACTIVE, MIGRATION_STATUS_POSTCOPY_PAUSED)
    postcopy_fault_thread_notify(mis)
    while mis.state == MIGRATION_STATUS_POSTCOPY_PAUSED:
        mis.postcopy_pause_sem_dst.wait()


# Snapshots: the same loader over a block device


class BlockDriverState:
    """A disk that holds a snapshot. Not a channel, and not even an object with a reference count."""

    def __init__(self, stream: bytes) -> None:
        self.stream = stream

    def __repr__(self) -> str:
        return "BlockDriverState"


def block_get_buffer(bs: BlockDriverState) -> bytes:
    data, bs.stream = bs.stream, b""
    return data


def block_put_buffer(bs: BlockDriverState, data: bytes) -> int:
    bs.stream += data
    return len(data)


bdrv_read_ops = QEMUFileOps(get_buffer=block_get_buffer)
bdrv_write_ops = QEMUFileOps(writev_buffer=block_put_buffer)


def qemu_fopen_bdrv(bs: BlockDriverState, is_writable: bool) -> QEMUFile:
    if is_writable:
        return qemu_fopen_ops(bs, bdrv_write_ops, False)  # + file_knows_channel
    return qemu_fopen_ops(bs, bdrv_read_ops, False)  # + file_knows_channel


def load_snapshot(qemu: QemuProcess, bs: BlockDriverState) -> bool:
    """Load a machine from a disk. Ends in migration_incoming_state_destroy too, with a file that has no channel."""
    mis = migration_incoming_get_current(qemu)
    if not yank_register_instance(qemu.yank, MIGRATION_YANK_INSTANCE):
        return False
    mis.from_src_file = qemu_fopen_bdrv(bs, False)
    ret = qemu_loadvm_state(mis)
    migration_incoming_state_destroy(mis)
    return ret == 0
