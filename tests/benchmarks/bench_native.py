"""How fast a real process migrates: memory against a plain copy of the same bytes, small migrations against QEMU's.

    python -m tests.benchmarks.bench_native [MIB]

Each ratio is of two things measured in one run on one machine, the best of a few; times alone say little.
"""

from __future__ import annotations

import os
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.mini_qemu.native.harness import SHUT_0, Machine, Stage, accept, listening, read_until

ROUNDS = 5
SMALL_ROUNDS = 50
GOAL = 0.9
GOAL_SMALL = 1.3


def copy(memory: bytes, room: int) -> float:
    """Seconds for one process to send these bytes to another, as plainly as Python can.

    `room` for all of them is the fair comparison: memory that nobody has touched yet costs as much as the copy itself.
    """
    a, b = socket.socketpair()
    start = time.perf_counter()
    pid = os.fork()
    if pid == 0:
        buffer = memoryview(bytearray(room))
        at, left = 0, len(memory)
        while left:
            at = at if at < room else 0
            read = b.recv_into(buffer[at:])
            at, left = at + read, left - read
        b.send(b"x")
        os._exit(0)
    a.sendall(memory)
    a.recv(1)
    seconds = time.perf_counter() - start
    os.waitpid(pid, 0)
    a.close()
    b.close()
    return seconds


def migrate(mib: int, image: Path) -> float:
    """Seconds from `migrate` to `completed`, with memory that holds no zero page."""
    with tempfile.TemporaryDirectory(prefix="mq") as directory:
        stage = Stage(Path(directory))
        try:
            b = stage.mini("b", "-m", str(mib), "-incoming", stage.uri())
            a = stage.mini("a", "-m", str(mib), "-device", f"loader,file={image}")
            a.qmp("migrate-set-parameters", max_bandwidth=0)
            for machine in (a, b):
                machine.qmp.capabilities("return-path")
            assert b.qmp("query-migrate")["status"] == "setup"
            start = time.perf_counter()
            a.qmp("migrate", uri=stage.uri())
            assert a.qmp.wait_status("completed", "failed") == "completed"
            seconds = time.perf_counter() - start
            assert b.qmp.wait_status("completed", "failed") == "completed"
            assert b.ram(4096, (mib - 1) << 20) == image.read_bytes()[(mib - 1) << 20 :][:4096]
            return seconds
        finally:
            stage.end()


def small(make: Callable[[Stage], Machine]) -> float:
    """Seconds per migration of the machine without memory, to a destination played by this process."""
    with tempfile.TemporaryDirectory(prefix="mq") as directory:
        stage = Stage(Path(directory))
        try:
            a = make(stage)
            a.qmp.capabilities("return-path")
            best = float("inf")
            with listening(stage.uri()) as listener:
                for _ in range(SMALL_ROUNDS):
                    start = time.perf_counter()
                    a.qmp("migrate", uri=stage.uri())
                    with accept(listener) as sock:
                        read_until(sock, b'"page_size"')
                        sock.sendall(SHUT_0)
                        assert a.qmp.wait_status("completed", "failed") == "completed"
                    best = min(best, time.perf_counter() - start)
                    a.settled("postmigrate")
                    a.qmp("cont")
            return best
        finally:
            stage.end()


def main(mib: int = 256) -> None:
    block = os.urandom(1 << 20)
    memory = block * mib
    with tempfile.NamedTemporaryFile(prefix="mq") as image:
        image.write(memory)
        image.flush()
        thrown_away = min(copy(memory, 1 << 20) for _ in range(ROUNDS))
        plain = ours = float("inf")
        for _ in range(ROUNDS):  # in turns, so that whatever else the machine does befalls both
            plain = min(plain, copy(memory, len(memory)))
            ours = min(ours, migrate(mib, Path(image.name)))
    print(f"{'':40}{'MB/s':>8}{'ratio':>8}   goal")
    print(f"{'sendall and recv_into':40}{len(memory) / plain / 1e6:8.0f}{1:8.2f}")
    again = "the same into one MiB again and again"
    print(f"{again:40}{len(memory) / thrown_away / 1e6:8.0f}{plain / thrown_away:8.2f}")
    print(f"{'migration of memory':40}{len(memory) / ours / 1e6:8.0f}{plain / ours:8.2f}   at least {GOAL}")
    times = {"mini_qemu": small(lambda stage: stage.mini("a"))}
    if shutil.which("qemu-system-x86_64"):
        times["qemu-system-x86_64"] = small(lambda stage: stage.real("a"))
    print(f"\n{'migration without memory':40}{'ms':>8}{'ratio':>8}   at most {GOAL_SMALL}")
    for name, seconds in times.items():
        print(f"{name:40}{seconds * 1000:8.2f}{seconds / list(times.values())[-1]:8.2f}")


if __name__ == "__main__":
    main(*[int(word) for word in sys.argv[1:2]])
