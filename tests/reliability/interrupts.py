"""A reader interrupts, at random moments of explore, replay, a lab, a check, a grade: everything is as it was.

The signal of a timer of processor time raises KeyboardInterrupt wherever the program is, as the notebook's ■ does. What
must be as before: the fixes, each function of the course, the engine's own state, `threading`, the threads, the
descriptors, the children; and the next exploration counts what it counts.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from lessons.exercises import exercise
from lessons.exercises.check import _check, _judge_here, check
from lessons.exercises.judge_process import Judge
from lessons.exercises.mounting import function_from
from lessons.exercises.untouched import watching
from lessons.scenarios import find, warmups
from lessons.widgets.break_it import BreakIt
from lessons.widgets.lab import RaceLab
from mini_qemu.fixes import fixes, history
from mini_qemu.sched import explore, replay
from mini_qemu.sched.clerk import CLERK
from tests.reliability.figures import Figure

NAME = "missing-join/fill"
WRONG = "def thread_to_join(s):\n    return s.rp_state.from_dst_file is not None\n"


def ordinary() -> None:
    """A program with plain threads: `threading` is replaced while it is explored."""
    total = [0]
    lock = threading.Lock()

    def adds() -> None:
        for _ in range(3):
            with lock:
                total[0] += 1

    threads = [threading.Thread(target=adds) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert total[0] == 6


def works() -> dict[str, Callable[[], object]]:
    story = find("cancel-vs-exit").scenario
    schedule = explore(story).failure.schedule  # type: ignore[union-attr]
    answer = function_from(WRONG, "thread_to_join")
    judge = Judge(5)
    judge.ask(NAME, WRONG)

    def grades() -> object:
        with judge:
            return judge.ask(NAME, WRONG)

    return {
        "explore": lambda: explore(find("precopy-return-path").scenario),
        "explore a program with threads": lambda: explore(ordinary),
        "replay": lambda: replay(story, schedule),
        "RaceLab": lambda: RaceLab(story, fixes=["lock_from_dst_file"]),
        "BreakIt": lambda: BreakIt(story),
        "check here": lambda: _check(answer, exercise(NAME), _judge_here),
        "check": lambda: check(answer, NAME),
        "grade": grades,
    }


class Interrupted(KeyboardInterrupt):
    """Of ours, so that a real one still stops the trial."""


@contextmanager
def interrupted_after(seconds: float) -> Iterator[None]:
    def interrupt(*_: Any) -> None:
        raise Interrupted

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except Interrupted:
        pass
    finally:
        signal.signal(signal.SIGALRM, before)


def state() -> dict[str, Any]:
    return {
        "fixes": (fixes.on, history.on),
        "the engine's state": dict(vars(CLERK)),
        "the recursion limit": sys.getrecursionlimit(),
        "threads": threading.active_count(),
        "threading": (threading.Thread, threading.Lock, threading.Thread.start.__module__),
    }


def soak(to: Figure, count: int, seed: int) -> None:
    rng = random.Random(seed)
    trials = works()
    lengths = {}
    for name, work in trials.items():
        work()
        start = time.perf_counter()
        work()
        lengths[name] = time.perf_counter() - start
    names = list(trials)
    before = state()
    for number in range(count):
        name = names[number % len(names)]
        moment = rng.uniform(1e-4, lengths[name])
        with watching() as watch:
            with interrupted_after(moment):
                trials[name]()
        now = state()
        wrong = [what for what in before if before[what] != now[what]] + watch.changed[:3]
        if not wrong and explore(warmups.lost_update).verdict != "failed":
            wrong = ["what the next exploration says"]
        if not wrong and has_a_child():
            wrong = ["a child process"]
        if wrong:
            to.found(f"{name}, interrupted after {moment * 1000:.1f} ms: {', '.join(wrong)}; number {number}")
            before = state()
        else:
            to.count(f"as before, {name}")


def has_a_child() -> bool:
    """Whether one has ended that nobody waited for."""
    try:
        return os.waitpid(-1, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return False
