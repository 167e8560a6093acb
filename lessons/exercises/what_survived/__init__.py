# SPDX-License-Identifier: GPL-2.0-or-later
"""06: wake the one who waits, order the clean-up; three predictions, three evenings, and a question about lesson 01."""

from lessons.exercises.what_survived.fill import FILL
from lessons.exercises.what_survived.order import ORDER
from lessons.exercises.what_survived.questions import QUESTIONS

EXERCISES = (FILL, ORDER)

__all__ = ["EXERCISES", "QUESTIONS"]
