"""What a lab starts it ends, and what fails in it is a sentence. Played by mini_qemu, so no QEMU is needed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from lessons.real import Lab, LabError
from tests.lessons.real.conftest import ROOT, belonging_to
from tests.mini_qemu.native.harness import wait_for

SHUT_0 = bytes.fromhex("0001 0004 00000000")


def test_a_migration_to_you(lab: Lab):
    source, you = lab.mini("source"), lab.listen()
    source.migrate(you)
    assert len(you.read_stream()) == 761
    you.send(SHUT_0)
    assert source.outcome() == "completed"
    assert [f"{entry.who}: {entry}" for entry in lab.entries] == [
        "source: › mini_qemu, with return-path",
        "source: › migrate unix:you",
        "you:   reads a whole stream, 761 bytes",
        "you: › sends 00 01 00 04 00000000: SHUT, value 0: all is well",
        "source:   migration completed, guest postmigrate",
    ]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError, SystemExit, LabError])
def test_whatever_happens_inside_nothing_is_left(error: type[BaseException]):
    def scene(lab: Lab) -> None:
        lab.mini("a")
        lab.mini("b", incoming=True)
        assert len(belonging_to(lab.folder)) == 4, "each with its keeper"
        raise error

    lab = Lab()
    with pytest.raises(error), lab:
        scene(lab)
    assert belonging_to(lab.folder) == []
    assert not lab.folder.exists()


def test_a_process_that_dies_in_the_middle(lab: Lab):
    source, you = lab.mini("source"), lab.listen()
    source.migrate(you)
    you.read(100)
    source.kill()
    with pytest.raises(LabError, match=r"you: the stream is cut after \d+ bytes"):
        you.read_stream()
    with pytest.raises(LabError, match=r"source has hung up its monitor, and ends with status 137$"):
        source.yank()
    with pytest.raises(LabError, match="source has hung up its monitor"):
        source.outcome()


def test_you_die_in_the_middle(lab: Lab):
    source, you = lab.mini("source"), lab.listen()
    source.migrate(you)
    you.read(100)
    you.hang_up()
    assert source.outcome() == "failed"


def test_a_stream_that_is_cut_and_what_the_destination_says(lab: Lab):
    destination = lab.mini("destination", incoming=True)
    you = lab.connect(destination)
    you.send(b"QEVM\0\0\0\3\7\0\0\0")
    you.hang_up()
    assert destination.dies() == 1
    assert lab.entries[-1].text.startswith("ends with status 1: ")
    assert str(lab.folder) not in lab.entries[-1].text
    with pytest.raises(LabError, match="destination has hung up its monitor, and ends with status 1: "):
        destination.state()


def test_what_cannot_begin(lab: Lab):
    lab.mini("a")
    with pytest.raises(LabError, match=r"already a machine 'a' in this lab\. Choose another name\."):
        lab.mini("a")
    with pytest.raises(LabError, match="already a machine 'a'"):
        lab.listen("a")
    lab.listen("you")
    with pytest.raises(LabError, match=r"'you' is a line in this lab\. Choose another name for the machine\."):
        lab.mini("you")
    with pytest.raises(LabError, match=r"b ends with status 1: .*no-such-option.* before it listens"):
        lab.mini("b", "-no-such-option")
    with pytest.raises(LabError, match=r"a refuses no-such-command: .*no-such-command"):
        lab.machines["a"].qmp("no-such-command")


def test_states_that_do_not_come(lab: Lab, monkeypatch: pytest.MonkeyPatch):
    a = lab.mini("a")
    monkeypatch.setattr("lessons.real.clock.PATIENCE", 0.5)
    with pytest.raises(
        LabError, match=r"a was to come to migration completed\. It is at migration none, guest running"
    ):
        a.until(migration="completed")


def test_a_keeper_that_is_killed_takes_its_process_along(lab: Lab):
    if sys.platform != "linux":
        pytest.skip("only Linux ends a process with its parent")
    lab.mini("a")
    (keeper,) = [pid for pid in belonging_to(lab.folder) if "keeper.py" in " ".join(psutil.Process(pid).cmdline())]
    os.kill(keeper, signal.SIGKILL)
    lab.machines["a"].keeper.wait()
    wait_for(lambda: belonging_to(lab.folder) == [], "the process has ended")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_python_that_is_killed_leaves_nothing(number: signal.Signals):
    program = "from lessons.real import Lab; lab = Lab(); lab.mini('a'); print(lab.folder, flush=True)"
    with subprocess.Popen(
        [sys.executable, "-c", f"{program}; lab.listen().read(1)"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as python:
        assert python.stdout is not None
        folder = Path(python.stdout.readline().strip())
        assert len(belonging_to(folder)) == 2
        python.send_signal(number)
    wait_for(lambda: belonging_to(folder) == [] and not folder.exists(), "everything has gone")
