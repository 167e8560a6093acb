# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest, so that memory changes while it migrates. Mirrors softmmu/cpus.c as far as stopping and starting.

One thread that writes or reads pages, chosen by a seeded generator. What it writes goes into the dirty log first and
last: the mark is set after the page, and a sync takes it away before the page is read. In a postcopy on the
destination it sleeps at a page that has not come, as the kernel would make it, and the fault thread asks for the page.
Left out: instructions.
"""

from __future__ import annotations

import random
import threading
import time

from mini_qemu.migration_incoming import MigrationIncomingState
from mini_qemu.native.main_loop import RealProcess
from mini_qemu.qemu_thread import QEMU_THREAD_DETACHED, QemuSemaphore, qemu_thread_create
from mini_qemu.ram import TARGET_PAGE_SIZE, RAMBlock, RAMState

PROGRAMS = ("writer", "reader")
HOT_PAGES = 256
"""The writer keeps to so many pages: what it dirties while a pass is sent stays small."""


class VCPU:
    def __init__(self, qemu: RealProcess, program: str, seed: int) -> None:
        self.qemu = qemu
        self.program = program
        self.random = random.Random(seed)
        self.steps = 0
        self.run = False
        self.parked = False
        self.changed = threading.Condition()
        qemu_thread_create("CPU 0/TCG", qemu_tcg_cpu_thread_fn, self, QEMU_THREAD_DETACHED)

    def pause(self) -> None:
        """Return when the guest stands still."""
        with self.changed:
            self.run = False
            self.changed.wait_for(lambda: self.parked)

    def resume(self) -> None:
        with self.changed:
            self.run = True
            self.changed.notify_all()

    def wait_until_it_may_run(self) -> None:
        if self.run:
            return
        with self.changed:
            while not self.run:
                self.parked = True  # only the guest itself says so, and only it takes that back
                self.changed.notify_all()
                self.changed.wait()
            self.parked = False


def qemu_tcg_cpu_thread_fn(cpu: VCPU) -> None:
    rs: RAMState = cpu.qemu.ram_state
    pages = [(block, page) for block in rs.blocks for page in range(len(block.pages))]
    if cpu.program == "writer":
        pages = pages[:HOT_PAGES]
    else:
        cpu.random.shuffle(pages)
    while pages:
        cpu.wait_until_it_may_run()
        block, page = pages[cpu.steps % len(pages)]
        guest_page_fault(cpu.qemu, block, page)
        if cpu.program == "writer":
            guest_write(block, page, cpu.random.randbytes(16) * (TARGET_PAGE_SIZE // 16))
        cpu.steps += 1
        if cpu.steps % 8 == 0:
            time.sleep(0.001)  # a small guest: the machine has other threads to run


def guest_write(block: RAMBlock, page: int, data: bytes) -> None:
    block.pages[page] = data
    block.dirty_log[page] = 1


def guest_page_fault(qemu: RealProcess, block: RAMBlock, page: int) -> None:
    """Return when the page is there. The thread that puts the page in place looks for sleepers after that."""
    mis: MigrationIncomingState | None = qemu.current_incoming
    if mis is None or mis.postcopy_state != "running" or block.received[page]:
        return
    sleeper = QemuSemaphore()
    block.faulting[page] = sleeper
    if block.received[page]:
        block.faulting.pop(page, None)
        return
    mis.faults.send((block, page))
    sleeper.wait()
