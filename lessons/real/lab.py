# SPDX-License-Identifier: GPL-2.0-or-later
"""A lab: a temporary folder, the processes in it, the ends of lines that you hold, and the transcript.

    with Lab() as lab:
        source = lab.qemu("source")

Leaving the lab ends everything that it started, whatever happened inside; keeper.py sees to the rest.
"""

from __future__ import annotations

import os
import shutil
import socket
import sys
import tempfile
from pathlib import Path
from types import TracebackType

from lessons.places import ROOT
from lessons.real import programs
from lessons.real.clock import SCENE, Clock
from lessons.real.line import Line, listening
from lessons.real.machine import Machine
from lessons.real.problems import LabError
from lessons.real.transcript import Entry

RETURN_PATH = ("return-path",)
LONGEST_FOLDER = 60  # a socket's path has room for 107 bytes, on macOS for 103


class Lab:
    """`entries` is what has happened so far; `versions` are those of the QEMUs that were started."""

    def __init__(self, seconds: float = SCENE) -> None:
        programs.need_processes()
        self.clock = Clock(seconds)
        self.entries: list[Entry] = []
        self.versions: set[str] = set()
        self.machines: dict[str, Machine] = {}
        self.lines: list[Line] = []
        folder = tempfile.mkdtemp(prefix="mq")
        if len(folder) > LONGEST_FOLDER:
            os.rmdir(folder)
            folder = tempfile.mkdtemp(prefix="mq", dir="/tmp")
        self.folder = Path(folder)

    def __enter__(self) -> Lab:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        """End all processes, close all lines, remove the folder."""
        try:
            for machine in self.machines.values():
                machine.let_go()
            for line in self.lines:
                line.shut()
            for machine in self.machines.values():
                machine.gone()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def note(self, who: str, kind: str, what: object) -> None:
        """An entry of the transcript, of what somebody "does" or "shows"; paths of this machine are left out."""
        self.entries.append(Entry(who, kind, self.without_paths(str(what))))

    def without_paths(self, text: str) -> str:
        return text.replace(f"{self.folder}/", "")

    # ---- who takes part

    def qemu(
        self, name: str, *options: str, incoming: bool = False, capabilities: tuple[str, ...] = RETURN_PATH
    ) -> Machine:
        """Start a QEMU, of machine none if no other is given. Raises Missing if there is none here.

        `incoming`: it will be a destination. `capabilities` are turned on at once.
        """
        program = programs.qemu()
        self.versions.add(program.version)
        options = (*(() if "-M" in options else ("-M", "none")), *options)
        qmp = f"unix:{self.folder / name}.qmp,server=on,wait=off"
        command = [program.path, "-nodefaults", "-display", "none", "-qmp", qmp, *options]
        return self._start(name, "QEMU", command, options, incoming, capabilities)

    def mini(
        self, name: str, *options: str, incoming: bool = False, capabilities: tuple[str, ...] = RETURN_PATH
    ) -> Machine:
        """Start a mini_qemu; as `qemu`."""
        command = [sys.executable, "-m", "mini_qemu", "-qmp", f"unix:{self.folder / name}.qmp", *options]
        return self._start(name, "mini_qemu", command, options, incoming, capabilities)

    def _start(
        self,
        name: str,
        program: str,
        command: list[str],
        options: tuple[str, ...],
        incoming: bool,
        capabilities: tuple[str, ...],
    ) -> Machine:
        self._free(name, machine=True)
        if incoming:
            options = (*options, "-incoming", "defer")
            command += ["-incoming", "defer"]
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
        machine = Machine(name, self.folder, command, self.clock, self.note, {**os.environ, "PYTHONPATH": path})
        self.machines[name] = machine
        on = f", with {' and '.join(capabilities)}" if capabilities else ""
        self.note(name, "does", " ".join([program, *options]) + on)
        machine.enable(*capabilities)
        return machine

    def listen(self, name: str = "you", buffer: int | None = None) -> Line:
        """You, as a destination. `buffer`: at least so many bytes fit on the way to you.

        Raises LabError if the socket is in use.
        """
        self._free(name)
        path = self.folder / name
        line = Line(name, self.clock, self.note, listener=listening(str(path), buffer))
        line.uri = f"unix:{path}"
        self.lines.append(line)
        return line

    def connect(self, to: Machine, name: str = "you") -> Line:
        """You, as a source: a machine that expects a migration gets it from you."""
        self._free(name)
        to.expect()
        sock = socket.socket(socket.AF_UNIX)
        line = Line(name, self.clock, self.note, sock)
        self.lines.append(line)
        path = to.uri.removeprefix("unix:")
        if not self.clock.until(lambda: sock.connect_ex(path) == 0):
            raise LabError(f"{to.name} does not listen for a migration.")
        return line

    def _free(self, name: str, machine: bool = False) -> None:
        if name in self.machines:
            raise LabError(f"There is already a machine {name!r} in this lab. Choose another name.")
        if machine and any(line.name == name for line in self.lines):
            raise LabError(f"{name!r} is a line in this lab. Choose another name for the machine.")

    def compare(self, one: Machine, other: Machine, size: int) -> bool:
        """Show whether both guests' memory is the same, over so many bytes."""
        same = one.memory(size) == other.memory(size)
        self.note(other.name, "shows", f"memory {'as' if same else 'unlike'} {one.name}'s, {size:,} bytes compared")
        return same
