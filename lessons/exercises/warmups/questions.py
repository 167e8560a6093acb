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
        "Two threads run `counter.value = counter.value + 1`, once each. Orders in which no read or write is seen"
        " differently count as one. How many different interleavings are there?",
        {"2": "2: A first, or B first", "4": "4", "6": "6", "other": "another number"},
        _how_many_updates,
        "The line is two steps, a read and a write. Two steps each can be mixed in six ways, but swapping two reads"
        " changes nothing, and the explorer counts such twins once.",
    ),
    Question(
        "warmups/check-then-act",
        LESSON,
        "Ann and Bob withdraw 70 each from an account of 100. Every single access to the balance holds the lock. Can"
        " the account be overdrawn?",
        {"no": "No: the balance is only touched under the lock", "yes": "Yes"},
        lambda: _does_it_fail("check-then-act"),
        "A lock protects what happens while it is held, not the lines it stands around. The answer of the test is used"
        " after the lock was let go.",
    ),
)
