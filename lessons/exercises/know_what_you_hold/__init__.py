# SPDX-License-Identifier: GPL-2.0-or-later
"""04: order the question and the cast, tag a file, write the function that asks; a prediction; two questions about a
box."""

from lessons.exercises.know_what_you_hold.fill import FILL
from lessons.exercises.know_what_you_hold.knows import BOX, KNOWN
from lessons.exercises.know_what_you_hold.order import ORDER
from lessons.exercises.know_what_you_hold.questions import QUESTIONS
from lessons.exercises.know_what_you_hold.write import WRITE

EXERCISES = (ORDER, FILL, WRITE)

__all__ = ["BOX", "EXERCISES", "KNOWN", "QUESTIONS"]
