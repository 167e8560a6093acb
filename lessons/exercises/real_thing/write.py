# SPDX-License-Identifier: GPL-2.0-or-later
"""07, write: take the messages out of the bytes of a return path. Judged on bytes as they come off a socket."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from lessons.exercises.model import Exercise, Outcome, Trial, When
from lessons.exercises.mounting import Place
from mini_qemu.sched import Scenario

PONG_1 = bytes.fromhex("0002 0004 00000001")
SHUT_0 = bytes.fromhex("0001 0004 00000000")
PAGES_ID = bytes.fromhex("0003 0010 0000000000003000 00001000 03 72616d")  # 4096 bytes at 0x3000 of block "ram"
PAGES = bytes.fromhex("0004 000c 0000000000005000 00001000")
UNKNOWN = bytes.fromhex("0101 0102") + bytes(0x102)
SHOWN = 24  # bytes of a sample or a payload in a message

Message = tuple[int, bytes]
reader = Place(lambda data: [])


@dataclass(frozen=True)
class Sample:
    """Bytes that came together off a socket."""

    about: str
    data: bytes

    def complaint(self, given: object) -> str:
        """What is wrong with an answer, or ""."""
        wanted = read(self.data)
        if isinstance(given, list | tuple) and [_pair(one) for one in given] == wanted:
            return ""
        return f"in {self.about}, {_hex(self.data, ' ')}, you find {_told(given)}, and there is {_told(wanted)}"


def read(data: bytes) -> list[Message]:
    found = []
    while len(data) >= 4 and len(data) >= (end := 4 + int.from_bytes(data[2:4], "big")):
        found.append((int.from_bytes(data[:2], "big"), data[4:end]))
        data = data[end:]
    return found


def _pair(one: Any) -> Any:
    """A message as a learner may write it, or what is there instead."""
    if isinstance(one, list | tuple) and len(one) == 2 and isinstance(one[1], bytes | bytearray):
        return one[0], bytes(one[1])
    return one


def _told(given: object) -> str:
    if not isinstance(given, list | tuple):
        return repr(given)
    return ", ".join(map(_message, given)) or "nothing"


def _message(one: Any) -> str:
    pair = _pair(one)
    return f"({pair[0]}, {_hex(pair[1])})" if isinstance(pair, tuple) and isinstance(pair[-1], bytes) else repr(one)


def _hex(data: bytes, between: str = "") -> str:
    text = data[:SHOWN].hex(between, 2) if between else data[:SHOWN].hex()
    return text if len(data) <= SHOWN else f"{text}.. ({len(data)} bytes)"


@dataclass
class Asked:
    """Not shared: what a thread finds here is nobody else's business, and there is no step to schedule."""

    samples: Sequence[Sample]
    found: list[object] = field(default_factory=list)


def asks(w: Asked) -> None:
    for sample in w.samples:
        w.found.append(reader.function(sample.data))


def right(w: Asked) -> bool:
    for sample, given in zip(w.samples, w.found, strict=True):
        complaint = sample.complaint(given)
        assert not complaint, complaint
    return True


def trial(name: str, about: str, *samples: Sample) -> Trial:
    return Trial(Scenario(name, lambda: Asked(samples), {"reader": asks}, right), about)


PRECOPY = trial(
    "a-precopy",
    "a precopy is answered",
    Sample("the answers to a precopy", PONG_1 + SHUT_0),
    Sample("nothing at all", b""),
)
POSTCOPY = trial(
    "a-postcopy",
    "a postcopy asks for pages",
    Sample("a postcopy that asks for pages", PONG_1 + PAGES_ID + PAGES + SHUT_0),
    Sample("a message of a type that there is not", UNKNOWN + SHUT_0),
    Sample("two messages, the last of them without a payload", PONG_1 + bytes.fromhex("0006 0000")),
)
CUT = trial(
    "a-read-in-pieces",
    "a read ends in the middle of a message",
    Sample("a read that ends in a payload", PONG_1 + PAGES_ID[:11]),
    Sample("a read that ends one byte early", PONG_1 + SHUT_0[:-1]),
    Sample("a read that ends in a header", PONG_1 + SHUT_0[:3]),
    Sample("a read that ends after a header", PONG_1 + SHUT_0[:4]),
    Sample("a single byte", SHUT_0[:1]),
)
TRIALS = (PRECOPY, POSTCOPY, CUT)


def like(*models: Callable[[bytes], object]) -> When:
    """Whether the answer finds in the first sample that it gets wrong what one of these functions finds there."""

    def when(o: Outcome) -> bool:
        return any(same(o, model) for model in models)

    def same(o: Outcome, model: Callable[[bytes], object]) -> bool:
        for sample in o.trial.scenario.setup().samples:
            try:
                complaint = sample.complaint(model(sample.data))
            except (IndexError, ValueError):
                return False
            if complaint:
                return o.says(complaint)
        return False

    return when


def _eight_bytes(kind: slice, tail: int) -> Callable[[bytes], list[Message]]:
    """A reader of eight bytes at a time; `tail` is 8 where a rest of fewer bytes is left out, else 1."""

    def reads(data: bytes) -> list[Message]:
        pieces = [data[at : at + 8] for at in range(0, len(data) - tail + 1, 8)]
        return [(int.from_bytes(one[kind], "big"), one[4:]) for one in pieces]

    return reads


def _walk(
    data: bytes, size: Callable[[bytes], int], payload: Callable[[bytes, int], bytes], whole: bool = True
) -> list[Message]:
    """A reader with a mistake: `size` is how far it goes on, `payload` what it takes."""
    found = []
    while len(data) >= 4 if whole else data:
        step = size(data)
        if step <= 0 or (whole and len(data) < step):
            break
        found.append((int.from_bytes(data[:2], "big"), payload(data, step)))
        data = data[step:]
    return found


def _length(data: bytes) -> int:
    return int.from_bytes(data[2:4], "big")


READ = Exercise(
    name="real-thing/read",
    lesson="07_the_real_thing",
    title="Read the return path",
    statement="Take the messages out of the bytes of a return path: a list of (type, payload). What is cut at the end"
    " stays for the next read, so leave it out.",
    why="This is what QEMU's return path thread does for each message: four bytes of header, then as many as the header"
    " says. It takes no message in part.",
    trials=TRIALS,
    mount=reader.mount,
    hints=(
        "A message is type (2 bytes), length (2 bytes), and then `length` bytes. All numbers are big-endian.",
        '`int.from_bytes(data[2:4], "big")` is the length. The next message begins at `4 + length`.',
        "Before you take a message, ask twice: are there four bytes, and are there `4 + length`?",
    ),
    equivalent={
        "swap statements 1 and 2 in line 3: while len(data) >= 4:": "neither of the two numbers depends on the other",
    },
)


@READ.starts_from(
    "You take eight bytes for each message. PONG and SHUT have eight; a request for pages has more. The length is in"
    " bytes 2 and 3.",
    like(*(_eight_bytes(kind, tail) for kind in (slice(1, 2), slice(2)) for tail in (1, 8))),
)
def messages(data):
    found = []
    while data:
        found.append((data[1], data[4:8]))
        data = data[8:]
    return found


@READ.solved_by
def header_then_payload(data):
    found = []
    while len(data) >= 4:
        kind = int.from_bytes(data[:2], "big")
        length = int.from_bytes(data[2:4], "big")
        if len(data) < 4 + length:
            break
        found.append((kind, data[4 : 4 + length]))
        data = data[4 + length :]
    return found


@READ.refutes(
    "You read the numbers with the low byte first. On the wire they are big-endian: the high byte comes first.",
    like(lambda data: _walk(data, lambda d: 4 + int.from_bytes(d[2:4], "little"), lambda d, n: d[4:n])),
)
def low_byte_first(data):
    found = []
    while len(data) >= 4:
        kind = int.from_bytes(data[:2], "little")
        length = int.from_bytes(data[2:4], "little")
        if len(data) < 4 + length:
            break
        found.append((kind, data[4 : 4 + length]))
        data = data[4 + length :]
    return found


@READ.refutes(
    "Your payload begins with the header. The payload is what follows the first four bytes.",
    like(lambda data: _walk(data, lambda d: 4 + _length(d), lambda d, n: d[:n])),
)
def with_its_header(data):
    found = []
    while len(data) >= 4:
        length = int.from_bytes(data[2:4], "big")
        if len(data) < 4 + length:
            break
        found.append((int.from_bytes(data[:2], "big"), data[: 4 + length]))
        data = data[4 + length :]
    return found


@READ.refutes(
    "The length counts the payload only. You count the header in it, so you stop four bytes too early.",
    like(lambda data: _walk(data, _length, lambda d, n: d[4:n])),
)
def header_counted(data):
    found = []
    while len(data) >= 4:
        length = int.from_bytes(data[2:4], "big")
        if len(data) < length or length == 0:
            break
        found.append((int.from_bytes(data[:2], "big"), data[4:length]))
        data = data[length:]
    return found


@READ.refutes(
    "The type has two bytes, and you look at one of them. 01 01 is no SHUT; a type that nobody knows must stay one.",
    like(lambda data: [(kind & 0xFF, payload) for kind, payload in read(data)]),
)
def half_a_type(data):
    found = []
    while len(data) >= 4:
        length = int.from_bytes(data[2:4], "big")
        if len(data) < 4 + length:
            break
        found.append((data[1], data[4 : 4 + length]))
        data = data[4 + length :]
    return found


@READ.refutes(
    "You take half a message for a whole one. A read ends anywhere; check that all of the payload is there.",
    like(lambda data: _walk(data, lambda d: 4 + _length(d), lambda d, n: d[4:n], whole=False)),
)
def half_a_message(data):
    found = []
    while len(data) >= 4:
        kind = int.from_bytes(data[:2], "big")
        length = int.from_bytes(data[2:4], "big")
        found.append((kind, data[4 : 4 + length]))
        data = data[4 + length :]
    return found


@READ.refutes(
    "You drop the last message, which is whole. `4 + length` bytes are enough; more than that need not be there.",
    like(lambda data: [one for one, at in zip(read(data), _ends(data), strict=True) if at < len(data)]),
)
def one_more_byte(data):
    found = []
    while len(data) > 4:
        length = int.from_bytes(data[2:4], "big")
        if len(data) <= 4 + length:
            break
        found.append((int.from_bytes(data[:2], "big"), data[4 : 4 + length]))
        data = data[4 + length :]
    return found


def _ends(data: bytes) -> list[int]:
    """Where each whole message ends."""
    ends, at = [], 0
    for _, payload in read(data):
        at += 4 + len(payload)
        ends.append(at)
    return ends


@READ.refutes(
    "Your reader stops with an error where a message is cut. That is not an error: the rest comes with the next read.",
    lambda o: o.during(CUT) and o.kinds == {"crash"},
)
def cut_is_an_error(data):
    found = []
    while data:
        if len(data) < 4:
            raise ValueError("cut")
        length = int.from_bytes(data[2:4], "big")
        if len(data) < 4 + length:
            raise ValueError("cut")
        found.append((int.from_bytes(data[:2], "big"), data[4 : 4 + length]))
        data = data[4 + length :]
    return found


@READ.accepts
def with_an_offset(data):
    found = []
    at = 0
    while at + 4 <= len(data):
        end = at + 4 + int.from_bytes(data[at + 2 : at + 4], "big")
        if end > len(data):
            break
        found.append((int.from_bytes(data[at : at + 2], "big"), data[at + 4 : end]))
        at = end
    return found


@READ.accepts
def with_struct(data):
    import struct

    found = []
    while len(data) >= 4:
        kind, length = struct.unpack_from(">HH", data)
        if len(data) < 4 + length:
            break
        found.append((kind, data[4 : 4 + length]))
        data = data[4 + length :]
    return found


@READ.accepts
def by_hand(data):
    found = []
    while len(data) >= 4:
        kind = data[0] * 256 + data[1]
        length = data[2] * 256 + data[3]
        payload = data[4 : 4 + length]
        if len(payload) != length:
            break
        found.append((kind, payload))
        data = data[4 + length :]
    return found
