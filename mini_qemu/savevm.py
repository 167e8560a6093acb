# SPDX-License-Identifier: GPL-2.0-or-later
"""The stream: what a machine consists of, written and read. Mirrors migration/savevm.c.

header, configuration, then sections and commands until EOF, then a description that the reader throws away. RAM is
the one section that comes in parts; devices come whole. In postcopy the reader changes threads in the middle: the
main thread loads the package, the listen thread reads on.
Left out: subsections, device formats (a device is a fixed number of bytes), COLO, the order of device priorities.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass

from mini_qemu.fixes import fixes, later
from mini_qemu.io_channel import EINVAL, EIO
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
    migrate_postcopy_ram_incoming,
    migrate_set_state,
)
from mini_qemu.postcopy_ram import (
    postcopy_fault_thread_notify,
    postcopy_ram_incoming_cleanup,
    postcopy_ram_incoming_setup,
)
from mini_qemu.process import NOT_EXPECTED, QemuProcess, error_report, qemu_exit
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
MAX_NAME = 256
MAX_VM_CMD_PACKAGED_SIZE = 1 << 24


TIMER_FIELDS = (("cpu_ticks_offset", "int64", 8), ("unused", "unused_buffer", 8), ("cpu_clock_offset", "int64", 8))
GLOBALSTATE_FIELDS = (("size", "uint32", 4), ("runstate", "buffer", 100))
RUNSTATES = ("finish-migrate", "inmigrate", "paused", "postmigrate", "prelaunch", "running", "shutdown", "suspended")


@dataclass
class SaveStateEntry:
    """One section. RAM is iterative; a device is `size` bytes, taken from and put into `data`."""

    idstr: str
    version_id: int
    section_id: int
    iterative: bool = False
    size: int = 0
    data: bytes = b""
    # name, type and size of each part, for the description only
    fields: tuple[tuple[str, str, int], ...] = ()
    # set before the migration starts: a device that cannot be saved
    broken: bool = False
    # the number that the stream being loaded gives it
    load_section_id: int = -1


def machine_init(qemu: QemuProcess, *blocks: RAMBlock) -> None:
    """The machine type "none": memory, a clock and the run state. Section numbers as the real one gives them."""
    qemu.ram_state = RAMState(*blocks)
    qemu.savevm_handlers = (
        SaveStateEntry("ram", 4, 2, iterative=True),
        SaveStateEntry("timer", 2, 0, size=24, data=bytes(24), fields=TIMER_FIELDS),
        SaveStateEntry("globalstate", 1, 4, size=104, fields=GLOBALSTATE_FIELDS),
    )
    global_state_store(qemu)


def global_state_store(qemu: QemuProcess) -> None:
    """The run state travels as a device of its own: be32 length, then the name in a hundred bytes."""
    name = qemu.runstate.encode() + b"\0"
    qemu_find_device(qemu, "globalstate").data = len(name).to_bytes(4, "big") + name.ljust(100, b"\0")


def global_state_get_runstate(qemu: QemuProcess) -> str:
    """What the source's run state was."""
    data = qemu_find_device(qemu, "globalstate").data
    return data[4:].split(b"\0")[0].decode("ascii", "replace")


def qemu_find_device(qemu: QemuProcess, idstr: str) -> SaveStateEntry:
    found: SaveStateEntry = next(iter([se for se in qemu.savevm_handlers if se.idstr == idstr]))
    return found


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


def qemu_savevm_state_pending(qemu: QemuProcess, max_size: int) -> int:
    return ram_save_pending(qemu, max_size)


def qemu_savevm_state_complete_postcopy(qemu: QemuProcess, f: QEMUFile) -> None:
    """What RAM is left, then EOF. No description follows."""
    qemu_savevm_state_complete_iterable(qemu, f, True)
    qemu_put_byte(f, QEMU_VM_EOF)
    qemu_fflush(f)


def qemu_savevm_state_complete_iterable(qemu: QemuProcess, f: QEMUFile, in_postcopy: bool) -> None:
    for se in qemu.savevm_handlers:
        if se.iterative:
            save_section_header(f, se, QEMU_VM_SECTION_END)
            ram_save_complete(qemu, f, in_postcopy)
            save_section_footer(f, se)


def qemu_savevm_state_complete_precopy(qemu: QemuProcess, f: QEMUFile, in_postcopy: bool) -> int:
    """The guest is stopped: the rest of RAM (left to later in postcopy), the devices, EOF, the description."""
    if not in_postcopy:
        qemu_savevm_state_complete_iterable(qemu, f, False)
    devices = []
    for se in qemu.savevm_handlers:
        if se.iterative:
            continue
        if se.broken:
            qemu_file_set_error(f, -EINVAL)
            return -EINVAL
        save_section_header(f, se, QEMU_VM_SECTION_FULL)
        qemu_put_buffer(f, se.data)
        save_section_footer(f, se)
        devices.append(vmstate_describe(se))
    if not in_postcopy:
        description = json.dumps({"page_size": TARGET_PAGE_SIZE, "devices": devices}).encode()
        qemu_put_byte(f, QEMU_VM_EOF)
        qemu_put_byte(f, QEMU_VM_VMDESCRIPTION)
        qemu_put_be32(f, len(description))
        qemu_put_buffer(f, description)
    qemu_fflush(f)
    return 0


def vmstate_describe(se: SaveStateEntry) -> dict[str, object]:
    fields = [{"name": name, "type": kind, "size": size} for name, kind, size in se.fields]
    return {"name": se.idstr, "instance_id": 0, "vmsd_name": se.idstr, "version": se.version_id, "fields": fields}


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
# equal in what they do, but another object: some commands make sense in a package only, and some not there
package_ops = QEMUFileOps(get_buffer=buffer_get)


# The reading half


def qemu_loadvm_state(mis: MigrationIncomingState) -> int:
    """Load a whole stream. In postcopy the listen thread reads on after this has returned."""
    f = mis.from_src_file
    assert f is not None
    ret = qemu_loadvm_state_header(f, mis)
    if ret == 0:
        ret = qemu_loadvm_state_main(f, mis)
    mis.main_thread_load_event.post()
    if mis.have_listen_thread:
        return ret
    if ret == 0:
        ret = qemu_file_get_error(f)
    if ret == 0:
        ret = loadvm_check_complete(mis)
    if ret == 0:
        qemu_loadvm_description(f, mis)
    return ret


def loadvm_check_complete(mis: MigrationIncomingState) -> int:
    """Stricter than upstream, which is content with a stream that leaves out whole devices."""
    missing = [se.idstr for se in mis.process.savevm_handlers if se.load_section_id < 0]
    if missing:
        return refuse(mis, f"the stream ends without the sections {', '.join(missing)}")
    return 0


def qemu_loadvm_description(f: QEMUFile, mis: MigrationIncomingState) -> None:
    """Read and thrown away; garbage or nothing in its place is worth a warning. The machine is complete without it."""
    if qemu_get_byte(f) != QEMU_VM_VMDESCRIPTION:
        error_report(mis.process, "warning: the description of the machine is missing from the stream")
        return
    length = qemu_get_be32(f)
    while length > 0:
        some = qemu_get_buffer(f, min(length, TARGET_PAGE_SIZE))
        if not some:
            error_report(mis.process, "warning: the description of the machine ends too early")
            return
        length -= len(some)


def qemu_loadvm_state_header(f: QEMUFile, mis: MigrationIncomingState) -> int:
    magic = qemu_get_be32(f)
    version = qemu_get_be32(f)
    mark = qemu_get_byte(f)
    error = qemu_file_get_error(f)
    if not error and magic != QEMU_VM_FILE_MAGIC:
        return refuse(mis, f"this is not a migration stream: it begins with {magic:#010x}")
    if not error and version != QEMU_VM_FILE_VERSION:
        return refuse(mis, f"the stream is of version {version}, only {QEMU_VM_FILE_VERSION} can be read")
    if not error and mark != QEMU_VM_CONFIGURATION:
        return refuse(mis, f"the configuration is missing, {mark:#04x} is in its place")
    length = qemu_get_be32(f)
    name = qemu_get_buffer(f, min(length, MAX_NAME))
    error = qemu_file_get_error(f)
    if error:
        return error
    if name != b"none":
        return refuse(mis, f"the stream is of a machine {name.decode('ascii', 'replace')!r}, this one is 'none'")
    return 0


def refuse(mis: MigrationIncomingState, reason: str) -> int:
    error_report(mis.process, reason)
    return -EINVAL


def qemu_loadvm_state_main(f: QEMUFile, mis: MigrationIncomingState) -> int:
    """Sections and commands until EOF. A postcopy that loses its line pauses here and goes on with another file."""
    while True:
        try:
            ret = qemu_loadvm_sections(f, mis)
        except NOT_EXPECTED as error:
            ret = refuse(mis, f"the stream cannot be understood: {error!r}")
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
            ret = refuse(mis, f"{section_type:#04x} begins no section")
        if ret < 0:
            return ret


def qemu_loadvm_section_start_full(f: QEMUFile, mis: MigrationIncomingState) -> int:
    section_id = qemu_get_be32(f)
    idstr = qemu_get_counted_string(f)
    instance_id = qemu_get_be32(f)
    version_id = qemu_get_be32(f)
    error = qemu_file_get_error(f)
    if error:
        return error
    for se in mis.process.savevm_handlers:
        if se.idstr == idstr and instance_id == 0:
            if version_id != se.version_id:
                return refuse(mis, f"section {idstr!r} is of version {version_id}, only {se.version_id} can be read")
            se.load_section_id = section_id
            return vmstate_load(f, mis, se)
    return refuse(mis, f"this machine has no section {idstr!r}, instance {instance_id}")


def qemu_loadvm_section_part_end(f: QEMUFile, mis: MigrationIncomingState) -> int:
    section_id = qemu_get_be32(f)
    for se in mis.process.savevm_handlers:
        if se.load_section_id == section_id and se.iterative:
            return vmstate_load(f, mis, se)
    if qemu_file_get_error(f):
        return -EIO
    return refuse(mis, f"section {section_id} goes on but has not begun")


def vmstate_load(f: QEMUFile, mis: MigrationIncomingState, se: SaveStateEntry) -> int:
    """The payload and the footer."""
    if se.iterative:
        ret = ram_load(mis.process, f)
        if ret < 0:
            return ret
    else:
        data = qemu_get_buffer(f, se.size)
        if len(data) == se.size:
            se.data = data
    mark = qemu_get_byte(f)
    section_id = qemu_get_be32(f)
    error = qemu_file_get_error(f)
    if error:
        return error
    if mark != QEMU_VM_SECTION_FOOTER or section_id != se.load_section_id:
        return refuse(mis, f"section {se.idstr!r} does not end where it should")
    if se.idstr == "globalstate" and global_state_get_runstate(mis.process) not in RUNSTATES:
        return refuse(mis, f"the guest was in a state {global_state_get_runstate(mis.process)!r}, which there is not")
    return 0


def loadvm_process_command(f: QEMUFile, mis: MigrationIncomingState) -> int:
    """One command. LOADVM_QUIT leaves every nested loop: the listen thread has taken over."""
    command = qemu_get_be16(f)
    length = qemu_get_be16(f)
    error = qemu_file_get_error(f)
    if error:
        return error
    if command not in mig_cmd_len:
        return refuse(mis, f"there is no command {command}")
    if mig_cmd_len[command] not in (-1, length):
        return refuse(mis, f"command {command} has {length} bytes, not {mig_cmd_len[command]}")
    if command == MIG_CMD_OPEN_RETURN_PATH:
        if mis.to_src_file is not None:
            error_report(mis.process, "warning: the stream opens the return path although it is open")
        else:
            return_path = qemu_file_get_return_path(f)
            if return_path is None:
                return refuse(mis, "the stream opens a return path where there is none")
            mis.to_src_file = return_path
            mis.return_path_opened = True
        return 0
    if command == MIG_CMD_PING:
        value = qemu_get_be32(f)
        error = qemu_file_get_error(f)
        if error:
            return error
        if mis.to_src_file is None:
            return refuse(mis, "the source pings before it has opened the return path")
        migrate_send_rp_pong(mis, value)
        return 0
    if command == MIG_CMD_PACKAGED:
        return loadvm_handle_cmd_packaged(f, mis)
    return loadvm_process_postcopy_command(f, mis, command, length)


def loadvm_process_postcopy_command(f: QEMUFile, mis: MigrationIncomingState, command: int, length: int) -> int:
    if command == MIG_CMD_POSTCOPY_ADVISE:
        return loadvm_postcopy_handle_advise(f, mis, length)
    if command == MIG_CMD_POSTCOPY_RAM_DISCARD:
        return loadvm_postcopy_ram_handle_discard(f, mis, length)
    if command == MIG_CMD_POSTCOPY_LISTEN:
        return loadvm_postcopy_handle_listen(f, mis)
    if command == MIG_CMD_POSTCOPY_RUN:
        return loadvm_postcopy_handle_run(f, mis)
    if command == MIG_CMD_RECV_BITMAP:
        return loadvm_handle_recv_bitmap(f, mis)
    assert command == MIG_CMD_POSTCOPY_RESUME
    return loadvm_postcopy_handle_resume(mis)


def loadvm_postcopy_handle_advise(f: QEMUFile, mis: MigrationIncomingState, length: int) -> int:
    """The pages must be of one size at both ends."""
    data = qemu_get_buffer(f, length)
    error = qemu_file_get_error(f)
    if error:
        return error
    state = mis.postcopy_state
    if state != "none":
        return refuse(mis, f"postcopy is announced in the postcopy state {state!r}")
    if length != 16:
        return refuse(mis, f"postcopy is announced with {length} bytes, not 16")
    if not migrate_postcopy_ram_incoming(mis.process):
        return refuse(mis, "the source announces a postcopy, and the capability postcopy-ram is off here")
    sizes = [int.from_bytes(data[at : at + 8], "big") for at in range(0, length, 8)]
    if sizes != [TARGET_PAGE_SIZE, TARGET_PAGE_SIZE]:
        return refuse(mis, f"the source has pages of {sizes} bytes, this machine of {TARGET_PAGE_SIZE}")
    mis.postcopy_state = "advise"
    return 0


def loadvm_handle_cmd_packaged(f: QEMUFile, mis: MigrationIncomingState) -> int:
    """A stream within the stream, read whole before it is run: the line is then free for the listen thread."""
    length = qemu_get_be32(f)
    if f.ops is package_ops:
        return refuse(mis, "a package within a package")
    if length > MAX_VM_CMD_PACKAGED_SIZE:
        return refuse(mis, f"a package of {length} bytes is too large")
    package = qemu_get_buffer(f, length)
    if len(package) < length:
        return -EIO
    packf = qemu_fopen_ops(bytearray(package), package_ops, False)
    listened = mis.have_listen_thread
    ret = qemu_loadvm_state_main(packf, mis)
    qemu_fclose(packf)
    if ret == 0 and mis.have_listen_thread and not listened:
        return refuse(mis, "the package ends without running the guest")  # two threads would read on
    return ret


def loadvm_postcopy_ram_handle_discard(f: QEMUFile, mis: MigrationIncomingState, length: int) -> int:
    """Forget these ranges: newer contents will come."""
    data = qemu_get_buffer(f, length)
    error = qemu_file_get_error(f)
    if error:
        return error
    state = mis.postcopy_state
    if state == "advise":
        postcopy_ram_incoming_setup(mis)
        mis.postcopy_state = "discard"
    elif state != "discard":
        return refuse(mis, f"pages are discarded in the postcopy state {state!r}")
    if len(data) < 3 or data[0] != 0:
        return refuse(mis, "a list of discarded pages cannot be read")
    ranges = len(data) - 3 - data[1]
    if ranges < 0 or ranges % 16 or data[2 + data[1]] != 0:
        return refuse(mis, "a list of discarded pages cannot be read")
    name_end = 2 + data[1]
    block = qemu_ram_block_by_name(mis.process.ram_state, data[2:name_end].decode("ascii", "replace"))
    if block is None:
        return refuse(mis, f"pages of an unknown memory block {data[2:name_end]!r} are discarded")
    for at in range(name_end + 1, len(data), 16):
        start = int.from_bytes(data[at : at + 8], "big")
        size = int.from_bytes(data[at + 8 : at + 16], "big")
        if start % TARGET_PAGE_SIZE or size % TARGET_PAGE_SIZE or start + size > block.used_length:
            return refuse(mis, f"{size} bytes at {start} of {block.idstr!r} cannot be discarded")
        first, last = start // TARGET_PAGE_SIZE, (start + size) // TARGET_PAGE_SIZE
        block.received[first:last] = bytes(last - first)
    return 0


def loadvm_postcopy_handle_listen(f: QEMUFile, mis: MigrationIncomingState) -> int:
    """From here on another thread reads the stream; this one goes on with the package. Stricter than upstream, where
    two threads would read one file, and a pause would find no return path to close."""
    state = mis.postcopy_state
    if state not in ("advise", "discard"):
        return refuse(mis, f"the source asks to listen in the postcopy state {state!r}")
    if f.ops is not package_ops:
        return refuse(mis, "the source asks to listen outside a package")
    if not mis.return_path_opened:
        return refuse(mis, "the source asks to listen before it has opened the return path")
    if state == "advise":
        postcopy_ram_incoming_setup(mis)
    mis.postcopy_state = "listening"
    mis.have_listen_thread = True
    qemu_thread_create("postcopy/listen", postcopy_ram_listen_thread, mis, QEMU_THREAD_DETACHED)
    return 0


def loadvm_postcopy_handle_run(f: QEMUFile, mis: MigrationIncomingState) -> int:
    state = mis.postcopy_state
    if state != "listening":
        return refuse(mis, f"the guest is to run in the postcopy state {state!r}")
    if f.ops is not package_ops:
        return refuse(mis, "the guest is to run by a command outside the package")
    ret = loadvm_check_complete(mis)
    if ret < 0:
        return ret
    mis.postcopy_state = "running"
    loadvm_start_guest(mis)
    return LOADVM_QUIT


def loadvm_start_guest(mis: MigrationIncomingState) -> None:
    """The guest goes on here if it ran there and nobody wants it stopped."""
    if mis.process.autostart and global_state_get_runstate(mis.process) == "running":
        mis.process.runstate = "running"
    else:
        mis.process.runstate = "paused"


def loadvm_handle_recv_bitmap(f: QEMUFile, mis: MigrationIncomingState) -> int:
    name = qemu_get_counted_string(f)
    block = qemu_ram_block_by_name(mis.process.ram_state, name)
    if block is None:
        return refuse(mis, f"the source asks what has come of an unknown memory block {name!r}")
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
        error_report(mis.process, f"the postcopy could not be loaded: {os.strerror(-load_res)}")
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
    if later.kick_from_recover:
        migrate_set_state(mis, mis.state, MIGRATION_STATUS_POSTCOPY_PAUSED)
    else:
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
