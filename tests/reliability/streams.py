"""Damaged streams into the loader: refused in a sentence, or accepted with the memory that the stream describes.

The seeds are a precopy and a postcopy written here by the miniature's own functions, with pages of all kinds, and the
captures of QEMU. A mutation works on the stream's structure (a row of `show_stream`: drop it, repeat it, change its
number, move it) or on its bytes. The reader that says what memory ought to hold shares no code with the loader.
"""

from __future__ import annotations

import random
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from lessons.views.stream import show_stream
from mini_qemu import savevm
from mini_qemu.migration_incoming import MigrationIncomingState, migration_incoming_get_current
from mini_qemu.process import QemuProcess
from mini_qemu.qemu_file import QEMUFileOps, qemu_fflush, qemu_fopen_ops
from mini_qemu.ram import TARGET_PAGE_SIZE, RAMBlock
from mini_qemu.savevm_command import (
    qemu_savevm_send_open_return_path,
    qemu_savevm_send_packaged,
    qemu_savevm_send_ping,
    qemu_savevm_send_postcopy_advise,
    qemu_savevm_send_postcopy_listen,
    qemu_savevm_send_postcopy_ram_discard,
    qemu_savevm_send_postcopy_run,
)
from tests.reliability.figures import Figure

CAPTURES = Path(__file__).parents[1] / "data" / "captures"
PAGES = 6
SECONDS = 5  # until a stream counts as a hang


def machine(seed: int) -> QemuProcess:
    """Two blocks, with pages of chance, of zeros and of one byte."""
    chance = random.Random(seed)
    qemu = QemuProcess("source")
    savevm.machine_init(qemu, RAMBlock("ram", PAGES), RAMBlock("rom", 2))
    for block in qemu.ram_state.blocks:
        for page in range(len(block.pages)):
            block.pages[page] = chance.choice(
                [chance.randbytes(TARGET_PAGE_SIZE), bytes(TARGET_PAGE_SIZE), b"\7" * TARGET_PAGE_SIZE]
            )
    return qemu


def written(postcopy: bool, seed: int) -> bytes:
    qemu = machine(seed)
    qemu.ram_state.pages_per_iteration = 2
    qemu.ram_state.pages_per_look = 2
    buffer = bytearray()
    f = qemu_fopen_ops(buffer, savevm.buffer_output_ops, False)
    savevm.qemu_savevm_state_header(f)
    qemu_savevm_send_open_return_path(f)
    qemu_savevm_send_ping(f, 1)
    if postcopy:
        qemu_savevm_send_postcopy_advise(f, TARGET_PAGE_SIZE)
    savevm.qemu_savevm_state_setup(qemu, f)
    savevm.qemu_savevm_state_iterate(qemu, f)
    if postcopy:
        qemu_savevm_send_postcopy_ram_discard(f, "ram", ((0, TARGET_PAGE_SIZE),))
        package = bytearray()
        inner = qemu_fopen_ops(package, savevm.buffer_output_ops, False)
        qemu_savevm_send_postcopy_listen(inner)
        savevm.qemu_savevm_state_complete_precopy(qemu, inner, True)
        qemu_savevm_send_postcopy_run(inner)
        qemu_fflush(inner)
        qemu_savevm_send_packaged(f, bytes(package))
        qemu.ram_state.last_sent_block = None
        savevm.qemu_savevm_state_complete_postcopy(qemu, f)
    else:
        savevm.qemu_savevm_state_complete_precopy(qemu, f, False)
    qemu_fflush(f)
    return bytes(buffer)


# Mutations

NUMBERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x100, 0x1000, 0x7FFF, 0xFFFF, 1 << 24, (1 << 31) - 1, 1 << 31, (1 << 32) - 1)


class Mutator:
    """Makes one damaged stream after the other, always the same ones for a seed."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.seeds = [written(False, 1), written(True, 2), written(False, 3), written(True, 4)]
        self.seeds += [(CAPTURES / f"{name}.mig").read_bytes() for name in ("none", "none-return-path")]
        self.rows = [[(row.offset, len(row.data)) for row in show_stream(stream).rows] for stream in self.seeds]

    def make(self) -> bytes:
        number = self.chance.randrange(len(self.seeds))
        data = bytearray(self.seeds[number])
        for _ in range(self.chance.choice((1, 1, 1, 2, 3, 6))):
            how = self.chance.choice((self.structure, self.structure, self.number, self.bytes, self.cut))
            how(data, self.rows[number])
        return bytes(data)

    def row(self, rows: list[tuple[int, int]]) -> slice:
        offset, size = self.chance.choice(rows)
        return slice(offset, offset + size)

    def structure(self, data: bytearray, rows: list[tuple[int, int]]) -> None:
        """One field, or all from one field to another: gone, twice, elsewhere, or taken from another stream."""
        a, b = sorted((self.row(rows).start, self.row(rows).stop))
        piece = data[a:b] if self.chance.random() < 0.5 else data[self.row(rows)]
        if self.chance.random() < 0.2:
            other = self.chance.randrange(len(self.seeds))
            piece = bytearray(self.seeds[other][self.row(self.rows[other])])
        where = self.row(rows)
        kind = self.chance.randrange(4)
        if kind == 0:
            del data[where]
        elif kind == 1:
            data[where.start : where.start] = piece
        elif kind == 2:
            data[where] = piece
        else:
            data[where.stop : where.stop] = data[where]

    def number(self, data: bytearray, rows: list[tuple[int, int]]) -> None:
        """A field gets another number, perhaps one near to its own."""
        where = self.row([row for row in rows if row[1] <= 8] or rows)
        size = where.stop - where.start
        value = int.from_bytes(data[where], "big") + self.chance.choice((-1, 1, 4096, -4096, 256))
        if self.chance.random() < 0.5:
            value = self.chance.choice(NUMBERS)
        data[where] = (value % (1 << 8 * size)).to_bytes(size, "big") if size else b""

    def bytes(self, data: bytearray, rows: list[tuple[int, int]]) -> None:
        if not data:
            return
        for _ in range(self.chance.choice((1, 2, 4))):
            at = self.chance.randrange(len(data))
            data[at] ^= self.chance.choice((1, 2, 4, 8, 0x10, 0x20, 0x40, 0x80, 0xFF))

    def cut(self, data: bytearray, rows: list[tuple[int, int]]) -> None:
        del data[self.chance.randrange(len(data) + 1) :]


# What memory ought to hold

Pages = dict[tuple[str, int], bytes]


class Nonsense(Exception):
    """The independent reader has met something that no accepted stream can hold."""


class Bytes:
    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, size: int) -> bytes:
        data = self.data[self.at : self.at + size]
        if len(data) < size:
            raise Nonsense("too short")
        self.at += size
        return data

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")


def described(stream: bytes) -> Pages:
    """Each page that the stream sends, with its last contents."""
    b = Bytes(stream)
    pages: Pages = {}
    last = [""]  # "the same block" reaches over sections
    b.take(8)
    b.take(1)
    b.take(b.number(4))
    read_described(b, pages, last, {})
    return pages


def read_described(b: Bytes, pages: Pages, last: list[str], names: dict[int, str], inside: bool = False) -> None:
    while not (inside and b.at == len(b.data)):
        kind = b.number(1)
        if kind == 0:
            return
        if kind == 8:
            number, length = b.number(2), b.number(2)
            data = b.take(length)
            if number == 5 and inside:
                return  # what follows in the package is not looked at
            if number == 7:
                inner = Bytes(b.take(int.from_bytes(data, "big")))
                read_described(inner, pages, last, names, inside=True)
            continue
        section = b.number(4)
        if kind in (1, 4):
            names[section] = b.take(b.number(1)).decode("ascii", "replace")
            b.take(8)
        name = names.get(section, "")
        if name == "ram":
            read_records(b, pages, last)
        else:
            b.take({"timer": 24, "globalstate": 104}[name])
        b.take(5)


def read_records(b: Bytes, pages: Pages, last: list[str]) -> None:
    while (word := b.number(8)) != 0x10:
        page, flags = divmod(word, 4096)
        if flags == 4:
            total = page * 4096
            while total > 0:
                b.take(b.number(1))
                total -= b.number(8)
            continue
        if not flags & 0x20:
            last[0] = b.take(b.number(1)).decode("ascii", "replace")
        pages[last[0], page] = b.take(4096) if flags & 0x08 else b.take(1) * 4096


# The trial


class Paused(BaseException):
    """Where a postcopy would wait for a new line."""


class Hang(BaseException):
    """It took too long."""


def pause(mis: MigrationIncomingState) -> None:
    raise Paused


_uncaught: list[BaseException] = []


@contextmanager
def watched() -> Iterator[None]:
    """Threads tell what ended them, and the main thread is not let alone for long."""

    def note(args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None and not isinstance(args.exc_value, Paused):
            _uncaught.append(args.exc_value)

    def ring(number: int, frame: FrameType | None) -> None:
        raise Hang(f"{SECONDS} s")

    hook, threading.excepthook = threading.excepthook, note
    old = signal.signal(signal.SIGALRM, ring)
    wait, savevm.postcopy_pause_incoming = savevm.postcopy_pause_incoming, pause
    try:
        yield
    finally:
        savevm.postcopy_pause_incoming = wait
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
        threading.excepthook = hook


def load(stream: bytes, pieces: Callable[[], int]) -> tuple[str, QemuProcess]:
    """How it ended, and the machine. In `watched()`."""
    qemu = QemuProcess("destination")
    none = b"ram" not in stream[:200] or b"\x03rom" not in stream
    savevm.machine_init(qemu, *([] if none else [RAMBlock("ram", PAGES), RAMBlock("rom", 2)]))
    mis = migration_incoming_get_current(qemu)
    left = memoryview(stream)

    def get(_: object) -> bytes:
        nonlocal left
        size = pieces()
        data, left = bytes(left[:size]), left[size:]
        return data

    answers: list[bytes] = []

    def put(_: object, data: bytes) -> int:
        answers.append(data)
        return len(data)

    def return_path(_: object) -> object:
        return qemu_fopen_ops(None, QEMUFileOps(writev_buffer=put), False)

    mis.from_src_file = qemu_fopen_ops(None, QEMUFileOps(get_buffer=get, get_return_path=return_path), False)
    mis.state = "active"
    savevm.yank_register_instance(qemu.yank, savevm.MIGRATION_YANK_INSTANCE)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        ret = savevm.qemu_loadvm_state(mis)
        for thread in threading.enumerate():
            if thread.name == "postcopy/listen":
                thread.join(SECONDS)
                if thread.is_alive():
                    raise Hang("the listen thread")
    except Paused:
        return "paused", qemu
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        mis.faults.send(None)
        mis.postcopy_pause_sem_fault.post()
    if ret < 0 or qemu.exit_status:
        return ("refused" if qemu.stderr or ret == -5 else "refused without a word"), qemu
    if mis.have_listen_thread:
        return ("accepted" if mis.state == "completed" else "paused"), qemu
    return "accepted", qemu


def trial(stream: bytes, pieces: Callable[[], int], to: Figure, again: str) -> None:
    _uncaught.clear()
    try:
        outcome, qemu = load(stream, pieces)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        to.found(f"{type(error).__name__}: {error}; {again}")
        return
    if _uncaught:
        to.found(f"in a thread {type(_uncaught[0]).__name__}: {_uncaught[0]}; {again}")
    elif outcome == "accepted":
        problem = wrong_memory(stream, qemu)
        if problem:
            to.found(f"accepted, and {problem}; {again}")
        else:
            to.count(outcome)
    elif outcome == "refused without a word":
        to.found(f"{outcome}; {again}")
    else:
        to.count(outcome)


def wrong_memory(stream: bytes, qemu: QemuProcess) -> str | None:
    try:
        wanted = described(stream)
    except (Nonsense, KeyError) as error:
        return f"the independent reader says: {error!r}"
    for block in qemu.ram_state.blocks:
        for page, data in enumerate(block.pages):
            if data != wanted.get((block.idstr, page), bytes(TARGET_PAGE_SIZE)):
                return f"page {page} of {block.idstr} is wrong"
    return None


def fuzz(to: Figure, count: int, seed: int) -> None:
    mutator = Mutator(seed)
    sizes = random.Random(seed + 1)

    def pieces() -> int:
        return sizes.choice((1, 7, 64, 4096, 5000, 1 << 18))

    with watched():
        for number in range(count):
            trial(mutator.make(), pieces, to, f"seed {seed}, number {number}")
