# SPDX-License-Identifier: GPL-2.0-or-later
"""The RAM section of the stream. Mirrors migration/ram.c.

Guest memory is a few blocks of pages. The migration thread sends dirty pages, a few per call; the destination asks for
pages over the return path, and the return path thread queues the requests. A bitmap of received pages makes recovery
possible. A guest that runs meanwhile notes what it writes in a log, which is taken over at every sync.
Left out: compression, XBZRLE, RDMA, ignored blocks, blocks that change their size, pages of other sizes.
"""

from __future__ import annotations

import struct

from mini_qemu.fixes import later
from mini_qemu.io_channel import EINVAL
from mini_qemu.migration_state import (
    MIGRATION_STATUS_POSTCOPY_RECOVER,
    MigrationState,
    migrate_generate_pass_event,
    migration_rp_wait,
)
from mini_qemu.process import QemuProcess, error_report
from mini_qemu.qemu_file import (
    QEMUFile,
    qemu_fflush,
    qemu_file_get_error,
    qemu_file_skip,
    qemu_get_be64,
    qemu_get_buffer,
    qemu_get_byte,
    qemu_peek_buffer,
    qemu_put_be64,
    qemu_put_buffer,
    qemu_put_buffers,
    qemu_put_byte,
)
from mini_qemu.qemu_thread import QemuMutex, QemuSemaphore, Shared
from mini_qemu.savevm_command import qemu_savevm_send_postcopy_ram_discard, qemu_savevm_send_recv_bitmap

TARGET_PAGE_SIZE = 4096

RAM_SAVE_FLAG_ZERO = 0x02
RAM_SAVE_FLAG_MEM_SIZE = 0x04
RAM_SAVE_FLAG_PAGE = 0x08
RAM_SAVE_FLAG_EOS = 0x10
RAM_SAVE_FLAG_CONTINUE = 0x20

PAGE_CONTINUED = RAM_SAVE_FLAG_PAGE | RAM_SAVE_FLAG_CONTINUE
ZERO_CONTINUED = RAM_SAVE_FLAG_ZERO | RAM_SAVE_FLAG_CONTINUE

PAGE_RECORD = struct.Struct(f"!Q{TARGET_PAGE_SIZE}s")
"""A page of the same block as the page before."""

MAX_DISCARDS_PER_COMMAND = 12

RAMBLOCK_RECV_BITMAP_ENDING = 0x0123456789ABCDEF


BIT_DIGITS = bytes.maketrans(b"\0\1", b"01")
ZERO_PAGE = bytes(TARGET_PAGE_SIZE)


class RAMBlock:
    """One block. In each bitmap a byte stands for a page."""

    def __init__(self, idstr: str, pages: int) -> None:
        self.idstr = idstr
        # the guest's memory; a page is replaced, never changed in place
        self.pages = [ZERO_PAGE] * pages
        # the guest marks what it has written, the sync takes the marks away; each is one atomic step
        self.dirty_log = bytearray(pages)
        # the migration thread's: what is still to be sent
        self.dirty = bytearray(pages)
        # the loading thread's: what has come. The guest reads it before it touches a page in postcopy
        self.received = bytearray(pages)
        # who sleeps until a page comes: the guest puts itself in, the loading thread wakes it. The kernel's list
        self.faulting: dict[int, QemuSemaphore] = {}

    @property
    def used_length(self) -> int:
        return len(self.pages) * TARGET_PAGE_SIZE

    def __repr__(self) -> str:
        return f"<block {self.idstr}, {len(self.pages)} pages>"


MAX_PAGE_REQUESTS = 1024
"""Requests beyond so many are dropped: they are a hint, and what is dirty is sent in any case."""


class RAMState(Shared):
    """All blocks of one machine."""

    # guarded by src_page_req_mutex: the return path thread puts in, the migration thread takes out.
    # Block, first page, and the page after the last
    src_page_requests: tuple[tuple[RAMBlock, int, int], ...] = ()

    def __init__(self, *blocks: RAMBlock) -> None:
        self.blocks = blocks
        self.src_page_req_mutex = QemuMutex("src_page_req_mutex")
        # how many pages go out in one call, and how many of them between two looks at the queue of requests;
        # set before the migration starts
        self.pages_per_iteration = 1
        self.pages_per_look = 1
        # the migration thread's
        self.last_sent_block: RAMBlock | None = None
        self.bitmap_sync_count = 0
        # where the search for dirty pages goes on: else pages that are written often would keep the others waiting
        self.last_seen_block = 0
        self.last_page = 0
        # bytes on the wire; whole pages, and pages of zeros, that they stood for
        self.transferred = 0
        self.normal_pages = 0
        self.duplicate_pages = 0
        # the return path thread's
        self.last_req_rb: RAMBlock | None = None
        self.postcopy_requests = 0
        # the loading thread's: a record may say "same block as before", across sections too
        self.last_loaded_block: RAMBlock | None = None


def qemu_ram_block_by_name(rs: RAMState, name: str) -> RAMBlock | None:
    for block in rs.blocks:
        if block.idstr == name:
            return block
    return None


def migration_bitmap_sync(qemu: QemuProcess) -> None:
    """What the guest has written since the last time is dirty. A mark is taken away before the page is read, so that a
    write that comes in between is sent next time."""
    rs: RAMState = qemu.ram_state
    rs.bitmap_sync_count += 1
    for block in rs.blocks:
        page = block.dirty_log.find(1)
        while page >= 0:
            block.dirty_log[page] = 0
            block.dirty[page] = 1
            page = block.dirty_log.find(1, page + 1)
    migrate_generate_pass_event(qemu, rs.bitmap_sync_count)


def ram_save_setup(qemu: QemuProcess, f: QEMUFile) -> None:
    rs: RAMState = qemu.ram_state
    rs.last_sent_block = None
    rs.bitmap_sync_count = 0
    rs.transferred = 0
    rs.normal_pages = 0
    rs.duplicate_pages = 0
    rs.last_seen_block = 0
    rs.last_page = 0
    rs.postcopy_requests = 0
    total = 0
    for block in rs.blocks:
        block.dirty = bytearray(b"\1") * len(block.pages)
        total += block.used_length
    migration_bitmap_sync(qemu)
    qemu_put_be64(f, total | RAM_SAVE_FLAG_MEM_SIZE)
    for block in rs.blocks:
        put_block_name(f, block)
        qemu_put_be64(f, block.used_length)
    qemu_put_be64(f, RAM_SAVE_FLAG_EOS)
    qemu_fflush(f)


def ram_save_iterate(qemu: QemuProcess, f: QEMUFile) -> None:
    """A few pages: the oldest requested ones, else the next dirty ones."""
    rs: RAMState = qemu.ram_state
    left = rs.pages_per_iteration
    while left > 0:
        sent = ram_find_and_save_block(rs, f)
        if not sent:
            break
        left -= sent
    qemu_put_be64(f, RAM_SAVE_FLAG_EOS)
    rs.transferred += 8
    qemu_fflush(f)


def ram_save_complete(qemu: QemuProcess, f: QEMUFile, in_postcopy: bool) -> None:
    if not in_postcopy:
        migration_bitmap_sync(qemu)
    while ram_find_and_save_block(qemu.ram_state, f):
        pass
    qemu_put_be64(f, RAM_SAVE_FLAG_EOS)
    qemu_fflush(f)


def ram_save_pending(qemu: QemuProcess, max_size: int) -> int:
    """What is left to send. When that is little, it is time to see what the guest has written meanwhile."""
    remaining = ram_bytes_remaining(qemu.ram_state)
    if remaining < max_size:
        migration_bitmap_sync(qemu)
        remaining = ram_bytes_remaining(qemu.ram_state)
    return remaining


def ram_bytes_remaining(rs: RAMState) -> int:
    return sum([block.dirty.count(1) for block in rs.blocks]) * TARGET_PAGE_SIZE


def ram_find_and_save_block(rs: RAMState, f: QEMUFile) -> int:
    """Send a page, or a few that follow each other. How many; 0 when nothing is dirty."""
    if not rs.blocks:
        return 0
    request = get_queued_page(rs)
    if request is not None:
        block, page = request
        if block.dirty[page]:
            ram_save_page(rs, f, block, page)
        return 1
    found = find_dirty_block(rs)
    if found is None:
        return 0
    block, page = found
    sent = ram_save_host_page(rs, f, block, page)
    rs.last_page = page + sent
    return sent


def find_dirty_block(rs: RAMState) -> tuple[RAMBlock, int] | None:
    """The next dirty page after the last one sent, once round all blocks."""
    count = len(rs.blocks)
    for step in range(count + 1):
        index = (rs.last_seen_block + step) % count
        page = rs.blocks[index].dirty.find(1, rs.last_page if step == 0 else 0)
        if page >= 0:
            rs.last_seen_block = index
            return rs.blocks[index], page
    return None


def ram_save_host_page(rs: RAMState, f: QEMUFile, block: RAMBlock, start: int) -> int:
    """A run of dirty pages. Upstream a host page may hold several of the guest's; requests wait that long there too."""
    ram_save_page(rs, f, block, start)
    end = min(start + rs.pages_per_look, len(block.pages))
    if start + 1 < end:
        return 1 + ram_save_more_pages(rs, f, block, start + 1, end)
    return 1


def ram_save_more_pages(rs: RAMState, f: QEMUFile, block: RAMBlock, start: int, end: int) -> int:
    """As ram_save_page, for the neighbours of a page that has just been sent; one call for many, because it is long."""
    dirty, pages = block.dirty, block.pages
    iov: list[bytes] = []
    size = 0
    page = start
    while page < end and dirty[page]:
        dirty[page] = 0
        data = pages[page]
        if data == ZERO_PAGE:
            iov.append((page * TARGET_PAGE_SIZE | ZERO_CONTINUED).to_bytes(8, "big") + b"\0")
            size += 9
        else:
            iov.append((page * TARGET_PAGE_SIZE | PAGE_CONTINUED).to_bytes(8, "big"))
            iov.append(data)
            size += 8 + TARGET_PAGE_SIZE
        page += 1
    qemu_put_buffers(f, iov, size)
    zeros = 2 * (page - start) - len(iov)  # a whole page is two pieces, a page of zeros is one
    rs.duplicate_pages += zeros
    rs.normal_pages += page - start - zeros
    rs.transferred += size
    return page - start


def ram_save_page(rs: RAMState, f: QEMUFile, block: RAMBlock, page: int) -> None:
    block.dirty[page] = 0
    data = block.pages[page]
    if data == ZERO_PAGE:
        rs.transferred += 1 + save_page_header(rs, f, block, page * TARGET_PAGE_SIZE | RAM_SAVE_FLAG_ZERO)
        rs.duplicate_pages += 1
        qemu_put_byte(f, 0)
    else:
        rs.transferred += len(data) + save_page_header(rs, f, block, page * TARGET_PAGE_SIZE | RAM_SAVE_FLAG_PAGE)
        rs.normal_pages += 1
        qemu_put_buffer(f, data)


def save_page_header(rs: RAMState, f: QEMUFile, block: RAMBlock, word: int) -> int:
    """The name of the block only where it changes. Returns the size in bytes."""
    if block is rs.last_sent_block:
        qemu_put_be64(f, word | RAM_SAVE_FLAG_CONTINUE)
        return 8
    qemu_put_be64(f, word)
    put_block_name(f, block)
    rs.last_sent_block = block
    return 9 + len(block.idstr)


def put_block_name(f: QEMUFile, block: RAMBlock) -> None:
    qemu_put_byte(f, len(block.idstr))
    qemu_put_buffer(f, block.idstr.encode())


def ram_save_queue_pages(rs: RAMState, name: str | None, start: int, length: int) -> bool:
    """The return path thread asks the migration thread to send a page soon. No name: the same block as last time."""
    block = qemu_ram_block_by_name(rs, name) if name is not None else rs.last_req_rb
    if block is None or start + length > block.used_length or not length:
        return False
    rs.last_req_rb = block
    rs.postcopy_requests += 1
    first, last = start // TARGET_PAGE_SIZE, (start + length - 1) // TARGET_PAGE_SIZE
    with rs.src_page_req_mutex:
        requests = rs.src_page_requests
        if len(requests) < MAX_PAGE_REQUESTS:
            rs.src_page_requests = (*requests, (block, first, last + 1))
    return True


def get_queued_page(rs: RAMState) -> tuple[RAMBlock, int] | None:
    """The first page of the oldest request that is dirty still; its first page at all if none is."""
    with rs.src_page_req_mutex:
        requests = rs.src_page_requests
        if not requests:
            return None
        block, first, end = requests[0]
        page = block.dirty.find(1, first, end)
        rest = ((block, page + 1, end),) if first <= page < end - 1 else ()
        rs.src_page_requests = (*rest, *requests[1:])
        return block, max(first, page)


def ram_load(qemu: QemuProcess, f: QEMUFile) -> int:
    """Read records until the end mark. In postcopy the listen thread is here; it stops when the file fails."""
    rs: RAMState = qemu.ram_state
    while True:
        word = qemu_get_be64(f)
        error = qemu_file_get_error(f)
        if error:
            return error
        addr = word & -TARGET_PAGE_SIZE
        flags = word & (TARGET_PAGE_SIZE - 1)
        if word == RAM_SAVE_FLAG_EOS:
            return 0
        if flags == RAM_SAVE_FLAG_MEM_SIZE:
            if not ram_load_blocks(qemu, f, addr):
                return -EINVAL
            continue
        if not ram_load_page(qemu, rs, f, addr // TARGET_PAGE_SIZE, flags):
            return -EINVAL


def ram_load_page(qemu: QemuProcess, rs: RAMState, f: QEMUFile, page: int, flags: int) -> bool:
    if not flags & RAM_SAVE_FLAG_CONTINUE:
        name = qemu_get_counted_string(f)
        rs.last_loaded_block = qemu_ram_block_by_name(rs, name)
        if rs.last_loaded_block is None:
            error_report(qemu, f"the stream has a page of memory block {name!r}, which this machine has not")
            return False
    block = rs.last_loaded_block
    if block is None or page >= len(block.pages):
        error_report(qemu, f"page {page} of the stream lies outside this machine's memory")
        return False
    kind = flags & ~RAM_SAVE_FLAG_CONTINUE
    if kind == RAM_SAVE_FLAG_PAGE:
        data = qemu_get_buffer(f, TARGET_PAGE_SIZE)
    elif kind == RAM_SAVE_FLAG_ZERO:
        fill = qemu_get_byte(f)
        data = bytes([fill]) * TARGET_PAGE_SIZE if fill else ZERO_PAGE
    else:
        error_report(qemu, f"a record of the memory section has flags {flags:#x}, which mean nothing here")
        return False
    if qemu_file_get_error(f):
        return True  # the page is not whole: the caller finds the error
    block.pages[page] = data
    block.received[page] = 1
    if page in block.faulting:
        block.faulting.pop(page).post()
    if kind == RAM_SAVE_FLAG_PAGE:
        ram_load_more_pages(f, block)
    return True


def ram_load_more_pages(f: QEMUFile, block: RAMBlock) -> None:
    """Whole pages of the same block that have arrived together with the last: nothing can go wrong with those."""
    buf, start = qemu_peek_buffer(f)
    end = len(buf) - (len(buf) - start) % PAGE_RECORD.size
    pages, received, faulting = block.pages, block.received, block.faulting
    loaded = 0
    for word, data in PAGE_RECORD.iter_unpack(memoryview(buf)[start:end]):
        page = word // TARGET_PAGE_SIZE
        if word % TARGET_PAGE_SIZE != PAGE_CONTINUED or page >= len(pages):
            break
        pages[page] = data
        received[page] = 1
        if page in faulting:
            faulting.pop(page).post()
        loaded += 1
    qemu_file_skip(f, loaded * PAGE_RECORD.size)


def ram_load_blocks(qemu: QemuProcess, f: QEMUFile, total: int) -> bool:
    """The list of blocks must match ours."""
    while total > 0:
        name = qemu_get_counted_string(f)
        length = qemu_get_be64(f)
        if qemu_file_get_error(f):
            return True
        block = qemu_ram_block_by_name(qemu.ram_state, name)
        if block is None or length != block.used_length:
            ours = f"{block.used_length} bytes" if block else "nothing"
            error_report(qemu, f"memory block {name!r} has {length} bytes in the stream and {ours} here")
            return False
        total -= length
    if total < 0:
        error_report(qemu, "the memory blocks are larger than their sum")
    return total == 0


def qemu_get_counted_string(f: QEMUFile) -> str:
    return qemu_get_buffer(f, qemu_get_byte(f)).decode("ascii", "replace")


def pack_bits(bitmap: bytearray) -> bytes:
    """From a byte per page to a bit per page."""
    return int(bitmap[::-1].translate(BIT_DIGITS) or b"0", 2).to_bytes((len(bitmap) + 7) // 8, "little")


def ramblock_recv_bitmap_bytes(block: RAMBlock) -> bytes:
    """The received pages as on the wire: length, little-endian words, end mark."""
    size = (len(block.pages) + 63) // 64 * 8
    bits = int.from_bytes(pack_bits(block.received), "little")
    return size.to_bytes(8, "big") + bits.to_bytes(size, "little") + RAMBLOCK_RECV_BITMAP_ENDING.to_bytes(8, "big")


def ram_postcopy_send_discard_bitmap(s: MigrationState) -> None:
    """Tell the destination which pages it must not keep: those that are dirty still."""
    rs: RAMState = s.process.ram_state
    rs.last_sent_block = None  # another thread will read on
    migration_bitmap_sync(s.process)
    for block in rs.blocks:
        ranges = dirty_ranges(block)
        for at in range(0, len(ranges), MAX_DISCARDS_PER_COMMAND):
            some = ranges[at : at + MAX_DISCARDS_PER_COMMAND]
            qemu_savevm_send_postcopy_ram_discard(s.to_dst_file, block.idstr, some)


def dirty_ranges(block: RAMBlock) -> tuple[tuple[int, int], ...]:
    """Start and length in bytes of each run of dirty pages."""
    ranges = []
    start = block.dirty.find(1)
    while start >= 0:
        end = block.dirty.find(0, start)
        if end < 0:
            end = len(block.dirty)
        ranges.append((start * TARGET_PAGE_SIZE, (end - start) * TARGET_PAGE_SIZE))
        start = block.dirty.find(1, end)
    return tuple(ranges)


def ram_dirty_bitmap_sync_all(s: MigrationState) -> bool:
    """The migration thread asks for each block's bitmap and waits until the return path thread has taken it in."""
    rs: RAMState = s.process.ram_state
    rs.last_sent_block = None
    for block in rs.blocks:
        qemu_savevm_send_recv_bitmap(s.to_dst_file, block.idstr)
    for _ in rs.blocks:
        if later.kick_from_recover:
            if not migration_rp_wait(s):
                return False
        else:
            s.rp_state.rp_sem.wait()
    # what was sent last may have been lost: the next page names its block
    rs.last_sent_block = None
    return True


def ram_dirty_bitmap_reload(s: MigrationState, block: RAMBlock) -> bool:
    """What was not received is dirty again. Runs in the return path thread, which owns from_dst_file: no lock."""
    if s.state != MIGRATION_STATUS_POSTCOPY_RECOVER:
        return False
    f = s.rp_state.from_dst_file
    size = qemu_get_be64(f)
    if size != (len(block.pages) + 63) // 64 * 8:
        return False
    bits = int.from_bytes(qemu_get_buffer(f, size), "little")
    mark = qemu_get_be64(f)
    if qemu_file_get_error(f) or mark != RAMBLOCK_RECV_BITMAP_ENDING:
        return False
    block.dirty = bytearray([not bits >> page & 1 for page in range(len(block.pages))])
    s.rp_state.rp_sem.post()
    return True
