# SPDX-License-Identifier: GPL-2.0-or-later
"""What learners are asked: exercises and questions, one module for each lesson."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from lessons.exercises.model import Exercise, Question
from mini_qemu.fixes import UnknownName

LESSONS = (
    "warmups",
    "missing_join",
    "check_then_use",
    "one_predicate",
    "know_what_you_hold",
    "the_count_that_was_one",
    "clean_runs",
)


@cache
def exercises() -> dict[str, Exercise]:
    found = [e for lesson in LESSONS for e in import_module(f"lessons.exercises.{lesson}").EXERCISES]
    return {e.name: e for e in found}


@cache
def questions() -> dict[str, Question]:
    found = [q for lesson in LESSONS for q in import_module(f"lessons.exercises.{lesson}").QUESTIONS]
    return {q.name: q for q in found}


def exercise(name: str) -> Exercise:
    if name not in exercises():
        raise UnknownName("exercise", name, list(exercises()))
    return exercises()[name]


def question(name: str) -> Question:
    if name not in questions():
        raise UnknownName("question", name, list(questions()))
    return questions()[name]
