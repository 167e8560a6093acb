# SPDX-License-Identifier: GPL-2.0-or-later
"""04, order: ask what it is before you treat it as something."""

from __future__ import annotations

from lessons.exercises.know_what_you_hold.trials import TRIALS
from lessons.exercises.model import OrderExercise, WrongAnswer, before
from lessons.exercises.mounting import instead_of
from mini_qemu.io_channel import QIO_CHANNEL

ORDER = OrderExercise(
    name="hold/order",
    lesson="04_know_what_you_hold",
    title="Order the question and the cast",
    statement="Find the channel of a file. In which order?",
    why="Ask what it is before you treat it as something.",
    trials=TRIALS,
    mount=instead_of("qemu_file.qemu_file_get_ioc"),
    hints=("Which line is only right for some files?",),
    starter="BAC",
    misplaced=(
        WrongAnswer("return_first", "ACB", "C returns a channel that B has not looked for yet.", before("C", "B")),
        WrongAnswer(
            "cast_first",
            "BAC",
            "B treats the payload as a channel before A has asked whether it is one.",
            before("B", "A"),
        ),
    ),
)


@ORDER.orders
def qemu_file_get_ioc(f):
    if not f.has_ioc:  # A
        return None
    ioc = QIO_CHANNEL(f.opaque)  # B
    return ioc  # C
