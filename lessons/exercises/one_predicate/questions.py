# SPDX-License-Identifier: GPL-2.0-or-later
"""03: the prediction before the table, the library once more, and a question about lesson 02."""

from __future__ import annotations

from lessons.exercises.model import Question
from lessons.scenarios import cancel_vs_exit, tls, twins
from lessons.scenarios.yank_pairing import pairing
from mini_qemu.fixes import history
from mini_qemu.sched import Scenario, explore

LESSON = "03_one_predicate"


def _june() -> str:
    with history.only():
        return _how_often(tls.june_2021)


def _how_often(scenario: Scenario) -> str:
    found = explore(scenario)
    return "never" if not found.failing else "always" if found.failing == found.runs else "sometimes"


def _what_agreement_hides() -> str:
    kinds = set(explore(pairing(0, 0)).findings)
    return "stuck" if "deadlock" in kinds else "abort" if kinds else "nothing"


def _what_a_copy_gets() -> str:
    (wrong,) = (one for one in cancel_vs_exit.STORY.wrong_fixes if one.name == "read_once")
    kinds = set(wrong.explore(cancel_vs_exit.scenario).findings)
    return "freed" if kinds == {"use-after-free"} else "null" if kinds == {"crash"} else "nothing"


QUESTIONS = (
    Question(
        "one-predicate/june",
        LESSON,
        'Before June 2021 both sides ask "a socket?". One asks before TLS wraps the socket, the other asks at the last'
        " close. In how many of its interleavings does a migration over TLS abort at its end?",
        {
            "sometimes": "In some, if threads meet badly",
            "always": "In all",
            "never": "In none: both sides ask the same question",
        },
        _june,
        "No timing is needed. The same question about two objects has two answers, every time.",
        {
            "sometimes": "Which threads would have to meet? One thread registers, and the same thread unregisters.",
            "never": "The question is the same. The object is not: first the socket, then the channel around it.",
        },
    ),
    Question(
        "one-predicate/note",
        LESSON,
        "The library again. Both desks now read one note on the wall. The boss may take films off it during the day."
        " Can the count be wrong at closing time?",
        {"sometimes": "Yes, if the note changes between the two desks", "never": "No: there is only one note"},
        lambda: _how_often(twins.note_changes),
        "Asking in one place is not enough. The answer must be the same both times.",
        {"never": "One note, read at two times. A film lent in the morning may not be on it in the evening."},
    ),
    Question(
        "one-predicate/agree",
        LESSON,
        "Both sides agree that a connection is not for the list, although it could be cut. What shows the mistake?",
        {
            "abort": "An assertion at the end of the migration",
            "stuck": "Nothing, until the connection hangs and an operator tries to cut it",
            "nothing": "Nothing, ever: both sides agree",
        },
        _what_agreement_hides,
        "The books balance. The feature is missing, and you notice when you need it.",
        {
            "abort": "The list is empty at the end, as it should be. The assertion has nothing to complain about.",
            "nothing": "The list exists for a reason. When the connection hangs, nobody can cut it.",
        },
    ),
    Question(
        "one-predicate/earlier",
        LESSON,
        "From lesson 02: main copies the pointer, tests the copy and uses the copy, without a lock. What can it"
        " still get?",
        {"freed": "A file that has been freed", "null": "NULL", "nothing": "Nothing bad any more"},
        _what_a_copy_gets,
        "A copy keeps the pointer, not the object. It has removed the loud ending and kept the quiet one.",
        {
            "null": "The copy was tested, and nobody else can change it. What it points to is another matter.",
            "nothing": "The copy cannot change. What it points to can be freed.",
        },
    ),
)
