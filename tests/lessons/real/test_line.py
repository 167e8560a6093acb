"""Your end of a connection: streams cut anywhere, messages that make no sense, ends that hang up or say nothing."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from lessons.real import Lab, LabError
from lessons.real.clock import Clock
from lessons.real.line import Line, messages, whole

STREAM = (Path(__file__).parents[2] / "data" / "captures" / "none-return-path.mig").read_bytes()
POSTCOPY = (Path(__file__).parents[2] / "data" / "captures" / "none-postcopy.mig").read_bytes()
PONG_1 = bytes.fromhex("0002 0004 00000001")
SHUT_0 = bytes.fromhex("0001 0004 00000000")

Notes = list[tuple[str, str, str]]


class Pair:
    """A line that is connected, the other end of it, and what was noted."""

    def __init__(self) -> None:
        mine, self.other = socket.socketpair()
        self.notes: Notes = []
        self.line = Line("you", Clock(1.0), lambda *note: self.notes.append(note), mine)

    def texts(self) -> list[str]:
        return [text for _, _, text in self.notes]


@pytest.fixture
def pair() -> Iterator[Pair]:
    it = Pair()
    yield it
    it.line.shut()
    it.other.close()


def test_a_whole_stream(pair: Pair):
    pair.other.sendall(STREAM)
    assert pair.line.read_stream() == STREAM
    assert pair.texts() == ["reads a whole stream, 761 bytes"]


def test_a_postcopy(pair: Pair):
    pair.other.sendall(POSTCOPY)
    assert pair.line.read_stream() == POSTCOPY
    assert pair.texts() == ["reads a postcopy to its end"]


def test_a_stream_is_whole_at_its_last_byte_only():
    assert [size for size in range(len(STREAM) + 1) if whole(STREAM[:size])] == [len(STREAM)]
    ends = [size for size in range(len(POSTCOPY) + 1) if POSTCOPY[:size].endswith(b"\0")][-40:]
    assert [size for size in ends if whole(POSTCOPY[:size])] == [len(POSTCOPY)]


@pytest.mark.parametrize("end", ["hangs up", "says nothing"])
def test_a_stream_cut_anywhere_is_a_sentence(end: str):
    sizes = range(len(STREAM)) if end == "hangs up" else (0, 400)
    for size in sizes:
        pair = Pair()
        pair.line.clock = Clock(10.0 if end == "hangs up" else 0.05)
        pair.other.sendall(STREAM[:size])
        if end == "hangs up":
            pair.other.close()
        with pytest.raises(LabError) as caught:
            pair.line.read_stream()
        cut = f"you: the stream is cut after {size} bytes: "
        waits = f"you waits for more than {size} bytes, and none come."
        said = str(caught.value)
        assert said.startswith(cut) if end == "hangs up" else said == waits
        pair.line.shut()
        pair.other.close()


def test_messages_with_their_meaning(pair: Pair):
    pages = bytes.fromhex("0003 0010 0000000000003000 00001000 03 72616d")
    pair.line.send(PONG_1 + pages)
    pair.line.send(bytes.fromhex("0009 0001 00"))
    assert pair.texts() == [
        "sends 00 02 00 04 00000001: PONG, value 1",
        "sends 00 03 00 10 00000000000030000000100003" + "72616d: REQ_PAGES_ID, 4096 bytes at 0x3000 of block 'ram'",
        "sends 00 09 00 01 00: no message of the return path: type 9",
    ]


@pytest.mark.parametrize("size", range(1, len(SHUT_0)))
def test_a_message_cut_anywhere_is_half_a_message(size: int):
    whole_one, half = messages(PONG_1 + SHUT_0[:size])
    assert whole_one == (PONG_1, "PONG, value 1")
    assert half == (SHUT_0[:size], "half a message")


def test_answers_are_read_up_to_shut(pair: Pair):
    pair.other.sendall(PONG_1 + SHUT_0)
    assert pair.line.read_answers() == PONG_1 + SHUT_0
    assert len(pair.notes) == 2


def test_nobody_answers(pair: Pair):
    pair.other.close()
    assert pair.line.read_answers() == b""
    assert pair.texts() == ["reads nothing: the other end has hung up"]


def test_fewer_bytes_than_wanted(pair: Pair):
    pair.other.sendall(b"abc")
    pair.other.close()
    with pytest.raises(LabError, match="wanted 1,000 bytes; the other end hung up after 3 bytes"):
        pair.line.read(1000)


def test_the_other_end_is_gone(pair: Pair):
    pair.other.close()
    with pytest.raises(LabError, match="cannot send: the other end has hung up"):
        pair.line.send(SHUT_0)


def test_a_socket_in_use_and_one_that_nobody_calls(lab: Lab):
    lab.clock = Clock(0.05)
    you = lab.listen("you")
    with pytest.raises(LabError, match=r"The socket .*you is in use\. Choose another name\."):
        lab.listen("you")
    with pytest.raises(LabError, match="you listens, and nobody connects"):
        you.read(1)
    with pytest.raises(LabError, match="The scene takes more than"):
        you.read(1)


def test_a_name_that_no_socket_can_have(lab: Lab):
    with pytest.raises(LabError, match="cannot be made"):
        lab.listen("x" * 120)
    with pytest.raises(LabError, match="cannot be made"):
        lab.listen("no/such/folder")
