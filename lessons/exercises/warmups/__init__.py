# SPDX-License-Identifier: GPL-2.0-or-later
"""00: two predictions before two races, and a first exercise, to see how answers are judged."""

from lessons.exercises.warmups.questions import QUESTIONS
from lessons.exercises.warmups.withdraw import WITHDRAW

EXERCISES = (WITHDRAW,)

__all__ = ["EXERCISES", "QUESTIONS"]
