# SPDX-License-Identifier: GPL-2.0-or-later
"""02: the prediction before the race, and two questions at a wardrobe."""

from __future__ import annotations

from functools import cache

from lessons.exercises.model import Question
from lessons.scenarios.cancel_vs_exit import scenario as ends
from lessons.scenarios.precopy_return_path import scenario as success
from mini_qemu.sched import Mutex, Result, Scenario, Shared, explore

LESSON = "02_check_then_use"


@cache
def _unfixed() -> Result:
    return explore(ends)


def _what_is_used() -> str:
    kinds = _unfixed().findings
    null, freed = bool(kinds["crash"]), bool(kinds["use-after-free"])
    return "both" if null and freed else "null" if null else "freed" if freed else "safe"


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


def _fails(scenario: Scenario) -> str:
    return "yes" if explore(scenario).failing else "no"


def _what_null_means() -> str:
    """If a thread is left behind or the list is not empty, the pointer was NULL while the thread was still busy."""
    return "busy" if {"crash", "leak"} & set(explore(success).findings) else "ended"


QUESTIONS = (
    Question(
        "check-then-use/what",
        LESSON,
        "main tests from_dst_file, finds a file, and shuts it down. The return path thread may take the file away at"
        " any time. What can main end up using?",
        {
            "null": "NULL: the pointer was cleared between the two lines",
            "both": "NULL, or a file that has been freed",
            "freed": "A file that has been freed, but never NULL",
            "safe": "Always a good file: two lines are too quick for anything else",
        },
        _what_is_used,
        "NULL needs the thread to come exactly between the test and the use. A file found in time can be freed at any"
        " moment while main is still busy with it. The pointer is fine; what it points to is gone.",
        {
            "null": "That can happen. And main can also find the file in time, and lose it while it shuts it down.",
            "freed": "That can happen. And between the two lines the pointer can also become NULL.",
            "safe": "Two lines are two steps, and another thread can run between any two steps.",
        },
    ),
    Question(
        "check-then-use/wardrobe",
        LESSON,
        "An attendant looks once, carefully, and notes: the coat is on hook 7. Then the attendant goes to fetch it,"
        " while the owner may take it at any time. Can the attendant come to an empty hook?",
        {
            "yes": "Yes: the owner may take the coat after the look, whatever the note says",
            "no": "No: there was only one look, and the note does not change",
        },
        lambda: _fails(one_look),
        "The note does not change. The coat does. A local copy of a pointer is such a note.",
        {"no": "The note stays as it is. Does the coat?"},
    ),
    Question(
        "check-then-use/counter",
        LESSON,
        "Now you must stand at the counter to look and fetch, and also to take a coat, and there is room for one"
        " person. Can it still happen?",
        {"yes": "Yes: the owner can still come between looking and fetching", "no": "No"},
        lambda: _fails(one_at_the_counter),
        "Both sides need the same place, and the attendant keeps it from the look to the coat.",
        {"yes": "The attendant does not leave the counter between the look and the coat, so nobody else gets there."},
    ),
    Question(
        "check-then-use/earlier",
        LESSON,
        "From lesson 01: in the code of early July 2021 the migration thread finds that from_dst_file is NULL. What"
        " follows about the return path thread?",
        {
            "ended": "It has ended",
            "busy": "It may still be closing its file",
            "never": "It was never created",
        },
        _what_null_means,
        "The thread clears the pointer and closes its file after that. Only a join says that it has ended.",
        {
            "ended": "The code believed that, and it was the bug: the thread clears the pointer before its last steps.",
            "never": "In a migration without a return path, yes. In this one it was created, and has cleared the"
            " pointer.",
        },
    ),
)
