"""For nbval, lesson 07 shows what it showed: without a QEMU, and with one that does much of it otherwise."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from tests.lessons.real.conftest import ROOT

pytestmark = pytest.mark.slow


def nbval() -> subprocess.CompletedProcess[str]:
    options = ["--nbval", "--nbval-current-env", "--nbval-sanitize-with", "tests/nbval_sanitise.cfg", "-p", "no:xdist"]
    command = [sys.executable, "-m", "pytest", "-q", *options, "notebooks/07_the_real_thing.ipynb"]
    return subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False)


@pytest.mark.usefixtures("no_qemu")
def test_without_a_qemu():
    done = nbval()
    assert done.returncode == 0, done.stdout
    assert "12 passed" in done.stdout


def test_with_another_version(another_version: Callable[[str], None]):
    """It is a mini_qemu, which refuses machine pc, and whose RAM has another framing."""
    another_version("9.9.9")
    done = nbval()
    assert done.returncode == 0, done.stdout
