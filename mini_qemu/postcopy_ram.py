# SPDX-License-Identifier: GPL-2.0-or-later
"""Page faults in postcopy. Mirrors migration/postcopy-ram.c.

The guest runs on the destination before its memory has arrived. A thread that touches a missing page is put to sleep by
the kernel, and the fault thread asks the source for that page. A queue stands for userfaultfd.
Left out: placing pages, discarding, blocktime, the check that the kernel can do it.
"""

from __future__ import annotations

from mini_qemu.io_channel import EIO
from mini_qemu.migration_incoming import MigrationIncomingState, migrate_send_rp_req_pages
from mini_qemu.qemu_thread import QEMU_THREAD_JOINABLE, qemu_thread_create, qemu_thread_join
from mini_qemu.ram import TARGET_PAGE_SIZE

WAKE = "wake"


def postcopy_ram_incoming_setup(mis: MigrationIncomingState) -> None:
    mis.fault_thread = qemu_thread_create(
        "postcopy/fault", postcopy_ram_fault_thread, mis, QEMU_THREAD_JOINABLE
    )
    mis.have_fault_thread = True


def postcopy_ram_incoming_cleanup(mis: MigrationIncomingState) -> None:
    if mis.have_fault_thread:
        mis.faults.send(None)
        qemu_thread_join(mis.fault_thread)
        mis.have_fault_thread = False


def postcopy_fault_thread_notify(mis: MigrationIncomingState) -> None:
    """Make the fault thread look again, at the file or at the order to quit."""
    mis.faults.send(WAKE)


def postcopy_ram_fault_thread(mis: MigrationIncomingState) -> None:
    while True:
        fault = mis.faults.recv()
        if mis.to_src_file is None:
            postcopy_pause_fault_thread(mis)
        if fault is None:
            return
        if fault == WAKE:
            continue
        block, page = fault
        while migrate_send_rp_req_pages(mis, block, page * TARGET_PAGE_SIZE, TARGET_PAGE_SIZE) == -EIO:
            postcopy_pause_fault_thread(mis)


def postcopy_pause_fault_thread(mis: MigrationIncomingState) -> None:
    """Sleep until the listen thread has seen the source resume."""
    mis.postcopy_pause_sem_fault.wait()
