"""The process itself: options, threads, and how it ends."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mini_qemu import yank
from tests.mini_qemu.native.harness import (
    PATIENCE,
    PING_1,
    ROOT,
    QmpProblem,
    Stage,
    accept,
    listening,
    read_until,
    wait_for,
    was_aborted,
)


def run(*options: str | bytes) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mini_qemu", *options],
        capture_output=True, text=True, timeout=PATIENCE, cwd=ROOT, check=False,
    )  # fmt: skip


def test_help_names_every_option():
    told = run("-h")
    assert told.returncode == 0
    for option in ("-qmp", "-incoming", "-M", "-m", "-S", "-fixes"):
        assert re.search(rf"^  {option}\b", told.stdout, re.MULTILINE)


@pytest.mark.parametrize("options", [
    ("-M", "pc"), ("-m", "x"), ("-m", "99999"), ("-m", "\u00b2"), ("-m", "1X"), ("-m", "size=1,slots=2"), ("-m",),
    ("-smp", "2"), ("-accel", "kvm"), ("-display", "gtk"), ("-monitor", "stdio"), ("-mem-path", "/dev/shm"),
    ("-mon", "chardev=no,mode=control"), ("disk.img",), ("-no-such-option",), ("-name", "a,b=c"),
    ("-pidfile", "/no/dir"), ("-fixes", "6"), ("-fixes", "1,,2"), ("-cpu", "sleeper"), ("-cpu", "writer,seed=\u00b2"),
    ("-incoming", "carrier-pigeon:"), ("-incoming", "tcp:nowhere"), ("-incoming", "unix:"),
    ("-incoming", "unix:/no/dir"), ("-incoming", "tcp:localhost:99999"), ("-incoming", "tcp:a..b:1"),
    ("-incoming", f"tcp:{'x' * 64}.org:1"), ("-qmp", "tcp:a..b:1"), ("-qmp", "unix:a,server,server"),
    ("-qmp", "unix:a,server=maybe"), ("-qmp", b"unix:/no/\xff"), ("-qmp", "unix:/no/dir"), ("-qmp", "fd:3"),
    ("-object", "iothread,id=x"), ("-object", "tls-creds-x509,id=t,dir=.,endpoint=srver"),
    ("-object", "tls-creds-x509,id=t,endpoint=client,verify-peer="),
    *[("-object", f"tls-creds-x509,id=t,endpoint=client,verify-peer={it}") for it in ("On", "1", "y", "ON", "maybe")],
    ("-device", "loader"), ("-device", "loader,file=/no/file"), ("-device", "loader,file=/etc/passwd"),
])  # fmt: skip
def test_a_wrong_option_is_one_sentence(options: tuple[str | bytes, ...]):
    told = run(*options)
    assert told.returncode == 1
    assert told.stderr.count("\n") == 1
    assert told.stderr.startswith("mini_qemu: ")
    assert len(told.stderr) > 30
    assert str(options[0]) in told.stderr  # the option is named


@pytest.mark.parametrize("options", [
    ("-m", "64M"), ("-m", "1G"), ("-m", "size=64"), ("-m", "size=64M,slots=0"), ("--m", "64"), ("-monitor", "none"),
    ("-serial", "none"), ("-accel", "tcg"), ("-machine", "none,accel=tcg"), ("-smp", "1"), ("-nographic",),
    ("-nodefaults", "-display", "none"),
    ("-name", "a,debug-threads=on"), ("-cpu", "writer,seed=0x7"),
])  # fmt: skip
def test_a_command_line_as_a_user_types_it(options: tuple[str, ...]):
    """On standard input and output, which a pipe closes when it is empty: every request is answered."""
    talk = b'{"execute": "qmp_capabilities"}{"execute": "query-status"}{"execute": "quit"}'
    process = subprocess.run(
        [sys.executable, "-m", "mini_qemu", *options, "-qmp", "stdio"],
        input=talk, capture_output=True, timeout=PATIENCE, cwd=ROOT, check=True,
    )  # fmt: skip
    assert process.stderr == b""
    assert process.stdout.count(b"return") == 3


def test_the_version():
    for option in ("-version", "--version"):
        told = run(option)
        assert told.returncode == 0
        assert re.search(r"mini_qemu.*6\.1\.0", told.stdout)


@pytest.mark.parametrize("flags", ["", ",server", ",server,nowait", ",server=on,wait=off", ",server,wait=off"])
def test_how_a_monitor_is_asked_for(stage: Stage, flags: str):
    path = stage.directory / "a.qmp"
    a = stage.add("a", [sys.executable, "-m", "mini_qemu", "-qmp", f"unix:{path}{flags}"])
    assert a.qmp("query-status")["running"]


def test_a_monitor_as_libvirt_asks_for_it(stage: Stage):
    path, pid = stage.directory / "a.qmp", stage.directory / "pid"
    chardev = ("-chardev", f"socket,id=c,path={path},server=on,wait=off", "-mon", "chardev=c,mode=control")
    a = stage.add("a", [sys.executable, "-m", "mini_qemu", *chardev, "-pidfile", str(pid)])
    assert a.qmp("query-status")["running"]
    assert int(pid.read_text()) == a.process.pid
    a.qmp("quit")
    assert a.wait() == 0
    assert not pid.exists()


def test_threads_carry_upstreams_names(stage: Stage):
    a = stage.mini("a", "-m", "1", "-cpu", "reader")
    a.qmp.capabilities("return-path")
    with listening(stage.uri()) as listener:
        a.qmp("migrate", uri=stage.uri())
        with accept(listener) as sock:
            read_until(sock, PING_1)
            wanted = {"CPU 0/TCG", "mon_iothread", "live_migration", "return path"}
            wait_for(lambda: wanted <= set(a.threads()), "all threads are there", lambda: str(a.threads()))
            a.qmp("migrate_cancel")
        assert a.qmp.wait_status("cancelled") == "cancelled"
    wait_for(lambda: not {"live_migration", "return path"} & set(a.threads()), "they have gone")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_goes_when_asked(stage: Stage, number: signal.Signals):
    a = stage.mini("a")
    a.qmp("query-status")
    a.process.send_signal(number)
    assert a.wait() == 0
    assert not a.path.exists()


def test_a_failed_assertion_ends_the_process(stage: Stage):
    """An entry too many in the yank list, put there by a guest's program that is no good."""
    bad = (
        "import mini_qemu.native.cpus as c, mini_qemu.__main__ as m, mini_qemu.yank as y\n"
        "def program(cpu):\n"
        "    cpu.wait_until_it_may_run()\n"
        "    y.yank_register_instance(cpu.qemu.yank, y.MIGRATION_YANK_INSTANCE)\n"
        "    y.yank_register_function(cpu.qemu.yank, y.MIGRATION_YANK_INSTANCE, print, cpu.qemu)\n"
        "    y.yank_unregister_instance(cpu.qemu.yank, y.MIGRATION_YANK_INSTANCE)\n"
        "c.qemu_tcg_cpu_thread_fn = program\n"
        "m.main()\n"
    )
    a = stage.add("a", [sys.executable, "-c", bad, "-cpu", "reader"])
    assert was_aborted(a)
    source = Path(yank.__file__).read_text(encoding="utf-8").splitlines()
    line = next(i for i, text in enumerate(source, 1) if "assert QLIST_EMPTY" in text)
    message = a.errors().splitlines()[0]
    wanted = f"mini_qemu: mini_qemu/yank.py:{line}: yank_unregister_instance: Assertion `QLIST_EMPTY(fns)' failed."
    assert message.startswith(wanted), message


@pytest.mark.parametrize(("statement", "says"), [
    ("y.yank_unregister_instance(q.yank, y.MIGRATION_YANK_INSTANCE)", "Assertion `entry is not None' failed."),
    ("t.qemu_thread_join(None)", "abort(): join of a thread that was never created"),
    ("None.x", "AttributeError: "),
])  # fmt: skip
def test_no_thread_dies_alone(stage: Stage, statement: str, says: str):
    bad = (
        "import mini_qemu.native.cpus as c, mini_qemu.__main__ as m, mini_qemu.yank as y, mini_qemu.qemu_thread as t\n"
        f"def program(cpu):\n    q = cpu.qemu\n    {statement}\n"
        "c.qemu_tcg_cpu_thread_fn = program\n"
        "m.main()\n"
    )
    a = stage.add("a", [sys.executable, "-c", bad, "-cpu", "reader"])
    assert was_aborted(a)
    assert says in a.errors().splitlines()[0]


def test_without_assertions_it_does_not_start(stage: Stage):
    assert stage.add("a", [sys.executable, "-O", "-m", "mini_qemu"]).wait() == 1


@pytest.mark.parametrize("uri", [
    "", "unix:", "tcp:", "tcp:host", "tcp:::1:3", "tcp:h:99999", "exec:cat", "unix:" + "x" * 200,
])  # fmt: skip
def test_a_malformed_uri_is_refused_and_nothing_is_left(stage: Stage, uri: str):
    a = stage.mini("a")
    with pytest.raises(QmpProblem, match="GenericError") as caught:
        a.qmp("migrate", uri=uri)
    assert len(caught.value.desc) > 10
    assert a.qmp("query-migrate")["status"] == "failed"
    assert a.qmp("query-yank") == []
    assert a.qmp("query-status")["running"]


def test_nobody_listens_there(stage: Stage):
    a = stage.mini("a")
    a.qmp("migrate", uri=stage.uri())
    assert a.qmp.wait_status("failed", "completed") == "failed"
    info = a.qmp("query-migrate")
    assert stage.uri() in info["error-desc"]
    wait_for(lambda: a.qmp("query-yank") == [], "the instance has gone")
    assert a.qmp("query-status")["running"]


def test_an_address_in_use(stage: Stage):
    a = stage.mini("a", "-incoming", "tcp:127.0.0.1:0")
    port = a.qmp("query-migrate")["socket-address"][0]["port"]
    b = stage.mini("b", "-incoming", "defer")
    with pytest.raises(QmpProblem, match="in use"):
        b.qmp("migrate-incoming", uri=f"tcp:127.0.0.1:{port}")
    assert b.qmp("query-yank") == []
    b.qmp("migrate-incoming", uri=stage.uri())
    with pytest.raises(QmpProblem, match="already"):
        b.qmp("migrate-incoming", uri=stage.uri())


def test_a_second_migration_while_one_runs(stage: Stage):
    a = stage.mini("a")
    a.qmp.capabilities("return-path")
    with listening(stage.uri()) as listener:
        a.qmp("migrate", uri=stage.uri())
        with accept(listener) as sock:
            read_until(sock, PING_1)
            for command, arguments in (
                ("migrate", {"uri": stage.uri("n")}),
                ("migrate-set-capabilities", {"capabilities": [{"capability": "events", "state": False}]}),
            ):
                with pytest.raises(QmpProblem, match="running"):
                    a.qmp(command, **arguments)
            sock.close()
            assert a.qmp.wait_status("failed", "completed") == "failed"


def test_a_destination_does_not_migrate_and_a_source_not_twice(stage: Stage):
    b = stage.mini("b", "-incoming", stage.uri())
    with pytest.raises(QmpProblem, match="waits for an incoming"):
        b.qmp("migrate", uri=stage.uri("n"))
    a = stage.mini("a")
    a.qmp("migrate", uri=stage.uri())
    assert a.qmp.wait_status("completed") == "completed"
    a.settled("postmigrate")
    with pytest.raises(QmpProblem, match="migrated away"):
        a.qmp("migrate", uri=stage.uri())
