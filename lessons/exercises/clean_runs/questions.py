# SPDX-License-Identifier: GPL-2.0-or-later
"""08: two predictions about clean runs, and a question at the end."""

from __future__ import annotations

from functools import cache

from lessons.exercises.model import Question
from lessons.scenarios import cancel_cleanup
from lessons.scenarios.precopy_return_path import scenario as crash
from mini_qemu.sched import Result, explore

LESSON = "08_fifty_thousand_clean_runs"
RUNS = 50_000
DICE = 500


@cache
def _everything() -> Result:
    return explore(crash)


@cache
def _sampled() -> Result:
    return explore(crash, "random", limit_runs=DICE)


def _bound() -> str:
    p = 1 - 0.05 ** (1 / RUNS)
    return min({"zero": 0.0, "one": 1 / RUNS, "three": 3 / RUNS}.items(), key=lambda item: abs(item[1] - p))[0]


def _does_random_see_the_crash() -> str:
    return "yes" if _sampled().findings["crash"] else "no"


def _does_a_proof_carry_over() -> str:
    with_return_path = _everything().verdict
    return "yes" if with_return_path == "proved" else "no"


def _atomic_is_not_enough() -> str:
    atomic = next(wrong for wrong in cancel_cleanup.STORY.wrong_fixes if wrong.name == "atomic_last")
    return "yes" if atomic.explore(cancel_cleanup.scenario).failing else "no"


QUESTIONS = (
    Question(
        "clean-runs/bound",
        LESSON,
        "A test ran 50 000 times without a failure. How often may the bug still strike if such a clean series has a"
        " chance of 5 %?",
        {"one": "Once in 50 000 runs", "three": "About three times in 50 000 runs", "zero": "Never: it is gone"},
        _bound,
        "Clean runs bound the probability, at about 3 divided by their number. They never bring it to zero, and they"
        " speak of the machines they ran on.",
        {
            "one": "With one strike in 50 000 runs a clean series has a chance of 37 %: no surprise at all. It may be"
            " more.",
            "zero": "No number of clean runs says never.",
        },
    ),
    Question(
        "clean-runs/random",
        LESSON,
        f"A random scheduler picks the next thread at random before each step, in {DICE} runs. Does it find the crash"
        " of lesson 01?",
        {"no": "No, not once", "yes": "Yes, more than once"},
        _does_random_see_the_crash,
        "The crash needs two threads delayed at the right places for a long time. Choosing afresh at every step almost"
        " never delays one thread for long.",
        {"yes": "It finds the thread that nobody joined. For the crash it would have to delay two threads for long."},
    ),
    Question(
        "clean-runs/proof",
        LESSON,
        "A scenario without a return path is proved: all its interleavings were run, and none fails. Is a migration"
        " with a return path safe, then, in the same code?",
        {"yes": "Yes: proved is proved", "no": "No: that is another scenario"},
        _does_a_proof_carry_over,
        "A proof is about one scenario. The return path thread was not in it.",
        {"yes": "Proved is proved, for the threads that took part."},
    ),
    Question(
        "clean-runs/earlier",
        LESSON,
        "From lesson 05: reading the count and dropping it are one atomic step. Does a cancelled migration still"
        " abort?",
        {"no": "No: now exactly one thread is the last", "yes": "Yes: the last one may come too late"},
        _atomic_is_not_enough,
        "Exactly one thread is the last. But it may be the last after main has checked the list.",
        {"no": "Exactly one thread is the last. When is it?"},
    ),
)
