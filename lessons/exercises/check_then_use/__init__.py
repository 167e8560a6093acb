# SPDX-License-Identifier: GPL-2.0-or-later
"""02: order the release, fill in the question of the start, write the cancel; a prediction; two questions at a
wardrobe."""

from lessons.exercises.check_then_use.fill import FILL
from lessons.exercises.check_then_use.order import ORDER
from lessons.exercises.check_then_use.questions import QUESTIONS
from lessons.exercises.check_then_use.write import WRITE

EXERCISES = (ORDER, FILL, WRITE)

__all__ = ["EXERCISES", "QUESTIONS"]
