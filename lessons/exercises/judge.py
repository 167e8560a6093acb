# SPDX-License-Identifier: GPL-2.0-or-later
"""Run an answer in every trial of its exercise: all interleavings of each, up to the first trial that fails.

The answer is put into the miniature for the time of a trial. What it did there is looked at in a few runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from lessons.exercises.answer import Code, Refused, function_of, readable
from lessons.exercises.deeds import LONGEST, Deeds, sampled
from lessons.exercises.feedback import Counts, Feedback
from lessons.exercises.model import Exercise, OrderExercise, Outcome, Trial
from lessons.exercises.mounting import function_from
from lessons.exercises.reply import accepted, keeps_a_lock, rejected
from lessons.functions import home_of
from lessons.replace import BadReplacement, helpers_at_home
from mini_qemu.fixes import only
from mini_qemu.sched import InstrumentationError, Result, Scenario, SchedError, Trace, explore, minimise, replay

MOST_RUNS = 2_500  # more than any right answer needs
MOST_SECONDS = 20.0  # for a machine that is very busy: a verdict should not depend on the clock
MINIMISE_UP_TO = 600  # runs up to which the shortest failing run is searched for; above, the first one found is shown
EXAMPLES = 4  # failing runs in which an answer's deeds are looked at
ROUNDS = 400  # steps of a run without an end that are looked at


def judged(function: Code, source: str, order: str, asked: Exercise) -> tuple[Feedback, Trial | None]:
    """The feedback, and the trial that failed."""
    proved: list[str] = []
    passed: list[Outcome] = []
    for trial in asked.trials:
        try:
            with in_place(function, asked, trial):
                result = explore(trial.scenario, "dpor", MOST_RUNS, MOST_SECONDS, limit_steps=LONGEST)
                failed = not trial.passed_by(result)
                shortest = _shortest(trial.scenario, result) if failed else None
                looked = _examples if result.failing and not trial.must_abort else _sampled
                traces = looked(trial.scenario, result)
                outcome = Outcome(trial, result, Deeds(traces, home_of(function)[0]), order)
        except (BadReplacement, InstrumentationError, SchedError) as error:
            raise Refused(readable(error, function)) from error
        if failed:
            return rejected(asked, outcome, shortest, function, source), trial
        if outcome.deeds.keeps:
            return keeps_a_lock(asked, outcome), trial
        passed.append(outcome)
        proved.append(f"When {trial.about}: {_well(trial, result)}.")
    return accepted(asked, passed, proved, order, _counts(asked, passed)), None


@contextmanager
def in_place(function: Code, asked: Exercise, trial: Trial) -> Iterator[None]:
    with only(*trial.on), trial.under(), helpers_at_home(function), asked.mount(function):
        yield


def survives(source: str, asked: Exercise) -> bool:
    """Whether an answer passes every trial. Explains nothing, so it takes less time than `check_source`."""
    try:
        answer = source if isinstance(asked, OrderExercise) else function_from(source, asked.entry)
        function, _, _ = function_of(answer, asked)
        for trial in asked.trials:
            with in_place(function, asked, trial):
                first = not trial.must_abort
                result = explore(trial.scenario, "dpor", MOST_RUNS, MOST_SECONDS, first=first, limit_steps=LONGEST)
                if not trial.passed_by(result):
                    return False
                if Deeds(sampled(trial.scenario), home_of(function)[0]).keeps:
                    return False
    except (Refused, BadReplacement, InstrumentationError, SchedError):
        return False
    return True


def _well(trial: Trial, result: Result) -> str:
    if trial.must_abort:
        return "it aborts, as it must"
    return f"{result.runs:,} interleavings, all run, none fails" if result.runs > 1 else "it passes"


def _examples(scenario: Scenario, result: Result) -> Iterator[Trace]:
    shown = sorted(result.examples.values(), key=lambda failure: (*failure.cost, failure.schedule))[:EXAMPLES]
    return (replay(scenario, failure.schedule) for failure in shown)


def _sampled(scenario: Scenario, result: Result) -> Iterator[Trace]:
    return sampled(scenario, ROUNDS if result.stands else LONGEST)


def _shortest(scenario: Scenario, result: Result) -> Trace | None:
    if result.failure is None:
        return None
    few = result.runs <= MINIMISE_UP_TO
    trace = replay(scenario, minimise(scenario, result) if few else result.failure.schedule)
    return trace if trace.steps else None


_before: dict[str, tuple[Trial, int, int] | None] = {}  # exercise -> the trial its starter fails, failing, runs


def _counts(asked: Exercise, outcomes: list[Outcome]) -> Counts | None:
    """What the code to begin with did in the first trial it fails, beside what this answer does there."""
    if asked.name not in _before:
        _before[asked.name] = _starter_fails(asked)
    found = _before[asked.name]
    now = next((one.result.runs for one in outcomes if found and one.trial is found[0]), 0)
    return Counts(found[0].about, found[1], found[2], now) if found and now else None


def _starter_fails(asked: Exercise) -> tuple[Trial, int, int] | None:
    answer = asked.starter if isinstance(asked, OrderExercise) else function_from(asked.starter, asked.entry)
    function, _, _ = function_of(answer, asked)
    for trial in asked.trials:
        if trial.must_abort:
            continue
        with in_place(function, asked, trial):
            result = explore(trial.scenario, "dpor", MOST_RUNS, MOST_SECONDS)
        if result.failing and result.classes:  # all were run
            return trial, result.failing, result.runs
    return None
