# SPDX-License-Identifier: GPL-2.0-or-later
"""Which QEMU is here, and which ones the lesson was tested with."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from functools import cache

from lessons.real.problems import Missing

TESTED = "7.2"
"""The series of versions in which every scene was run and compared with its recording."""

PROGRAM = "qemu-system-x86_64"
VARIABLE = "MINI_QEMU_REAL"
INSTALL = "apt install qemu-system-x86 (Debian, Ubuntu), dnf install qemu-system-x86-core (Fedora) or brew install qemu"


@dataclass(frozen=True)
class Qemu:
    """A program that can be run; `version` as in "7.2.22"."""

    path: str
    version: str


def tested(version: str) -> bool:
    """Whether it belongs to the series that was tested."""
    return version.startswith(TESTED + ".")


def qemu() -> Qemu:
    """The QEMU of this machine, or the one that the variable MINI_QEMU_REAL names; empty, it stands for none.

    Raises Missing, which says what to install.
    """
    wanted = os.environ.get(VARIABLE, PROGRAM)
    path = shutil.which(wanted) if wanted else None
    if path is None:
        raise Missing(f"There is no {wanted or PROGRAM} here. To run this live: {INSTALL}.")
    return Qemu(path, version_of(path))


@cache
def version_of(path: str) -> str:
    try:
        told = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10, check=False).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Missing(f"{path} does not run: {error}") from None
    found = re.search(r"QEMU emulator version (\d+\.\d+\.\d+)", told)
    if not found:
        raise Missing(f"{path} --version does not answer as QEMU does. To run this live: {INSTALL}.")
    return found[1]


def need_processes() -> None:
    """Raises Missing where no lab can be: without processes, as in a browser, or without unix sockets."""
    if sys.platform == "emscripten":
        raise Missing("A browser's Python starts no processes. These labs run in JupyterLab on Linux and macOS.")
    if not hasattr(socket, "AF_UNIX"):
        raise Missing("Python has no unix sockets on this system. These labs run on Linux and macOS.")
