# SPDX-License-Identifier: GPL-2.0-or-later
"""Judge an answer by running it in every interleaving: `check(my_function, "missing-join/write")`.

An answer is a function, a class, or the letters of an order.

The answer is put into the miniature, every trial of the exercise is explored, and the first one that fails is shown:
why, how often, and the shortest failing run, to play. Doing nothing fails too, because each trial also says how it must
end. An answer that passes may get a remark: accepted, but not nice; or praise for what it does better. Whatever an
answer does (another signature, a forgotten return, an endless loop, an exception, a deadlock
of its own) ends as a sentence that names the line; nothing is raised, so that the cells below still work.
`assert check(...)` works as well: the feedback is true if the answer is accepted.
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from lessons.exercises import exercise, progress
from lessons.exercises.answer import Code, Refused, function_of
from lessons.exercises.feedback import Feedback, syntax_sentence
from lessons.exercises.judge import in_place, judged
from lessons.exercises.model import Exercise
from lessons.exercises.mounting import function_from
from lessons.exercises.notebook_hooks import watch_syntax
from lessons.exercises.stopped import sentence_for
from lessons.exercises.untouched import watching
from mini_qemu.sched import SchedError, replay
from mini_qemu.sched.apart import Stopped, in_a_child

MOST_CPU_SECONDS = 15.0  # for an answer that never comes back: processor time
MOST_MEGABYTES = 1_024  # and memory, on top of what the notebook uses
APART = sys.platform == "linux"  # elsewhere a notebook's process cannot fork, or must not


def check(answer: Callable[..., Any] | type | str, name: str) -> Feedback:
    """Judge an answer: a function or class, or, where lines are to be ordered, their letters: check("BCA", ...).

    Linux judges in a child process, so that no answer can hurt the one who asks.
    """
    return _check(answer, exercise(name), _judge_apart if APART else _judge_here)


def _check(answer: Callable[..., Any] | type | str, asked: Exercise, judge: Callable[..., Feedback]) -> Feedback:
    try:
        feedback = judge(*function_of(answer, asked), asked)
    except Refused as error:
        feedback = Feedback(asked.name, False, (str(error),))
    if feedback.passed:
        progress.record("solved", asked.name)
        return feedback
    return replace(feedback, hints=asked.hints)


def check_source(source: str, asked: Exercise) -> Feedback:
    """Judge an answer that is a text, as the course's own answers are, here. To be safe from it, use `Judge`."""
    if asked.kind == "order":
        return _check(source, asked, _judge_here)
    try:
        function = function_from(source, asked.entry)
    except SyntaxError as error:
        return Feedback(asked.name, False, (syntax_sentence(error),))
    except Exception as error:  # whatever the text does when it is run
        return Feedback(asked.name, False, (f"Your text does not define {asked.entry}: {error}.",))
    return _check(function, asked, _judge_here)


def hint(name: str, number: int = 1) -> str:
    """A hint; the next number says more."""
    hints = exercise(name).hints
    if not 1 <= number <= len(hints):
        return f"{name} has {len(hints)} hints: hint({name!r}, 1) to hint({name!r}, {len(hints)})."
    more = f" (More: hint({name!r}, {number + 1}).)" if number < len(hints) else ""
    return hints[number - 1] + more


def _judge_apart(function: Code, source: str, order: str, asked: Exercise) -> Feedback:
    """Judge in a child; what fails there is replayed here, for the player, once it is known to end."""

    def work() -> bytes:
        trial, problem = None, None
        with watching() as watch:
            try:
                feedback, trial = judged(function, source, order, asked)
            except Refused as error:
                feedback = Feedback(asked.name, False, (str(error),))
            except MemoryError:
                raise
            except BaseException as error:  # what an answer changed may have broken the judge: say that first
                problem = f"Your answer cannot be judged: {type(error).__name__}: {error}."
        if watch.changed:
            problem = sentence_for("touched", ", ".join(watch.changed[:3]), MOST_CPU_SECONDS, MOST_MEGABYTES)
        if problem is not None:
            feedback, trial = Feedback(asked.name, False, (problem,)), None
        schedule = feedback.trace.schedule if feedback.trace else ""
        number = asked.trials.index(trial) if trial and schedule else None
        return pickle.dumps((replace(feedback, trace=None), number, schedule))

    try:
        report: tuple[Feedback, int | None, str] = pickle.loads(in_a_child(work, MOST_CPU_SECONDS, MOST_MEGABYTES))
    except Stopped as error:
        raise Refused(sentence_for(error.kind, error.detail, MOST_CPU_SECONDS, MOST_MEGABYTES)) from None
    feedback, number, schedule = report
    if number is None:
        return feedback
    trial = asked.trials[number]
    try:
        with in_place(function, asked, trial):
            return replace(feedback, trace=replay(trial.scenario, schedule))
    except SchedError:  # it does not do the same twice
        return feedback


def _judge_here(function: Code, source: str, order: str, asked: Exercise) -> Feedback:
    return judged(function, source, order, asked)[0]


if "IPython" in sys.modules:
    watch_syntax()

__all__ = ["check", "check_source", "hint"]
