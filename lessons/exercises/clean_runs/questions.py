# SPDX-License-Identifier: GPL-2.0-or-later
"""08: two predictions about clean runs, and a question at the end."""

from __future__ import annotations

from functools import cache

from lessons.exercises.model import Question
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


QUESTIONS = (
    Question(
        "clean-runs/bound",
        LESSON,
        "A test ran 50 000 times without a failure. How often may the bug still strike, so that this is not"
        " surprising (a"
        " chance of 5 %)?",
        {"zero": "Never: it is gone", "one": "Once in 50 000 runs", "three": "About three times in 50 000 runs"},
        _bound,
        "Clean runs bound the probability, at about 3 divided by their number. They never bring it to zero; and"
        " they speak of"
        " the machines they ran on.",
    ),
    Question(
        "clean-runs/random",
        LESSON,
        f"A random scheduler picks the next thread by dice, in {DICE} runs. Does it see the crash of lesson 01, the"
        " one that was reported?",
        {"yes": "Yes, more than once", "no": "No, not once"},
        _does_random_see_the_crash,
        "The crash needs two threads held up at the right places for a long time. Dice that are thrown at each"
        " step hold"
        " nobody up for long.",
    ),
    Question(
        "clean-runs/proof",
        LESSON,
        "A scenario without return path is proved: all its interleavings were run, none fails. Is a migration with"
        " a return"
        " path safe, then, in the same code?",
        {"yes": "Yes: proved is proved", "no": "No"},
        _does_a_proof_carry_over,
        "A proof is about one scenario. The return path thread was not in it.",
    ),
)
