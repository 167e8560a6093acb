"""Whatever an answer does, its judge comes back with a verdict, and the next answer is judged as if nothing was."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator

import pytest

from lessons.exercises.judge_process import Judge

NAME = "missing-join/fill"
RIGHT = "def thread_to_join(s):\n    return s.rp_state.rp_thread_created\n"


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    with Judge() as one:
        yield one


def answer(body: str) -> str:
    return "def thread_to_join(s):\n" + textwrap.indent(textwrap.dedent(body).strip("\n"), "    ") + "\n"


CASES = {
    "a loop in C": ("return sum(range(10**12))", "time", "was stopped after 2 s"),
    "a loop in a regular expression": (
        "import re\nreturn re.match('(a+)+$', 'a' * 60 + 'b')",
        "time",
        "was stopped after",
    ),
    "an exit": ("import os\nos._exit(3)", "exit", "exit status 3"),
    "a quiet exit": ("import os\nos._exit(0)", "silent", "kept the judge from reporting"),
    "a crash of Python": ("import ctypes\nctypes.string_at(0)", "signal", "crashed Python itself (signal 11)"),
    "a signal to itself": ("import os\nos.kill(os.getpid(), 9)", "signal", "signal 9"),
    "another verdict": (
        "import lessons.exercises.judge as j\nj.rejected = lambda *a: j.Feedback('x', True, ('ok',))\nreturn 0",
        "touched",
        "changes the course itself (lessons.exercises.judge.rejected)",
    ),
    "another engine": (
        "from mini_qemu.sched.world import World\nWorld.crash = lambda *a: None\nreturn 0",
        "touched",
        "mini_qemu.sched.world.World.crash",
    ),
    "another builtin": ("import builtins\nbuiltins.len = lambda x: 0\nreturn 0", "touched", "builtins.len"),
}


@pytest.mark.parametrize("what", CASES)
def test_is_stopped_with_a_sentence(judge: Judge, what: str, monkeypatch: pytest.MonkeyPatch):
    body, stopped, words = CASES[what]
    if stopped == "time":
        monkeypatch.setattr(judge, "seconds", 2)
    verdict = judge.ask(NAME, answer(body))
    assert (verdict.passed, verdict.stopped) == (False, stopped), verdict
    assert words in verdict.reason
    monkeypatch.undo()
    assert judge.ask(NAME, RIGHT).passed, "the next answer is nobody else's"


FINDINGS = {
    "a loop without steps": ("while True: pass", "loop that never ends"),
    "an exit of the interpreter": ("import sys\nsys.exit()", "SystemExit"),
    "deep recursion": ("return thread_to_join(s)", "RecursionError"),
    "a huge list": ("return [0] * 10**10", "MemoryError"),
    "a thread of its own": ("import threading\nthreading.Thread(target=print).start()", "cannot control"),
    "nothing": ("pass", "returns nothing"),
    "an exception": ("raise NotImplementedError", "NotImplementedError"),
}


@pytest.mark.parametrize("what", FINDINGS)
def test_is_a_finding(judge: Judge, what: str):
    body, words = FINDINGS[what]
    verdict = judge.ask(NAME, answer(body))
    assert not verdict.passed
    assert words in verdict.reason


def test_what_is_no_function_is_a_sentence(judge: Judge):
    for text, words in (
        ("def thread_to_join(s:", "Python cannot read line 1"),
        ("thread_to_join = 3", "defines no function"),
        ("1 / 0", "division by zero"),
        ("", "defines no function"),
    ):
        verdict = judge.ask(NAME, text)
        assert not verdict.passed
        assert words in verdict.reason, text


def test_a_loop_at_the_top_level_is_stopped(judge: Judge, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(judge, "seconds", 1)
    assert judge.ask(NAME, "while True:\n    pass\n").stopped == "time"


def test_a_judge_that_was_killed_is_replaced(judge: Judge):
    assert judge.ask(NAME, answer("import os\nos.kill(os.getppid(), 9)")).stopped == "exit"
    assert judge.ask(NAME, RIGHT).passed


def test_a_failing_run_can_be_replayed(judge: Judge):
    assert judge.ask(NAME, answer("return s.rp_state.from_dst_file is not None")).schedule.startswith("v1:")


def test_where_there_is_no_fork_each_answer_has_a_judge_of_its_own(monkeypatch: pytest.MonkeyPatch):
    """As on Windows: the judging process itself is what is stopped."""
    program = "import os, runpy; del os.fork; runpy.run_module('lessons.exercises.judge_process', run_name='__main__')"
    monkeypatch.setattr("lessons.exercises.judge_process.COMMAND", [sys.executable, "-c", program])
    monkeypatch.setattr("lessons.exercises.judge_process.HAS_FORK", False)
    with Judge() as judge:
        assert judge.ask(NAME, RIGHT).passed
        assert judge.ask(NAME, answer("import os\nos._exit(3)")).stopped == "exit"
        assert judge.ask(NAME, RIGHT).passed
    monkeypatch.setattr("lessons.exercises.judge_process.PATIENCE", 3)
    with Judge(1) as judge:
        assert judge.ask(NAME, answer("return sum(range(10**12))")).stopped == "time"
