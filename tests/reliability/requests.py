"""Sequences of requests into a monitor: each answered in JSON, none ends the process.

Hypothesis makes them (and makes a failing one small): commands with arguments of the right and of the wrong type,
addresses that are none, garbage between. They run in this process, by the functions that mon_iothread and the main
thread call; threads that a request starts are real, and what ends one of them is noted.
"""

from __future__ import annotations

import json
import os
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from mini_qemu.migration_incoming import migration_incoming_get_current
from mini_qemu.migration_state import migration_is_running, migration_object_init
from mini_qemu.monitor import qmp_migrate_cancel
from mini_qemu.native.json_streamer import JSONMessageParser
from mini_qemu.native.main_loop import RealProcess
from mini_qemu.native.qmp_commands import COMMANDS, PARAMETERS
from mini_qemu.native.qmp_server import MonitorQMP, QmpServer, encode, qmp_dispatch
from mini_qemu.process import main_loop_wait
from mini_qemu.ram import RAMBlock
from mini_qemu.savevm import machine_init
from tests.reliability.figures import Figure

PATIENCE = 10
URIS = (
    "unix:listener", "unix:nobody", "unix:new", "unix:", "unix:" + "x" * 200, "unix:/no/dir/x", "tcp:127.0.0.1:1",
    "tcp:a..b:1", "tcp:" + "a" * 64 + ".x:1", "tcp:\ud800:1", "tcp:[::1:1", "tcp::99999", "tcp:1", "exec:cat", "fd:3",
    "vsock:1:2", "", ":", "unix:a\0b", "tcp:\u2024.:1", "unix:\udc80", "tcp:127.0.0.1:\u0661",
)  # fmt: skip
NAMES = (*COMMANDS, "qmp_capabilities")

text = st.text(st.characters(exclude_characters="/"), max_size=12) | st.sampled_from(("\ud800", "a\0b", "", "fifo"))
scalar = (
    st.none() | st.booleans() | st.integers() | st.floats() | text | st.sampled_from((1 << 63, -1, 1 << 53, 10**400))
)
value = st.recursive(
    scalar, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3), max_leaves=8
)


def of_type(wanted: Any) -> st.SearchStrategy[Any]:
    """A value that the table of commands would take; more or less."""
    if wanted is str:
        return st.sampled_from(URIS) | text
    if wanted is int:
        return st.integers(-1, 1 << 14) | st.integers()
    if wanted is bool:
        return st.booleans()
    if isinstance(wanted, list):
        return st.lists(of_type(wanted[0]), max_size=3)
    members = {name: kind for name, kind in wanted.items() if not isinstance(kind, dict)}
    if len(members) < len(wanted):  # tagged
        return st.sampled_from(({"type": "migration"}, {"type": "chardev", "id": "x"}, {"type": "block-node"}))
    needed = {name: of_type(kind) for name, kind in members.items() if not name.endswith("?")}
    optional = {name[:-1]: of_type(kind) for name, kind in members.items() if name.endswith("?")}
    return st.fixed_dictionaries(needed, optional=optional)


known = (*PARAMETERS, "uri", "filename", "capabilities", "instances", "state", "val", "size", "resume", "enable")
arguments = {name: of_type(command.arguments) for name, command in COMMANDS.items()}
arguments["qmp_capabilities"] = st.fixed_dictionaries({}, optional={"enable": st.lists(st.just("oob"), max_size=2)})
capability = st.sampled_from(("events", "return-path", "postcopy-ram", "multifd", "xbzrle"))
arguments["migrate-set-capabilities"] |= st.fixed_dictionaries(
    {"capabilities": st.lists(st.fixed_dictionaries({"capability": capability, "state": st.booleans()}), max_size=3)}
)


@st.composite
def request(draw: st.DrawFn) -> bytes:
    name = draw(st.sampled_from(NAMES) | text)
    key = draw(st.sampled_from(("execute", "execute", "execute", "exec-oob")))
    wrong = st.dictionaries(st.sampled_from(known) | text, value, max_size=3)
    given_ = draw(arguments[name] if name in arguments and draw(st.integers(0, 3)) else wrong)
    whole: dict[str, Any] = {key: name, "arguments": given_}
    if draw(st.booleans()):
        whole["id"] = draw(value)
    if not draw(st.integers(0, 9)):
        whole[draw(text)] = draw(value)
    return json.dumps(whole).encode()


garbage = st.binary(max_size=30) | value.map(lambda it: json.dumps(it).encode()) | st.sampled_from(
    (b"]", b"{", b"\xff", b"\n", b"null", b'{"execute":', b"[" * 1100, b'"', b"1e999", b'{"id":1,"id":2}')
)  # fmt: skip
sequence = st.lists(st.one_of(request(), request(), request(), garbage), min_size=1, max_size=12)


class Unanswered(Exception):
    """A request without an answer, or with one that is no JSON."""


@contextmanager
def stage() -> Iterator[None]:
    """An empty directory to be in, with a socket where everybody is hung up on, and a pipe."""
    before = os.getcwd()
    with tempfile.TemporaryDirectory(prefix="mq") as directory, socket.socket(socket.AF_UNIX) as listener:
        os.chdir(directory)
        listener.bind("listener")
        listener.listen(64)
        os.mkfifo("fifo")

        def serve() -> None:
            while True:
                try:
                    listener.accept()[0].close()
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        try:
            yield
        finally:
            os.chdir(before)
            listener.shutdown(socket.SHUT_RDWR)


class Machine:
    """A process and its monitor, without the loops around them."""

    def __init__(self, incoming: bool) -> None:
        self.qemu = RealProcess("fuzz", "inmigrate" if incoming else "running")
        self.qemu.parameters = {name: default for name, (default, _) in PARAMETERS.items()}
        self.qemu.stderr = []
        migration_object_init(self.qemu)
        machine_init(self.qemu, RAMBlock("ram", 2))
        if incoming:
            self.qemu.incoming = "defer"
            migration_incoming_get_current(self.qemu)
        server = QmpServer.__new__(QmpServer)
        server.qemu = self.qemu
        self.qemu.events = []
        self.monitor = MonitorQMP(server, socket.socket())
        self.monitor.negotiated = self.monitor.oob = True

    def answer(self, asked: Any) -> None:
        oob = isinstance(asked, dict) and "exec-oob" in asked and "execute" not in asked
        line = encode(qmp_dispatch(self.monitor, asked, run_oob=oob))
        told = json.loads(line, parse_constant=Unanswered)
        if not told.keys() <= {"return", "error", "id"} or ("error" in told) == ("return" in told):
            raise Unanswered(str(told))
        if "error" in told and (told["error"].keys() != {"class", "desc"} or len(told["error"]["desc"]) < 10):
            raise Unanswered(str(told))
        self.turn()

    def turn(self) -> None:
        while self.qemu.aio.ready:
            main_loop_wait(self.qemu)

    def end(self) -> None:
        """Whatever was begun ends, and nothing is left."""
        end = time.monotonic() + PATIENCE
        while migration_is_running(self.qemu.current_migration.state) or working():
            qmp_migrate_cancel(self.qemu)
            self.turn()
            time.sleep(0.0005)
            if time.monotonic() > end:
                raise Unanswered(f"{self.qemu.current_migration.state}, {working()}")
        self.turn()
        if self.qemu.incoming_listener is not None:
            self.qemu.incoming_listener.close()
        self.monitor.sock.close()
        aio = self.qemu.aio
        aio.selector.close()
        os.close(aio.wake_r)
        os.close(aio.wake_w)


def working() -> list[str]:
    names = ("live_migration", "return path", "io-task-worker")
    return [thread.name for thread in threading.enumerate() if thread.name in names]


def play(chunks: list[bytes], incoming: bool) -> str:
    """How many of the requests were granted, roughly. Raises whatever should not have been raised."""
    uncaught: list[BaseException] = []
    hook, threading.excepthook = threading.excepthook, lambda args: uncaught.append(args.exc_value or args.exc_type())
    machine = Machine(incoming)
    try:
        parser = JSONMessageParser()
        for chunk in chunks:
            for asked in parser.feed(chunk):
                machine.answer(asked)
            if machine.qemu.exit_status is not None:
                break
        machine.end()
    finally:
        threading.excepthook = hook
    if uncaught:
        raise uncaught[0]
    return "quit" if machine.qemu.exit_status == 0 else machine.qemu.current_migration.state


def fuzz(to: Figure, count: int, start: int) -> None:
    @settings(
        max_examples=count, deadline=None, database=None, suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
    )  # fmt: skip
    @seed(start)
    @given(sequence, st.booleans())
    def one(chunks: list[bytes], incoming: bool) -> None:
        for name in Path().iterdir():
            if name.name not in ("listener", "fifo"):
                name.unlink()
        try:
            outcome = play(chunks, incoming)
        except Exception as error:
            raise AssertionError(f"{error!r} of {chunks!r}, incoming {incoming}") from error
        to.count(f"last migration: {outcome}")

    with stage():
        try:
            one()
        except AssertionError as error:
            to.found(str(error))
