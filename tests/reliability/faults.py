"""Something breaks at a random moment of a migration between two real processes; then the guest must be somewhere.

Between the two stands a line of our own, which can stall, close one half, drop everything, or reset. A schedule is: the
kind of migration, the moment, the fault. Afterwards each process is asked, or has ended, and `place` says where the
guest is. Whatever has no name there is a finding.
"""

from __future__ import annotations

import random
import resource
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.mini_qemu.native.harness import Machine, QmpProblem, Stage
from tests.reliability.figures import Figure

SIZE = 4
MIB = 1 << 20
SETTLE = 12.0  # seconds until whatever still moves counts as stuck
ENDED = ("completed", "failed", "cancelled")
MIGRATION = [{"type": "migration"}]


class Line:
    """A wire from one unix socket to another: `uri` is what the source connects to."""

    def __init__(self, directory: Path, name: str, target: str) -> None:
        self.target = target
        self.path = directory / name
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path))
        self.listener.listen()
        self.flows = threading.Event()
        self.flows.set()
        self.swallow = False
        self.sockets: list[socket.socket] = []
        threading.Thread(target=self.serve, daemon=True).start()

    @property
    def uri(self) -> str:
        return f"unix:{self.path}"

    def serve(self) -> None:
        while True:
            try:
                a, _ = self.listener.accept()
                b = socket.socket(socket.AF_UNIX)
                b.connect(self.target)
            except OSError:
                return
            self.sockets += [a, b]
            threading.Thread(target=self.copy, args=(a, b, False), daemon=True).start()
            threading.Thread(target=self.copy, args=(b, a, True), daemon=True).start()

    def copy(self, a: socket.socket, b: socket.socket, back: bool) -> None:
        try:
            while data := a.recv(16384):
                self.flows.wait()
                if not (back and self.swallow):
                    b.sendall(data)
            b.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def stall(self) -> None:
        self.flows.clear()

    def half_close(self, which: int) -> None:
        for sock in self.sockets[which::2][-1:]:
            shut(sock, socket.SHUT_WR)

    def cut(self, reset: bool = False) -> None:
        for sock in self.sockets:
            if reset:
                try:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                except OSError:
                    pass
            shut(sock, socket.SHUT_RDWR)
        self.flows.set()

    def close(self) -> None:
        shut(self.listener, socket.SHUT_RDWR)
        self.listener.close()
        self.cut()
        for sock in self.sockets:
            sock.close()


def shut(sock: socket.socket, how: int) -> None:
    try:
        sock.shutdown(how)
    except OSError:
        pass


class Pair:
    """Source, destination and the line of one schedule."""

    def __init__(self, stage: Stage, chance: random.Random, postcopy: bool) -> None:
        self.stage, self.chance, self.postcopy = stage, chance, postcopy
        self.name = f"{len(stage.machines)}"
        cpu = ("-cpu", "writer") if chance.random() < 0.7 else ()
        stopped = ("-S",) if chance.random() < 0.2 else ()
        self.should_run = not stopped
        self.b = stage.mini(f"b{self.name}", "-m", str(SIZE), "-cpu", "reader", "-incoming", "defer")
        image = stage.directory / "image"
        image.write_bytes(chance.randbytes(SIZE * MIB - 64 * 4096))  # and some pages of zeros
        self.a = stage.mini(f"a{self.name}", "-m", str(SIZE), *cpu, *stopped, "-device", f"loader,file={image}")
        self.killed: set[Machine] = set()
        for machine in (self.a, self.b):
            machine.qmp.capabilities("return-path", *(["postcopy-ram"] if postcopy else []))
        there = stage.directory / f"m{self.name}"
        self.b.qmp("migrate-incoming", uri=f"unix:{there}")
        self.line = Line(stage.directory, f"l{self.name}", str(there))

    def start(self) -> None:
        slow = self.chance.choice((0, 4 * MIB, 16 * MIB))
        limits = {"max_bandwidth": slow, "downtime_limit": self.chance.choice((0, 300)), "max_postcopy_bandwidth": slow}
        self.a.qmp("migrate-set-parameters", **limits)
        self.a.qmp("migrate", uri=self.line.uri)
        if self.postcopy and self.chance.random() < 0.9:
            time.sleep(self.chance.random() * 0.02)
            self.tell(self.a, "migrate-start-postcopy")

    def ask(self, machine: Machine, command: str, **arguments: object) -> Any:
        """In band. A line that stalls while the big lock is held blocks the main loop, as in QEMU; only the end of the
        line frees it (or an out-of-band yank). So a side that waits for long cuts the line."""
        patience = threading.Timer(1.0, self.line.cut)
        patience.start()
        try:
            return machine.qmp(command, **arguments)
        finally:
            patience.cancel()

    def tell(self, machine: Machine, command: str, oob: bool = False, **arguments: object) -> None:
        """A command that may be refused, or find nobody."""
        try:
            if oob:
                machine.qmp.oob(command, **arguments)
            else:
                self.ask(machine, command, **arguments)
        except (QmpProblem, OSError, EOFError):
            pass

    def recover(self) -> None:
        """A second line, if there is something to recover."""
        uri = f"unix:{self.stage.directory / f'r{self.name}'}"
        self.tell(self.b, "migrate-recover", oob=True, uri=uri)
        self.tell(self.a, "migrate", uri=uri, resume=True)


def kill(pair: Pair, machine: Machine, number: signal.Signals) -> None:
    pair.killed.add(machine)
    machine.process.send_signal(number)


def stop_and_go(pair: Pair, machine: Machine) -> None:
    machine.process.send_signal(signal.SIGSTOP)
    time.sleep(0.05)
    machine.process.send_signal(signal.SIGCONT)


def no_descriptors(pair: Pair, machine: Machine) -> None:
    resource.prlimit(machine.process.pid, resource.RLIMIT_NOFILE, (machine.descriptors(), 4096))


def full_disk(pair: Pair, machine: Machine) -> None:
    pair.tell(machine, "pmemsave", val=0, size=4096, filename="/dev/full")


def lose_the_verdict(pair: Pair) -> None:
    pair.line.swallow = True
    time.sleep(0.1)
    pair.tell(pair.a, "yank", oob=True, instances=MIGRATION)


FAULTS: dict[str, Callable[[Pair], None]] = {
    "nothing": lambda p: None,
    "kill the source": lambda p: kill(p, p.a, signal.SIGKILL),
    "kill the destination": lambda p: kill(p, p.b, signal.SIGKILL),
    "terminate the source": lambda p: kill(p, p.a, signal.SIGTERM),
    "terminate the destination": lambda p: kill(p, p.b, signal.SIGTERM),
    "hang up on the source": lambda p: kill(p, p.a, signal.SIGHUP),
    "interrupt the destination": lambda p: kill(p, p.b, signal.SIGINT),
    "stop and go, source": lambda p: stop_and_go(p, p.a),
    "stop and go, destination": lambda p: stop_and_go(p, p.b),
    "stall": lambda p: p.line.stall(),
    "close the half to the source": lambda p: p.line.half_close(0),
    "close the half to the destination": lambda p: p.line.half_close(1),
    "cut": lambda p: p.line.cut(),
    "reset": lambda p: p.line.cut(reset=True),
    "swallow the answers": lose_the_verdict,
    "no descriptors, source": lambda p: no_descriptors(p, p.a),
    "no descriptors, destination": lambda p: no_descriptors(p, p.b),
    "full disk": lambda p: full_disk(p, p.a),
    "cancel": lambda p: p.tell(p.a, "migrate_cancel"),
    "yank the source": lambda p: p.tell(p.a, "yank", oob=True, instances=MIGRATION),
    "yank the destination": lambda p: p.tell(p.b, "yank", oob=True, instances=MIGRATION),
    "pause the postcopy": lambda p: p.tell(p.a, "migrate-pause", oob=True),
    "stop the guest": lambda p: p.tell(p.a, "stop"),
}


def look(pair: Pair, machine: Machine) -> tuple[str, str] | None:
    """Migration and run state; None when the process is gone."""
    if machine.process.poll() is not None:
        return None
    try:
        return pair.ask(machine, "query-migrate").get("status", "none"), pair.ask(machine, "query-status")["status"]
    except (OSError, EOFError):
        machine.process.wait(SETTLE)
        return None


def place(pair: Pair) -> str | None:
    """Where the guest is, or None: not settled yet."""
    a, b = look(pair, pair.a), look(pair, pair.b)
    a_runs, b_runs = a is not None and a[1] == "running", b is not None and b[1] == "running"
    a_still = a is not None and a[1] in ("paused", "prelaunch", "postmigrate")
    if a_runs and b_runs:
        return "split brain" if a is not None and a[0] in ("failed", "cancelled") else None
    if a is not None and a[0] == "postcopy-paused":
        if b is None:
            return "with the process that was killed" if pair.b in pair.killed else None
        return "destination, can be recovered" if b_runs or b[1] == "paused" else None
    if b_runs:
        done = a is None or a[0] in (*ENDED, "none")
        return "destination" if done else None
    if a_runs and a is not None:
        return "source" if a[0] in (*ENDED, "none") else None
    if b is not None and b[1] == "paused" and (a is None or a[0] in ENDED):
        return "destination, standing still"
    if a_still and a is not None and a[0] in (*ENDED, "none"):
        if a[0] == "completed":
            return "with the process that was killed" if b is None and pair.b in pair.killed else None
        return "source, standing still"
    if a is None and pair.a in pair.killed:
        return "with the process that was killed"
    return None


def settle(pair: Pair) -> str:
    """Give every way out that an operator has, one after the other, until the guest has a place."""
    ways: list[Callable[[], None]] = [
        lambda: None, pair.line.cut, lambda: pair.tell(pair.a, "yank", oob=True, instances=MIGRATION),
        lambda: pair.tell(pair.b, "yank", oob=True, instances=MIGRATION),
    ]  # fmt: skip
    for way in ways:
        way()
        end = time.monotonic() + SETTLE / len(ways)
        while time.monotonic() < end:
            found = place(pair)
            if found is not None:
                time.sleep(0.02)
                if place(pair) == found:  # two looks that agree: nothing moves any more
                    return found
            time.sleep(0.02)
    a, b = look(pair, pair.a), look(pair, pair.b)
    stuck = a is not None and a[0] in ("postcopy-active", "postcopy-recover", "cancelling") and a[1] == "finish-migrate"
    if stuck and (b is None or b[1] in ("running", "paused")):
        return "C.18a: the source waits for ever"
    return f"FINDING source {a}, destination {b}"


def aborted(machine: Machine) -> str | None:
    """A process that ended by a signal nobody sent."""
    code = machine.process.poll()
    if code == -signal.SIGABRT:
        return next((line for line in machine.errors().splitlines() if "mini_qemu/" in line), "abort")
    return None


KNOWN_ABORTS = ("UseAfterFree", "QLIST_EMPTY", "does not list this", "migration_is_active", "to_dst_file is not None")
"""What upstream's code does too, and the stories tell of."""



def schedule(stage: Stage, seed: int, number: int) -> tuple[str, str]:
    """What was done, and where the guest is."""
    chance = random.Random(f"{seed}/{number}")
    postcopy = chance.random() < 0.6
    names = [chance.choice(list(FAULTS)) for _ in range(chance.choice((1, 1, 1, 2)))]
    delay = chance.random() * chance.choice((0.01, 0.05, 0.3))
    what = f"{'postcopy' if postcopy else 'precopy'}, after {delay * 1000:.0f} ms: {', then '.join(names)}"
    pair = Pair(stage, chance, postcopy)
    try:
        pair.start()
        for name in names:
            time.sleep(delay)
            FAULTS[name](pair)
        if postcopy and chance.random() < 0.4:
            time.sleep(0.1)
            pair.recover()
            what += ", then recover"
        found = settle(pair)
        for machine in (pair.a, pair.b):
            reason = aborted(machine)
            if reason is not None:
                known = any(word in reason for word in KNOWN_ABORTS)
                found = f"an assertion that upstream has: {reason}" if known else f"FINDING {reason}"
        return what, found
    finally:
        pair.line.close()
        for machine in (pair.a, pair.b):
            if machine.process.poll() is None:
                machine.process.kill()
            machine.process.wait()
            for monitor in machine.monitors:
                monitor.close()


def soak(to: Figure, count: int, seed: int) -> None:
    for number in range(count):
        with tempfile.TemporaryDirectory(prefix="mq") as directory:
            try:
                what, found = schedule(Stage(Path(directory)), seed, number)
            except (OSError, EOFError, AssertionError, QmpProblem, subprocess.TimeoutExpired) as error:
                what, found = "the schedule itself", f"FINDING {error!r}"[:300]
        if found.startswith("FINDING"):
            to.found(f"{found[8:]}; {what}; seed {seed}, number {number}")
        else:
            to.count(found)
