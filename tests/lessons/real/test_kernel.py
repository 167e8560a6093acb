"""A kernel that is interrupted or restarted in the middle of a scene: nothing is left, and the notebook goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import KernelManager, start_new_kernel

from tests.lessons.real.conftest import belonging_to
from tests.mini_qemu.native.harness import PATIENCE, connect, wait_for

SCENE = """
from lessons import play
from lessons.real import clock

clock.PATIENCE = 60

def waits(lab):
    lab.mini("source")
    you = lab.listen()
    print(lab.folder)
    you.send(b"begun")
    you.read(1)

play(waits)
"""

# a signal that comes while ipykernel prints is lost in it, so the test waits until the scene does something else

Kernel = tuple[KernelManager, BlockingKernelClient]


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    manager, client = start_new_kernel(kernel_name="python3")
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def told(client: BlockingKernelClient, kind: str, field: str) -> str:
    """The next message of this kind."""
    while True:
        message = client.get_iopub_msg(timeout=PATIENCE)
        if message["msg_type"] == kind:
            return str(message["content"][field])


@contextmanager
def begun(client: BlockingKernelClient) -> Iterator[Path]:
    """The scene has started its process, and waits."""
    client.execute(SCENE, stop_on_error=False)  # else what comes after the error is thrown away
    folder = Path(told(client, "stream", "text").strip())
    with connect(f"unix:{folder / 'you'}") as line:
        assert line.recv(5) == b"begun"
        assert len(belonging_to(folder)) == 2
        yield folder


def test_an_interrupt(kernel: Kernel):
    manager, client = kernel
    with begun(client) as folder:
        manager.interrupt_kernel()
        assert told(client, "error", "ename") == "KeyboardInterrupt"
    assert belonging_to(folder) == []
    assert not folder.exists()
    client.execute("play(lambda lab: lab.mini('again').quit()) and print('goes on')")
    assert told(client, "stream", "text") == "goes on\n"


def test_a_restart(kernel: Kernel):
    manager, client = kernel
    with begun(client) as folder:
        manager.restart_kernel(now=True)
    wait_for(lambda: belonging_to(folder) == [] and not folder.exists(), "everything has gone")
