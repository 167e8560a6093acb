"""The oracle: what a small concurrent program can do, counted by brute force. Shares no code with the engine.

It enumerates every interleaving of a program of `language.py`, so that `explore` can be held to exact numbers. Two
enumerations check each other: `every_interleaving` (plain recursion over all schedules) and `classes` (breadth
first over prefixes; prefixes that are the same Mazurkiewicz trace are expanded once). Left out: speed beyond what small
programs need.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from tests.sched.interpreter import Form, Machine, Outcome
from tests.sched.language import Program


class TooLarge(Exception):
    """The program has more prefixes than the caller wants to wait for."""


@dataclass
class Census:
    """What all executions of a program are: one outcome for every class, and how many interleavings there are."""

    outcomes: dict[Form, Outcome]
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
        assert outcomes.setdefault(machine.form(), outcome) == outcome, "two executions of one class end differently"
    return Census(outcomes, count)


def classes(program: Program, limit: int = 200_000) -> Census:
    """Breadth first: prefixes that are the same trace are expanded once; the schedules that reach them are counted."""
    outcomes: dict[Form, Outcome] = {}
    count = 0
    expanded = 0
    first = Machine(program)
    frontier: dict[Form, tuple[Machine, int]] = {first.form(): (first, 1)}
    while frontier:
        following: dict[Form, tuple[Machine, int]] = {}
        for form, (machine, ways) in frontier.items():
            expanded += 1
            if expanded > limit:
                raise TooLarge(f"more than {limit} prefixes")
            choices = machine.enabled()
            if not choices:
                outcomes[form] = machine.outcome()
                count += ways
            for name in choices:
                after = machine.clone()
                after.step(name)
                key = after.form()
                known = following.get(key)
                following[key] = (after, ways) if known is None else (known[0], known[1] + ways)
        frontier = following
    return Census(outcomes, count)
