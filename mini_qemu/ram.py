# SPDX-License-Identifier: GPL-2.0-or-later
"""The RAM section of the stream. Mirrors migration/ram.c.

Guest memory is a few blocks of pages. The migration thread sends dirty pages, one per call; the destination asks for
pages over the return path, and the return path thread queues the requests. A bitmap of received pages makes recovery
possible.
Left out: dirty logging, compression, XBZRLE, zero-page detection, RDMA, ignored blocks, the bit order of real
bitmaps' word size (one word per 64 pages is kept).
"""

from __future__ import annotations

from mini_qemu.io_channel import EIO
from mini_qemu.migration_state import MigrationState
from mini_qemu.process import QemuProcess
from mini_qemu.qemu_file import (
    QEMUFile,
    qemu_fflush,
    qemu_file_get_error,
    qemu_get_be64,
    qemu_get_buffer,
    qemu_get_byte,
    qemu_put_be64,
    qemu_put_buffer,
    qemu_put_byte,
)
from mini_qemu.qemu_thread import QemuMutex, Shared
from mini_qemu.savevm_command import qemu_savevm_send_postcopy_ram_discard, qemu_savevm_send_recv_bitmap

TARGET_PAGE_SIZE = 4096

RAM_SAVE_FLAG_ZERO = 0x02
RAM_SAVE_FLAG_MEM_SIZE = 0x04
RAM_SAVE_FLAG_PAGE = 0x08
RAM_SAVE_FLAG_EOS = 0x10
RAM_SAVE_FLAG_CONTINUE = 0x20

RAMBLOCK_RECV_BITMAP_ENDING = 0x0123456789ABCDEF


class RAMBlock:
    """One block. `dirty` is the source migration thread's, `received` the loading thread's."""

    def __init__(self, idstr: str, pages: int) -> None:
        self.idstr = idstr
        self.pages = [bytes(TARGET_PAGE_SIZE) for _ in range(pages)]
        self.dirty: set[int] = set()
        self.received: set[int] = set()

    @property
    def used_length(self) -> int:
        return len(self.pages) * TARGET_PAGE_SIZE

    def __repr__(self) -> str:
        return f"<block {self.idstr}, {len(self.pages)} pages>"


class RAMState(Shared):
    """All blocks of one machine."""

    # guarded by src_page_req_mutex: the return path thread puts in, the migration thread takes out
    src_page_requests: tuple[tuple[RAMBlock, int], ...] = ()

    def __init__(self, *blocks: RAMBlock) -> None:
        self.blocks = blocks
        self.src_page_req_mutex = QemuMutex("src_page_req_mutex")
        # the return path thread only
        self.last_req_rb: RAMBlock | None = None


def qemu_ram_block_by_name(rs: RAMState, name: str) -> RAMBlock | None:
    for block in rs.blocks:
        if block.idstr == name:
            return block
    return None


def ram_save_setup(qemu: QemuProcess, f: QEMUFile) -> None:
    rs: RAMState = qemu.ram_state
    total = 0
    for block in rs.blocks:
        block.dirty = set(range(len(block.pages)))
        total += block.used_length
    qemu_put_be64(f, total | RAM_SAVE_FLAG_MEM_SIZE)
    for block in rs.blocks:
        put_block_name(f, block)
        qemu_put_be64(f, block.used_length)
    qemu_put_be64(f, RAM_SAVE_FLAG_EOS)
    qemu_fflush(f)


def ram_save_iterate(qemu: QemuProcess, f: QEMUFile) -> None:
    """One page: the oldest requested one, else the first dirty one."""
    ram_find_and_save_block(qemu.ram_state, f)
    qemu_put_be64(f, RAM_SAVE_FLAG_EOS)
    qemu_fflush(f)


def ram_save_complete(qemu: QemuProcess, f: QEMUFile) -> None:
    while ram_find_and_save_block(qemu.ram_state, f):
        pass
    qemu_put_be64(f, RAM_SAVE_FLAG_EOS)
    qemu_fflush(f)


def ram_save_pending(qemu: QemuProcess) -> int:
    rs: RAMState = qemu.ram_state
    return sum([len(block.dirty) for block in rs.blocks]) * TARGET_PAGE_SIZE


def ram_find_and_save_block(rs: RAMState, f: QEMUFile) -> bool:
    """Send one page. False when nothing is dirty."""
    if not rs.blocks:
        return False
    request = get_queued_page(rs)
    if request is not None:
        block, page = request
        if page in block.dirty:
            ram_save_page(f, block, page)
        return True
    for block in rs.blocks:
        if block.dirty:
            ram_save_page(f, block, min(block.dirty))
            return True
    return False


def ram_save_page(f: QEMUFile, block: RAMBlock, page: int) -> None:
    block.dirty.discard(page)
    data = block.pages[page]
    if any(data):
        qemu_put_be64(f, page * TARGET_PAGE_SIZE | RAM_SAVE_FLAG_PAGE)
        put_block_name(f, block)
        qemu_put_buffer(f, data)
    else:
        qemu_put_be64(f, page * TARGET_PAGE_SIZE | RAM_SAVE_FLAG_ZERO)
        put_block_name(f, block)
        qemu_put_byte(f, 0)


def put_block_name(f: QEMUFile, block: RAMBlock) -> None:
    qemu_put_byte(f, len(block.idstr))
    qemu_put_buffer(f, block.idstr.encode())


def ram_save_queue_pages(rs: RAMState, name: str | None, start: int, length: int) -> bool:
    """The return path thread asks the migration thread to send a page soon. No name: the same block as last time."""
    block = qemu_ram_block_by_name(rs, name) if name is not None else rs.last_req_rb
    if block is None or start + length > block.used_length:
        return False
    rs.last_req_rb = block
    with rs.src_page_req_mutex:
        rs.src_page_requests = (*rs.src_page_requests, (block, start // TARGET_PAGE_SIZE))
    return True


def get_queued_page(rs: RAMState) -> tuple[RAMBlock, int] | None:
    with rs.src_page_req_mutex:
        requests = rs.src_page_requests
        if not requests:
            return None
        rs.src_page_requests = requests[1:]
        return requests[0]


def ram_load(qemu: QemuProcess, f: QEMUFile) -> int:
    """Read records until the end mark. In postcopy the listen thread is here; it stops when the file fails."""
    rs: RAMState = qemu.ram_state
    block: RAMBlock | None = None
    while True:
        word = qemu_get_be64(f)
        error = qemu_file_get_error(f)
        if error:
            return error
        addr = word & -TARGET_PAGE_SIZE
        flags = word & (TARGET_PAGE_SIZE - 1)
        if flags & RAM_SAVE_FLAG_EOS:
            return 0
        if flags & RAM_SAVE_FLAG_MEM_SIZE:
            if not ram_load_blocks(rs, f, addr):
                return -EIO
            continue
        if not flags & RAM_SAVE_FLAG_CONTINUE:
            block = qemu_ram_block_by_name(rs, qemu_get_counted_string(f))
        page = addr // TARGET_PAGE_SIZE
        if block is None or page >= len(block.pages):
            return -EIO
        if flags & RAM_SAVE_FLAG_ZERO:
            data = bytes([qemu_get_byte(f)]) * TARGET_PAGE_SIZE
        elif flags & RAM_SAVE_FLAG_PAGE:
            data = qemu_get_buffer(f, TARGET_PAGE_SIZE)
        else:
            return -EIO
        block.pages[page] = data
        block.received.add(page)


def ram_load_blocks(rs: RAMState, f: QEMUFile, total: int) -> bool:
    """The list of blocks must match ours."""
    while total > 0:
        block = qemu_ram_block_by_name(rs, qemu_get_counted_string(f))
        length = qemu_get_be64(f)
        if block is None or length != block.used_length:
            return False
        total -= length
    return True


def qemu_get_counted_string(f: QEMUFile) -> str:
    return qemu_get_buffer(f, qemu_get_byte(f)).decode("ascii", "replace")


def ramblock_recv_bitmap_bytes(block: RAMBlock) -> bytes:
    """The received pages as on the wire: length, little-endian words, end mark."""
    size = (len(block.pages) + 63) // 64 * 8
    bits = sum([1 << page for page in block.received])
    return size.to_bytes(8, "big") + bits.to_bytes(size, "little") + RAMBLOCK_RECV_BITMAP_ENDING.to_bytes(8, "big")


def ram_postcopy_send_discard_bitmap(s: MigrationState) -> None:
    """Tell the destination which pages it must not keep: those that are dirty still."""
    rs: RAMState = s.process.ram_state
    for block in rs.blocks:
        ranges = [(page * TARGET_PAGE_SIZE, TARGET_PAGE_SIZE) for page in sorted(block.dirty)]
        qemu_savevm_send_postcopy_ram_discard(s.to_dst_file, block.idstr, tuple(ranges))


def ram_dirty_bitmap_sync_all(s: MigrationState) -> None:
    """The migration thread asks for each block's bitmap and waits until the return path thread has taken it in."""
    rs: RAMState = s.process.ram_state
    for block in rs.blocks:
        qemu_savevm_send_recv_bitmap(s.to_dst_file, block.idstr)
    for _ in rs.blocks:
        s.rp_state.rp_sem.wait()


def ram_dirty_bitmap_reload(s: MigrationState, block: RAMBlock) -> bool:
    """What was not received is dirty again. Runs in the return path thread, which owns from_dst_file: no lock."""
    f = s.rp_state.from_dst_file
    size = qemu_get_be64(f)
    if size != (len(block.pages) + 63) // 64 * 8:
        return False
    bits = int.from_bytes(qemu_get_buffer(f, size), "little")
    mark = qemu_get_be64(f)
    if qemu_file_get_error(f) or mark != RAMBLOCK_RECV_BITMAP_ENDING:
        return False
    block.dirty = {page for page in range(len(block.pages)) if not bits >> page & 1}
    s.rp_state.rp_sem.post()
    return True
