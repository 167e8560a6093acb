"""`mini-qemu explore`: a story by name, a learner's own file, and every way to ask for what is not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from lessons.__main__ import main
from lessons.scenarios import stories

OWN = """
from dataclasses import dataclass
from mini_qemu.sched import Mutex, Scenario, Shared

class Counter(Shared):
    value: int = 0

def add(counter):
    counter.value = counter.value + 1

race = Scenario("mine", setup=Counter, threads={"A": add, "B": add}, check=lambda counter: counter.value == 2)
again = race
alone = Scenario("alone", setup=Counter, threads={"A": add}, check=lambda counter: counter.value == 1)
"""


def test_lists_the_stories(capsys: pytest.CaptureFixture[str]):
    assert main(["explore"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in stories())


def test_a_story_before_and_after_its_fix(capsys: pytest.CaptureFixture[str]):
    assert main(["explore", "precopy-return-path"]) == 1
    assert "precopy-return-path: failed. 93 interleavings, all run: 90 fail" in capsys.readouterr().out
    assert main(["explore", "precopy-return-path", "--with", "join_created_thread"]) == 0
    assert main(["explore", "precopy-return-path", "--with", "all"]) == 0


def test_a_story_that_survives_and_the_later_fix(capsys: pytest.CaptureFixture[str]):
    assert main(["explore", "pause-while-pausing", "--with", "all"]) == 1
    assert main(["explore", "pause-while-pausing", "--with", "all", "--later", "lock_to_dst_file"]) == 0
    assert main(["explore", "pause-while-pausing", "--with", "all,lock_to_dst_file"]) == 0
    assert main(["explore", "pause-while-pausing", "--later", "lock_to_dst_fil"]) == 2
    assert "did you mean lock_to_dst_file" in capsys.readouterr().err


def test_the_scenarios_of_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "mine.py"
    path.write_text(OWN, encoding="utf-8")
    assert main(["explore", str(path), "--trace"]) == 1
    out = capsys.readouterr().out
    assert "mine: failed. 4 interleavings, all run: 2 fail" in out
    assert "writes" in out, "the shortest failing run"
    assert out.count("mine: failed") == 1, "two names for one scenario are one scenario"
    assert "alone: proved" in out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no Scenario, no function main, nothing that it runs"),
        ("def f(:\n", "is not Python: line 1"),
        ("1 / 0\n", "stops with ZeroDivisionError"),
        ("raise OSError(5, 'mine')\n", "stops with OSError"),
    ],
)
def test_a_file_that_cannot_be_explored(text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = tmp_path / "mine.py"
    path.write_text(text, encoding="utf-8")
    assert main(["explore", str(path)]) == 2
    assert said in capsys.readouterr().err


def test_what_is_not_there(capsys: pytest.CaptureFixture[str]):
    for arguments, said in (
        (["precopy-return-pat"], "did you mean precopy-return-path"),
        (["tls", "--with", "join"], "There is no fix 'join'"),
        (["nowhere.py"], "There is no file nowhere.py"),
        (["tls", "--method", "magic"], "Unknown method 'magic'"),
    ):
        assert main(["explore", *arguments]) == 2
        assert said in capsys.readouterr().err
    assert main(["exploer"]) == 2
    assert "There is no command 'exploer'" in capsys.readouterr().err
