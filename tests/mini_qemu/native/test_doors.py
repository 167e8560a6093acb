"""Nothing that comes from outside ends the process or stops its main loop: addresses, requests, streams, answers."""

from __future__ import annotations

import json
import os
import resource
import socket
from pathlib import Path

import pytest

from tests.mini_qemu.native.harness import (
    CAPTURES,
    PATIENCE,
    PING_1,
    SHUT_0,
    Machine,
    QmpProblem,
    Stage,
    accept,
    connect,
    listening,
    read_until,
    wait_for,
)

MIB = 1 << 20
CASES = CAPTURES.parent / "native"
STREAM = (CAPTURES / "none-return-path.mig").read_bytes()
HEADER = STREAM[:17]
OPEN_RETURN_PATH = bytes.fromhex("08 0001 0000")
ADVISE = bytes.fromhex("08 0003 0010 0000000000001000 0000000000001000")
LISTEN, RUN = bytes.fromhex("08 0004 0000"), bytes.fromhex("08 0005 0000")


def packaged(content: bytes) -> bytes:
    return bytes.fromhex("08 0007 0004") + len(content).to_bytes(4, "big") + content


# Addresses

BAD_HOSTS = ["tcp:a..b:1", f"tcp:{'a' * 64}.org:1", "tcp:.:1", "tcp:\u2024.x:1"]
BAD_PATHS = ["unix:a\0b", "tcp:a\0b:1"]


@pytest.mark.parametrize("uri", BAD_HOSTS)
def test_a_host_that_no_name_can_be(stage: Stage, uri: str):
    a = stage.mini("a")
    a.qmp("migrate", uri=uri)
    assert a.qmp.wait_status("failed", "completed") == "failed"
    assert "cannot be connected to" in a.qmp("query-migrate")["error-desc"]
    a.settled("running")
    b = stage.mini("b", "-incoming", "defer")
    with pytest.raises(QmpProblem, match="cannot be listened on"):
        b.qmp("migrate-incoming", uri=uri)
    assert b.qmp("query-yank") == []


@pytest.mark.parametrize("uri", BAD_PATHS)
def test_a_zero_in_an_address(stage: Stage, uri: str):
    a = stage.mini("a", "-incoming", "defer")
    for command in ("migrate", "migrate-incoming"):
        with pytest.raises(QmpProblem, match="character 0"):
            a.qmp(command, uri=uri)


def test_recovery_at_an_address_that_is_none(stage: Stage):
    """Out of band, at the only running copy of the guest."""
    b = stage.mini("b", "-m", "1", "-S", "-incoming", "defer")
    b.qmp.capabilities("return-path", "postcopy-ram")
    b.qmp("migrate-incoming", uri=stage.uri())
    # of a real postcopy all up to the first page after the package, for a machine of 1 MiB: the sections in a package
    ram = bytes.fromhex("01 00000002 03 72616d 00000000 00000004 0000000000100004 03 72616d 0000000000100000")
    ram += bytes.fromhex("0000000000000010 7e 00000002")
    devices = STREAM[STREAM.index(b"\x04\0\0\0\0\x05timer") : 269]
    package = packaged(LISTEN + devices + RUN)
    with connect(stage.uri()) as sock:
        sock.sendall(HEADER + OPEN_RETURN_PATH + ADVISE + ram + package)
        assert b.qmp.wait_status("postcopy-active", "failed") == "postcopy-active"
        wait_for(lambda: b.qmp("query-status")["status"] != "inmigrate", "the package has been loaded")
        with pytest.raises(QmpProblem, match="has not come"):
            b.ram(4096)
    assert b.qmp.wait_status("postcopy-paused", "failed") == "postcopy-paused"
    for uri in (*BAD_HOSTS, *BAD_PATHS, "unix:/no/dir", "fd:3"):
        with pytest.raises(QmpProblem):
            b.qmp.oob("migrate-recover", uri=uri)
    b.qmp.oob("migrate-recover", uri=stage.uri("again"))


# Requests


@pytest.mark.parametrize("text", [
    '{"execute": "query-status", "id": 1e999}', '{"execute": "query-status", "id": -1e999}',
    '{"execute": "query-status", "execute": "quit"}', '{"execute": "query-status", "id": "\\ud800"}',
    '{"execute": "query-status", "id": ' + "[" * 3000 + "]" * 3000 + "}", "null", "[" * 990 + "]" * 990,
    '{"execute": "query-status", "id": ' + "1" * 5000 + "}",
])  # fmt: skip
def test_what_is_no_json_for_everybody_is_refused(stage: Stage, text: str):
    q = stage.mini("a").monitor()
    q.send(text.encode() + b'\n\xff{"execute": "query-version", "id": "after"}')
    replies = []
    while (reply := q.receive()).get("id") != "after":
        replies.append(reply)
    assert replies
    assert all(reply["error"]["class"] == "GenericError" for reply in replies)


@pytest.mark.parametrize("depth", range(900, 1020, 10))
def test_an_id_that_nests_deeply_comes_back_or_is_refused(monitors: Machine, depth: int):
    q = monitors.monitor()
    number = "[" * depth + "]" * depth
    q.send(f'{{"execute": "query-version", "id": {number}}}\n\xff{{"execute": "stop", "id": 1}}'.encode("latin-1"))
    lines = [q.line() for _ in range(2)]
    assert '"return"' in lines[0] or '"error"' in lines[0]
    assert json.loads(lines[-1]).keys() <= {"return", "id", "event", "timestamp", "error"}


@pytest.fixture(scope="module")
def monitors(tmp_path_factory: pytest.TempPathFactory):
    import tempfile

    with tempfile.TemporaryDirectory(prefix="mq") as directory:
        stage = Stage(Path(directory))
        yield stage.mini("a")
        stage.end()


@pytest.mark.parametrize("filename", ["a\0b", "fifo", "/no/dir/x", "."])
def test_a_dump_that_cannot_be_written(stage: Stage, filename: str):
    os.mkfifo(stage.directory / "fifo")
    a = stage.mini("a", "-m", "1")
    where = str(stage.directory / filename) if filename == "fifo" else filename
    with pytest.raises(QmpProblem):
        a.qmp("pmemsave", val=0, size=MIB, filename=where)
    reader = os.open(stage.directory / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(QmpProblem):
        a.qmp("pmemsave", val=0, size=MIB, filename=where)
    os.close(reader)
    with pytest.raises(QmpProblem, match="space"):
        a.qmp("pmemsave", val=0, size=MIB, filename="/dev/full")


def test_a_part_of_memory(stage: Stage):
    image = stage.directory / "image"
    memory = os.urandom(3 * 4096)
    image.write_bytes(memory)
    a = stage.mini("a", "-m", "1", "-device", f"loader,file={image}")
    for start, size in ((0, 0), (1, 1), (4095, 2), (100, 9000), (8191, 4097)):
        assert a.ram(size, start) == memory[start : start + size]


# A client that closes its half, one that does not read, too many


@pytest.mark.parametrize("requests", [3, 300])
def test_a_client_that_closes_its_half_gets_all_answers(stage: Stage, requests: int):
    """`echo ... | socat - UNIX:q` and `nc -N`."""
    a = stage.mini("a")
    text = b'{"execute":"qmp_capabilities"}' + b'{"execute":"query-status"}' * (requests - 1)
    for _ in range(20):
        a.monitor(negotiate=False).close()  # leaves again
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(PATIENCE)
            sock.connect(str(a.path))
            sock.sendall(text)
            sock.shutdown(socket.SHUT_WR)
            answers = b""
            while more := sock.recv(65536):
                answers += more
        assert answers.count(b"\n") == 1 + requests
        assert answers.count(b"return") == requests
    wait_for(lambda: a.descriptors() < 20, "the clients' descriptors are closed")


@pytest.mark.parametrize("flood", [b"]" * 50_000, b'{"execute":"query-status"}' * 20_000], ids=["garbage", "requests"])
def test_a_client_that_does_not_read_keeps_nobody_waiting(stage: Stage, flood: bytes):
    a = stage.mini("a")
    silent = a.monitor()
    silent.sock.setblocking(False)
    sent = 0
    try:
        while sent < len(flood):
            sent += silent.sock.send(flood[sent:])
            assert a.qmp("query-status")["running"]
    except BlockingIOError:
        pass  # it is not read either
    for _ in range(100):
        assert a.qmp("query-status")["running"]
    assert resident(a) < 100 << 20
    silent.sock.settimeout(PATIENCE)
    assert all(silent.line() for _ in range(100))  # and a client that begins to read goes on where it stopped


def resident(machine: Machine) -> int:
    """Bytes of memory, as the kernel counts them."""
    pages = Path(f"/proc/{machine.process.pid}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


MOST = 24  # descriptors


def test_no_descriptors_left(stage: Stage):
    """A client that comes then is hung up on, and nothing spins."""
    a = stage.mini("a", "-incoming", stage.uri())
    assert a.qmp("query-status")["status"] == "inmigrate"
    resource.prlimit(a.process.pid, resource.RLIMIT_NOFILE, (MOST, MOST))
    clients: list[socket.socket] = []
    hung_up = 0
    # a thread that starts opens a file to write its name: a client hung up on meanwhile does not mean that none is free
    while a.descriptors() < MOST or not hung_up:
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(PATIENCE)
        sock.connect(str(a.path))
        clients.append(sock)
        hung_up += not sock.recv(1)
    with connect(stage.uri()) as late:
        assert late.recv(1) == b""
    before = a.qmp("query-status"), ticks(a)
    for _ in range(50):
        a.qmp("query-status")
    assert ticks(a) - before[1] < 50
    for sock in clients:
        sock.close()
    wait_for(lambda: a.descriptors() < 16, "the clients are gone")
    assert a.monitor()("query-status")["status"] == "inmigrate"


def ticks(machine: Machine) -> int:
    """Time on a CPU, in clock ticks."""
    fields = Path(f"/proc/{machine.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


# Streams


def test_a_source_that_pings_and_never_reads(stage: Stage):
    b = stage.mini("b", "-incoming", stage.uri())
    with connect(stage.uri()) as sock:
        sock.sendall(HEADER + OPEN_RETURN_PATH)
        sock.setblocking(False)
        flood = PING_1 * 1000
        idle = 0
        while idle < 20:
            try:
                sock.send(flood)
                idle = 0
            except BlockingIOError:
                idle += 1  # the destination has stopped to read, because nobody reads its answers
            assert b.monitor()("query-status")["status"] == "inmigrate"
        b.process.terminate()
        assert b.wait() == 0


REFUSED = {
    "a list of discarded pages that is too short": (CASES / "discard_index_error.mig").read_bytes(),
    "the same after an advice": HEADER + OPEN_RETURN_PATH + ADVISE + bytes.fromhex("08 0006 0003 001000"),
    "packages in packages": (CASES / "nested_packaged.mig").read_bytes(),
    "postcopy without a return path": (CASES / "postcopy_no_return_path.mig").read_bytes(),
    "listen without a package": HEADER + OPEN_RETURN_PATH + ADVISE + LISTEN + RUN,
    "listen without a return path": HEADER + ADVISE + packaged(LISTEN + RUN),
    "run without a package": HEADER + OPEN_RETURN_PATH + ADVISE + packaged(LISTEN) + RUN,
    "an advice of no bytes": HEADER + OPEN_RETURN_PATH + bytes.fromhex("08 0003 0000"),
    "an advice of 24 bytes": HEADER + OPEN_RETURN_PATH + bytes.fromhex("08 0003 0018") + bytes(24),
    "a return path in a package": HEADER + packaged(OPEN_RETURN_PATH),
    "a package of 4 GiB": HEADER + bytes.fromhex("08 0007 0004 ffffffff"),
}  # fmt: skip


@pytest.mark.parametrize("why", REFUSED)
def test_a_stream_is_refused_in_a_sentence(stage: Stage, why: str):
    b = stage.mini("b", "-incoming", "defer")
    b.qmp.capabilities("postcopy-ram")
    b.qmp("migrate-incoming", uri=stage.uri())
    with connect(stage.uri()) as sock:
        sock.sendall(REFUSED[why])
        sock.shutdown(socket.SHUT_WR)
        assert b.wait() == 1
    assert 0 < b.errors().count("\n") <= 3, b.errors()
    assert "Error" not in b.errors()


def test_postcopy_only_with_the_capability(stage: Stage):
    b = stage.mini("b", "-incoming", stage.uri())
    with connect(stage.uri()) as sock:
        sock.sendall(HEADER + OPEN_RETURN_PATH + ADVISE)
        assert b.wait() == 1
    assert "capability postcopy-ram is off" in b.errors()


# The return path


def test_requests_for_whole_blocks_are_small(stage: Stage):
    """4 kB of them asked for 200 times the memory."""
    request = (CASES / "req_pages_amplify.bin").read_bytes()
    size = 256 * MIB
    request = request[:12] + size.to_bytes(4, "big") + request[16:]
    a = stage.mini("a", "-m", "256", "-cpu", "writer")
    a.qmp.capabilities("return-path")
    a.qmp("migrate-set-parameters", max_bandwidth=4096, downtime_limit=0)
    before = resident(a)
    with listening(stage.uri()) as listener:
        a.qmp("migrate", uri=stage.uri())
        with accept(listener) as sock:
            assert a.qmp.wait_status("active", "failed") == "active"
            sock.sendall(request * 5000)
            wait_for(lambda: a.qmp("query-migrate")["ram"]["postcopy-requests"] == 5000, "all were read")
            assert resident(a) - before < 20 << 20
            a.qmp("migrate_cancel")
    a.settled("running")


# What a migration says of itself


def test_what_query_migrate_tells(stage: Stage):
    image = stage.directory / "image"
    image.write_bytes(os.urandom(MIB))
    a = stage.mini("a", "-m", "16", "-device", f"loader,file={image}")
    a.qmp.capabilities("return-path")
    with listening(stage.uri()) as listener:
        a.qmp("migrate", uri=stage.uri())
        with accept(listener) as sock:
            received = read_until(sock, b'"page_size"')
            info = a.qmp("query-migrate")
            assert {"total-time", "setup-time", "expected-downtime"} <= info.keys()
            sock.sendall(SHUT_0)
            assert a.qmp.wait_status("completed", "failed") == "completed"
    info = a.qmp("query-migrate")
    assert {"total-time", "setup-time", "downtime"} <= info.keys()
    assert 0 <= info["downtime"] <= info["total-time"]
    ram = info["ram"]
    assert (ram["normal"], ram["normal-bytes"], ram["duplicate"]) == (256, MIB, 15 * 256)
    assert 0 < len(received) - ram["transferred"] < 2048  # all but the frame around the pages
    assert ram["transferred"] < MIB + 16 * 256 * 10  # a page of zeros costs nine bytes
    assert ram["mbps"] > 0


def test_pages_that_are_written_all_the_time_do_not_keep_the_others(stage: Stage):
    """A bandwidth of eight times what the guest writes suffices; before, the first pages were sent again and again."""
    b = stage.mini("b", "-m", "16", "-incoming", stage.uri())
    image = stage.directory / "image"
    image.write_bytes(os.urandom(16 * MIB))
    a = stage.mini("a", "-m", "16", "-cpu", "writer", "-device", f"loader,file={image}")
    for machine in (a, b):
        machine.qmp.capabilities("return-path")
    a.qmp("migrate-set-parameters", max_bandwidth=8 * MIB)
    a.qmp("migrate", uri=stage.uri())
    assert a.qmp.wait_status("completed", "failed") == "completed"
    assert a.qmp("query-migrate")["ram"]["transferred"] < 40 * MIB
    assert b.qmp.wait_status("completed", "failed") == "completed"
    a.settled("postmigrate")
    assert a.ram(16 * MIB) == b.ram(16 * MIB)


@pytest.mark.parametrize("mib", [1, 3, 8])
def test_the_limit_on_the_bandwidth_holds(stage: Stage, mib: int):
    """By the migration's own clock: bytes sent against time passed, both as the source counts them."""
    image = stage.directory / "image"
    image.write_bytes(os.urandom(2 * mib * MIB))
    b = stage.mini("b", "-m", str(2 * mib), "-incoming", stage.uri())
    a = stage.mini("a", "-m", str(2 * mib), "-device", f"loader,file={image}")
    for machine in (a, b):
        machine.qmp.capabilities("return-path")
    a.qmp("migrate-set-parameters", max_bandwidth=mib * MIB, downtime_limit=0)
    a.qmp("migrate", uri=stage.uri())
    assert a.qmp.wait_status("completed", "failed") == "completed"
    info = a.qmp("query-migrate")
    assert info["ram"]["transferred"] / (info["total-time"] / 1000) <= 1.1 * mib * MIB
