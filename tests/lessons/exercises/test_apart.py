"""`check` judges in a child: whatever an answer does, the one who asks goes on, and the next answer is judged."""

from __future__ import annotations

import sys
import textwrap
import threading
import warnings

import pytest

from lessons.exercises import check as judging
from lessons.exercises import exercise
from lessons.exercises.check import _check, _judge_here, check
from lessons.exercises.mounting import function_from
from mini_qemu.fixes import fixes

pytestmark = pytest.mark.skipif(not judging.APART, reason="judged in this process")
NAME = "missing-join/fill"
RIGHT = "return s.rp_state.rp_thread_created"
WRONG = "return s.rp_state.from_dst_file is not None"


@pytest.fixture(autouse=True)
def nobodys_progress(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MINI_QEMU_PROGRESS", "")


def answer(body: str):
    text = "def thread_to_join(s):\n" + textwrap.indent(textwrap.dedent(body).strip("\n"), "    ") + "\n"
    return function_from(text, "thread_to_join")


KINDS = {
    "a loop without steps": ("while True: pass", "in a loop that never ends"),
    "a loop with steps": ("while not s.rp_state.error: s.rp_state.error = False", "goes round and round"),
    "a loop in C": ("return sum(range(10**12))", "was stopped after 1 s"),
    "a regular expression": ("import re\nreturn re.match('(a+)+$', 'a' * 60 + 'b')", "was stopped after 1 s"),
    "deep recursion": ("return thread_to_join(s)", "RecursionError"),
    "a huge list": ("return [0] * 10**10", "MemoryError"),
    "memory that grows": ("x = []\nfor _ in range(90_000): x.append('y' * 10**6)", ""),
    "a repr that raises": (
        "class A:\n    def __repr__(self): raise ValueError('no')\ns.rp_state.error = A()\nreturn 0",
        "When a migration",
    ),
    "an equality that raises": ("class A:\n    def __eq__(self, o): raise ValueError('no')\nreturn A() == 1", "no"),
    "a hash that raises": ("class A:\n    def __hash__(self): raise ValueError('no')\nreturn {A(): 1}", "no"),
    "sys.exit": ("import sys\nsys.exit()", "SystemExit"),
    "os._exit": ("import os\nos._exit(3)", "exit status 3"),
    "a crash of Python": ("import ctypes\nctypes.string_at(0)", "crashed Python itself"),
    "a thread of its own": ("import threading\nthreading.Thread(target=print).start()", "cannot control"),
    "another engine": (
        "from mini_qemu.sched.world import World\nWorld.crash = lambda *a: None\nreturn 0",
        "changes the course itself (mini_qemu.sched.world.World.crash)",
    ),
    "another builtin": ("import builtins\nbuiltins.len = lambda x: 0\nreturn 0", "builtins.len"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_ends_as_a_sentence_and_the_next_answer_is_judged_afresh(kind: str, monkeypatch):
    body, words = KINDS[kind]
    if "was stopped" in words or not words:  # what grows ends by memory or by time
        monkeypatch.setattr(judging, "MOST_CPU_SECONDS", 1.0)
    before = fixes.on, threading.active_count(), sys.stdout, len
    found = check(answer(body), NAME)
    assert not found.passed
    assert words in repr(found), repr(found)
    assert (fixes.on, threading.active_count(), sys.stdout, len) == before
    monkeypatch.undo()
    monkeypatch.setenv("MINI_QEMU_PROGRESS", "")
    assert check(answer(RIGHT), NAME)


@pytest.mark.parametrize("body", [RIGHT, WRONG])
def test_the_child_says_what_this_process_would_say_and_the_run_is_played_here(body: str):
    here = _check(answer(body), exercise(NAME), _judge_here)
    apart = check(answer(body), NAME)
    assert repr(apart) == repr(here)
    assert (apart.trace is None) == (here.trace is None)
    if here.trace is not None and apart.trace is not None:
        assert apart.trace.schedule.partition("#")[0] == here.trace.schedule.partition("#")[0]
        assert apart.trace.steps[-1].text == here.trace.steps[-1].text


def test_an_answer_may_use_what_the_notebook_defined():
    function = answer("return helper(s)")
    function.__globals__["helper"] = answer(RIGHT)
    here = _check(function, exercise(NAME), _judge_here)
    assert repr(check(function, NAME)) == repr(here)


def test_an_interrupt_ends_the_child_and_reaches_the_reader(monkeypatch: pytest.MonkeyPatch):
    def interrupted(*_: object) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr("mini_qemu.sched.apart._read_until", interrupted)
    with pytest.raises(KeyboardInterrupt):
        check(answer("while True: pass"), NAME)
    monkeypatch.undo()
    monkeypatch.setenv("MINI_QEMU_PROGRESS", "")
    assert check(answer(RIGHT), NAME)


def test_no_warning_about_threads_reaches_the_reader():
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert check(answer(RIGHT), NAME)
    finally:
        stop.set()
        thread.join()
