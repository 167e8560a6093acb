# SPDX-License-Identifier: GPL-2.0-or-later
"""A search for a bug that nobody listed: `hunt(state="postcopy-active", line="dies", operator=["cancel"])`.

The parameters make a scenario, see lessons/scenarios/hunting_ground.py. It is explored with all five patches, up to a
number of runs, and each ending is compared with those of the course's stories: same kind, same words, in the same
function of the migration. An ending that no story has is a trophy, and its schedule is how it is shown to others.
Nothing here is written down beforehand: what is known is computed from the stories, no further than it takes.
Left out: whether the real QEMU does it, too. Read its code; the model says what it leaves out.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from lessons.exercises import progress
from lessons.exercises.check_fix import MOST_RUNS as MOST_RUNS_OF_A_STORY
from lessons.exercises.check_fix import unfixed
from lessons.player.at_rest import AtRest
from lessons.player.player import Player
from lessons.scenarios import find, stories
from lessons.scenarios.hunting_ground import ground
from mini_qemu.fixes import as_of, fixes
from mini_qemu.sched import Failure, Result, Scenario, Trace, explore, minimise, replay

MOST_RUNS = 2_000  # under two seconds; a bug that needs luck may need more
A_LOOK = 20  # runs of a story that show most of its endings; the others are looked for if these are not enough
MINIMISE_UP_TO = 300  # as in RaceLab: above, the simplest run that was seen is shown
OURS = ("migration.py", "migration_incoming.py", "monitor.py", "savevm.py", "multifd.py", "channel.py")
ACCIDENTAL = re.compile(r" since step \d+|\bms\.(?:\w+\.)*")  # when, and by which path a story reaches a semaphore
THREADS = ("live_migration ", "return path ")  # of the migration; what others wait for depends on the scenario


@dataclass(frozen=True)
class Ending:
    """How a run ended: two runs with the same ending are taken for the same bug."""

    kind: str
    words: str
    function: str

    def __str__(self) -> str:
        return f"{self.kind}{f' in {self.function}' if self.function else ''}: {self.words}"


@dataclass(frozen=True)
class Catch(AtRest):
    """What a hunt found: endings that a story has, and those that none has, each with its shortest schedule."""

    scenario: str
    result: Result
    listed: tuple[tuple[Ending, str], ...]
    trophies: tuple[tuple[Ending, str], ...]
    trace: Trace | None

    def lines(self) -> list[str]:
        said = [repr(self.result).partition("\n")[0]]  # without the races
        said += [f"Known. {ending}: see the story {story}." for ending, story in self.listed]
        said += [f"New! {ending}. Your trophy: {schedule}" for ending, schedule in self.trophies]
        if self.trophies:
            said.append("No story of the course ends like this.")
        elif self.listed:
            said.append("Everything that fails here is known. Vary the parameters.")
        elif self.result.verdict == "proved":
            said.append("There is nothing to find here. Vary the parameters.")
        else:
            said.append("Nothing was found so far. Give more runs, or vary the parameters.")
        return said

    def __repr__(self) -> str:
        return "\n".join(self.lines())

    def _repr_html_(self) -> str:
        said = "".join(f"<p>{html.escape(line)}</p>" for line in self.lines())
        if self.trace is None:
            return said
        return said + Player(self.trace, title="The shortest failing run", on=tuple(fixes.names))._repr_html_()


def hunt(
    state: str = "active",
    line: str = "holds",
    destination: str = "agrees",
    operator: Sequence[str] = (),
    oob: Sequence[str] = (),
    runs: int = MOST_RUNS,
) -> Catch:
    """Explore one scenario of the hunting ground. Raises UnknownName for a parameter, with the choices there are."""
    scenario = ground(state, line, destination, operator, oob)
    listed: list[tuple[Ending, str]] = []
    trophies: list[tuple[Ending, str]] = []
    trace: Trace | None = None
    with as_of(tuple(fixes.names)):
        result = explore(scenario, "dpor", limit_runs=runs)
        for ending, failure in endings(scenario, result).items():
            story = story_that_ends_like(ending)
            if story:
                listed.append((ending, story))
                continue
            few = result.classes is not None and result.runs <= MINIMISE_UP_TO
            schedule = minimise(scenario, failure) if few else failure.schedule
            trophies.append((ending, schedule))
            trace = trace or replay(scenario, schedule)
    if trophies:
        progress.record("broken", f"hunt/{scenario.name}", trophies[0][1])
    return Catch(scenario.name, result, tuple(listed), tuple(trophies), trace)


def story_that_ends_like(ending: Ending) -> str:
    """The story that survives the five patches and ends like that, or "": a short look at each, then all their runs."""
    fixed_later = [name for name, told in stories().items() if told.later]
    perhaps_never = [name for name, told in stories().items() if not told.later and not told.fixes]
    for runs in (A_LOOK, MOST_RUNS_OF_A_STORY):
        for name in fixed_later + perhaps_never:
            if ending in _endings_of(name, runs):
                return name
    return ""


@cache
def _endings_of(name: str, runs: int) -> frozenset[Ending]:
    told = find(name)
    if runs > A_LOOK and not unfixed(name, A_LOOK).stopped_by:
        return _endings_of(name, A_LOOK)
    found = unfixed(name, runs)
    with as_of(tuple(fixes.names), told.history):
        return frozenset(endings(told.scenario, found))


def endings(scenario: Scenario, result: Result) -> dict[Ending, Failure]:
    found: dict[Ending, Failure] = {}
    for failure in sorted(result.examples.values(), key=lambda one: (*one.cost, one.schedule)):
        found.setdefault(_ending(replay(scenario, failure.schedule), failure), failure)
    return found


def _ending(trace: Trace, failure: Failure) -> Ending:
    """The innermost function of the migration in which the thread stopped, and the words without what is accidental."""
    stacks = [step.frames.get(failure.thread, []) for step in trace.steps] if failure.finding.stops else []
    inside = ([function for file, function, _ in stack if file.endswith(OURS)] for stack in reversed(stacks))
    ours = next(filter(None, inside), [])  # of a crashed thread's stack little is left: look at the step before
    words = ACCIDENTAL.sub("", failure.message)
    if failure.kind == "deadlock":
        waits = words.split("; ")
        words = "; ".join([wait for wait in waits if wait.startswith(THREADS)] or waits)
    return Ending(failure.kind, words, ours[-1] if ours else "")
