"""The oracle: what a small concurrent program can do, counted by brute force. Shares no code with the engine.

It enumerates every interleaving of a program of `language.py`, so that `explore` can be held to exact numbers. Two
enumerations check each other: `every_interleaving` (plain recursion over all schedules) and `classes` (breadth first
over prefixes; prefixes that are the same Mazurkiewicz trace are expanded once). Left out: speed beyond what small
programs need.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from tests.mini_qemu.sched.interpreter import Form, Machine, Outcome
from tests.mini_qemu.sched.language import Program


class TooLarge(Exception):
    """The program has more prefixes than the caller wants to wait for."""


@dataclass
class Census:
    """What all executions of a program are: one outcome for every class, and how many interleavings there are."""

    outcomes: dict[Form, Outcome]
    """Findings of a class: all that come first in one of its interleavings."""
    interleavings: int

    @property
    def classes(self) -> int:
        return len(self.outcomes)

    @property
    def failing(self) -> int:
        return sum(outcome.failing for outcome in self.outcomes.values())

    @property
    def findings(self) -> Counter[str]:
        """Kind of finding -> number of classes that have it."""
        return Counter(kind for outcome in self.outcomes.values() for kind in outcome.kinds)


def runs(machine: Machine) -> Iterator[Machine]:
    """Every complete execution from here on, one schedule after the other."""
    choices = machine.enabled()
    if not choices:
        yield machine
    for name in choices:
        after = machine.clone()
        after.step(name)
        yield from runs(after)


def every_interleaving(program: Program) -> Census:
    """Plain enumeration of all schedules. Also checks that a class decides its outcome."""
    outcomes: dict[Form, Outcome] = {}
    count = 0
    for machine in runs(Machine(program)):
        count += 1
        outcome = machine.outcome()
        known = outcomes.setdefault(machine.form(), outcome)
        findings = tuple(sorted({*known.findings, *outcome.findings}))
        assert known._replace(findings=()) == outcome._replace(findings=()), "two executions of a class end differently"
        outcomes[machine.form()] = known._replace(findings=findings)
    return Census(outcomes, count)


class _Prefix(NamedTuple):
    """A trace that may go on: an execution of it, how many interleavings it has, and what may come first in them."""

    machine: Machine
    ways: int
    first: frozenset[tuple[str, str]]


def classes(program: Program, limit: int = 200_000) -> Census:
    """Breadth first: prefixes that are the same trace are expanded once; the schedules that reach them are counted."""
    outcomes: dict[Form, Outcome] = {}
    count = 0
    expanded = 0
    start = Machine(program)
    frontier: dict[Form, _Prefix] = {start.form(): _Prefix(start, 1, frozenset(start.findings[:1]))}
    while frontier:
        following: dict[Form, _Prefix] = {}
        for form, (machine, ways, first) in frontier.items():
            expanded += 1
            if expanded > limit:
                raise TooLarge(f"more than {limit} prefixes")
            choices = machine.enabled()
            if not choices:
                outcome = machine.outcome()
                outcomes[form] = outcome._replace(findings=tuple(sorted(first))) if first else outcome
                count += ways
            for name in choices:
                after = machine.clone()
                after.step(name)
                key = after.form()
                prefix = _Prefix(after, ways, first or frozenset(after.findings[:1]))
                known = following.get(key)
                if known is not None:
                    prefix = _Prefix(known.machine, known.ways + ways, known.first | prefix.first)
                following[key] = prefix
        frontier = following
    return Census(outcomes, count)
