# SPDX-License-Identifier: GPL-2.0-or-later
"""00: what is asked before the two races."""

from __future__ import annotations

from functools import cache

from lessons.exercises.model import Question
from lessons.scenarios.warmups import check_then_act, lost_update
from mini_qemu.sched import Result, explore

LESSON = "00_start_here"


@cache
def _explored(name: str) -> Result:
    return explore({s.name: s for s in (lost_update, check_then_act)}[name])


def _how_many_updates() -> str:
    runs = _explored("lost-update").runs
    return str(runs) if runs in (2, 4, 6) else "other"


def _does_it_fail(name: str) -> str:
    return "yes" if _explored(name).failing else "no"


QUESTIONS = (
    Question(
        "warmups/lost-update",
        LESSON,
        "Two threads run `counter.value = counter.value + 1`, once each. Orders in which every read and write meets the"
        " same others count as one. How many different interleavings are there?",
        {"2": "2: A first, or B first", "4": "4", "6": "6", "other": "another number"},
        _how_many_updates,
        "The line is two steps, a read and a write. You can mix two steps and two steps in six orders. But swapping two"
        " reads changes nothing, so the explorer counts such twins as one.",
        {
            "2": "Those are the two in which one thread runs through. But the line is two steps, and the other thread"
            " can come between them.",
            "6": "There are six orders of four steps. In some of them only two reads are swapped, and that makes no"
            " difference.",
            "other": "Count the orders of two steps and two steps, then merge those that differ by two swapped reads.",
        },
    ),
    Question(
        "warmups/check-then-act",
        LESSON,
        "Ann and Bob withdraw 70 each from an account of 100. Every single access to the balance holds the lock. Can"
        " the account be overdrawn?",
        {
            "yes": "Yes: both may pass the test before one withdraws",
            "no": "No: the balance is only touched under the lock",
        },
        lambda: _does_it_fail("check-then-act"),
        "A lock protects what happens while you hold it. Once you release it, what you learned under it may be out of"
        " date.",
        {
            "no": "Each access is safe by itself. The decision is not: between the test and the withdrawal nobody holds"
            " the lock.",
        },
    ),
)
