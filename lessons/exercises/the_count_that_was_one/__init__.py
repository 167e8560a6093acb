# SPDX-License-Identifier: GPL-2.0-or-later
"""05: order the retirement, take the question out of the close, write the retirement; a prediction; two questions
about a light."""

from lessons.exercises.the_count_that_was_one.fill import FILL
from lessons.exercises.the_count_that_was_one.order import ORDER
from lessons.exercises.the_count_that_was_one.questions import QUESTIONS
from lessons.exercises.the_count_that_was_one.write import WRITE

EXERCISES = (ORDER, FILL, WRITE)

__all__ = ["EXERCISES", "QUESTIONS"]
