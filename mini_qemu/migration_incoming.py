# SPDX-License-Identifier: GPL-2.0-or-later
"""The destination's state, and what it sends back. Mirrors the incoming parts of migration/migration.h and
migration.c.

The destination has no qemu_file_lock. `migration_incoming_state_destroy` runs in one of two threads: the main thread
after a precopy, the listen thread after a postcopy.
Left out: the tree of requested pages and its mutex, blocktime, COLO, huge pages.
"""

from __future__ import annotations

from mini_qemu.fixes import fixes, later
from mini_qemu.io_channel import EIO
from mini_qemu.multifd import MultiFDRecvState, multifd_load_cleanup
from mini_qemu.process import QemuProcess
from mini_qemu.qemu_file import (
    QEMUFilePointer,
    qemu_fclose,
    qemu_fflush,
    qemu_file_get_error,
    qemu_put_be16,
    qemu_put_buffer,
)
from mini_qemu.qemu_thread import Channel, QemuMutex, QemuSemaphore, QemuThread, Shared
from mini_qemu.ram import RAMBlock, ramblock_recv_bitmap_bytes
from mini_qemu.yank import MIGRATION_YANK_INSTANCE, yank_unregister_instance
from mini_qemu.yank_functions import migration_ioc_unregister_yank_from_file

MIG_RP_MSG_SHUT = 1
MIG_RP_MSG_PONG = 2
MIG_RP_MSG_REQ_PAGES_ID = 3
MIG_RP_MSG_REQ_PAGES = 4
MIG_RP_MSG_RECV_BITMAP = 5
MIG_RP_MSG_RESUME_ACK = 6

MIGRATION_RESUME_ACK_VALUE = 1


class MigrationIncomingState(Shared):
    # changed by compare-and-swap
    state: str = "none"

    # the thread that is loading: the main thread, then the listen thread. migrate-pause reads it, no lock
    from_src_file: QEMUFilePointer = None

    # written by the loader; the fault thread writes to the file too, so every message is sent under rp_mutex
    to_src_file: QEMUFilePointer = None

    # how far postcopy has come: none, advise, discard, listening, running, end; an atomic exchange upstream
    postcopy_state: str = "none"

    # an atomic flag against two migrate-recover: out-of-band sets it, the listen thread clears it
    postcopy_recover_triggered: bool = False

    def __init__(self, process: QemuProcess) -> None:
        self.process = process
        self.rp_mutex = QemuMutex("rp_mutex")

        # main posts after a recovery has connected, the listen thread waits while paused
        self.postcopy_pause_sem_dst = QemuSemaphore()
        # the listen thread posts once the source has resumed, the fault thread waits while paused
        self.postcopy_pause_sem_fault = QemuSemaphore()
        # main posts when its own load is over; the listen thread waits before it tears down
        self.main_thread_load_event = QemuSemaphore()
        # the guest touches pages that are not there yet; None ends the fault thread. Stands for userfaultfd
        self.faults = Channel("page faults")

        # the loader's
        self.return_path_opened = False
        self.have_listen_thread = False
        self.have_fault_thread = False
        self.fault_thread: QemuThread | None = None
        # main thread only
        self.multifd = MultiFDRecvState()
        # set before the migration starts
        self.tls_creds = False


def migration_incoming_get_current(qemu: QemuProcess) -> MigrationIncomingState:
    if qemu.current_incoming is None:
        qemu.current_incoming = MigrationIncomingState(qemu)
    mis: MigrationIncomingState = qemu.current_incoming
    return mis


def migration_incoming_state_destroy(mis: MigrationIncomingState) -> None:
    """Tell the source how it went, then let go of both files. Main thread or listen thread."""
    if later.cleanup_in_destroy:
        multifd_load_cleanup(mis.multifd)
    if mis.to_src_file is not None:
        # the verdict is whether the incoming stream is in error
        assert mis.from_src_file is not None
        migrate_send_rp_shut(mis, int(qemu_file_get_error(mis.from_src_file) != 0))
        qemu_fclose(mis.to_src_file)
        mis.to_src_file = None
    if mis.from_src_file is not None:
        if fixes.explicit_unregister:
            migration_ioc_unregister_yank_from_file(mis.from_src_file)
        qemu_fclose(mis.from_src_file)
        mis.from_src_file = None
    yank_unregister_instance(mis.process.yank, MIGRATION_YANK_INSTANCE)


def migrate_send_rp_message(mis: MigrationIncomingState, message: int, data: bytes, after: bytes = b"") -> int:
    """One message, whole, under rp_mutex: replies come from several threads. `after` follows outside the frame."""
    with mis.rp_mutex:
        f = mis.to_src_file
        if f is None:
            return -EIO
        qemu_put_be16(f, message)
        qemu_put_be16(f, len(data))
        qemu_put_buffer(f, data + after)
        qemu_fflush(f)
        return qemu_file_get_error(f)


def migrate_send_rp_shut(mis: MigrationIncomingState, value: int) -> None:
    migrate_send_rp_message(mis, MIG_RP_MSG_SHUT, value.to_bytes(4, "big"))


def migrate_send_rp_pong(mis: MigrationIncomingState, value: int) -> None:
    migrate_send_rp_message(mis, MIG_RP_MSG_PONG, value.to_bytes(4, "big"))


def migrate_send_rp_req_pages(mis: MigrationIncomingState, block: RAMBlock, start: int, length: int) -> int:
    name = block.idstr.encode()
    data = start.to_bytes(8, "big") + length.to_bytes(4, "big") + bytes([len(name)]) + name
    return migrate_send_rp_message(mis, MIG_RP_MSG_REQ_PAGES_ID, data)


def migrate_send_rp_recv_bitmap(mis: MigrationIncomingState, block: RAMBlock) -> None:
    name = block.idstr.encode()
    migrate_send_rp_message(
        mis, MIG_RP_MSG_RECV_BITMAP, bytes([len(name)]) + name, after=ramblock_recv_bitmap_bytes(block)
    )


def migrate_send_rp_resume_ack(mis: MigrationIncomingState) -> None:
    migrate_send_rp_message(mis, MIG_RP_MSG_RESUME_ACK, MIGRATION_RESUME_ACK_VALUE.to_bytes(4, "big"))
