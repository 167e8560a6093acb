# SPDX-License-Identifier: GPL-2.0-or-later
"""09: make a thread pool right, in plain `threading`; predictions about a bakery, questions about what transfers."""

from lessons.exercises.your_own_bug.pool import POOL
from lessons.exercises.your_own_bug.questions import QUESTIONS

EXERCISES = (POOL,)

__all__ = ["EXERCISES", "QUESTIONS"]
