# SPDX-License-Identifier: GPL-2.0-or-later
"""08: order a scheduler, fill in the arithmetic of clean runs, write PCT's promise; questions.

The answers to the last two are plain arithmetic; they are judged like all others, by a scenario that asks them.
"""

from lessons.exercises.clean_runs.fill import FILL
from lessons.exercises.clean_runs.order import ORDER
from lessons.exercises.clean_runs.questions import QUESTIONS
from lessons.exercises.clean_runs.write import WRITE

EXERCISES = (ORDER, FILL, WRITE)

__all__ = ["EXERCISES", "QUESTIONS"]
