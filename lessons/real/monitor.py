# SPDX-License-Identifier: GPL-2.0-or-later
"""A client of the monitor protocol, QMP, that never waits for ever. Facts: docs/interop/qmp-spec in QEMU.

Commands in-band and out-of-band may be under way at once, so replies are kept by the number of their request until
somebody asks for them. Events are dropped: a lab asks for states.
Left out: everything a program should use instead, qemu.qmp from PyPI; a scene needs to send one command without waiting
for it and another one meanwhile, from code that is not asynchronous.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from typing import Any

from lessons.real.clock import Clock
from lessons.real.problems import LabError


class NoAnswer(LabError):
    """A reply that did not come in time."""


class HungUp(LabError):
    """The monitor's connection has ended."""


class Refused(LabError):
    """An error reply; the message is the monitor's."""


class Monitor:
    """A connected socket, and the replies that nobody has asked for yet."""

    def __init__(self, name: str, sock: socket.socket, clock: Clock) -> None:
        self.name = name
        self.sock = sock
        self.clock = clock
        self.rest = b""
        self.number = 0
        self.replies: dict[int, Mapping[str, Any]] = {}
        greeting = self._message(clock.patience)
        if "QMP" not in greeting:
            raise LabError(f"What listens on the socket of {name} is not a monitor: it does not greet as QMP does.")
        self.call("qmp_capabilities", {"enable": ["oob"]})

    def send(self, command: str, arguments: Mapping[str, Any], oob: bool = False) -> int:
        """Send a request and do not wait; its number."""
        self.number += 1
        request: dict[str, Any] = {"exec-oob" if oob else "execute": command, "id": self.number}
        if arguments:
            request["arguments"] = arguments
        try:
            self.sock.settimeout(self.clock.patience)
            self.sock.sendall(json.dumps(request).encode() + b"\n")
        except OSError:
            raise HungUp(f"{self.name} has hung up its monitor.") from None
        return self.number

    def answer(self, number: int, seconds: float) -> Any:
        """The reply to a request. Raises NoAnswer, HungUp, and Refused for an error reply."""
        end = self.clock.after(seconds)
        while number not in self.replies:
            message = self._message(end.left())
            if "id" in message:
                self.replies[message["id"]] = message
        reply = self.replies.pop(number)
        if "error" in reply:
            raise Refused(str(reply["error"]["desc"]))
        return reply["return"]

    def call(self, command: str, arguments: Mapping[str, Any], oob: bool = False) -> Any:
        return self.answer(self.send(command, arguments, oob), self.clock.patience)

    def _message(self, seconds: float) -> Mapping[str, Any]:
        end = self.clock.after(seconds)
        while b"\n" not in self.rest:
            try:
                self.sock.settimeout(max(end.left(), 0.001))
                more = self.sock.recv(65536)
            except TimeoutError:
                raise NoAnswer(f"{self.name} did not answer within {seconds:.1f} s.") from None
            except OSError:
                more = b""
            if not more:
                raise HungUp(f"{self.name} has hung up its monitor.")
            self.rest += more
        line, _, self.rest = self.rest.partition(b"\n")
        try:
            message: Mapping[str, Any] = json.loads(line)
        except ValueError:
            raise LabError(f"The monitor of {self.name} sent something that is no JSON: {line[:40]!r}") from None
        return message
