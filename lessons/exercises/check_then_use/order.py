# SPDX-License-Identifier: GPL-2.0-or-later
"""02, order: how the thread releases its file. Unlink it, wait for current users, then free it."""

from __future__ import annotations

from lessons.exercises.check_then_use.trials import ENDS, SLEEPS
from lessons.exercises.model import OrderExercise, WrongAnswer, before
from lessons.exercises.mounting import instead_of
from mini_qemu.qemu_file import qemu_fclose

UNDER_THE_LOCK = (
    "You close while you hold the lock. Nothing fails here, where a close is quick. But a close may wait for the"
    " network, and everybody who needs this lock then waits with it."
)

ORDER = OrderExercise(
    name="check-then-use/order",
    lesson="02_check_then_use",
    title="Order the release",
    statement="The thread gives up its file, and others may be using it. In which order?",
    why="You clear the pointer under the lock, so nobody new can find the file; and because you got the lock, nobody is"
    " using it. Then you close it, after the unlock: closing may wait, and nobody should wait with this lock in hand.",
    trials=(ENDS, SLEEPS),
    mount=instead_of("migration.migration_release_from_dst_file"),
    hints=(
        "Another thread takes the lock, tests the pointer, uses the file and releases the lock. Which of your lines"
        " must not run in between?",
        "The lock must be held while the pointer is cleared. When may the file be closed?",
    ),
    starter="CBADE",
    also_right={
        "CABED": "You copy the pointer before you take the lock. Right, because only this thread ever changes it: what"
        " must be under the lock is B, which the others' test depends on.",
    },
    right_but={"ACBDE": UNDER_THE_LOCK, "ACDBE": UNDER_THE_LOCK, "CABDE": UNDER_THE_LOCK, "CADBE": UNDER_THE_LOCK},
    misplaced=(
        WrongAnswer(
            "unlock_first", "EACBD", "E releases a lock that A has not taken yet.", lambda o: o.says("does not hold")
        ),
        WrongAnswer("close_before_copy", "ADCBE", "D needs the copy that C has not made yet.", before("D", "C")),
        WrongAnswer("copy_after_clear", "ABCED", "C copies the pointer after B has cleared it.", before("B", "C")),
        WrongAnswer(
            "close_before_clear",
            "ACEDB",
            "The file is closed while the pointer still leads to it. Another thread then takes the lock, finds the"
            " file, and uses it after it was freed.",
            before("D", "B"),
        ),
        WrongAnswer(
            "clear_after_unlock",
            "ACEBD",
            "You clear the pointer without the lock, between another thread's test and its use. Hold the lock while B"
            " runs.",
            before("E", "B"),
        ),
        WrongAnswer(
            "clear_before_lock",
            "CBAED",
            "You clear the pointer before you take the lock: just then another thread may be between its test and its"
            " use.",
            before("B", "A"),
        ),
    ),
)


@ORDER.orders
def migration_release_from_dst_file(ms):
    ms.qemu_file_lock.lock()  # A
    f = ms.rp_state.from_dst_file  # C
    ms.rp_state.from_dst_file = None  # B
    ms.qemu_file_lock.unlock()  # E
    qemu_fclose(f)  # D
