# SPDX-License-Identifier: GPL-2.0-or-later
"""Where one JSON value ends and the next begins. Mirrors qobject/json-streamer.c and a part of json-parser.c.

A monitor's clients do not end their requests in a newline, and what arrives in one read may be half a request or
three. Braces and brackets outside strings are counted, and what lies between two returns to zero is one value. Garbage
costs an error and is dropped up to the next brace, so that one bad request does not spoil the next. Python's parser
takes more than JSON has; what a reply could not repeat as JSON is refused here.
Left out: strings in single quotes, interpolation.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any

MAX_BYTES = 64 << 20
MAX_NESTING = 1 << 10

SPACE = b" \t\r\n"
IN_STRING = re.compile(rb'["\\\xff]')
IN_BRACES = re.compile(rb'["{}\[\]\xff]')


class JsonError(ValueError):
    """What was read is no JSON; one sentence."""


class JSONMessageParser:
    """`feed(data)` yields each value that is complete, or a JsonError for each piece that is none."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.piece = bytearray()
        self.nesting = 0
        self.in_string = False
        self.escaped = False

    def feed(self, data: bytes) -> Iterator[Any]:
        at = 0
        while at < len(data):
            if (self.in_string or self.nesting) and not self.escaped:  # nothing in between can end the value
                found = (IN_STRING if self.in_string else IN_BRACES).search(data, at)
                end = found.start() if found else len(data)
                self.piece += data[at:end]
                at = end
            if at < len(data):
                yield from self.take_in(data[at])
                at += 1
            if len(self.piece) > MAX_BYTES or self.nesting > MAX_NESTING:
                self.reset()
                yield JsonError(f"a request is larger than {MAX_BYTES} bytes or nested deeper than {MAX_NESTING}")

    def take_in(self, byte: int) -> Iterator[Any]:
        """One byte that may begin, end or break something."""
        char = bytes([byte])
        if byte == 0xFF:  # a client's way to say: forget what I have begun
            if self.piece:
                yield JsonError("a request was given up with byte 0xff")
            self.reset()
            return
        if not self.nesting and not self.in_string:
            if self.piece and (char in SPACE or char in b"{["):
                yield self.take()  # a word or a number ends here
            if not self.piece and char in SPACE:
                return
        self.piece += char
        if self.in_string:
            self.in_string = self.escaped or char != b'"'
            self.escaped = not self.escaped and char == b"\\"
            if not self.in_string and not self.nesting:
                yield self.take()
        elif char == b'"':
            self.in_string = True
        elif char in b"{[":
            self.nesting += 1
        elif char in b"}]":
            self.nesting -= 1
            if self.nesting <= 0:
                yield self.take()

    def take(self) -> Any:
        piece = bytes(self.piece)
        self.reset()
        try:
            value = json.loads(
                piece.decode(), parse_constant=no_constant, parse_float=finite, object_pairs_hook=no_duplicates
            )
            if b"\\u" in piece:
                json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair is not a character
        except UnicodeError:
            return JsonError("this is no JSON: a character of it cannot be decoded")
        except (ValueError, RecursionError) as error:
            return JsonError(f"this is no JSON: {error}")
        return value


def no_constant(name: str) -> None:
    """Python would read NaN and Infinity, which no other JSON does."""
    raise ValueError(f"{name} is not a value")


def finite(text: str) -> float:
    """Python would make an infinity of it."""
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"the number {text[:20]} is too large")
    return value


def no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Python would take the last."""
    value = dict(pairs)
    if len(value) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} occurs twice in one object")
    return value
