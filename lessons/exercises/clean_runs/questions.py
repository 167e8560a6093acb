# SPDX-License-Identifier: GPL-2.0-or-later
"""08: two predictions about clean runs, a question about proofs, and one about lesson 05."""

from __future__ import annotations

from functools import cache

from lessons.exercises.model import Question
from lessons.scenarios import two_closers
from lessons.scenarios.precopy_return_path import scenario as crash
from mini_qemu.sched import Result, explore

LESSON = "08_fifty_thousand_clean_runs"
RUNS = 50_000
DRAWS = 500


@cache
def _everything() -> Result:
    return explore(crash)


def _bound() -> str:
    p = 1 - 0.05 ** (1 / RUNS)
    return min({"zero": 0.0, "one": 1 / RUNS, "three": 3 / RUNS}.items(), key=lambda item: abs(item[1] - p))[0]


def _does_random_see_the_crash() -> str:
    return "yes" if explore(crash, "random", limit_runs=DRAWS).findings["crash"] else "no"


QUESTIONS = (
    Question(
        "clean-runs/bound",
        LESSON,
        "A test ran 50,000 times without a failure. How often can the bug still strike, if such a clean streak is to"
        " keep a 5 % chance?",
        {"zero": "Never: it is gone", "three": "About three times in 50,000 runs", "one": "Once in 50,000 runs"},
        _bound,
        "Clean runs bound the probability, at about 3 divided by their number. They never bring it to zero, and they"
        " speak of the machines they ran on.",
        {
            "zero": "A bug that strikes once in a million runs would also let 50,000 pass, nearly always.",
            "one": "A bug that strikes once in 50,000 leaves 37 % of such streaks clean. It can strike more often.",
        },
    ),
    Question(
        "clean-runs/random",
        LESSON,
        f"A scheduler draws the next thread at random at every step, in {DRAWS} runs. Does it see the crash of lesson"
        " 01?",
        {"no": "No, not once", "yes": "Yes, more than once"},
        _does_random_see_the_crash,
        "The crash needs two threads to be delayed for long, in the right places. Drawing afresh at every step almost"
        " never delays a thread for long.",
        {
            "yes": "More than half of the interleavings crash. But a random draw does not choose an"
            " interleaving; it chooses the next step."
        },
    ),
    Question(
        "clean-runs/proof",
        LESSON,
        "A scenario without a return path is proved: all its interleavings were run, and none failed. Is a migration"
        " *with* a return path safe in the same code?",
        {"yes": "Yes: proved is proved", "no": "No"},
        lambda: "yes" if _everything().verdict == "proved" else "no",
        "A proof is about one scenario. The return path thread was not in it.",
        {"yes": "Proved, for these threads and these messages. The thread with the bug was not among them."},
    ),
    Question(
        "clean-runs/earlier",
        LESSON,
        "From lesson 05: two threads close at once and both read a count of 2. Who takes the connection off the list?",
        {"second": "The thread that drops its reference second", "nobody": "Nobody"},
        lambda: "nobody" if explore(two_closers.scenario).findings["use-after-free"] else "second",
        "Both read before either dropped, so neither saw 1. The entry stays, and the connection goes.",
        {"second": "Its count has changed by then, but it does not look again. It has already decided."},
    ),
)
