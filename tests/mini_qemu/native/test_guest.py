"""The guest is in exactly one place: a migration that fails neither loses it, nor wakes it, nor calls it moved."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import pytest

from tests.mini_qemu.native.harness import (
    SHUT_1,
    Machine,
    QmpProblem,
    Stage,
    accept,
    connect,
    listening,
    read_until,
    wait_for,
)

DESCRIPTION = b'"page_size"'
MIGRATION = [{"type": "migration"}]
LISTEN_AND_ON = bytes.fromhex("08 0007 0004")  # the command that a package follows


def with_stderr(stage: Stage, name: str, stderr: str, *options: str) -> Machine:
    """A mini_qemu whose standard error is `stderr`, as a shell would make it."""
    words = " ".join(["-qmp", f"unix:{stage.directory / name}.qmp", *options])
    return stage.add(name, ["sh", "-c", f"exec {sys.executable} -m mini_qemu {words} 2>{stderr}"])


@pytest.fixture
def unread_pipe(stage: Stage) -> str:
    """A pipe that is full and has a reader that does not read."""
    path = str(stage.directory / "fifo")
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    try:
        while True:
            os.write(writer, bytes(4096))
    except BlockingIOError:
        pass
    os.close(writer)
    stage.descriptors.append(reader)
    return path


@pytest.mark.parametrize("log", ["/dev/full", "&-", "pipe"])
@pytest.mark.parametrize("answer", [SHUT_1, bytes.fromhex("deadbeef")], ids=["SHUT 1", "garbage"])
def test_an_error_of_the_destination_counts_though_nobody_can_be_told(
    stage: Stage, unread_pipe: str, log: str, answer: bytes
):
    a = with_stderr(stage, "a", unread_pipe if log == "pipe" else log)
    a.qmp.capabilities("return-path")
    with listening(stage.uri()) as listener:
        a.qmp("migrate", uri=stage.uri())
        with accept(listener) as sock:
            read_until(sock, DESCRIPTION)
            sock.sendall(answer)
            assert a.qmp.wait_status("completed", "failed") == "failed"
    a.settled("running")


@pytest.mark.parametrize("log", ["/dev/full", "&-", "pipe"])
def test_a_destination_that_refuses_ends_though_nobody_can_be_told(stage: Stage, unread_pipe: str, log: str):
    b = with_stderr(stage, "b", unread_pipe if log == "pipe" else log, "-incoming", stage.uri())
    with connect(stage.uri()) as sock:
        sock.sendall(b"no stream")
        sock.shutdown(1)
    assert b.wait() == 1


def hang_up(a: Machine) -> str:
    return "failed"


def yank(a: Machine) -> str:
    a.qmp.oob("yank", instances=MIGRATION)
    return "failed"


def cancel(a: Machine) -> str:
    a.qmp("migrate_cancel")
    return "cancelled"


ENDINGS = (hang_up, yank, cancel)


def migrate_in_vain(stage: Stage, a: Machine, ending: Callable[[Machine], str]) -> None:
    """The destination takes everything and gives no verdict."""
    with listening(stage.uri()) as listener:
        a.qmp("migrate", uri=stage.uri())
        with accept(listener) as sock:
            read_until(sock, DESCRIPTION)
            wait_for(lambda: a.qmp("query-status")["status"] == "finish-migrate", "the source waits for the verdict")
            wanted = ending(a)
            if ending is hang_up:
                sock.close()
            assert a.qmp.wait_status("completed", "failed", "cancelled") == wanted
        os.unlink(stage.uri().removeprefix("unix:"))


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("how", ["-S", "stop"])
def test_a_guest_that_stood_still_can_be_continued(stage: Stage, how: str, ending: Callable[[Machine], str]):
    a = stage.mini("a", *(["-S"] if how == "-S" else []))
    a.qmp.capabilities("return-path")
    a.qmp("stop")
    migrate_in_vain(stage, a, ending)
    a.settled("postmigrate")
    a.qmp("cont")
    assert a.qmp("query-status")["running"]
    migrate_in_vain(stage, a, ending)
    a.settled("running")


def test_a_guest_that_the_user_stopped_stays_so(stage: Stage):
    """Between two migrations, and while the first waits for its verdict."""
    a = stage.mini("a", "-m", "2", "-cpu", "writer")
    a.qmp.capabilities("return-path")
    migrate_in_vain(stage, a, hang_up)
    a.settled("running")
    a.qmp("stop")
    a.qmp.events.clear()
    a.qmp("migrate-set-parameters", max_bandwidth=4096, downtime_limit=0)
    with listening(stage.uri()) as listener:
        a.qmp("migrate", uri=stage.uri())
        with accept(listener):
            assert a.qmp.wait_status("active") == "active"
            a.qmp("migrate_cancel")
            assert a.qmp.wait_status("cancelled", "failed") in ("cancelled", "failed")
        os.unlink(stage.uri().removeprefix("unix:"))
    a.settled("paused")
    a.qmp("cont")
    a.qmp("migrate-set-parameters", max_bandwidth=0, downtime_limit=300)

    def stop_and_cancel(a: Machine) -> str:
        a.qmp("stop")
        return cancel(a)

    migrate_in_vain(stage, a, stop_and_cancel)
    a.settled("postmigrate")
    assert [event["event"] for event in a.qmp.events if event["event"] == "RESUME"] == ["RESUME"]  # from the cont


def start_postcopy(stage: Stage, a: Machine, afterwards: int = 0) -> None:
    """`afterwards`: bytes a second once the guest is over there; 0 is as many as there can be."""
    a.qmp.capabilities("return-path", "postcopy-ram")
    a.qmp("migrate-set-parameters", max_bandwidth=1 << 20, downtime_limit=0, max_postcopy_bandwidth=afterwards)
    a.qmp("migrate", uri=stage.uri())
    assert a.qmp.wait_status("active", "failed") == "active"
    a.qmp("migrate-start-postcopy")


def test_a_postcopy_that_does_not_start_leaves_the_guest_where_it_is(stage: Stage):
    """The destination does not read, so the package cannot have gone out when the line is cut."""
    a = stage.mini("a", "-m", "16", "-cpu", "writer")
    wait_for(lambda: any(a.ram(4096)), "the guest has begun to write")
    with listening(stage.uri()) as listener:
        a.qmp("migrate-set-parameters", max_bandwidth=0)
        a.qmp.capabilities("return-path", "postcopy-ram")
        a.qmp("migrate", uri=stage.uri())
        with accept(listener) as sock:
            assert a.qmp.wait_status("active", "failed") == "active"
            a.qmp("migrate-start-postcopy")
            sock.close()
            assert a.qmp.wait_status("failed", "postcopy-paused", "completed") == "failed"
    a.settled("running")


def test_a_destination_that_dies_with_the_package_makes_a_pause(stage: Stage):
    """It has all of the package: perhaps the guest runs there.

    Pages of zeros are so small that all of them fit into the socket. A source that is done before the line dies hangs,
    as upstream's does, so this one is given nine seconds for them.
    """
    a = stage.mini("a", "-m", "16", "-cpu", "writer")
    wait_for(lambda: any(a.ram(4096)), "the guest has begun to write")
    with listening(stage.uri()) as listener:
        start_postcopy(stage, a, afterwards=4096)
        with accept(listener) as sock:
            seen = read_until(sock, LISTEN_AND_ON)
            read_until(sock, bytes.fromhex("08 0002 0004 00000004"), seen)  # the ping that follows the package
            sock.close()
            assert a.qmp.wait_status("failed", "postcopy-paused", "completed") == "postcopy-paused"
    assert a.qmp("query-status")["status"] == "finish-migrate"
    with pytest.raises(QmpProblem):
        a.qmp("cont")


def test_multifd_is_refused_because_it_has_no_data_path(stage: Stage):
    a = stage.mini("a")
    with pytest.raises(QmpProblem, match="multifd"):
        a.qmp.capabilities("multifd")
    assert "multifd" not in {entry["capability"] for entry in a.qmp("query-migrate-capabilities")}


def test_a_bitmap_in_a_precopy_is_refused(stage: Stage):
    """The destination says that it has everything, and nothing may be left out for that."""
    a = stage.mini("a", "-m", "16", "-cpu", "writer")
    a.qmp.capabilities("return-path")
    a.qmp("migrate-set-parameters", max_bandwidth=1 << 20, downtime_limit=0)
    name = b"\3ram"
    bitmap = (16 * 256 // 8).to_bytes(8, "big") + b"\xff" * (16 * 256 // 8) + (0x0123456789ABCDEF).to_bytes(8, "big")
    with listening(stage.uri()) as listener:
        a.qmp("migrate", uri=stage.uri())
        with accept(listener) as sock:
            assert a.qmp.wait_status("active", "failed") == "active"
            sock.sendall(bytes.fromhex("0005 0004") + name + bitmap)
            wait_for(lambda: "bitmap" in a.errors(), "the source refuses it")
            a.qmp("migrate-set-parameters", max_bandwidth=0, downtime_limit=2_000_000)
            while sock.recv(1 << 20):
                pass
            assert a.qmp.wait_status("completed", "failed") == "failed"
    a.settled("running")
