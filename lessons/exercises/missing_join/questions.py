# SPDX-License-Identifier: GPL-2.0-or-later
"""01: the prediction before the race, and two questions in another kitchen."""

from __future__ import annotations

from functools import cache

from lessons.exercises.model import Question
from lessons.scenarios.precopy_return_path import scenario as success
from lessons.scenarios.warmups import check_and_act, check_then_act, lost_update
from mini_qemu.sched import Mutex, Result, Scenario, Shared, explore

LESSON = "01_missing_join"


@cache
def _unfixed() -> Result:
    return explore(success)


def _how_many_fail() -> str:
    share = _unfixed().failing / _unfixed().runs
    return "none" if not share else "few" if share < 0.1 else "some" if share <= 0.9 else "most"


# ---- another surface: a kitchen


class Kitchen(Shared):
    pan: str = "on the stove"
    locked: bool = False
    locked_in: bool = False

    def __init__(self) -> None:
        self.key = Mutex()


def cook(kitchen: Kitchen) -> None:
    """Hangs the pan up, and then still has to leave."""
    kitchen.pan = "on its hook"
    if kitchen.locked:
        kitchen.locked_in = True


def waiter(kitchen: Kitchen) -> None:
    if kitchen.pan == "on its hook":
        kitchen.locked = True


def cook_with_key(kitchen: Kitchen) -> None:
    with kitchen.key:
        kitchen.pan = "on its hook"
    if kitchen.locked:
        kitchen.locked_in = True


def waiter_with_key(kitchen: Kitchen) -> None:
    with kitchen.key:
        if kitchen.pan == "on its hook":
            kitchen.locked = True


def nobody_locked_in(kitchen: Kitchen) -> bool:
    return not kitchen.locked_in


closing_time = Scenario("closing-time", Kitchen, {"cook": cook, "waiter": waiter}, nobody_locked_in)
closing_time_with_key = Scenario(
    "closing-time-with-key", Kitchen, {"cook": cook_with_key, "waiter": waiter_with_key}, nobody_locked_in
)


def _locked_in(scenario: Scenario) -> str:
    return "yes" if explore(scenario).failing else "no"


def _what_makes_it_safe() -> str:
    safe = {"each": check_then_act, "whole": check_and_act, "short": lost_update}
    return next(key for key, scenario in safe.items() if explore(scenario).verdict == "proved")


QUESTIONS = (
    Question(
        "missing-join/how-many",
        LESSON,
        "A migration with a return path succeeds, in the code of early July 2021. How many of its interleavings fail,"
        " with an abort or a thread that nobody ever joins?",
        {
            "most": "Most: more than nine in ten",
            "some": "Some: between one in ten and nine in ten",
            "few": "A few: less than one in ten",
            "none": "None: everything has been sent, and the destination is content",
        },
        _how_many_fail,
        "Interleavings are not equally likely. The bug stayed unseen because real machines nearly always run the few"
        " that look harmless.",
        {
            "some": "More than that. The thread needs to be only a little late for nobody to join it.",
            "few": "That is how it feels on a real machine, where a few interleavings happen nearly every time. Here"
            " each counts once.",
            "none": "The return path thread has still to close its file when the destination is content.",
        },
    ),
    Question(
        "missing-join/kitchen",
        LESSON,
        "A cook hangs up the pan and then leaves. The waiter looks: if the pan hangs on its hook, the cook has gone"
        " home, and the waiter locks the door. Can the cook be locked in?",
        {"yes": "Yes: the pan does not say where the cook is", "no": "No: the pan is hung up at the very end"},
        lambda: _locked_in(closing_time),
        "The pan says that the cooking is over, not that the cook is gone. After hanging it up there is one thing left"
        " to do: leave.",
        {"no": "Hanging up the pan is the last thing but one. What does the cook do after it?"},
    ),
    Question(
        "missing-join/kitchen-key",
        LESSON,
        "Now both need the one kitchen key: the cook to hang up the pan, the waiter to look at it and to lock the door."
        " Is the cook safe?",
        {"no": "Yes: looking and locking share one hold of the key", "yes": "No, still not"},
        lambda: _locked_in(closing_time_with_key),
        "Nothing can come between looking and locking any more. But the pan still does not say where the cook is. Wait"
        " until the cook says good-bye: a join.",
        {"no": "They do. But the cook gives the key back after hanging up the pan, and is still in the kitchen."},
    ),
    Question(
        "missing-join/earlier",
        LESSON,
        "From lesson 00: an account of 100, and two people who want 70 each. What makes it safe?",
        {
            "each": "Every access to the balance holds the lock",
            "whole": "Test and withdrawal share one hold of the lock",
            "short": "The withdrawal is one short line",
        },
        _what_makes_it_safe,
        "The lock must be held from the test to what you do because of it.",
        {
            "each": "That was the version that overdrew the account: the lock was free between the test and the"
            " withdrawal.",
            "short": "A line is not atomic: it reads the balance, and later it writes.",
        },
    ),
)
