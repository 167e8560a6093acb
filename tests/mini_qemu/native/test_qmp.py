"""The monitor, as real clients use it and as careless ones do."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys

import pytest
from qemu.qmp import ExecuteError, QMPClient
from qemu.qmp.legacy import QEMUMonitorProtocol

from mini_qemu.native.cpus import HOT_PAGES
from tests.mini_qemu.native.harness import PATIENCE, PING_1, QmpProblem, Stage, accept, listening, read_until, wait_for


def test_the_asynchronous_library(stage: Stage):
    a = stage.mini("a", "-incoming", "defer")
    assert a.qmp("query-status")["status"] == "inmigrate"

    async def talk() -> None:
        client = QMPClient("test")
        await client.connect(str(a.path))
        assert client.greeting is not None
        assert client.greeting.QMP.capabilities == ["oob"]
        with client.listener("MIGRATION") as events:
            await client.execute("migrate-incoming", {"uri": stage.uri()})
            assert (await events.get())["data"] == {"status": "setup"}
        assert await client.execute("query-yank", oob=True) == [{"type": "migration"}]
        with pytest.raises(ExecuteError, match="out of band"):
            await client.execute("query-status", oob=True)
        with pytest.raises(ExecuteError) as caught:
            await client.execute("no-such-command")
        assert caught.value.error.error.class_ == "CommandNotFound"
        await client.disconnect()

    asyncio.run(asyncio.wait_for(talk(), PATIENCE))


def test_the_legacy_library(stage: Stage):
    a = stage.mini("a")
    a.qmp("query-status")
    client = QEMUMonitorProtocol(str(a.path))
    try:
        client.connect()
        assert client.cmd("query-version")["qemu"]["major"] == 6
        assert client.cmd("query-status")["running"] is True
        assert client.cmd_obj({"execute": "stop", "id": "x"}) == {"return": {}, "id": "x"}
        event = client.pull_event(wait=PATIENCE)
        assert event is not None
        assert event["event"] == "STOP"
        assert "error" in client.cmd_raw("migrate")
    finally:
        client.close()


def test_qmp_shell(stage: Stage):
    a = stage.mini("a")
    a.qmp("query-status")
    shell = subprocess.run(
        [sys.executable, "-m", "qemu.qmp.qmp_shell", str(a.path)],
        input="query-status\nmigrate-set-parameters downtime-limit=5\nquery-migrate-parameters\nquit\n",
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert '"status": "running"' in shell.stdout, shell
    assert '"downtime-limit": 5' in shell.stdout
    assert "error" not in shell.stdout
    assert a.wait() == 0


def test_no_newline_half_a_request_and_three_at_once(stage: Stage):
    a = stage.mini("a")
    q = a.monitor(negotiate=False)
    q.send(b'{"execute": "qmp_ca')
    q.send(b'pabilities", "id": {"any": ["thing", null, 1.5]}}')
    assert q.receive() == {"return": {}, "id": {"any": ["thing", None, 1.5]}}
    q.send(b'{"execute":"query-status","id":1}{"execute":"query-yank","id":2}\n[1]{"execute":"query-status"}')
    replies = [q.receive() for _ in range(4)]
    assert [reply.get("id") for reply in replies] == [1, 2, None, None]
    assert replies[2]["error"]["class"] == "GenericError"
    assert "return" in replies[3]


@pytest.mark.parametrize("text", [
    b"garbage\n", b"}", b'{"execute": }', b'"a string"', b"12 ", b"\xff", b'{"execute": "\xfe\xfe"}', b"[NaN]",
    b"[" * 2000,
])  # fmt: skip
def test_garbage_is_answered_and_forgotten(stage: Stage, text: bytes):
    a = stage.mini("a")
    q = a.monitor()
    q.send(text)
    if text != b"\xff":  # asks to forget what was begun: nothing was
        error = q.receive()["error"]
        assert error["class"] == "GenericError"
        assert error["desc"]
    q.send(b'\xff{"execute": "query-version", "id": "after"}')
    while (reply := q.receive()).get("id") != "after":
        assert reply["error"]["class"] == "GenericError"
    assert "return" in reply


def test_negotiation_comes_first_and_once(stage: Stage):
    a = stage.mini("a")
    q = a.monitor(negotiate=False)
    assert q.greeting["QMP"]["version"]["qemu"].keys() == {"major", "minor", "micro"}
    for command, cls in (("query-status", "CommandNotFound"), ("no-such-command", "CommandNotFound")):
        with pytest.raises(QmpProblem) as caught:
            q(command)
        assert caught.value.cls == cls
    with pytest.raises(QmpProblem, match="GenericError"):
        q("qmp_capabilities", enable=["telepathy"])
    q("qmp_capabilities")
    with pytest.raises(QmpProblem, match="CommandNotFound"):
        q("qmp_capabilities")
    q.send(b'{"exec-oob": "query-yank", "id": 9}')
    assert q.receive()["error"]["class"] == "GenericError"


@pytest.mark.parametrize("request_", [
    {}, {"execute": 1}, {"execute": "query-status", "exec-oob": "query-yank"}, {"execute": "query-status", "args": {}},
    {"execute": "query-status", "arguments": []}, {"execute": "query-status", "arguments": {"x": 1}},
    {"execute": "migrate"}, {"execute": "migrate", "arguments": {"uri": 1}},
    {"execute": "migrate", "arguments": {"uri": "unix:x", "resume": "yes"}},
    {"execute": "migrate-set-capabilities", "arguments": {"capabilities": {"capability": "events", "state": True}}},
    {"execute": "migrate-set-capabilities", "arguments": {"capabilities": [{"capability": "events"}]}},
    {"execute": "migrate-set-capabilities", "arguments": {"capabilities": [{"capability": "no", "state": True}]}},
    {"execute": "migrate-set-parameters", "arguments": {"downtime-limit": True}},
    {"execute": "migrate-set-parameters", "arguments": {"downtime-limit": -1}},
    {"execute": "migrate-set-parameters", "arguments": {"tls-creds": "nobody"}},
    {"execute": "migrate-continue", "arguments": {"state": "pre-switchover"}},
    {"execute": "migrate-incoming", "arguments": {"uri": "unix:x"}},
    {"execute": "migrate-recover", "arguments": {"uri": "unix:x"}},
    {"execute": "migrate-pause"}, {"execute": "migrate-start-postcopy"},
    {"execute": "yank", "arguments": {"instances": [{"type": "ship"}]}},
    {"execute": "yank", "arguments": {"instances": [{"type": "chardev"}]}},
    {"execute": "pmemsave", "arguments": {"val": 0, "size": 1, "filename": "x"}},
], ids=lambda r: json.dumps(r)[:60])  # fmt: skip
def test_what_is_asked_wrongly_is_refused(monitor, request_):
    monitor.send(json.dumps({**request_, "id": "wrong"}).encode())
    reply = monitor.receive()
    assert reply["error"]["class"] == "GenericError"
    assert len(reply["error"]["desc"]) > 10
    assert reply["id"] == "wrong"


@pytest.fixture(scope="module")
def monitor(tmp_path_factory):
    """One process for all those requests: none of them leaves a trace in it."""
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory(prefix="mq") as directory:
        stage = Stage(Path(directory))
        monitor = stage.mini("a").monitor("oob")
        yield monitor
        assert monitor("query-migrate") == {}
        assert monitor("query-yank") == []
        stage.end()


def test_yank_names_what_is_missing_and_then_yanks_nothing(stage: Stage):
    a = stage.mini("a")
    a.qmp("migrate-set-capabilities", capabilities=[{"capability": "return-path", "state": True}])
    with listening(stage.uri()) as listener:
        a.qmp("migrate", uri=stage.uri())
        peer = accept(listener)
        read_until(peer, PING_1)  # before that there is no channel in the list, and a yank does nothing
        with pytest.raises(QmpProblem) as caught:
            a.qmp.oob("yank", instances=[{"type": "migration"}, {"type": "chardev", "id": "mon0"}])
        assert caught.value.cls == "DeviceNotFound"
        assert a.qmp("query-yank") == [{"type": "migration"}]
        a.qmp.oob("yank", instances=[{"type": "migration"}])
        assert a.qmp.wait_status("failed", "completed") == "failed"
        peer.close()


def test_out_of_band_is_answered_while_the_main_loop_is_blocked(stage: Stage):
    """The destination does not read: live_migration sends with the BQL held, and only yank ends that.

    One page goes out in the first slice of time; then all the rest may be left for the end, more than the socket holds.
    """
    a = stage.mini("a", "-m", "2", "-cpu", "writer")
    wait_for(lambda: a.ram(4096, HOT_PAGES // 2 * 4096) != bytes(4096), "the guest has written enough")
    a.qmp("migrate-set-parameters", downtime_limit=2_000_000, max_bandwidth=1)
    b = a.monitor("oob")
    with listening(stage.uri()) as listener:
        a.qmp("migrate", uri=stage.uri())
        with accept(listener):
            a.qmp.wait_event("STOP")
            number = a.qmp.start("query-status")
            assert b.oob("query-yank") == [{"type": "migration"}]
            b.oob("yank", instances=[{"type": "migration"}])
            assert a.qmp.answer(number)["status"] in ("finish-migrate", "running")
            assert a.qmp.wait_status("failed", "completed") == "failed"
    a.settled("running")


def test_several_monitors_hear_the_same_news(stage: Stage):
    a = stage.mini("a")
    others = [a.monitor() for _ in range(3)]
    a.monitor(negotiate=False)
    half = a.monitor()
    half.send(b'{"execute": "quit')
    half.close()
    a.qmp("stop")
    for monitor in others:
        assert monitor.wait_event("STOP")
        assert monitor("query-status")["status"] == "paused"


def test_many_requests_at_once_are_answered_in_order(stage: Stage):
    a = stage.mini("a")
    numbers = [a.qmp.start("query-commands") for _ in range(200)]
    for number in numbers:
        assert {"name": "yank"} in a.qmp.answer(number)


def test_events_only_under_the_capability(stage: Stage):
    a = stage.mini("a")
    q = a.monitor()
    with listening(stage.uri()) as listener:
        q("migrate", uri=stage.uri())
        accept(listener).close()
    while q("query-migrate")["status"] not in ("completed", "failed"):
        pass
    assert {event["event"] for event in q.events} <= {"STOP", "RESUME"}
