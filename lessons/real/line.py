# SPDX-License-Identifier: GPL-2.0-or-later
"""Your end of a connection: you are the destination, the source, or somebody in between.

Bytes that are sent or read become one entry each, with what they mean. All waits are bounded; a line that is cut is a
sentence that says where.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Iterator

from lessons.real.clock import Clock
from lessons.real.problems import LabError
from lessons.views.stream import ANSWERS, StreamView, answer, show_stream

Note = Callable[[str, str, str], None]
END = "the end of all sections"
RUN = "command: run the guest"


def messages(data: bytes) -> Iterator[tuple[bytes, str]]:
    """Each message of a return path with its meaning; what is left of one that was cut comes last."""
    while data:
        kind, size = int.from_bytes(data[:2], "big"), int.from_bytes(data[2:4], "big")
        one, data = data[: 4 + size], data[4 + size :]
        whole = len(one) == 4 + size and len(one) >= 4
        if whole and kind in ANSWERS:
            yield one, f"{ANSWERS[kind][0].partition(':')[0]}, {answer(kind, one[4:])}"
        else:
            yield one, f"no message of the return path: type {kind}" if whole else "half a message"


class Line:
    """`sock` is what is connected; before that, `listener` is."""

    def __init__(
        self,
        name: str,
        clock: Clock,
        note: Note,
        sock: socket.socket | None = None,
        listener: socket.socket | None = None,
    ) -> None:
        self.name = name
        self.clock = clock
        self.note = note
        self._sock = sock
        self.listener = listener
        self.uri = ""

    def expect(self) -> None:
        """A migration will come; we listen already."""
        if self.listener is None:
            raise LabError(f"{self.name} does not listen: make it with lab.listen.")

    @property
    def sock(self) -> socket.socket:
        """The connection; accepted when first asked for."""
        if self._sock is None:
            if self.listener is None:
                raise LabError(f"{self.name} has hung up, and does not listen.")
            self.listener.settimeout(self.clock.patience)
            try:
                self._sock, _ = self.listener.accept()
            except TimeoutError:
                raise LabError(f"{self.name} listens, and nobody connects.") from None
        self._sock.settimeout(self.clock.patience)
        return self._sock

    def hang_up(self) -> None:
        """Close the connection. Who listens takes the next one after that."""
        self.sock.close()
        self._sock = None
        self.note(self.name, "does", "hangs up")

    def shut(self) -> None:
        for one in (self._sock, self.listener):
            if one is not None:
                one.close()

    # ---- bytes

    def send(self, data: bytes) -> None:
        """Send bytes. A return path's messages are shown with their meaning, a stream by its length."""
        try:
            self.sock.sendall(data)
        except TimeoutError:
            raise LabError(f"{self.name} sends, and nobody reads.") from None
        except OSError:
            raise LabError(f"{self.name} cannot send: the other end has hung up.") from None
        if data[:4] == b"QEVM" or len(data) > 64:
            self.note(self.name, "does", f"sends {len(data):,} bytes")
            return
        for one, meaning in messages(data):
            self.note(self.name, "does", f"sends {spaced(one)}: {meaning}")

    def read(self, size: int) -> bytes:
        """Read so many bytes, and no more."""
        data = self._gather(lambda data: len(data) >= size, lambda data: size - len(data))
        if len(data) < size:
            self._cut(data, f"{size:,} bytes")
        self.note(self.name, "shows", f"reads {size:,} bytes, and no more")
        return data

    def read_until(self, mark: bytes) -> bytes:
        """Read until these bytes have come."""
        data = self._gather(lambda data: mark in data)
        if mark not in data:
            self._cut(data, repr(mark))
        return data

    def read_stream(self, begun: bytes = b"") -> bytes:
        """Read a migration stream to its end; `begun` is what was read of it before."""
        data = self._gather(whole, begun=begun)
        view = show_stream(data)
        if not whole(data):
            why = view.rows[-1].meaning if view.rows and view.rows[-1].problem else "it has no end mark"
            raise LabError(f"{self.name}: the stream is cut after {len(data):,} bytes: {why}.")
        in_postcopy = any(row.meaning == RUN for row in view.rows)
        told = "a postcopy to its end" if in_postcopy else f"a whole stream, {len(data):,} bytes"
        self.note(self.name, "shows", f"reads {told}")
        return data

    def read_answers(self) -> bytes:
        """Read the return path to its last message, SHUT, or until the other end hangs up."""
        last = b"\0\1\0\4"
        data = self._gather(lambda data: any(one[:4] == last and len(one) == 8 for one, _ in messages(data)))
        for one, meaning in messages(data):
            self.note(self.name, "shows", f"reads {spaced(one)}: {meaning}")
        if not data:
            self.note(self.name, "shows", "reads nothing: the other end has hung up")
        return data

    def _gather(
        self, enough: Callable[[bytes], bool], most: Callable[[bytes], int] = lambda _: 1 << 16, begun: bytes = b""
    ) -> bytes:
        """Bytes until there are enough, or until the other end hangs up. Raises LabError if neither happens in time."""
        data, end, sock = begun, self.clock.after(self.clock.patience), self.sock
        while not enough(data):
            try:
                sock.settimeout(max(end.left(), 0.001))
                more = sock.recv(most(data))
            except TimeoutError:
                raise LabError(f"{self.name} waits for more than {len(data):,} bytes, and none come.") from None
            except OSError:
                break
            if not more:
                break
            data += more
        return data

    def _cut(self, data: bytes, wanted: str) -> None:
        raise LabError(f"{self.name} wanted {wanted}; the other end hung up after {len(data):,} bytes.")


def spaced(data: bytes) -> str:
    """Hexadecimal: two bytes of type, two of length, the rest."""
    return " ".join(part.hex(" ") if at < 2 else part.hex() for at, part in enumerate(
        (data[:2], data[2:4], data[4:])) if part)  # fmt: skip


def whole(data: bytes) -> bool:
    """Whether a stream has come to its end: a precopy with its description, a postcopy with its last section."""
    if not data.endswith((b"}", b"\0")):  # far cheaper than to read it all at every piece
        return False
    view: StreamView = show_stream(data)
    if not view.complete or not view.rows:
        return False
    last = view.rows[-1].meaning
    return last.startswith("JSON") or (last == END and any(row.meaning == RUN for row in view.rows))


def listening(path: str, buffer: int | None) -> socket.socket:
    """A unix socket that listens. Raises LabError if there is one already."""
    sock = socket.socket(socket.AF_UNIX)
    if buffer is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    try:
        sock.bind(path)
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRINUSE:
            raise LabError(f"The socket {path} is in use. Choose another name.") from None
        raise LabError(f"The socket {path} cannot be made: {error.strerror or error}.") from None
    sock.listen()
    return sock
