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
        "Two threads run `counter.value = counter.value + 1`, once each. Orders that no thread can tell apart count as"
        " one. How many interleavings are there?",
        {"2": "2: A first, or B first", "4": "4", "6": "6", "other": "another number"},
        _how_many_updates,
        "The line is two steps, a read and a write. Two steps of A and two of B can be mixed in six ways. If two orders"
        " look the same to every thread, because two reads were swapped, the explorer counts them as one.",
        {
            "2": "That would be right if the line were one step. It is two: it reads, and then it writes.",
            "6": "Six ways to mix two steps with two. Some of them differ only in two swapped reads.",
            "other": "Count the steps: two of A, two of B. Swapping two reads makes no difference.",
        },
    ),
    Question(
        "warmups/check-then-act",
        LESSON,
        "Ann and Bob withdraw 70 each from an account of 100. Every single access to the balance holds the lock. Can"
        " the account be overdrawn?",
        {"yes": "Yes", "no": "No: the balance is only touched under the lock"},
        lambda: _does_it_fail("check-then-act"),
        "Each access is protected, and the decision is not. It is made under one hold of the lock and used under the"
        " next.",
        {"no": "Every access is protected. The decision lies between two of them, and there the lock is free."},
    ),
)
