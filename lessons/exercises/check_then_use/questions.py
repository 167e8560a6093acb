# SPDX-License-Identifier: GPL-2.0-or-later
"""02: the prediction before the race, and two questions at a wardrobe."""

from __future__ import annotations

from functools import cache

from lessons.exercises.model import Question
from lessons.scenarios.cancel_vs_exit import scenario as ends
from mini_qemu.sched import Mutex, Result, Scenario, Shared, explore

LESSON = "02_check_then_use"


@cache
def _unfixed() -> Result:
    return explore(ends)


def _what_is_used() -> str:
    kinds = _unfixed().findings
    null, freed = kinds["crash"], kinds["use-after-free"]
    return "safe" if not null + freed else "null" if null > freed else "freed"


# ---- another surface: a wardrobe


class Wardrobe(Shared):
    coat: str = "on hook 7"
    wrong: bool = False

    def __init__(self) -> None:
        self.counter = Mutex()


def owner(wardrobe: Wardrobe) -> None:
    wardrobe.coat = "gone"


def attendant(wardrobe: Wardrobe) -> None:
    """Has looked, and now goes and fetches."""
    seen = wardrobe.coat
    if seen == "on hook 7" and wardrobe.coat == "gone":
        wardrobe.wrong = True


def owner_at_the_counter(wardrobe: Wardrobe) -> None:
    with wardrobe.counter:
        wardrobe.coat = "gone"


def attendant_at_the_counter(wardrobe: Wardrobe) -> None:
    with wardrobe.counter:
        seen = wardrobe.coat
        if seen == "on hook 7" and wardrobe.coat == "gone":
            wardrobe.wrong = True


def nothing_wrong(wardrobe: Wardrobe) -> bool:
    return not wardrobe.wrong


one_look = Scenario("one-look", Wardrobe, {"owner": owner, "attendant": attendant}, nothing_wrong)
one_at_the_counter = Scenario(
    "one-at-the-counter",
    Wardrobe,
    {"owner": owner_at_the_counter, "attendant": attendant_at_the_counter},
    nothing_wrong,
)


def _goes_wrong(scenario: Scenario) -> str:
    return "yes" if explore(scenario).failing else "no"


QUESTIONS = (
    Question(
        "check-then-use/what",
        LESSON,
        "main tests from_dst_file, finds a file, and shuts it down; the return path thread may take the file away"
        " at any"
        " time. When it goes wrong, what does main use most often, over all interleavings?",
        {
            "safe": "It cannot go wrong: two lines are too quick for that",
            "null": "NULL: the pointer was cleared between the two lines",
            "freed": "A file that has been freed: main found it, and then it went",
        },
        _what_is_used,
        "NULL needs the thread to come exactly between test and use. A file found in time can be freed at any"
        " moment while"
        " main is still busy with it. Not the pointer is at stake but the life of what it points to.",
    ),
    Question(
        "check-then-use/wardrobe",
        LESSON,
        "An attendant looks once, carefully, and notes: the coat is on hook 7. Then the attendant goes to fetch"
        " it, while"
        " the owner may take it at any time. Can the attendant come to an empty hook?",
        {"no": "No: there was only one look, and the note does not change", "yes": "Yes"},
        lambda: _goes_wrong(one_look),
        "The note does not change. The coat does. A local copy of a pointer is such a note.",
    ),
    Question(
        "check-then-use/counter",
        LESSON,
        "Now looking and fetching happen while one stands at the counter, taking a coat does, too, and only one"
        " person fits"
        " there. Can it still happen?",
        {"no": "No", "yes": "Yes: the owner can still come between looking and fetching"},
        lambda: _goes_wrong(one_at_the_counter),
        "Both sides need the same place, and the attendant keeps it from the look to the coat.",
    ),
)
