# SPDX-License-Identifier: GPL-2.0-or-later
"""01: the prediction before the race, the kitchen once more, and a question about notebook 00."""

from __future__ import annotations

from lessons.exercises.model import Question
from lessons.scenarios import twins
from lessons.scenarios.precopy_return_path import scenario as success
from lessons.scenarios.warmups import check_then_act
from mini_qemu.sched import explore

LESSON = "01_missing_join"


def _endings() -> str:
    kinds = set(explore(success).findings)
    return {("crash", "leak"): "both", ("crash",): "crash", ("leak",): "leak"}.get(tuple(sorted(kinds)), "good")


def _what_saves_the_cook() -> str:
    cures = {"key": twins.closing_time_with_key, "twice": twins.two_looks, "goodbye": twins.closing_time_with_goodbye}
    (saved,) = (name for name, scenario in cures.items() if not explore(scenario).failing)
    return saved


QUESTIONS = (
    Question(
        "missing-join/endings",
        LESSON,
        "A migration with a return path succeeds, in the code of early July 2021. How can it end?",
        {
            "good": "Only well: everything has been sent, and the destination is content",
            "both": "Well, with an abort, or with a thread that nobody ever joins",
            "crash": "Well, or with an abort",
            "leak": "Well, or with a thread that nobody ever joins",
        },
        _endings,
        "Most interleavings fail. That does not mean that most runs do: interleavings are not equally likely, and real"
        " machines nearly always run the few that look harmless.",
        {
            "good": "The destination is content, and everything has been sent. The source still has a thread that"
            " nobody waits for.",
            "crash": "It can abort. If the thread is a little quicker, nothing fires, and it is simply never joined.",
            "leak": "It can leak the thread. If the thread is a little slower, main finds its connection on the list.",
        },
    ),
    Question(
        "missing-join/kitchen",
        LESSON,
        "The kitchen again. Which of these keeps the cook from being locked in?",
        {
            "key": "One key: hanging up the pan needs it, and so does looking at the pan and locking the door",
            "goodbye": "The waiter waits until the cook has said goodbye",
            "twice": "The waiter looks twice before locking the door",
        },
        _what_saves_the_cook,
        "Only the goodbye says that the cook has left. Waiting for it is a join.",
        {
            "key": "Nothing can come between looking and locking any more. But the pan still does not say where the"
            " cook is. A lock makes the read atomic; the question is still the wrong one.",
            "twice": "The pan hangs on its hook both times. Both looks ask about the pan, not about the cook.",
        },
    ),
    Question(
        "missing-join/earlier",
        LESSON,
        "From notebook 00: a data race detector watches Ann and Bob withdraw: check first, act later, every access"
        " under the lock. What does it report?",
        {
            "nothing": "Nothing",
            "race": "A data race on the balance",
        },
        lambda: "race" if explore(check_then_act).races else "nothing",
        "Every access is ordered by the lock, so there is no data race. The account is overdrawn all the same: a race"
        " need not be a data race.",
        {"race": "A data race takes two accesses that nothing orders. Here the lock orders them all."},
    ),
)
