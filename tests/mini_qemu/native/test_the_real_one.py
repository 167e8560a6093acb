"""Scenes with the QEMU that Debian ships (7.2): what lesson 07 shows. States and messages only."""

from __future__ import annotations

import socket
import time

import pytest

from lessons import show_stream
from tests.mini_qemu.native.harness import (
    CAPTURES,
    PONG,
    SHUT_0,
    Machine,
    Stage,
    accept,
    connect,
    listening,
    read_until,
    wait_for,
)

pytestmark = pytest.mark.needs_qemu

STREAM = (CAPTURES / "none-return-path.mig").read_bytes()
DESCRIPTION = b'"page_size"'
SMALLEST = STREAM[:17] + bytes.fromhex("08 0001 0000  00  06 00000000")
MIGRATION = [{"type": "migration"}]


def test_the_smallest_source(stage: Stage):
    """28 bytes: a header, "open the return path", the end, an empty description. No device, no memory: "completed"."""
    assert len(SMALLEST) == 28
    b = stage.real("b", "-incoming", "defer")
    b.qmp("migrate-incoming", uri=stage.uri())
    with connect(stage.uri()) as sock:
        sock.sendall(SMALLEST)
        assert b.qmp.wait_status("completed", "failed") == "completed"
        assert sock.recv(64).endswith(SHUT_0)


def test_a_live_capture_is_told_byte_by_byte(stage: Stage):
    a = stage.real("a")
    a.qmp.capabilities("return-path")
    captured = b""
    with listening(stage.uri()) as listener:
        a.qmp("migrate", uri=stage.uri())
        with accept(listener) as sock:
            while not (captured and show_stream(captured).complete and DESCRIPTION in captured):
                captured += sock.recv(4096)
            sock.sendall(SHUT_0)
            assert a.qmp.wait_status("completed", "failed") == "completed"
    assert len(captured) == 761
    assert "JSON; devices: timer, globalstate" in repr(show_stream(captured))


@pytest.mark.parametrize("size", [0, 20, 100, 700])
@pytest.mark.parametrize("source", ["mini", "real"])
def test_a_destination_that_leaves_early(stage: Stage, source: str, size: int):
    a = stage.mini("a") if source == "mini" else stage.real("a")
    a.qmp.capabilities("return-path")
    with listening(stage.uri()) as listener:
        a.qmp("migrate", uri=stage.uri())
        with accept(listener) as sock:
            seen = b""
            while len(seen) < size:
                seen += sock.recv(size - len(seen))
        assert a.qmp.wait_status("completed", "failed") == "failed"
    a.settled("running")


def overtaken(a: Machine) -> bool:
    """Whether an out-of-band command is answered before an in-band one that was sent first. The real one serves one
    client at a time, so both go the same way; the in-band one then still waits for its answer."""
    first = a.qmp.start("query-status")
    second = a.qmp.start("query-yank", True)
    while "event" in (reply := a.qmp.receive()):
        a.qmp.events.append(reply)
    if reply["id"] == second:
        while a.qmp.has_more(0.1):
            if "event" not in (reply := a.qmp.receive()):
                assert reply["id"] == first
                return False
            a.qmp.events.append(reply)
        return True
    assert reply["id"] == first
    a.qmp.answer(second)
    return False


def test_a_main_loop_that_is_blocked_and_the_yank_that_frees_it(stage: Stage):
    """A machine with large devices sends them with the big lock held. Nobody reads, and only out-of-band is heard."""
    a = stage.real("a", "-M", "pc", "-m", "16", "-S")
    a.qmp.capabilities("return-path")
    with listening(stage.uri()) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        a.qmp("migrate", uri=stage.uri())
        with accept(listener) as sock:
            sock.recv(1000)
            wait_for(lambda: overtaken(a), "the main loop is blocked")
            waiting = a.qmp.number - 1
            a.qmp.start("yank", True, instances=MIGRATION)
            replies = {}
            while len(replies) < 2:
                if "event" in (reply := a.qmp.receive()):
                    a.qmp.events.append(reply)
                else:
                    replies[reply["id"]] = reply["return"]
            assert replies[waiting]["running"] is False  # freed
            assert a.qmp.wait_status("completed", "failed") == "failed"


def postcopy_without_a_verdict(stage: Stage, a: Machine) -> tuple[socket.socket, bytes]:
    """The destination takes everything up to the end of a postcopy, answers the pings, and never says SHUT."""
    a.qmp.capabilities("return-path", "postcopy-ram")
    a.qmp("migrate-set-parameters", max_bandwidth=65536, downtime_limit=1)
    with listening(stage.uri()) as listener:
        a.qmp("migrate", uri=stage.uri())
        sock = accept(listener)
    captured = read_until(sock, b"\x03ram")
    sock.sendall(PONG + bytes.fromhex("00000001"))
    assert a.qmp.wait_status("active", "failed") == "active"
    a.qmp("migrate-start-postcopy")
    while not ((view := show_stream(captured)).complete and view.rows[-1].meaning == "the end of all sections"):
        captured += sock.recv(1 << 16)
    return sock, captured


@pytest.mark.parametrize("source", ["mini", "real"])
def test_the_survivor_c18a(stage: Stage, source: str, record_property: pytest.FixtureRequest):
    """A demonstration: it reports what the source does, and demands only that `quit` ends it.

    7.2 waits for ever: "return path" for a semaphore that "live_migration" would post, which joins "return path".
    """
    a = stage.mini("a", "-m", "16") if source == "mini" else stage.real("a", "-m", "16")
    sock, captured = postcopy_without_a_verdict(stage, a)
    assert "command: run the guest" in repr(show_stream(captured))
    a.qmp.oob("yank", instances=MIGRATION)
    end = time.monotonic() + 0.5
    while (status := a.qmp("query-migrate")["status"]) == "postcopy-active" and time.monotonic() < end:
        time.sleep(0.01)
    stuck = status == "postcopy-active"
    story = f"{source}: after the yank the source is {status}" + (", and stays so: C.18a" if stuck else "")
    if stuck:
        a.qmp("migrate_cancel")
        story += f"; after a cancel it is {a.qmp('query-migrate')['status']}"
    record_property("C.18a", story)  # type: ignore[operator]
    print(story)
    a.qmp.start("quit")
    assert a.wait() == 0
    sock.close()
