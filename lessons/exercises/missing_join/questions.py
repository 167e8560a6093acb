# SPDX-License-Identifier: GPL-2.0-or-later
"""01: the prediction before the race, and two questions in another kitchen."""

from __future__ import annotations

from functools import cache

from lessons.exercises.model import Question
from lessons.scenarios.precopy_return_path import scenario as success
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


QUESTIONS = (
    Question(
        "missing-join/how-many",
        LESSON,
        "A migration with a return path succeeds, in the code of early July 2021. In how many of its interleavings does"
        " something go wrong, an abort or a thread that nobody ever joins?",
        {
            "none": "In none: everything has been sent, and the destination is content",
            "few": "In a few: less than one in ten",
            "some": "In some: between one in ten and nine in ten",
            "most": "In most: more than nine in ten",
        },
        _how_many_fail,
        "Interleavings are not equally likely. The bug stayed unseen because real machines nearly always run the few"
        " that look harmless.",
    ),
    Question(
        "missing-join/kitchen",
        LESSON,
        "A cook hangs up the pan and then leaves. The waiter looks: if the pan hangs on its hook, the cook has gone"
        " home, and the waiter locks the door. Can the cook be locked in?",
        {"no": "No: the pan is hung up at the very end", "yes": "Yes"},
        lambda: _locked_in(closing_time),
        "The pan says that the cooking is over, not that the cook is gone. Hanging it up is the last thing but one.",
    ),
    Question(
        "missing-join/kitchen-key",
        LESSON,
        "Now both need the one kitchen key: the cook to hang up the pan, the waiter to look at it and to lock the door."
        " Is the cook safe?",
        {"no": "Yes: looking and locking are in one hold of the key", "yes": "No, still not"},
        lambda: _locked_in(closing_time_with_key),
        "Nothing can come between looking and locking any more. But the pan still does not say where the cook is. What"
        " helps is to wait until the cook says good-bye: a join.",
    ),
)
