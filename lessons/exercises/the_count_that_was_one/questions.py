# SPDX-License-Identifier: GPL-2.0-or-later
"""05: the prediction before the patch, and two questions about a light."""

from __future__ import annotations

from functools import cache

from lessons.exercises.model import Question
from lessons.scenarios import cancel_cleanup
from mini_qemu.sched import Result, Scenario, Shared, explore, fetch_add

LESSON = "05_the_count_that_was_one"


@cache
def _atomic() -> Result:
    wrong = next(w for w in cancel_cleanup.STORY.wrong_fixes if w.name == "atomic_last")
    return wrong.explore(cancel_cleanup.scenario)


def _what_suffices() -> str:
    if _atomic().failing:
        return "order"
    return "overlap" if explore(cancel_cleanup.scenario).failing else "no"


# ---- another surface: a light


class Room(Shared):
    inside: int = 2
    light: bool = True
    complaint: bool = False


def leave(room: Room) -> None:
    """Look around; whoever is alone turns off the light; then go."""
    if room.inside == 1:
        room.light = False
    fetch_add(room, "inside", -1)


def leave_counting(room: Room) -> None:
    """Count oneself out and look, in one step."""
    if fetch_add(room, "inside", -1) == 1:
        room.light = False


def caretaker(room: Room) -> None:
    """Comes when Ann has gone, and expects darkness."""
    if room.light:
        room.complaint = True


def leave_then_caretaker(room: Room) -> None:
    leave_counting(room)
    caretaker(room)


def dark(room: Room) -> bool:
    return not room.light


def no_complaint(room: Room) -> bool:
    return not room.complaint


last_one_out = Scenario("last-one-out", Room, {"Ann": leave, "Bob": leave}, dark)
caretaker_comes = Scenario("caretaker-comes", Room, {"Ann": leave_then_caretaker, "Bob": leave_counting}, no_complaint)


def _goes_wrong(scenario: Scenario) -> str:
    return "yes" if explore(scenario).failing else "no"


QUESTIONS = (
    Question(
        "count/what-suffices",
        LESSON,
        "Patches 1 to 4 are in. An operator cancels a migration with a return path. Whoever closes its file and reads a"
        " count of one takes the connection off the list. What suffices for an abort?",
        {
            "no": "Nothing: somebody is always the last",
            "overlap": "Both closes must overlap, so that both read two",
            "order": "No overlap is needed: it suffices that the last close comes late",
        },
        _what_suffices,
        "Even with test and drop in one atomic step it aborts: the last close is right about being the last, and"
        " comes after"
        " the list was asked for.",
    ),
    Question(
        "count/light",
        LESSON,
        "Ann and Bob are in a room. Who leaves looks around first: alone? Then the light is turned off, and one"
        " goes. Can the"
        " light stay on?",
        {"no": "No: one of them is the last", "yes": "Yes"},
        lambda: _goes_wrong(last_one_out),
        "Both look, both see two people, both go. Looking and leaving are two steps.",
    ),
    Question(
        "count/caretaker",
        LESSON,
        "Now looking and leaving are one step, and the light goes off for certain, in the end. A caretaker comes"
        " when Ann has"
        " left, and complains if the light is on. Can there be a complaint?",
        {"no": "No: the last one turns the light off", "yes": "Yes"},
        lambda: _goes_wrong(caretaker_comes),
        "That the last one does it says nothing about when. If somebody relies on it being done, somebody must be"
        " named to do"
        " it before.",
    ),
)
