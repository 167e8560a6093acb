# SPDX-License-Identifier: GPL-2.0-or-later
"""09: predictions about the bakery, a question about its fix, and one about lesson 08."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from typing import Any

from lessons.exercises.model import Question
from lessons.functions import from_text
from lessons.programs import bakery
from mini_qemu.sched import Result, control, explore

LESSON = "09_your_own_bug"
EDITED = "lessons.programs.bakery_edited"


def with_lines(*changes: tuple[str, str]) -> Callable[[], Any]:
    """The bakery with some of its lines changed, as a learner changes them."""
    text = inspect.getsource(bakery)
    for old, new in changes:
        assert old in text, f"the bakery has no line {old}"
        text = text.replace(old, new)
    control(EDITED)
    made: Callable[[], Any] = from_text(text, "bakery", f"<bakery {len(changes)}>", {"__name__": EDITED})
    return made


WHILE = (("if len(", "while len("),)
ONE = (("notify_all()", "notify()"),)


@cache
def _explored(*changes: tuple[str, str]) -> Result:
    return explore(with_lines(*changes))


def _how_it_ends() -> str:
    kinds = set(_explored().findings)
    return "both" if {"crash", "deadlock"} <= kinds else "empty" if "crash" in kinds else "stuck" if kinds else "no"


def _with_one_notify() -> str:
    return "stuck" if "deadlock" in _explored(*WHILE, *ONE).findings else "fine"


def _three_customers() -> str:
    """Whether a proof carries over to one thread more: it does not if the smaller bakery is proved, and this fails."""
    small = _explored(*WHILE, *ONE, ("(\"Ann\", \"Bob\")", "(\"Ann\",)"), ("        shelf.put(\"wheat\")\n", ""))
    return "open" if small.verdict == "proved" and _explored(*WHILE, *ONE).failing else "proved"


QUESTIONS = (
    Question(
        "own-bug/bakery",
        LESSON,
        "Two customers take one loaf each, a baker puts two on a shelf with room for one. A thread that must wait tests"
        " once, with `if`. Everything happens under the lock. What can go wrong?",
        {
            "no": "Nothing: the lock is held throughout",
            "stuck": "Somebody waits for ever",
            "empty": "Somebody takes from an empty shelf",
            "both": "Either of the two",
        },
        _how_it_ends,
        "`wait()` gives the lock back. Between the notification and the moment a customer has the lock again, another"
        " one may take the loaf. So look again: `while`.",
        {
            "no": "Not throughout: `wait()` releases the lock, and takes it again when it wakes.",
            "stuck": "notify_all() wakes everybody, so nobody sleeps through a loaf.",
            "both": "A waiter is always woken by notify_all(). It is what it finds then that may be wrong.",
        },
    ),
    Question(
        "own-bug/notify",
        LESSON,
        "The bakery has `while` in both places now. To save work somebody writes notify() for notify_all(). Can"
        " anything go wrong?",
        {"stuck": "Yes, somebody may wait for ever", "fine": "No, one loaf needs one customer"},
        _with_one_notify,
        "Customers and baker wait on one condition. The single notification may wake a customer when the baker was"
        " meant: she looks, finds nothing, and waits again, and nobody else is told.",
        {"fine": "One loaf needs one customer, but who is woken? Customers and the baker wait on the same condition."},
    ),
    Question(
        "own-bug/earlier",
        LESSON,
        "From lesson 08: your program runs under the explorer, two threads, one item each, and the verdict is proved."
        " What about three threads?",
        {
            "proved": "Also proved: threads are all alike",
            "open": "Nothing is proved about three",
            "fails": "It fails, or three would be proved as well",
        },
        _three_customers,
        "A proof is about the scenario that was run. This bakery with notify() is proved with one customer, and gets"
        " stuck with two.",
        {
            "proved": "This bakery with notify() is proved with one customer and gets stuck with two.",
            "fails": "It may fail and it may not. Run it.",
        },
    ),
)
