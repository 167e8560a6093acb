# SPDX-License-Identifier: GPL-2.0-or-later
"""What learners are asked: exercises and questions, one folder for each lesson and in it one file for each exercise."""

from __future__ import annotations

from importlib import import_module

from lessons.catalogue import Catalogue
from lessons.exercises.model import Exercise, Question

LESSONS = (
    "warmups",
    "missing_join",
    "check_then_use",
    "one_predicate",
    "know_what_you_hold",
    "the_count_that_was_one",
    "what_survived",
    "real_thing",
    "clean_runs",
    "your_own_bug",
)


def _exercises() -> dict[str, Exercise]:
    found = [e for lesson in LESSONS for e in import_module(f"lessons.exercises.{lesson}").EXERCISES]
    return {e.name: e for e in found}


def _questions() -> dict[str, Question]:
    found = [q for lesson in LESSONS for q in import_module(f"lessons.exercises.{lesson}").QUESTIONS]
    return {q.name: q for q in found}


exercises = Catalogue("exercise", _exercises)
questions = Catalogue("question", _questions)


def exercise(name: str) -> Exercise:
    return exercises[name]


def question(name: str) -> Question:
    return questions[name]
