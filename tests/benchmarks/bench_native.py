"""How fast a real process migrates: memory against a plain copy of the same bytes, small migrations against QEMU's.

    python -m tests.benchmarks.bench_native [--mib 256] [--write]

Each ratio is of two things measured by turns in one run on one machine, the best of a few; times alone say little.
`--write` keeps the tables beside this file.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import socket
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.mini_qemu.native.harness import SHUT_0, Machine, Stage, accept, listening, read_until

COMMAND = "python -m tests.benchmarks.bench_native --write"
KEPT = Path(__file__).with_name("native.md")
ROUNDS = 5
SMALL_ROUNDS = 200
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


@contextmanager
def prepared(real: bool) -> Iterator[tuple[Stage, Machine, socket.socket]]:
    """A machine without memory, and where it will be told to migrate to."""
    with tempfile.TemporaryDirectory(prefix="mq") as directory:
        stage = Stage(Path(directory))
        try:
            machine = stage.real("a") if real else stage.mini("a")
            machine.qmp.capabilities("return-path")
            with listening(stage.uri()) as listener:
                yield stage, machine, listener
        finally:
            stage.end()


def small(stage: Stage, a: Machine, listener: socket.socket) -> float:
    """Seconds for one migration of a machine without memory, to a destination played by this process."""
    start = time.perf_counter()
    a.qmp("migrate", uri=stage.uri())
    with accept(listener) as sock:
        read_until(sock, b'"page_size"')
        sock.sendall(SHUT_0)
        assert a.qmp.wait_status("completed", "failed") == "completed"
    seconds = time.perf_counter() - start
    a.settled("postmigrate")
    a.qmp("cont")
    return seconds


def memory_table(mib: int) -> list[str]:
    memory = os.urandom(1 << 20) * mib
    with tempfile.NamedTemporaryFile(prefix="mq") as image:
        image.write(memory)
        image.flush()
        thrown_away = min(copy(memory, 1 << 20) for _ in range(ROUNDS))
        plain = ours = float("inf")
        for _ in range(ROUNDS):  # by turns, so that whatever else the machine does befalls both
            plain = min(plain, copy(memory, len(memory)))
            ours = min(ours, migrate(mib, Path(image.name)))
    rows = {
        "`sendall` and `recv_into`": (plain, ""),
        "the same into one MiB again and again": (thrown_away, ""),
        "migration between two mini_qemus": (ours, f"at least {GOAL}"),
    }
    return [
        f"| {mib} MiB of memory | MB/s | ratio | goal |",
        "|---|---:|---:|---|",
        *(f"| {what} | {len(memory) / t / 1e6:.0f} | {plain / t:.2f} | {goal} |" for what, (t, goal) in rows.items()),
    ]


def small_table() -> list[str]:
    names = {"mini_qemu": False, **({"qemu-system-x86_64": True} if shutil.which("qemu-system-x86_64") else {})}
    times: dict[str, list[float]] = {name: [] for name in names}
    with ExitStack() as stack:
        machines = {name: stack.enter_context(prepared(real)) for name, real in names.items()}
        for _ in range(SMALL_ROUNDS):
            for name, machine in machines.items():
                times[name].append(small(*machine))
    last = list(names)[-1]
    head = "| migration without memory | best, ms | ratio | median, ms | ratio | goal |"
    lines = [head, "|---|---:|---:|---:|---:|---|"]
    for name in names:
        best, median = ((pick(times[name]), pick(times[last])) for pick in (min, statistics.median))
        goal = f"at most {GOAL_SMALL}" if name == "mini_qemu" else ""
        numbers = (f"{ours * 1000:.2f} | {ours / theirs:.2f}" for ours, theirs in (best, median))
        lines.append(f"| {name} | {' | '.join(numbers)} | {goal} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--mib", type=int, default=256, help="how much memory is migrated")
    parser.add_argument("--write", action="store_true", help=f"keep the tables in {KEPT.name}")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    machine = f"{platform.system()}, {os.cpu_count()} cores, {platform.machine()}, CPython {platform.python_version()}"
    text = "\n".join(
        [
            "# The speed of a real process", "", f"`{COMMAND}`", "",
            f"{time.strftime('%B %Y')}, {machine}; load average at the start: {load:.1f}.", "",
            *memory_table(options.mib), "",
            *small_table(),
        ]
    )  # fmt: skip
    print(text)
    if options.write:
        KEPT.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
