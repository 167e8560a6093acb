# SPDX-License-Identifier: GPL-2.0-or-later
"""A process with a monitor in a lab, QEMU or mini_qemu, and what an operator does to it.

What an operator types is an entry that "does", a state is an entry that "shows". States are asked for again and again
until they are what the scene expects; what lies between is not shown, since it depends on luck.
"""

from __future__ import annotations

import errno
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from lessons.real.clock import Clock
from lessons.real.monitor import HungUp, Monitor, NoAnswer, Refused
from lessons.real.problems import LabError

KEEPER = Path(__file__).parent / "keeper.py"
ENDED = ("completed", "failed", "cancelled")
MIGRATION = {"type": "migration"}
MESSAGES = 3  # lines that are shown of a process that ends
PROGRAM = re.compile(r"^\S+: ")
Note = Callable[[str, str, str], None]


class Target(Protocol):
    """Where a migration can go: a machine that expects one, or you."""

    name: str
    uri: str

    def expect(self) -> None:
        """Get ready."""


class Machine:
    """`name` is its column. Made by `lab.qemu` and `lab.mini`."""

    def __init__(
        self, name: str, folder: Path, command: Sequence[str], clock: Clock, note: Note, environment: dict[str, str]
    ) -> None:
        self.name = name
        self.folder = folder
        self.clock = clock
        self.note = note
        self.socket = str(folder / f"{name}.qmp")
        self.uri = f"unix:{folder / name}"
        self.log = folder / f"{name}.log"
        self.unanswered: int | None = None
        self.keeper = subprocess.Popen(
            [sys.executable, "-I", "-S", str(KEEPER), str(folder), str(self.log), *command],
            stdin=subprocess.PIPE,
            start_new_session=True,
            env=environment,
        )

    # ---- the process

    @property
    def ended(self) -> bool:
        return self.keeper.poll() is not None

    def kill(self) -> None:
        """End it as a power cut does."""
        self._signal()
        self.note(self.name, "does", "is killed")

    def _signal(self) -> None:
        assert self.keeper.stdin is not None
        try:
            self.keeper.stdin.write(b"k")
            self.keeper.stdin.flush()
        except OSError:
            pass  # it has ended already
        self._wait(self.clock.patience)

    def quit(self) -> None:
        """Ask it to end, and wait until it has."""
        self.note(self.name, "does", "quit")
        try:
            self.monitor.send("quit", {})
        except HungUp:
            pass
        self.dies()

    def dies(self) -> int:
        """Wait for its end; the exit status. Shows the last thing it said."""
        status = self._wait(self.clock.patience)
        if status is None:
            raise LabError(f"{self.name} was to end and still runs.")
        self.note(self.name, "shows", self._end(status))
        return status

    def _end(self, status: int) -> str:
        return f"ends with status {status}" + (f": {said}" if (said := self.last_words()) else "")

    def _wait(self, seconds: float) -> int | None:
        try:
            return self.keeper.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def last_words(self) -> str:
        """The last lines of its messages, without the name of the program."""
        try:
            lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return ""
        last = [line for line in lines if line.strip()][-MESSAGES:]
        return "; ".join(PROGRAM.sub("", line) for line in last)

    def let_go(self) -> None:
        """Its keeper kills it and removes the folder. Returns at once."""
        if self.keeper.stdin is not None:
            self.keeper.stdin.close()

    def gone(self) -> None:
        if "monitor" in self.__dict__:
            self.monitor.sock.close()
        self.keeper.wait()

    # ---- its monitor

    @property
    def address(self) -> str:
        """The path of its monitor's socket, on which it listens already."""
        self.connection().close()
        return self.socket

    def connection(self) -> socket.socket:
        """A connection to its monitor. Raises LabError if it ends before it listens."""
        if len(self.socket) > 100:
            raise LabError(f"The path of a socket may have about 100 characters: {self.socket} is too long.")
        found: list[socket.socket] = []

        def connected() -> bool:
            sock = socket.socket(socket.AF_UNIX)
            error = sock.connect_ex(self.socket)
            if not error:
                found.append(sock)
                return True
            sock.close()
            if error not in (errno.ENOENT, errno.ECONNREFUSED, errno.EAGAIN):
                raise LabError(f"The monitor of {self.name} cannot be reached: {errno.errorcode.get(error, error)}.")
            return self.ended

        self.clock.until(connected, self.clock.start)
        if found:
            return found[0]
        if self.ended:
            raise LabError(f"{self.name} {self._end(self.keeper.returncode)} before it listens.")
        raise LabError(f"{self.name} does not listen on its monitor.")

    @cached_property
    def monitor(self) -> Monitor:
        return Monitor(self.name, self.connection(), self.clock)

    def qmp(self, command: str, /, **arguments: Any) -> Any:
        """Type a command; what the monitor returns. An underscore stands for a hyphen in the names of arguments.

        Raises LabError for an error reply, for a monitor that has hung up, and where no answer comes.
        """
        given = {key.replace("_", "-"): value for key, value in arguments.items()}
        words = " ".join([command, *(str(value) if key == "uri" else f"{key}={value}" for key, value in given.items())])
        self.note(self.name, "does", words)
        return self._call(command, given)

    def _call(self, command: str, arguments: dict[str, Any], oob: bool = False) -> Any:
        try:
            return self.monitor.call(command, arguments, oob)
        except Refused as error:
            raise LabError(f"{self.name} refuses {command}: {error}") from None
        except HungUp:
            status = self._wait(1.0)
            end = f", and {self._end(status)}" if status is not None else "."
            raise LabError(f"{self.name} has hung up its monitor{end}") from None

    # ---- what an operator does

    def set(self, *capabilities: str) -> None:
        """Turn capabilities on."""
        self.note(self.name, "does", f"migrate-set-capabilities {' '.join(capabilities)}")
        self.enable(*capabilities)

    def enable(self, *capabilities: str) -> None:
        wanted = [{"capability": name, "state": True} for name in capabilities]
        if wanted:
            self._call("migrate-set-capabilities", {"capabilities": wanted})

    def expect(self) -> None:
        """Wait for a migration on its own socket, as one that was started with -incoming defer does."""
        self.qmp("migrate-incoming", uri=self.uri)

    def migrate(self, to: Target) -> None:
        """Begin a migration to you or to a machine that expects one."""
        to.expect()
        self.qmp("migrate", uri=to.uri)

    def cancel(self) -> None:
        self.qmp("migrate_cancel")

    def yank(self) -> None:
        """Cut the migration's connections, out of band: no need of the main loop."""
        self.note(self.name, "does", "yank, out-of-band")
        self._call("yank", {"instances": [MIGRATION]}, oob=True)

    # ---- what it says

    def state(self) -> tuple[str, str]:
        """Of the migration, and of the guest."""
        migration = self._call("query-migrate", {}).get("status", "none")
        return str(migration), str(self._call("query-status", {})["status"])

    def until(self, migration: str = "", guest: str = "") -> None:
        """Wait until both are as given, and show it. Raises LabError if that does not happen."""
        seen = ("", "")

        def reached() -> bool:
            nonlocal seen
            seen = self.state()
            return all(not wanted or wanted == one for wanted, one in zip((migration, guest), seen, strict=True))

        there = self.clock.until(reached)
        if not there:
            wanted = " and ".join(f"{k} {v}" for k, v in (("migration", migration), ("guest", guest)) if v)
            raise LabError(f"{self.name} was to come to {wanted}. It is at migration {seen[0]}, guest {seen[1]}.")
        self._show(seen)

    def outcome(self) -> str:
        """Wait for the end of the migration and show it: "completed", "failed" or "cancelled".

        The end is known before the clean-up, which wakes a guest; so wait for that, too.
        """
        self.clock.until(lambda: self.state()[0] in ENDED and MIGRATION not in self._call("query-yank", {}))
        seen = self.state()
        self._show(seen)
        if seen[0] not in ENDED:
            raise LabError(f"{self.name}: the migration was to end, and is {seen[0]}.")
        return seen[0]

    def half_a_second_later(self) -> str:
        """Show the state then, whatever it is."""
        self.clock.until(lambda: False, 0.5)
        seen = self.state()
        self._show(seen, "half a second later: ")
        return seen[0]

    def _show(self, seen: tuple[str, str], when: str = "") -> None:
        self.note(self.name, "shows", f"{when}migration {seen[0]}, guest {seen[1]}")

    def until_deaf(self) -> None:
        """Wait until the main loop is blocked: a command typed first is not answered, an out-of-band one is."""

        def overtaken() -> bool:
            first = self.monitor.send("query-status", {})
            self.monitor.answer(self.monitor.send("query-yank", {}, oob=True), self.clock.patience)
            try:
                self.monitor.answer(first, 0.25)
            except NoAnswer:
                self.unanswered = first
            return self.unanswered is not None

        if not self.clock.until(overtaken):
            raise LabError(f"The main loop of {self.name} was to be blocked, and answers.")
        self.note(self.name, "does", "query-status")
        self.note(self.name, "shows", "no answer: the main loop is blocked")
        self.note(self.name, "does", "query-yank, out-of-band")
        self.note(self.name, "shows", "an answer at once")

    def hears_again(self) -> None:
        """Show that the command that waited is answered now."""
        if self.unanswered is None:
            raise LabError(f"No command waits for {self.name}: call until_deaf first.")
        self.monitor.answer(self.unanswered, self.clock.patience)
        self.unanswered = None
        self.note(self.name, "shows", "the query-status that waited is answered")

    def memory(self, size: int) -> bytes:
        """The first bytes of the guest's memory."""
        dump = self.folder / f"{self.name}.ram"
        self._call("pmemsave", {"val": 0, "size": size, "filename": str(dump)})
        return dump.read_bytes()
