"""A first run that would never end is made in a child, and the program is refused with its line."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mini_qemu.sched import InstrumentationError, Scenario, ScenarioError, Shared, explore, first_run
from mini_qemu.sched.first_run import try_out

pytestmark = pytest.mark.skipif(not first_run.APART, reason="only Linux forks a process with threads")


class Counter(Shared):
    value: int = 0


def with_a_loop_in_c(s: Counter) -> None:
    s.value = sum(range(10**12))


def with_a_list_that_grows(s: Counter) -> None:
    there = []
    while True:
        there.append(b"x" * 10_000_000)


def with_a_list_too_long(s: Counter) -> None:
    s.value = len([0] * 10**11)


def good(s: Counter) -> None:
    s.value = s.value + 1


def scenario(work: Callable[[Counter], None]) -> Scenario:
    return Scenario(work.__name__, setup=Counter, threads={"A": work, "B": good})


@pytest.fixture
def little_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(first_run, "SECONDS", 1.0)
    monkeypatch.setattr(first_run, "MEGABYTES", 200)


@pytest.mark.usefixtures("little_time")
def test_a_loop_in_c_is_stopped_and_its_line_is_named():
    line = with_a_loop_in_c.__code__.co_firstlineno + 1
    with pytest.raises(ScenarioError, match=rf"stopped after 1 s .* in with_a_loop_in_c \(.*first_run.py:{line}\)"):
        try_out(scenario(with_a_loop_in_c))


@pytest.mark.usefixtures("little_time")
@pytest.mark.parametrize("work", [with_a_list_that_grows, with_a_list_too_long])
def test_too_much_memory_is_refused(work: Callable[[Counter], None]):
    with pytest.raises(ScenarioError, match=r"needs more than 200 MB of memory|stopped after"):
        try_out(scenario(work))


def test_what_ends_is_tried_once(monkeypatch: pytest.MonkeyPatch):
    forks = []
    fork = os.fork
    monkeypatch.setattr(os, "fork", lambda: forks.append(1) or fork())
    for _ in range(3):
        try_out(scenario(good))
    assert len(forks) == 1


@pytest.mark.parametrize("name", ["_exit", "abort"])
def test_what_ends_the_process_is_refused_by_name(name: str):
    ends = getattr(os, name)

    def work(s: Counter) -> None:
        ends(*[3] * (name == "_exit"))

    with pytest.raises(InstrumentationError, match=f"{name} ends the process"):
        explore(scenario(work))


PROGRAM = '''
import threading
from mini_qemu.sched import ScenarioError, explore, replay, Manual

def main():
    def work():
        sum(range(10**12))
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

def small():
    box = []
    threads = [threading.Thread(target=box.append, args=(1,)) for _ in range(2)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    assert len(box) == 2

for ask in (explore, lambda thing: replay(thing, "v1:main4"), Manual):
    try:
        ask(main)
    except ScenarioError as error:
        print(error)
print(explore(small).verdict)
'''


def test_a_program_that_was_typed_in_is_tried_wherever_it_runs(tmp_path: Path):
    """`explore`, `replay` and a learner who schedules; what comes next finds a clean state."""
    file = tmp_path / "typed.py"
    file.write_text(PROGRAM)
    ended = subprocess.run([sys.executable, file], capture_output=True, text=True, timeout=120)
    assert ended.stdout.count("scenario 'main': the first run was stopped after 2 s of processor time") == 3, ended
    assert ended.stdout.splitlines()[-1] == "proved", ended
