# SPDX-License-Identifier: GPL-2.0-or-later
"""Judge a fix of a bug that survived the series: `check_fix("await-vs-exit", await_return_path_close_on_source)`.

No solution is written down and none is needed. The functions take the place of those of the miniature that have their
names; all five patches are on. The story must then be proved, and every other story that was proved before must still
be: a fix that breaks something else is none. Nor may a survivor in ALSO fail in a way in which it did not fail before.
What QEMU's own fix breaks in the same way is named and forgiven. A refusal says which story fails and shows its
shortest failing run. Survivors that the answer ends besides are named.
Left out: rules that break without a finding, and whatever no story tells.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from types import FunctionType
from typing import Any

from lessons.exercises import progress
from lessons.exercises.feedback import Feedback
from lessons.replace import BadReplacement, functions, helpers_at_home, modules, replace
from lessons.scenarios import await_vs_exit, find, stories
from lessons.scenarios.story import Story
from mini_qemu.fixes import as_of, fixes
from mini_qemu.sched import Result, SchedError, explore, minimise, replay
from mini_qemu.sched.first_run import try_out

MOST_RUNS = 5_000  # about ten times what the largest story needs
FEW_RUNS = 800  # enough to see in which ways a story fails, if it does
MINIMISE_UP_TO = 600
ALSO = (Story(await_vs_exit.while_silent, "sending fails, and the other end says nothing"),)
"""Survivors too, which show what a fix might leave out and no story needs: they may fail as before, not otherwise."""


class Refused(Exception):
    """An answer that cannot be run; the message is the feedback."""


def check_fix(story: str, *answers: Callable[..., Any]) -> Feedback:
    """Judge functions of the miniature, written anew, as the fix of one story. Raises UnknownName for a story."""
    told = find(story)
    name = f"a fix for {story}"
    try:
        found = _judge(told, name, _places(answers))
    except (Refused, BadReplacement, SchedError) as error:
        return Feedback(name, False, (str(error),))
    if found.passed:
        progress.record("solved", f"fix/{story}")
    return found


def _places(answers: tuple[Callable[..., Any], ...]) -> dict[str, FunctionType]:
    """The answers by the place of the function that each replaces."""
    if not answers:
        raise Refused("Give check_fix the functions that you changed, after the name of the story.")
    found: dict[str, FunctionType] = {}
    for answer in answers:
        if not isinstance(answer, FunctionType):
            raise Refused(f"Give check_fix functions, not {answer!r}.")
        homes = [module for module in modules() if answer.__name__ in functions(module)]
        if not homes:
            raise Refused(
                f"The miniature has no function {answer.__name__!r}. A function that you change keeps its name; your"
                " own helpers need not be given to check_fix."
            )
        found[f"{homes[0]}.{answer.__name__}"] = answer
    return found


def _judge(told: Story, name: str, places: dict[str, FunctionType]) -> Feedback:
    before = unfixed(told.name)
    if not before.failing:
        raise Refused(f"With all five patches {told.name} does not fail: there is nothing to fix. Choose a survivor.")
    with _in_place(places):
        try_out(told.scenario, again=True)
        result = _explored(told)
        if result.verdict != "proved":
            return _refused(told, name, result, f"Before your fix: {_share(before)}. With it: {_share(result)}.")
    survivors = {other for other in stories() if unfixed(other).verdict != "proved"}
    proved = f"{told.name} is proved: {_share(result)}."
    ended: list[str] = []
    alike: list[str] = []
    for other in stories().values():
        with _in_place(places):
            now = result if other is told else _tried(other)
        if other.name not in survivors and now.verdict != "proved":
            if not _as_with_qemus_fix(told, other, now):
                broken = f"But {other.name} ({other.about}) was proved before your fix. With it: {_share(now)}."
                with _in_place(places):
                    return _refused(other, name, now, proved, broken)
            alike.append(other.name)
        if other.name in survivors and other is not told and now.verdict == "proved":
            ended.append(other.name)
    for other in ALSO:
        before = _explored(other)
        with _in_place(places):
            now = _explored(other)
        new = set(now.findings) - set(before.findings)
        if now.stopped_by or (new and not _as_with_qemus_fix(told, other, now)):
            worse = f"But {other.name} ({other.about}) now fails otherwise than before. Before your fix:"
            with _in_place(places):
                return _refused(other, name, now, proved, f"{worse} {_share(before)}. With it: {_share(now)}.")
    still = "Every other story that was proved before still is"
    also = [f"{still}, except {_all_of(alike)}: QEMU's own fix does that, too." if alike else f"{still}."]
    also += [f"Your fix also ends {_all_of(ended)}."] if ended else []
    return Feedback(name, True, (proved, *also))


def _as_with_qemus_fix(told: Story, other: Story, now: Result) -> bool:
    """Whether ``other`` fails in the same ways with QEMU's own fix of ``told``: that is not held against an answer."""
    if not told.later or not now.failing:
        return False
    with as_of((*fixes.names, *told.later), other.history):
        own = (set(explore(other.scenario, limit_runs=runs).findings) for runs in (FEW_RUNS, MOST_RUNS))
        return any(set(now.findings) <= found for found in own)


@cache
def unfixed(story: str, runs: int = MOST_RUNS) -> Result:
    """What the explorer finds with the five patches and nothing else."""
    return _explored(find(story), runs)


def _explored(told: Story, runs: int = MOST_RUNS) -> Result:
    with as_of(tuple(fixes.names), told.history):
        return explore(told.scenario, limit_runs=runs)


def _tried(told: Story) -> Result:
    """The first runs of a story, and the others only where none of those fails."""
    few = _explored(told, FEW_RUNS)
    return few if few.failing or few.verdict == "proved" else _explored(told)


@contextmanager
def _in_place(places: dict[str, FunctionType]) -> Iterator[None]:
    with ExitStack() as stack:
        for place, answer in places.items():
            stack.enter_context(helpers_at_home(answer))
            stack.enter_context(replace(place, answer))
        yield


def _all_of(names: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))


def _share(result: Result) -> str:
    if result.runs == 1:
        return f"1 of 1 interleaving fails ({', '.join(result.findings)})" if result.failing else "it passes"
    if result.verdict == "incomplete" and not result.runs:
        return "the first interleaving does not come to an end"
    if result.verdict == "incomplete":
        return f"none of the first {result.runs:,} interleavings fails, and there is no end of them"
    if not result.failing:
        return f"{result.runs:,} interleavings, all run, none fails"
    runs = f"{'the first ' if result.stopped_by else ''}{result.runs:,}"
    return f"{result.failing:,} of {runs} interleavings fail ({', '.join(sorted(result.findings))})"


def _refused(told: Story, name: str, result: Result, *say: str) -> Feedback:
    """With the shortest failing run. The answer is still in its place."""
    if result.failure is None:
        return Feedback(name, False, say)
    with as_of(tuple(fixes.names), told.history):
        few = result.runs <= MINIMISE_UP_TO
        trace = replay(told.scenario, minimise(told.scenario, result) if few else result.failure.schedule)
    end = f"The run ends like this: {trace.finding.message}." if trace.finding else ""
    return Feedback(name, False, (*say, end), trace, tuple(fixes.names))
