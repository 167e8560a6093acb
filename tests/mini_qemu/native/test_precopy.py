"""Two processes of our own."""

from __future__ import annotations

import hashlib

import pytest

from tests.mini_qemu.native.harness import Stage

SIZE = 4 << 20


@pytest.mark.parametrize("capabilities", [(), ("return-path",)], ids=["one way", "return path"])
def test_a_machine_without_memory(stage: Stage, capabilities: tuple[str, ...]):
    b = stage.mini("b", "-incoming", stage.uri())
    a = stage.mini("a")
    b.qmp.capabilities(*capabilities)
    a.qmp.capabilities(*capabilities)
    assert a.qmp("query-migrate") == {}
    assert a.qmp("migrate", uri=stage.uri()) == {}
    assert a.qmp.wait_status("completed", "failed") == "completed"
    assert b.qmp.wait_status("completed", "failed") == "completed"
    a.settled("postmigrate")
    b.settled("running")
    assert a.qmp.wait_event("STOP")
    assert b.qmp.wait_event("RESUME")


@pytest.mark.parametrize("kind", ["unix", "tcp"])
def test_a_guest_writes_meanwhile(stage: Stage, kind: str):
    b = stage.mini("b", "-m", "4", "-incoming", stage.uri() if kind == "unix" else "tcp:127.0.0.1:0", "-S")
    a = stage.mini("a", "-m", "4", "-cpu", "writer,seed=7")
    uri = stage.uri()
    if kind == "tcp":
        address = b.qmp("query-migrate")["socket-address"][0]
        uri = f"tcp:{address['host']}:{address['port']}"
    a.qmp.capabilities("return-path")
    b.qmp.capabilities("return-path")
    a.qmp("migrate", uri=uri)
    assert a.qmp.wait_event("MIGRATION_PASS", lambda data: data["pass"] >= 2)
    assert a.qmp.wait_status("completed", "failed") == "completed"
    assert b.qmp.wait_status("completed", "failed") == "completed"
    left, arrived = a.ram(SIZE), b.ram(SIZE)
    assert any(left)
    assert hashlib.sha256(left).digest() == hashlib.sha256(arrived).digest()
    assert b.qmp("query-status")["status"] == "paused"
