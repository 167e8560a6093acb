# SPDX-License-Identifier: GPL-2.0-or-later
"""Where one JSON value ends and the next begins. Mirrors qobject/json-streamer.c.

A monitor's clients do not end their requests in a newline, and what arrives in one read may be half a request or
three. Braces and brackets outside strings are counted, and what lies between two returns to zero is one value. Garbage
costs an error and is dropped up to the next brace, so that one bad request does not spoil the next.
Left out: strings in single quotes, interpolation.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

MAX_BYTES = 64 << 20
MAX_NESTING = 1 << 10

SPACE = b" \t\r\n"


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
        for byte in data:
            char = bytes([byte])
            if byte == 0xFF:  # a client's way to say: forget what I have begun
                if self.piece:
                    yield JsonError("a request was given up with byte 0xff")
                self.reset()
                continue
            if not self.piece and char in SPACE:
                continue
            if not self.nesting and not self.in_string and self.piece and (char in SPACE or char in b"{["):
                yield self.take()  # a word or a number ends here
                if char in SPACE:
                    continue
            self.piece += char
            if self.in_string:
                if self.escaped:
                    self.escaped = False
                elif char == b"\\":
                    self.escaped = True
                elif char == b'"':
                    self.in_string = False
                    if not self.nesting:
                        yield self.take()
            elif char == b'"':
                self.in_string = True
            elif char in b"{[":
                self.nesting += 1
            elif char in b"}]":
                self.nesting -= 1
                if self.nesting <= 0:
                    yield self.take()
            if len(self.piece) > MAX_BYTES or self.nesting > MAX_NESTING:
                self.reset()
                yield JsonError(f"a request is larger than {MAX_BYTES} bytes or nested deeper than {MAX_NESTING}")

    def take(self) -> Any:
        piece = bytes(self.piece)
        self.reset()
        try:
            return json.loads(piece.decode(), parse_constant=no_constant)
        except (ValueError, RecursionError) as error:
            return JsonError(f"this is no JSON: {error}")


def no_constant(name: str) -> None:
    """Python would read NaN and Infinity, which no other JSON does."""
    raise ValueError(f"{name} is no value")
