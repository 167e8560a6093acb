"""Migrations between us and the QEMU that Debian ships: version 7.2, machine none. States and messages only."""

from __future__ import annotations

import pytest

from tests.mini_qemu.native.harness import (
    CAPTURES,
    PING_1,
    PONG,
    SHUT_0,
    SHUT_1,
    Machine,
    Stage,
    accept,
    connect,
    listening,
    read_until,
    wait_for,
)

pytestmark = pytest.mark.needs_qemu

MIB = 1 << 20
STREAM = (CAPTURES / "none-return-path.mig").read_bytes()
Make = str  # "mini" or "real"
DESCRIPTION = b'"page_size"'


def make(stage: Stage, make: Make, name: str, *options: str) -> Machine:
    return stage.mini(name, *options) if make == "mini" else stage.real(name, *options)


def finish(machine: Machine) -> str:
    return machine.qmp.wait_status("completed", "failed", "cancelled")


@pytest.mark.parametrize("capabilities", [(), ("return-path",)], ids=["one way", "return path"])
@pytest.mark.parametrize(("source", "destination"), [("mini", "real"), ("real", "mini")])
def test_a_machine_without_memory(stage: Stage, source: Make, destination: Make, capabilities: tuple[str, ...]):
    b = make(stage, destination, "b", "-incoming", "defer")
    a = make(stage, source, "a")
    for machine in (a, b):
        machine.qmp.capabilities(*capabilities)
    b.qmp("migrate-incoming", uri=stage.uri())
    a.qmp("migrate", uri=stage.uri())
    assert finish(a) == "completed"
    assert finish(b) == "completed"
    a.settled("postmigrate")
    b.settled("running")


def test_there_and_back_again(stage: Stage):
    """What a guest of ours wrote is read in the real one, which sends it to a third process, ours again."""
    a = stage.mini("a", "-m", "16", "-cpu", "writer,seed=3")
    b = stage.real("b", "-m", "16", "-incoming", "defer")
    c = stage.mini("c", "-m", "16", "-incoming", stage.uri("n"))
    for machine in (a, b, c):
        machine.qmp.capabilities("return-path")
    b.qmp("migrate-incoming", uri=stage.uri())
    wait_for(lambda: any(a.ram(4096)), "the guest has begun to write")
    a.qmp("migrate", uri=stage.uri())
    assert finish(a) == finish(b) == "completed"
    b.settled("running")
    memory = a.ram(16 * MIB)
    assert any(memory)
    assert b.ram(16 * MIB) == memory
    b.qmp("migrate", uri=stage.uri("n"))
    assert b.qmp.wait_status("completed", "failed") == "completed"
    assert finish(c) == "completed"
    assert c.ram(16 * MIB) == memory


def test_postcopy_from_the_real_one(stage: Stage):
    """The other direction wants userfaultfd, which is the privilege of root in many places."""
    b = stage.mini("b", "-m", "16", "-cpu", "reader", "-incoming", "defer")
    a = stage.real("a", "-m", "16")
    for machine in (a, b):
        machine.qmp.capabilities("return-path", "postcopy-ram")
    b.qmp("migrate-incoming", uri=stage.uri())
    a.qmp("migrate-set-parameters", max_bandwidth=4096, downtime_limit=1)
    a.qmp("migrate", uri=stage.uri())
    assert a.qmp.wait_status("active", "failed") == "active"
    a.qmp("migrate-start-postcopy")
    assert a.qmp.wait_status("postcopy-active", "completed", "failed") == "postcopy-active"
    assert finish(a) == "completed"
    assert finish(b) == "completed"
    b.settled("running")


@pytest.mark.parametrize("way_out", ["yank", "migrate_cancel"])
@pytest.mark.parametrize("source", ["mini", "real"])
def test_a_destination_that_never_says_shut(stage: Stage, source: Make, way_out: str):
    a = make(stage, source, "a")
    a.qmp.capabilities("return-path")
    with listening(stage.uri()) as listener:
        a.qmp("migrate", uri=stage.uri())
        with accept(listener) as sock:
            begun = read_until(sock, PING_1)
            sock.sendall(PONG + PING_1[5:])
            read_until(sock, DESCRIPTION, begun)
            wait_for(lambda: a.qmp("query-status")["status"] == "finish-migrate", "the source waits for the verdict")
            assert a.qmp("query-migrate")["status"] == "active"
            if way_out == "yank":
                a.qmp.oob("yank", instances=[{"type": "migration"}])
            else:
                a.qmp("migrate_cancel")
            assert finish(a) == ("failed" if way_out == "yank" else "cancelled")
    a.settled("running")


@pytest.mark.parametrize(("answer", "end"), [
    (SHUT_0, "completed"),
    (SHUT_1, "failed"),
    (bytes.fromhex("0063 0004 00000000"), "failed"),
    (bytes.fromhex("0000 0000"), "failed"),
    (bytes.fromhex("0001 ffff"), "failed"),
    (bytes.fromhex("0003 0001 00"), "failed"),
    (bytes.fromhex("0006 0004 00000007"), "failed"),
    (b"", "failed"),
], ids=["SHUT 0", "SHUT 1", "unknown type", "type 0", "too long", "no name", "wrong acknowledgement", "hangs up"])
@pytest.mark.parametrize("source", ["mini", "real"])
def test_what_the_source_makes_of_an_answer(stage: Stage, source: Make, answer: bytes, end: str):
    a = make(stage, source, "a")
    a.qmp.capabilities("return-path")
    with listening(stage.uri()) as listener:
        a.qmp("migrate", uri=stage.uri())
        with accept(listener) as sock:
            read_until(sock, DESCRIPTION)
            if answer:
                sock.sendall(answer)
            else:
                sock.close()
            assert finish(a) == end
    a.settled("postmigrate" if end == "completed" else "running")


def hex_(text: str) -> bytes:
    return bytes.fromhex(text)


REFUSED = {
    "magic": b"Q" + b"\0" + STREAM[2:],
    "old version": STREAM[:7] + b"\2" + STREAM[8:],
    "unknown version": STREAM[:7] + b"\4" + STREAM[8:],
    "no configuration": STREAM[:8] + STREAM[17:],
    "another machine": STREAM[:13] + b"nine" + STREAM[17:],
    "unknown section": STREAM[:40] + b"\x03rom" + STREAM[44:],
    "unknown section type": STREAM[:31] + b"\x09" + STREAM[32:],
    "a section that has not begun": STREAM[:69] + hex_("03 00000009") + STREAM[74:],
    "unknown command": STREAM[:17] + hex_("08 0063 0000") + STREAM[22:],
    "wrong length of a command": STREAM[:22] + hex_("08 0002 0003 000001") + STREAM[31:],
    "ping without return path": STREAM[:17] + STREAM[22:],
    "wrong footer": STREAM[:64] + hex_("7e 00000003") + STREAM[69:],
    "missing footer": STREAM[:64] + STREAM[69:],
    "early end": STREAM[:200],
    "nothing at all": b"",
}
# "completed" at the destination, and what it tells the source: its file is in error if it ended before the description
ACCEPTED = {
    "return path twice": (STREAM[:22] + STREAM[17:], SHUT_0),
    "garbage for a description": (STREAM[:270] + b"garbage", SHUT_0),
    "no description": (STREAM[:270], SHUT_1),
}


def feed(stage: Stage, destination: Make, stream: bytes) -> tuple[Machine, bytes]:
    """A destination that reads this stream, and what it answered."""
    b = make(stage, destination, "b", "-incoming", "defer")
    b.qmp("migrate-incoming", uri=stage.uri())
    with connect(stage.uri()) as sock:
        sock.sendall(stream)
        sock.shutdown(1)
        answers = b""
        try:
            while more := sock.recv(4096):
                answers += more
        except ConnectionResetError:
            pass
    return b, answers


@pytest.mark.parametrize("why", REFUSED)
@pytest.mark.parametrize("destination", ["mini", "real"])
def test_what_a_destination_refuses(stage: Stage, destination: Make, why: str):
    b, answers = feed(stage, destination, REFUSED[why])
    assert finish(b) == "failed"
    assert b.wait() == 1
    assert b.errors().strip()
    assert "Traceback" not in b.errors()
    assert SHUT_0 not in answers


@pytest.mark.parametrize(("destination", "end"), [("mini", "failed"), ("real", "completed")])
def test_a_header_and_no_sections(stage: Stage, destination: Make, end: str):
    """The one place where we are stricter: half a machine is not called complete."""
    b, answers = feed(stage, destination, STREAM[:17] + hex_("08 0001 0000 00"))
    assert finish(b) == end
    assert answers == (SHUT_1 if end == "completed" else b"")


@pytest.mark.parametrize("why", ACCEPTED)
@pytest.mark.parametrize("destination", ["mini", "real"])
def test_what_a_destination_accepts(stage: Stage, destination: Make, why: str):
    stream, verdict = ACCEPTED[why]
    b, answers = feed(stage, destination, stream)
    assert finish(b) == "completed"
    assert answers.endswith(verdict)
    assert b.process.poll() is None

