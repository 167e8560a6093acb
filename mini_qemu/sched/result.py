# SPDX-License-Identifier: GPL-2.0-or-later
"""What an exploration showed, as plain data: the verdict, the counts, an example of each failure, the races.

Runs are counted here as `explore` hands them over. Nothing here runs anything.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from .ops import DEPENDENCE
from .run import Run
from .scenario import Finding, Scenario
from .schedule import format_schedule, switches


@dataclass(frozen=True)
class Failure:
    """An example of a finding, with the schedule that replays it; ``cost``: its switches between threads, its steps."""

    kind: str
    message: str
    thread: str
    schedule: str
    finding: Finding
    cost: tuple[int, int]


@dataclass(frozen=True)
class Access:
    """One side of a race: who, reading or writing, where."""

    thread: str
    verb: str
    function: str
    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.thread} {self.verb} it in {self.function} line {self.line}"


@dataclass(frozen=True)
class Race:
    """Two accesses of ``variable``, at least one a write, whose order nothing decides but luck."""

    variable: str
    first: Access
    second: Access

    def __str__(self) -> str:
        return f"{self.variable}: {self.first}, {self.second}"


@dataclass
class Result:
    """What an exploration showed.

    ``runs`` were made, each a different interleaving; ``classes`` of equivalent interleavings exist (None if not all
    were covered), relative to ``dependence``; ``states`` is set by method "states". ``failing`` runs have a finding;
    ``findings`` counts runs by kind, ``outcomes`` by (kind, message); ``examples`` has one schedule for each outcome,
    ``failure`` the one with the fewest switches. ``discovered`` are the places of an ordinary program that threads
    share without synchronisation: each of their accesses is a step. ``threads`` were seen in one run.
    ``stands``: who went on and on in a run that did not end, and where.

    The ``repr`` is one line; ``print`` shows the races as well, and what was discovered.
    """

    scenario: str
    method: str
    verdict: str = "incomplete"
    runs: int = 0
    classes: int | None = None
    states: int | None = None
    failing: int = 0
    findings: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    examples: dict[tuple[str, str], Failure] = field(default_factory=dict)
    races: list[Race] = field(default_factory=list)
    discovered: list[str] = field(default_factory=list)
    threads: int = 0
    dependence: str = DEPENDENCE
    stopped_by: str = ""
    stands: str = ""
    seconds: float = 0.0

    @property
    def failure(self) -> Failure | None:
        """The failing example with the fewest switches between threads, then the fewest steps, or None."""

        return min(self.examples.values(), key=lambda failure: (*failure.cost, failure.schedule), default=None)

    def __repr__(self) -> str:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self.findings.items()))
        failed = f"{self.failing:,} fail ({kinds})" if self.failing else "none fails"
        if self.method == "states":
            size = (
                f"{self.states:,} states, all of them visited"
                if self.verdict != "incomplete"
                else f"{self.states or 0:,} states visited"
            )
            found = (
                f"{len(self.outcomes)} kinds of failure ({', '.join(sorted(self.findings))})"
                if self.failing
                else "none fails"
            )
        elif self.classes is not None:
            size, found = f"{self.classes:,} interleavings, all run", failed
            if self.classes == 1:
                size, found = (
                    "1 interleaving, run",
                    f"it fails ({', '.join(self.findings)})" if self.failing else "it passes",
                )
        else:
            size, found = f"{self.runs:,} interleavings run", failed if self.failing else "none of them fails"
        tail = f" Stopped by {self.stopped_by}: this proves nothing." if self.verdict == "incomplete" else ""
        tail = f" Stopped by {self.stopped_by}." if self.stopped_by and self.verdict == "failed" else tail
        return f"{self.scenario}: {self.verdict}. {size}: {found}. [{self.method}]{tail}"

    def __str__(self) -> str:
        """The verdict, and below it what else a reader has to know: what was found to be shared, and the races."""
        lines = [repr(self)]
        if self.discovered:
            lines.append(f"Shared without synchronisation: {', '.join(self.discovered)}.")
        if self.stands:
            lines.append(
                f"A run did not end; at last {self.stands} went on and on. If it asks again and again for what another "
                "thread does, let it wait: with an Event, a Condition, a queue. If it counts, let it count to 3."
            )
        if self.classes == 1 and self.threads > 1:
            lines.append(
                f"No two of its {self.threads} threads touch the same thing at once: there is no other order to try."
            )
        for number, race in enumerate(self.races):
            if number == RACES_SHOWN:
                lines.append(f"... and {len(self.races) - RACES_SHOWN} more races.")
                break
            lines.append(f"Race: {race}.")
        return "\n".join(lines)


RACES_SHOWN = 5
"""Races that `str` of a result lists."""


def note_failure(result: Result, scenario: Scenario, run: Run) -> None:
    """Count a failing run, and keep it as an example if it is simpler than the one at hand."""
    result.failing += 1
    for kind in {finding.kind for finding in run.findings}:
        result.findings[kind] += 1
    for outcome in {(finding.kind, finding.message) for finding in run.findings}:
        result.outcomes[outcome] += 1
    for finding in run.findings:
        threads = needed(run, finding)
        cost = switches(threads), len(threads)
        old = result.examples.get((finding.kind, finding.message))
        if old is None or cost < old.cost:
            schedule = format_schedule(threads, scenario.fingerprint)
            result.examples[finding.kind, finding.message] = Failure(
                finding.kind, finding.message, finding.thread, schedule, finding, cost
            )


def needed(run: Run, finding: Finding) -> list[str]:
    """Who moves, up to ``finding``; where happens-before is known, without the steps that it does not need."""
    if not finding.stops:
        return run.thread
    last = finding.step - 1  # the step that led to it, whichever thread made it
    if not run.past or last < 0:
        return run.thread[: finding.step]
    return [name for i, name in enumerate(run.thread[: finding.step]) if run.past[last] >> i & 1]
