"""The annotated stream: every byte in exactly one row, wherever it is cut and whatever is damaged."""

from __future__ import annotations

import io
import random
from pathlib import Path

import pytest

import lessons
from lessons.views import stream as module
from lessons.views.stream import ANSWERS, COMMANDS, StreamView, line_of, show_stream
from mini_qemu.ram import RAMBlock, ramblock_recv_bitmap_bytes
from tests.mini_qemu.test_stream import written_by

CAPTURES = Path(__file__).parents[2] / "data" / "captures"
NAMES = ("none", "none-return-path", "none-postcopy")
ANSWERED = bytes.fromhex(
    "0002 0004 00000001  0003 0010 0000000000002000 00001000 03 72616d  0004 000c 0000000000003000 00001000"
    "0006 0004 00000001  0001 0004 00000000"
)


def tiles(view: StreamView) -> bytes:
    """The rows' bytes, which must lie side by side."""
    at = 0
    for row in view.rows:
        assert row.offset == at, row
        at += len(row.data)
    return b"".join(row.data for row in view.rows)


@pytest.mark.parametrize("name", NAMES)
def test_every_byte_of_a_capture_is_told(name: str):
    path = CAPTURES / f"{name}.mig"
    view = lessons.show_stream(path)
    assert view.complete
    assert tiles(view) == path.read_bytes()
    text = repr(view)
    for word in ("magic number 0x5145564d", "machine 'none'", "name 'ram'", "runstate 'running'", "end of all"):
        assert word in text
    with path.open("rb") as file:
        assert repr(show_stream(file)) == text == repr(show_stream(str(path))) == repr(show_stream(path.read_bytes()))


def test_a_postcopy_is_nested():
    view = show_stream(CAPTURES / "none-postcopy.mig")
    depths = {row.meaning: row.depth for row in view.rows}
    assert depths["command: a package"] == 0
    assert depths["command: listen: another thread reads on"] == 2
    assert depths["cpu_clock_offset 274021298"] == 3
    assert "222 pages of byte 0 of the same block, 0xd2000 to 0x1affff, 9 bytes each" in depths


def test_what_the_model_writes():
    view = show_stream(written_by("return-path"))
    assert view.complete
    assert "command: ping" in repr(view)


def test_what_a_destination_answers():
    bitmap = bytes.fromhex("0005 0004 03 72616d") + ramblock_recv_bitmap_bytes(RAMBlock("ram", 70))
    view = show_stream(bitmap + ANSWERED)
    assert view.complete
    assert tiles(view) == bitmap + ANSWERED
    text = repr(view)
    for word in ("0 pages have come", "PONG", "4096 bytes at 0x2000 of block 'ram'", "value 0: all is well"):
        assert word in text


@pytest.mark.parametrize("stream", [(CAPTURES / "none-return-path.mig").read_bytes(), ANSWERED], ids=len)
def test_cut_anywhere_it_says_so(stream: bytes):
    ends = {0, 270} if stream.startswith(b"Q") else {0, 8, 28, 44, 52}  # whole messages; the description may be missing
    for length in range(len(stream)):
        view = show_stream(stream[:length])
        assert tiles(view) == stream[:length]
        if length in ends and length:
            assert view.complete
            continue
        last = view.rows[-1]
        assert last.problem
        assert f"ends here, after {len(view.rows[-2].data) if length else 0} of" in last.meaning or length < 3
        assert last.offset == length
        assert "✕" in repr(view)


def test_a_package_cut_anywhere():
    stream = (CAPTURES / "none-postcopy.mig").read_bytes()
    for length in range(4060, 4300):
        view = show_stream(stream[:length])
        assert tiles(view) == stream[:length]
        assert not view.complete


def test_damaged_anywhere_it_is_told_or_refused():
    stream = (CAPTURES / "none-postcopy.mig").read_bytes()[:5000]
    chance = random.Random(1)
    for at in range(0, len(stream), 3):
        damaged = stream[:at] + bytes([chance.randrange(256)]) + stream[at + 1 :]
        view = show_stream(damaged)
        assert damaged.startswith(tiles(view))
        assert repr(view)


@pytest.mark.parametrize(("data", "says"), [
    (b"PK\3\4 a zip file", "not a migration stream"),
    (b"QEVM" + bytes(4) + b"\x42", "begins neither a section nor a command"),
    ((CAPTURES / "none.mig").read_bytes()[:17] + bytes.fromhex("04 00000007 03 72746300000000 00000001"), "'rtc'"),
    ((CAPTURES / "none.mig").read_bytes() + b"more", "4 bytes follow the end"),
])  # fmt: skip
def test_what_cannot_be_read_is_said_in_a_sentence(data: bytes, says: str):
    view = show_stream(data)
    assert not view.complete
    assert says in view.rows[-1].meaning


def test_packages_do_not_nest_without_end():
    assert not show_stream((CAPTURES.parent / "native" / "nested_packaged.mig").read_bytes()).complete


def test_every_field_names_the_line_that_writes_it():
    seen = set()
    for name in NAMES:
        for row in show_stream(CAPTURES / f"{name}.mig").rows:
            assert row.writer is not None
            seen.add(row.writer)
    seen |= {writer for _, writer in [*COMMANDS.values(), *ANSWERS.values()]}
    seen |= {("ram.ramblock_recv_bitmap_bytes", "return size.to_bytes"), ("ram.ram_save_more_pages", "PAGE_CONTINUED")}
    for writer in seen:
        line = line_of(writer)
        assert writer[1] in line.text
        assert line.text in (Path(module.__file__).parents[2] / line.path).read_text(encoding="utf-8")


def test_html_is_escaped_and_opens_the_line():
    view = show_stream((CAPTURES / "none.mig").read_bytes()[:9] + bytes.fromhex("00000008") + b"<script>")
    markup = view._repr_html_()
    assert "&lt;script&gt;" in markup
    assert "<script>" not in markup
    assert "<details><summary>savevm.py:" in markup


def test_what_is_no_stream_at_all():
    with pytest.raises(TypeError, match="not int"):
        show_stream(7)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="StringIO"):
        show_stream(io.StringIO("QEVM"))  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError):
        show_stream("no/such/file.mig")
