# SPDX-License-Identifier: GPL-2.0-or-later
"""03: the prediction before the table, and two questions in a library."""

from __future__ import annotations

from functools import cache

from lessons.exercises.model import Question
from lessons.scenarios import tls
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


def _goes_wrong(scenario: Scenario) -> str:
    found = explore(scenario)
    return "never" if not found.failing else "always" if found.failing == found.runs else "sometimes"


QUESTIONS = (
    Question(
        "one-predicate/june",
        LESSON,
        "June 2021. The side that registers asks \"a socket, or TLS?\". The side that unregisters asks \"a"
        " socket?\". In how"
        " many of its interleavings does a migration over TLS abort at its end?",
        {"none": "In none: a TLS channel lies on a socket", "some": "In some, if threads meet badly", "all": "In all"},
        _june,
        "There is nothing to meet. Not every mistake in concurrent code is a race; this one fails each time, for"
        " whoever"
        " uses TLS.",
    ),
    Question(
        "one-predicate/two-lists",
        LESSON,
        "A library lends books and films. The desk that takes things back has a list of its own, and films are not"
        " on it. At"
        " closing time the books of the library must balance. After a film was lent and brought back, do they?",
        {"always": "They never do", "sometimes": "It depends on who is quicker", "never": "They always do"},
        lambda: _goes_wrong(two_lists),
        "It was put down by one rule and would be struck out by another.",
    ),
    Question(
        "one-predicate/note",
        LESSON,
        "Now both desks look at one note on the wall. The boss may take films off it during the day. Can the balance be"
        " wrong?",
        {"never": "No: there is only one note", "sometimes": "Yes, if the note changes between the two desks"},
        lambda: _goes_wrong(note_changes),
        "One place to ask is not enough. The answer must be the same both times.",
    ),
)
