from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from lessons.real import Lab, programs

ROOT = Path(__file__).parents[3]


def belonging_to(folder: Path | str) -> list[int]:
    """The processes whose command line names this lab's folder."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if any(str(folder) in word for word in process.info["cmdline"] or []):
            found.append(process.pid)
    return found


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab() as it:
        yield it
    assert not it.folder.exists()
    assert belonging_to(it.folder) == []


@pytest.fixture
def no_qemu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(programs.VARIABLE, "")


@pytest.fixture
def another_version(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """`another_version("9.9.9")`: a QEMU that says it is that one, played by mini_qemu."""

    def be(version: str) -> None:
        program = tmp_path / "qemu"
        program.write_text(
            f'#!/bin/sh\n[ "$1" = --version ] && exec echo "QEMU emulator version {version} (made up)"\n'
            f'exec {sys.executable} -m mini_qemu "$@"\n'
        )
        program.chmod(0o755)
        monkeypatch.setenv(programs.VARIABLE, str(program))

    return be
