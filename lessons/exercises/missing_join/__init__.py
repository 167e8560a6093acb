# SPDX-License-Identifier: GPL-2.0-or-later
"""01: fill in the question, write the fix; a prediction; two questions in another kitchen."""

from lessons.exercises.missing_join.fill import FILL
from lessons.exercises.missing_join.questions import QUESTIONS
from lessons.exercises.missing_join.write import WRITE

EXERCISES = (FILL, WRITE)

__all__ = ["EXERCISES", "QUESTIONS"]
