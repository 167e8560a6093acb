# SPDX-License-Identifier: GPL-2.0-or-later
"""A migration stream, byte by byte: offset, bytes, meaning, and the line that writes them.

`show_stream(data)` reads what a source sends (or, when it does not begin with the magic number, what a destination
answers) and shows it nested: sections, records of memory, commands, the package of a postcopy and what is in it. It
reads as the loader does and loads nothing, so a stream that the loader refuses can be looked at too.

Strategy: one pass by a reader that knows its offset; each piece becomes a row. Runs of pages that follow each other
become one row. Where the bytes end too early or stop to make sense, the last row says so in a sentence. The lines of
the writers are looked up in the source as it is, by the statement that writes.
Left out: devices other than those of the machine "none". A section that comes whole carries no length, so nothing
after an unknown one can be read.
"""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

from lessons.views.source import function_named, shown_path
from mini_qemu import migration_incoming as rp
from mini_qemu import savevm_command as sv
from mini_qemu.ram import (
    RAM_SAVE_FLAG_CONTINUE,
    RAM_SAVE_FLAG_EOS,
    RAM_SAVE_FLAG_MEM_SIZE,
    RAM_SAVE_FLAG_PAGE,
    RAM_SAVE_FLAG_ZERO,
    RAMBLOCK_RECV_BITMAP_ENDING,
    TARGET_PAGE_SIZE,
)
from mini_qemu.savevm import GLOBALSTATE_FIELDS, TIMER_FIELDS

Writer = tuple[str, str]
"""A function, and the statement in it that writes."""

BYTES_SHOWN = 12
MAX_NESTING = 8

DEVICES = {"timer": TIMER_FIELDS, "globalstate": GLOBALSTATE_FIELDS}
SECTIONS = {
    sv.QEMU_VM_SECTION_START: "a section in parts begins",
    sv.QEMU_VM_SECTION_PART: "a section goes on",
    sv.QEMU_VM_SECTION_END: "the last part of a section",
    sv.QEMU_VM_SECTION_FULL: "a whole section",
}
_COMMAND = "savevm_command.qemu_savevm_command_send"
COMMANDS: dict[int, tuple[str, Writer]] = {
    sv.MIG_CMD_OPEN_RETURN_PATH: (
        "open the return path", ("savevm_command.qemu_savevm_send_open_return_path", "qemu_savevm_command_send(")),
    sv.MIG_CMD_PING: ("ping", ("savevm_command.qemu_savevm_send_ping", "qemu_savevm_command_send(")),
    sv.MIG_CMD_POSTCOPY_ADVISE: (
        "a postcopy may come", ("savevm_command.qemu_savevm_send_postcopy_advise", "qemu_savevm_command_send(")),
    sv.MIG_CMD_POSTCOPY_LISTEN: (
        "listen: another thread reads on",
        ("savevm_command.qemu_savevm_send_postcopy_listen", "qemu_savevm_command_send(")),
    sv.MIG_CMD_POSTCOPY_RUN: (
        "run the guest", ("savevm_command.qemu_savevm_send_postcopy_run", "qemu_savevm_command_send(")),
    sv.MIG_CMD_POSTCOPY_RAM_DISCARD: (
        "discard pages that have changed",
        ("savevm_command.qemu_savevm_send_postcopy_ram_discard", "qemu_savevm_command_send(")),
    sv.MIG_CMD_PACKAGED: ("a package", ("savevm_command.qemu_savevm_send_packaged", "qemu_savevm_command_send(")),
    sv.MIG_CMD_POSTCOPY_RESUME: (
        "resume a paused postcopy",
        ("savevm_command.qemu_savevm_send_postcopy_resume", "qemu_savevm_command_send(")),
    sv.MIG_CMD_RECV_BITMAP: (
        "which pages have come?", ("savevm_command.qemu_savevm_send_recv_bitmap", "qemu_savevm_command_send(")),
}  # fmt: skip
_ANSWER = "migration_incoming.migrate_send_rp_message"
ANSWERS: dict[int, tuple[str, Writer]] = {
    rp.MIG_RP_MSG_SHUT: (
        "SHUT: the destination has finished", ("migration_incoming.migrate_send_rp_shut", "migrate_send_rp_message(")),
    rp.MIG_RP_MSG_PONG: ("PONG", ("migration_incoming.migrate_send_rp_pong", "migrate_send_rp_message(")),
    rp.MIG_RP_MSG_REQ_PAGES_ID: (
        "REQ_PAGES_ID: send these pages", ("migration_incoming.migrate_send_rp_req_pages", "migrate_send_rp_message(")),
    rp.MIG_RP_MSG_REQ_PAGES: ("REQ_PAGES: send these pages", (_ANSWER, "qemu_put_be16(f, message)")),
    rp.MIG_RP_MSG_RECV_BITMAP: (
        "RECV_BITMAP: these pages have come",
        ("migration_incoming.migrate_send_rp_recv_bitmap", "migrate_send_rp_message(")),
    rp.MIG_RP_MSG_RESUME_ACK: (
        "RESUME_ACK: go on", ("migration_incoming.migrate_send_rp_resume_ack", "migrate_send_rp_message(")),
}  # fmt: skip


@dataclass(frozen=True)
class Line:
    """The line that writes a field."""

    path: str
    number: int
    function: str
    text: str

    def __str__(self) -> str:
        return f"{Path(self.path).name}:{self.number}"


@cache
def line_of(writer: Writer) -> Line:
    function = function_named(writer[0])
    for number, text in enumerate(function.lines, function.first):
        if writer[1] in text:
            return Line(shown_path(function.file), number, function.name, text.strip())
    raise LookupError(f"{writer[0]} has no statement {writer[1]!r}")


@dataclass(frozen=True)
class Row:
    """One piece of the stream. `data` may be longer than what is shown; a problem has none."""

    offset: int
    data: bytes
    depth: int
    meaning: str
    writer: Writer | None = None
    problem: bool = False

    def hex(self) -> str:
        if len(self.data) <= BYTES_SHOWN:
            return self.data.hex(" ")
        return f"{self.data[: BYTES_SHOWN - 4].hex(' ')} .. {self.data[-1:].hex()}"


class Stopped(Exception):
    """Nothing further can be read, for the reason in the text."""


class StreamView:
    """The rows of a stream. `repr` is a table in text, a notebook shows HTML in which each line number opens."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.rows: list[Row] = []
        reader = Reader(data, self.rows)
        try:
            if data.startswith(b"QEVM"[: max(1, len(data))]) or not data:
                read_stream(reader)
            else:
                read_answers(reader)
        except Stopped as stop:
            self.rows.append(Row(reader.at, b"", 0, str(stop), problem=True))

    @property
    def complete(self) -> bool:
        """Whether every byte could be read and nothing is missing."""
        return not any(row.problem for row in self.rows)

    def __repr__(self) -> str:
        width = max([len(row.hex()) for row in self.rows], default=0)
        lines = [f"{'offset':>8}  {'bytes':<{width}}  meaning"]
        for row in self.rows:
            mark = "✕ " if row.problem else ""
            where = f"  [{line_of(row.writer)}]" if row.writer else ""
            lines.append(f"{row.offset:>8}  {row.hex():<{width}}  {'  ' * row.depth}{mark}{row.meaning}{where}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        left = 'style="text-align:left;vertical-align:top"'
        titles = "".join(f"<th {left}>{title}</th>" for title in ("offset", "bytes", "meaning", "written by"))
        rows = ["".join(f"<td {left}>{cell}</td>" for cell in self._cells(row)) for row in self.rows]
        body = "".join(f"<tr>{row}</tr>" for row in rows)
        return f"<table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table>"

    def _cells(self, row: Row) -> Iterator[str]:
        yield str(row.offset)
        yield f'<code style="white-space:nowrap">{html.escape(row.hex())}</code>' if row.data else ""
        meaning = html.escape(row.meaning)
        meaning = f"<strong>✕ {meaning}</strong>" if row.problem else meaning
        yield f'<div style="padding-left:{1.5 * row.depth}em">{meaning}</div>'
        if row.writer is None:
            yield ""
            return
        line = line_of(row.writer)
        source = f"{line.function} in {line.path}, line {line.number}:\n{line.text}"
        yield f"<details><summary>{line}</summary><pre>{html.escape(source)}</pre></details>"


class Reader:
    """The bytes, where we are in them, and the rows made so far."""

    def __init__(self, data: bytes, rows: list[Row], start: int = 0, depth: int = 0, nesting: int = 0) -> None:
        self.data = data
        self.rows = rows
        self.start = start  # where these bytes begin in the whole stream
        self.position = 0
        self.depth = depth
        self.nesting = nesting
        self.block = "?"

    @property
    def at(self) -> int:
        return self.start + self.position

    def left(self) -> int:
        return len(self.data) - self.position

    def peek(self, size: int) -> bytes:
        return self.data[self.position : self.position + size]

    def take(self, size: int, what: str) -> bytes:
        """The next bytes; what is there of them becomes a row before we stop, if they are not all there."""
        data = self.peek(size)
        if len(data) < size:
            self.row(data, what)
            self.position += len(data)
            raise Stopped(f"the stream ends here, after {len(data)} of {size} bytes of {what}")
        self.position += size
        return data

    def row(self, data: bytes, meaning: str, writer: Writer | None = None, back: int = 0) -> None:
        self.rows.append(Row(self.at - back, data, self.depth, meaning, writer))

    def field(self, size: int, what: str, writer: Writer | None, tell: Callable[[int], str] = str) -> int:
        """A number, shown as `what` and its value."""
        data = self.take(size, what)
        value = int.from_bytes(data, "big")
        told = tell(value)
        self.row(data, f"{what} {told}" if told else what, writer, back=size)
        return value

    def stop(self, data: bytes, reason: str) -> NoReturn:
        """What has just been taken makes no sense."""
        self.row(data, "?", back=len(data))
        raise Stopped(reason)

    def name(self, what: str, writer: Writer | None) -> str:
        """A length in a byte, and so many letters."""
        size = int.from_bytes(self.peek(1), "big")
        data = self.take(1 + size, f"the name of {what}")
        text = data[1:].decode("ascii", "replace")
        self.row(data, f"{what} {text!r}", writer, back=1 + size)
        return text

    @contextmanager
    def inside(self) -> Iterator[None]:
        self.depth += 1
        yield
        self.depth -= 1


# What a source sends


def read_stream(r: Reader) -> None:
    header = "savevm.qemu_savevm_state_header"
    if r.field(4, "magic number", (header, "QEMU_VM_FILE_MAGIC"), hex) != sv.QEMU_VM_FILE_MAGIC:
        raise Stopped("this is not a migration stream: it does not begin with 51 45 56 4d, 'QEVM'")
    r.field(4, "version", (header, "QEMU_VM_FILE_VERSION"))
    if r.peek(1) == bytes([sv.QEMU_VM_CONFIGURATION]):
        r.field(1, "the configuration follows", (header, "QEMU_VM_CONFIGURATION"), lambda _: "")
        with r.inside():
            size = r.field(4, "length", (header, "len("))
            name = r.take(size, "the machine's name")
            r.row(name, f"machine {name.decode('ascii', 'replace')!r}", (header, 'qemu_put_buffer(f, b"none")'), size)
    read_sections(r)
    read_description(r)
    if r.left():
        raise Stopped(f"{r.left()} bytes follow the end of the stream")


def read_sections(r: Reader) -> None:
    """Until the end mark; in a package until its bytes are used up."""
    known: dict[int, str] = {}
    while r.left() or not r.nesting:
        kind = r.take(1, "the next section or command")[0]
        if kind == sv.QEMU_VM_EOF:
            in_postcopy = not r.left()
            where = "savevm.qemu_savevm_state_complete_" + ("postcopy" if in_postcopy else "precopy")
            r.row(b"\0", "the end of all sections", (where, "qemu_put_byte(f, QEMU_VM_EOF)"), back=1)
            return
        if kind == sv.QEMU_VM_COMMAND:
            read_command(r)
        elif kind in SECTIONS:
            read_section(r, kind, known)
        else:
            r.stop(bytes([kind]), f"{kind:#04x} begins neither a section nor a command")


def read_section(r: Reader, kind: int, known: dict[int, str]) -> None:
    head = "savevm.save_section_header"
    r.row(bytes([kind]), SECTIONS[kind], (head, "qemu_put_byte(f, section_type)"), back=1)
    with r.inside():
        number = r.field(4, "section", (head, "qemu_put_be32(f, se.section_id)"))
        if kind in (sv.QEMU_VM_SECTION_START, sv.QEMU_VM_SECTION_FULL):
            known[number] = r.name("name", (head, "len(se.idstr)"))
            r.field(4, "instance", (head, "qemu_put_be32(f, 0)"))
            r.field(4, "version", (head, "se.version_id"))
        name = known.get(number) or ("ram" if r.start == 0 and kind != sv.QEMU_VM_SECTION_FULL else "")
        if kind == sv.QEMU_VM_SECTION_FULL and name in DEVICES:
            read_device(r, name)
        elif kind != sv.QEMU_VM_SECTION_FULL and name == "ram":
            read_memory(r)
        else:
            raise Stopped(f"section {number} {name!r} is of a kind that is not known here, and carries no length")
        footer = "savevm.save_section_footer"
        mark = r.take(1, "the section's footer")
        if mark[0] != sv.QEMU_VM_SECTION_FOOTER:
            r.stop(mark, f"{mark[0]:#04x} stands where the section's footer should, 0x7e")
        r.row(mark, "footer", (footer, "QEMU_VM_SECTION_FOOTER"), back=1)
        r.field(4, "of section", (footer, "se.section_id"))


def read_device(r: Reader, name: str) -> None:
    writer = ("savevm.qemu_savevm_state_complete_precopy", "qemu_put_buffer(f, se.data)")
    for field_name, kind, size in DEVICES[name]:
        data = r.take(size, f"{name}.{field_name}")
        if kind == "buffer":
            value = repr(data.split(b"\0")[0].decode("ascii", "replace"))
        elif kind == "unused_buffer":
            value = "(not used)"
        else:
            value = str(int.from_bytes(data, "big", signed=kind == "int64"))
        r.row(data, f"{field_name} {value}", writer, back=size)


def read_memory(r: Reader) -> None:
    """Records until the end mark."""
    save = "ram.save_page_header"
    while True:
        word = int.from_bytes(r.peek(8), "big")
        address, flags = word & -TARGET_PAGE_SIZE, word & (TARGET_PAGE_SIZE - 1)
        kind = flags & ~RAM_SAVE_FLAG_CONTINUE
        if r.left() >= 8 and word == RAM_SAVE_FLAG_EOS:
            r.field(8, "end of this part", ("ram.ram_save_iterate", "RAM_SAVE_FLAG_EOS"), lambda _: "")
            return
        if r.left() >= 8 and flags == RAM_SAVE_FLAG_MEM_SIZE:
            total = r.field(8, "size of the memory", ("ram.ram_save_setup", "RAM_SAVE_FLAG_MEM_SIZE"),
                            lambda v: f"{v & -TARGET_PAGE_SIZE} bytes")  # fmt: skip
            read_blocks(r, total & -TARGET_PAGE_SIZE)
        elif r.left() >= 8 and flags & RAM_SAVE_FLAG_CONTINUE and kind in (RAM_SAVE_FLAG_PAGE, RAM_SAVE_FLAG_ZERO):
            read_run(r, address, flags)
        else:
            r.field(8, "address and flags", (save, "qemu_put_be64(f, word)"), page_word)
            if kind not in (RAM_SAVE_FLAG_PAGE, RAM_SAVE_FLAG_ZERO):
                raise Stopped(f"a record of memory with the flags {flags:#x} is not known here")
            with r.inside():
                if not flags & RAM_SAVE_FLAG_CONTINUE:
                    r.block = r.name("of block", ("ram.put_block_name", "len(block.idstr)"))
                read_contents(r, kind)


def page_word(word: int) -> str:
    kind = "a whole page" if word & RAM_SAVE_FLAG_PAGE else "a page of one byte"
    return f"{word & -TARGET_PAGE_SIZE:#x}: {kind}"


def read_contents(r: Reader, kind: int) -> None:
    if kind == RAM_SAVE_FLAG_PAGE:
        data = r.take(TARGET_PAGE_SIZE, "a page")
        r.row(data, f"its {TARGET_PAGE_SIZE} bytes", ("ram.ram_save_page", "qemu_put_buffer(f, data)"), back=len(data))
    else:
        r.field(1, "all its bytes are", ("ram.ram_save_page", "qemu_put_byte(f, 0)"))


def read_run(r: Reader, address: int, flags: int) -> None:
    """Pages of the same kind and block that follow each other."""
    whole = bool(flags & RAM_SAVE_FLAG_PAGE)
    size = 8 + (TARGET_PAGE_SIZE if whole else 1)
    start, count = r.position, 0
    while r.left() >= size:
        word = int.from_bytes(r.peek(8), "big")
        if word != address + count * TARGET_PAGE_SIZE | flags or (not whole and r.peek(size)[-1] and count):
            break
        r.position += size
        count += 1
        if not whole and r.data[r.position - 1]:
            break
    if not count:
        r.take(size, "a page")
    data = r.data[start : r.position]
    pages = "page" if count == 1 else "pages"
    kind = f"whole {pages}" if whole else f"{pages} of byte {data[-1]}"
    last = address + count * TARGET_PAGE_SIZE - 1
    text = f"{count} {kind} of the same block, {address:#x} to {last:#x}, {size} bytes each"
    writer = ("ram.ram_save_more_pages", "PAGE_CONTINUED" if whole else "ZERO_CONTINUED")
    r.row(data, text, writer, back=len(data))


def read_blocks(r: Reader, total: int) -> None:
    with r.inside():
        while total > 0:
            r.block = r.name("block", ("ram.put_block_name", "len(block.idstr)"))
            size = r.field(8, "of", ("ram.ram_save_setup", "block.used_length)"), lambda v: f"{v} bytes")
            if not size:
                raise Stopped("a block of no bytes: the list would never end")
            total -= size


def read_command(r: Reader) -> None:
    number = int.from_bytes(r.peek(2), "big")
    meaning, writer = COMMANDS.get(number, ("unknown", (_COMMAND, "qemu_put_be16(f, command)")))
    r.row(bytes([sv.QEMU_VM_COMMAND]), f"command: {meaning}", writer, back=1)
    with r.inside():
        r.field(2, "number", (_COMMAND, "qemu_put_be16(f, command)"))
        length = r.field(2, "length", (_COMMAND, "qemu_put_be16(f, len(data))"))
        if number not in COMMANDS:
            raise Stopped(f"there is no command {number}")
        if number == sv.MIG_CMD_PACKAGED and length == 4:
            read_package(r, r.field(4, "size of the package", writer, lambda v: f"{v} bytes"))
            return
        data = r.take(length, "what the command carries")
        if data:
            r.row(data, payload(number, data), writer, back=length)


def payload(command: int, data: bytes) -> str:
    if command == sv.MIG_CMD_PING:
        return f"value {int.from_bytes(data, 'big')}"
    if command == sv.MIG_CMD_POSTCOPY_ADVISE:
        sizes = [str(int.from_bytes(data[at : at + 8], "big")) for at in range(0, len(data), 8)]
        return f"sizes of pages: {', '.join(sizes)}"
    if command == sv.MIG_CMD_RECV_BITMAP:
        return f"of block {data[1:].decode('ascii', 'replace')!r}"
    if command == sv.MIG_CMD_POSTCOPY_RAM_DISCARD and len(data) > 2:
        end = 2 + data[1]
        count, rest = divmod(len(data) - end - 1, 16)
        pages = sum(int.from_bytes(data[at + 8 : at + 16], "big") for at in range(end + 1, len(data), 16))
        odd = f", and {rest} bytes more" if rest else ""
        ranges = "1 range" if count == 1 else f"{count} ranges"
        return f"{ranges} of block {data[2:end].decode('ascii', 'replace')!r}, {pages} bytes in all{odd}"
    return f"{len(data)} bytes"


def read_package(r: Reader, size: int) -> None:
    there = r.peek(size)
    if r.nesting >= MAX_NESTING:
        raise Stopped("packages in packages in packages: it goes no further down here")
    inner = Reader(there, r.rows, r.at, r.depth + 1, r.nesting + 1)
    try:
        read_sections(inner)
    finally:
        r.position += inner.position
    if len(there) < size:
        raise Stopped(f"the stream ends here, after {len(there)} of {size} bytes of the package")
    r.position += inner.left()


def read_description(r: Reader) -> None:
    """After a precopy; a postcopy and a package have none."""
    if not r.left():
        return
    end = "savevm.qemu_savevm_state_complete_precopy"
    mark = r.take(1, "the description's mark")
    if mark[0] != sv.QEMU_VM_VMDESCRIPTION:
        r.stop(mark, f"{mark[0]:#04x} stands where a description of the machine could, 0x06")
    r.row(mark, "a description of the machine follows, which the loader throws away", (end, "QEMU_VM_VMDESCRIPTION"), 1)
    with r.inside():
        size = r.field(4, "length", (end, "len(description)"))
        text = r.take(size, "the description")
        try:
            devices = [device["name"] for device in json.loads(text)["devices"]]
            meaning = f"JSON; devices: {', '.join(devices)}"
        except (ValueError, LookupError, TypeError, RecursionError):
            meaning = "no JSON that is known here"
        r.row(text, meaning, (end, "qemu_put_buffer(f, description)"), back=size)


# What a destination answers


def read_answers(r: Reader) -> None:
    while r.left():
        number = int.from_bytes(r.peek(2), "big")
        if len(r.peek(2)) == 2 and number not in ANSWERS:
            r.stop(
                r.take(2, "a message"),
                "this is not a migration stream, which begins with 51 45 56 4d ('QEVM'), "
                f"and no return path, which has no message {number}",
            )
        meaning, writer = ANSWERS.get(number, ("", (_ANSWER, "qemu_put_be16(f, message)")))
        r.field(2, "message", writer, lambda value: f"{value}, {meaning}")  # noqa: B023 - called at once
        with r.inside():
            length = r.field(2, "length", (_ANSWER, "qemu_put_be16(f, len(data))"))
            data = r.take(length, "what the message carries")
            r.row(data, answer(number, data), writer, back=length)
            if number == rp.MIG_RP_MSG_RECV_BITMAP:
                read_bitmap(r)


def answer(number: int, data: bytes) -> str:
    if number in (rp.MIG_RP_MSG_REQ_PAGES, rp.MIG_RP_MSG_REQ_PAGES_ID) and len(data) >= 12:
        start, size = int.from_bytes(data[:8], "big"), int.from_bytes(data[8:12], "big")
        block = f" of block {data[13:].decode('ascii', 'replace')!r}" if number == rp.MIG_RP_MSG_REQ_PAGES_ID else ""
        return f"{size} bytes at {start:#x}{block}"
    if number == rp.MIG_RP_MSG_RECV_BITMAP:
        return f"of block {data[1:].decode('ascii', 'replace')!r}"
    value = int.from_bytes(data, "big")
    if number == rp.MIG_RP_MSG_SHUT:
        return f"value {value}: {'there was an error' if value else 'all is well'}"
    return f"value {value}"


def read_bitmap(r: Reader) -> None:
    writer = ("ram.ramblock_recv_bitmap_bytes", "return size.to_bytes")
    size = r.field(8, "size of the bitmap", writer, lambda v: f"{v} bytes")
    data = r.take(size, "the bitmap")
    r.row(data, f"{int.from_bytes(data, 'little').bit_count()} pages have come", writer, back=size)
    mark = r.field(8, "end mark", writer, hex)
    if mark != RAMBLOCK_RECV_BITMAP_ENDING:
        raise Stopped(f"the bitmap does not end in {RAMBLOCK_RECV_BITMAP_ENDING:#018x}")


def show_stream(stream: bytes | bytearray | memoryview | str | PathLike[str] | BinaryIO) -> StreamView:
    """A migration stream, annotated: bytes, the path of a file, or an open file.

    The rows say offset, bytes and meaning, and which line of the miniature writes them. What a destination answers on
    the return path is shown as well. Raises FileNotFoundError if there is no such file, TypeError for anything else.
    """
    if isinstance(stream, bytes | bytearray | memoryview):
        return StreamView(bytes(stream))
    if isinstance(stream, str | PathLike):
        return StreamView(Path(stream).read_bytes())
    read: Any = getattr(stream, "read", None)
    data = read() if callable(read) else None
    if not isinstance(data, bytes):
        raise TypeError(f"show_stream takes bytes, a path or a file opened with 'rb', not {type(stream).__name__}")
    return StreamView(data)
