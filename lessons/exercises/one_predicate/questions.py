# SPDX-License-Identifier: GPL-2.0-or-later
"""03: the prediction before the table, and two questions in a library."""

from __future__ import annotations

from functools import cache

from lessons.exercises.model import Question
from lessons.scenarios import cancel_vs_exit, tls
from mini_qemu.fixes import history
from mini_qemu.sched import Scenario, Shared, explore

LESSON = "03_one_predicate"


@cache
def _june() -> str:
    with history.only():
        result = explore(tls.june_2021)
    return "none" if not result.failing else "all" if result.failing == result.runs else "some"


# ---- another surface: a library


class Library(Shared):
    films_are_lent: bool = True
    lent: int = 0

    def __init__(self, films: bool = True) -> None:
        self.films_are_lent = films


def lend_and_take_back(library: Library) -> None:
    """The desk that lends asks the note on the wall; so does, later, the desk that takes back."""
    if library.films_are_lent:
        library.lent = library.lent + 1
    if library.films_are_lent:
        library.lent = library.lent - 1


def lend_and_forget(library: Library) -> None:
    """The desk that takes back has a list of its own, and films are not on it."""
    if library.films_are_lent:
        library.lent = library.lent + 1


def change_the_note(library: Library) -> None:
    library.films_are_lent = False


def all_back(library: Library) -> bool:
    return library.lent == 0


two_lists = Scenario("two-lists", Library, {"desk": lend_and_forget}, all_back)
note_changes = Scenario("note-changes", Library, {"desk": lend_and_take_back, "boss": change_the_note}, all_back)


def _fails(scenario: Scenario) -> str:
    found = explore(scenario)
    return "never" if not found.failing else "always" if found.failing == found.runs else "sometimes"


def _what_a_copy_meets() -> str:
    copied = next(wrong for wrong in cancel_vs_exit.STORY.wrong_fixes if wrong.name == "read_once")
    kinds = set(copied.explore(cancel_vs_exit.scenario).findings)
    return "null" if "crash" in kinds else "freed" if "use-after-free" in kinds else "good"


QUESTIONS = (
    Question(
        "one-predicate/june",
        LESSON,
        "Until June 2021 a migration over TLS was put on the list by one rule and taken off by another. In how many of"
        " its interleavings does it abort at its end?",
        {"all": "In all", "some": "In some, if threads meet badly", "none": "In none: a TLS channel lies on a socket"},
        _june,
        "Timing has nothing to do with it. Not every bug in concurrent code is a race; this one fails each time, for"
        " everybody who uses TLS.",
        {
            "some": "No two threads have to meet for it: the entry is never taken off.",
            "none": "It does lie on a socket. But one side asked about the socket and the other about the channel"
            " around it.",
        },
    ),
    Question(
        "one-predicate/two-lists",
        LESSON,
        "A library lends books and films. The desk that takes things back has a list of its own, and films are not on"
        " it. At closing time the books of the library must balance. After a film was lent and brought back, do they?",
        {"sometimes": "It depends on who is quicker", "always": "They never do", "never": "They always do"},
        lambda: _fails(two_lists),
        "One rule put it down, and another one would have to strike it out.",
        {
            "sometimes": "There is one desk after the other, and nobody to be quicker than.",
            "never": "The film is put down when it is lent. Who strikes it out?",
        },
    ),
    Question(
        "one-predicate/note",
        LESSON,
        "Now both desks look at one note on the wall. The boss may take films off it during the day. Can the balance be"
        " wrong?",
        {"sometimes": "Yes, if the note changes between the two desks", "never": "No: there is only one note"},
        lambda: _fails(note_changes),
        "One place to ask is not enough. The answer must be the same both times.",
        {"never": "There is one note. But the two desks read it at two times."},
    ),
    Question(
        "one-predicate/earlier",
        LESSON,
        "From lesson 02: main reads the pointer once, without a lock, and uses its copy. What can it meet?",
        {"null": "NULL", "freed": "A file that has been freed", "good": "Nothing bad: a copy does not change"},
        _what_a_copy_meets,
        "The copy cannot become NULL any more. But it keeps nothing alive.",
        {
            "null": "It read once and tested what it read, so it does not use NULL. What the copy points to is another"
            " matter.",
            "good": "The copy does not change. The file does: the other thread frees it.",
        },
    ),
)
