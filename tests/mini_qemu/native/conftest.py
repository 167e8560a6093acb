from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mini_qemu.native.harness import Stage


@pytest.fixture
def stage() -> Iterator[Stage]:
    """Everything that a test starts on it ends with the test."""
    with tempfile.TemporaryDirectory(prefix="mq") as directory:
        it = Stage(Path(directory))
        try:
            yield it
        finally:
            it.end()
            for machine in it.machines:
                if machine.errors():
                    print(f"--- {machine.name} said:\n{machine.errors()}")
