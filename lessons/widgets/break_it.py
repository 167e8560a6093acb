# SPDX-License-Identifier: GPL-2.0-or-later
"""You are the scheduler, with a goal: break it, then break it with as few switches as possible.

A SchedulerLab that knows what the explorer knows: how few preemptions suffice. A preemption is a switch away from a
thread that could have gone on; giving way because a thread waits or has ended costs nothing. What was broken is noted.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

from lessons.exercises import progress
from lessons.widgets.lab import SchedulerLab
from mini_qemu.fixes import all_on, only
from mini_qemu.sched import Explorable, NothingFailed, Trace, format_schedule, minimise, replay

LIMIT_RUNS = 2_000


def preemptions(trace: Trace) -> int:
    """How often a thread was interrupted that could have gone on."""
    steps = trace.steps
    return sum(
        after.thread != before.thread and before.status.get(before.thread) == "ready"
        for before, after in pairwise(steps)
    )


def simplest(scenario: Explorable, kind: str = "") -> Trace | None:
    """A run with the fewest preemptions that breaks it (that way, if a kind is given); None if nothing does, or nothing
    in the interleavings that are tried."""
    try:
        return replay(scenario, minimise(scenario, limit_runs=LIMIT_RUNS, kind=kind))
    except NothingFailed:
        return None


def up_to(trace: Trace | None, words: str) -> str:
    """The schedule of that run before the first step whose sentence contains these words."""
    steps = trace.steps if trace else []
    found = next((i for i, step in enumerate(steps) if words in step.text), None)
    if found is None:
        raise LookupError(f"no step of the simplest failing run says {words!r}")
    return format_schedule([step.thread for step in steps[:found]], "")


class BreakIt(SchedulerLab):
    """A SchedulerLab with a goal.

    `kind`: what to bring about ("crash", ...), where several things can go wrong; `schedule`: where to begin; or
    `before`, words: begin just before a step of the simplest failing run that says so; `on`: the fixes that are on.
    """

    def __init__(
        self,
        scenario: Explorable,
        *,
        kind: str = "",
        schedule: str = "",
        before: str = "",
        on: Iterable[str] | None = None,
        title: str | None = None,
    ) -> None:
        with only(*(all_on() if on is None else on)):
            best = simplest(scenario, kind)
        self.kind = kind
        self.fewest = None if best is None else preemptions(best)
        super().__init__(scenario, schedule=up_to(best, before) if before else schedule, on=on, title=title)

    def _show(self) -> None:
        super()._show()
        trace = self.trace
        if trace.finding is not None:
            used = preemptions(trace)
            if self.kind and trace.finding.kind != self.kind:
                said = f"But it is a {trace.finding.kind}. Undo, and make it a {self.kind}."
            else:
                progress.record("broken", self.scenario.name, used)
                said = self.score(used)
            self._draw(message=f"{self.view['message']} {said}")

    def score(self, used: int) -> str:
        said = "no preemption" if used == 0 else "1 preemption" if used == 1 else f"{used} preemptions"
        if self.fewest is None or used <= self.fewest:
            return f"You needed {said}; fewer do not break it."
        return f"You needed {said}; it can be done with {self.fewest}."
