# SPDX-License-Identifier: GPL-2.0-or-later
"""07: read the return path as a source has to; questions about real processes, and one about lesson 01."""

from lessons.exercises.real_thing.questions import QUESTIONS
from lessons.exercises.real_thing.write import READ

EXERCISES = (READ,)

__all__ = ["EXERCISES", "QUESTIONS"]
