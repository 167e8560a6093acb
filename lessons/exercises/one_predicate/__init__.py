# SPDX-License-Identifier: GPL-2.0-or-later
"""03: order a channel's life, fill in the predicate, write the unregistering; a table; a prediction; two questions in a
library."""

from lessons.exercises.one_predicate.fill import FILL
from lessons.exercises.one_predicate.order import ORDER
from lessons.exercises.one_predicate.questions import QUESTIONS
from lessons.exercises.one_predicate.sides import TWO_DESKS, TWO_SIDES
from lessons.exercises.one_predicate.table import TABLE
from lessons.exercises.one_predicate.write import WRITE

EXERCISES = (ORDER, FILL, WRITE)

__all__ = ["EXERCISES", "QUESTIONS", "TABLE", "TWO_DESKS", "TWO_SIDES"]
