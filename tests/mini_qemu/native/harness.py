"""Processes and monitors for the tests: each wait is for a state, an event or an end, and gives up after a minute."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
CAPTURES = ROOT / "tests" / "data" / "captures"
PATIENCE = 30  # seconds until a test that hangs fails; nothing is measured by it

MIGRATION_ENDS = {"completed", "failed", "cancelled"}


class QmpProblem(Exception):
    """An error reply."""

    def __init__(self, error: Mapping[str, str]) -> None:
        super().__init__(f"{error['class']}: {error['desc']}")
        self.cls = error["class"]
        self.desc = error["desc"]


class Qmp:
    """A client of its own, so that the server is not tested by a library that shares its mistakes."""

    def __init__(self, path: Path, *enable: str, negotiate: bool = True) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(str(path))
        self.received = bytearray()
        self.events: list[dict[str, Any]] = []
        self.number = 0
        self.greeting = self.receive()
        if negotiate:
            self("qmp_capabilities", **({"enable": list(enable)} if enable else {}))

    def line(self) -> str:
        while b"\n" not in self.received:
            arrived = self.sock.recv(1 << 16)
            if not arrived:
                raise EOFError("the monitor has hung up")
            self.received += arrived
        line, _, self.received = self.received.partition(b"\n")
        return line.decode()

    def receive(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self.line())
        return message

    def has_more(self, seconds: float) -> bool:
        """Whether a message is there, or comes in that time."""
        return b"\n" in self.received or bool(select.select([self.sock], [], [], seconds)[0])

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def answer(self, number: Any) -> Any:
        while True:
            message = self.receive()
            if "event" in message:
                self.events.append(message)
                continue
            assert message.get("id") == number, message
            if "error" in message:
                raise QmpProblem(message["error"])
            return message["return"]

    def start(self, command: str, oob: bool = False, /, **arguments: Any) -> int:
        self.number += 1
        request = {"exec-oob" if oob else "execute": command, "id": self.number}
        if arguments:
            request["arguments"] = {name.replace("_", "-"): value for name, value in arguments.items()}
        self.send(json.dumps(request).encode())
        return self.number

    def __call__(self, command: str, /, **arguments: Any) -> Any:
        return self.answer(self.start(command, **arguments))

    def oob(self, command: str, /, **arguments: Any) -> Any:
        return self.answer(self.start(command, True, **arguments))

    def wait_event(self, name: str, wanted: Callable[[Mapping[str, Any]], bool] = lambda data: True) -> dict[str, Any]:
        """The oldest event of this name whose data please and that nobody has asked for yet."""
        while True:
            for event in self.events:
                if event["event"] == name and wanted(event.get("data", {})):
                    self.events.remove(event)
                    return event
            message = self.receive()
            assert "event" in message, message
            self.events.append(message)

    def wait_status(self, *wanted: str) -> str:
        """The MIGRATION event of one of these states."""
        event = self.wait_event("MIGRATION", lambda data: data["status"] in wanted)
        status: str = event["data"]["status"]
        return status

    def capabilities(self, *names: str) -> None:
        self("migrate-set-capabilities", capabilities=[{"capability": name, "state": True} for name in names])

    def close(self) -> None:
        self.sock.close()


class Machine:
    """A process with a monitor: mini_qemu, or the real one."""

    def __init__(self, directory: Path, name: str, argv: list[str]) -> None:
        self.name = name
        self.path = directory / f"{name}.qmp"
        self.log = directory / f"{name}.log"
        self.dump = directory / f"{name}.ram"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT)
        self.monitors: list[Qmp] = []
        self._qmp: Qmp | None = None

    @property
    def qmp(self) -> Qmp:
        """The first monitor, with `oob` and with MIGRATION events."""
        if self._qmp is None:
            self._qmp = self.monitor("oob")
            self._qmp.capabilities("events")
        return self._qmp

    def monitor(self, *enable: str, negotiate: bool = True) -> Qmp:
        wait_for(lambda: self.path.exists() or self.process.poll() is not None, f"{self.name} makes its monitor")
        assert self.process.poll() is None, self.errors()
        wait_for(lambda: connectable(self.path), f"{self.name} listens")
        qmp = Qmp(self.path, *enable, negotiate=negotiate)
        self.monitors.append(qmp)
        return qmp

    def errors(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    def wait(self) -> int:
        """The exit status."""
        return self.process.wait(PATIENCE)

    def state(self, *wanted: str) -> str:
        """Wait until query-migrate says one of these."""
        seen = ""

        def reached() -> bool:
            nonlocal seen
            seen = self.qmp("query-migrate").get("status", "none")
            return seen in wanted

        wait_for(reached, f"{self.name} is {' or '.join(wanted)}", lambda: f"it is {seen}; {self.errors()}")
        return seen

    def settled(self, runstate: str) -> None:
        """The end is told before the clean-up: wait for that too."""
        migration = {"type": "migration"}  # the real one lists its monitors too
        wait_for(lambda: migration not in self.qmp("query-yank"), f"{self.name} has cleaned up")
        wait_for(lambda: self.qmp("query-status")["status"] == runstate, f"{self.name} is {runstate}")

    def ram(self, size: int, start: int = 0) -> bytes:
        self.qmp("pmemsave", val=start, size=size, filename=str(self.dump))
        return self.dump.read_bytes()

    def threads(self) -> list[str]:
        """As the kernel knows them, cut at fifteen characters."""
        names = []
        for comm in Path(f"/proc/{self.process.pid}/task").glob("*/comm"):
            try:
                names.append(comm.read_text().strip())
            except OSError:
                pass  # ended meanwhile
        return sorted(names)

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def end(self) -> None:
        """Ask, wait, and only then kill: this process, by its number."""
        if self.process.poll() is None:
            try:
                self.qmp.start("quit")
                self.process.wait(5)
            except (OSError, EOFError, AssertionError, subprocess.TimeoutExpired):
                self.process.kill()
                self.process.wait()
        for monitor in self.monitors:
            monitor.close()


def connectable(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as sock:
        try:
            sock.connect(str(path))
        except OSError:
            return False
    return True


def wait_for(condition: Callable[[], bool], what: str, but: Callable[[], str] = str) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"waited in vain until {what}: {but()}"
        time.sleep(0.005)


class Stage:
    """What a test starts, and a directory with a path short enough for unix sockets."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.machines: list[Machine] = []
        self.descriptors: list[int] = []  # open until the end

    def uri(self, name: str = "m") -> str:
        return f"unix:{self.directory / name}"

    def mini(self, name: str, *options: str, python: tuple[str, ...] = ()) -> Machine:
        argv = [sys.executable, *python, "-m", "mini_qemu", "-qmp", f"unix:{self.directory / name}.qmp", *options]
        return self.add(name, argv)

    def real(self, name: str, *options: str) -> Machine:
        program = shutil.which("qemu-system-x86_64")
        assert program is not None
        qmp = f"unix:{self.directory / name}.qmp,server=on,wait=off"
        argv = [program, "-M", "none", "-nodefaults", "-display", "none", "-qmp", qmp, *options]
        return self.add(name, argv)

    def add(self, name: str, argv: list[str]) -> Machine:
        machine = Machine(self.directory, name, argv)
        self.machines.append(machine)
        return machine

    def end(self) -> None:
        for machine in self.machines:
            machine.end()
        for fd in self.descriptors:
            os.close(fd)


PONG = bytes.fromhex("0002 0004")
SHUT_0 = bytes.fromhex("0001 0004 00000000")
SHUT_1 = bytes.fromhex("0001 0004 00000001")
PING_1 = bytes.fromhex("08 0002 0004 00000001")


@contextmanager
def listening(uri: str) -> Iterator[socket.socket]:
    """A destination played by the test."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(PATIENCE)
        sock.bind(uri.removeprefix("unix:"))
        sock.listen()
        yield sock


def accept(listener: socket.socket) -> socket.socket:
    sock, _ = listener.accept()
    sock.settimeout(PATIENCE)
    return sock


def connect(uri: str) -> socket.socket:
    """A source played by the test, at a destination that may not listen yet."""
    path = Path(uri.removeprefix("unix:"))
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(PATIENCE)

    def connected() -> bool:
        try:
            sock.connect(str(path))
        except OSError:
            return False
        return True

    wait_for(connected, f"{uri} is listened on")
    return sock


def read_until(sock: socket.socket, mark: bytes, data: bytes = b"") -> bytes:
    """Everything up to the message that holds `mark`, with what was read before; perhaps more than that."""
    while mark not in data:
        more = sock.recv(65536)
        if not more:
            break
        data += more
    return data


def was_aborted(machine: Machine) -> bool:
    return machine.wait() == -signal.SIGABRT
