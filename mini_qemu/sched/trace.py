# SPDX-License-Identifier: GPL-2.0-or-later
"""The steps of one run as plain data: what was done, where everybody stands, who is blocked and why, what the watched
state became.

`recorder` makes them, `columns` draws them as a table, players and explanations read them.
"""

from __future__ import annotations

import dataclasses
from dataclasses import asdict, dataclass, field
from pathlib import PurePath
from typing import Any

from .picture import Local, Points, Thing
from .scenario import Finding

Place = tuple[str, int]


@dataclass(frozen=True, kw_only=True)
class Moment:
    """How things stand.

    ``where`` {thread: (function, line)}; ``frames`` the whole stacks, {thread: [(file, function, line), ...]},
    innermost last; ``status`` {thread: "ready" | "blocked" | "done" | "crashed"}; ``blocked`` {thread: sentence};
    ``locks`` {lock: holder}; ``state`` {watched label: value as text}; for a picture (see picture.py): ``hands``
    {thread: its locals}, ``points`` {watched label: the objects it stands for}, ``things`` {object: how it is}.
    """

    where: dict[str, Place]
    frames: dict[str, list[tuple[str, str, int]]]
    status: dict[str, str]
    blocked: dict[str, str]
    locks: dict[str, str]
    state: dict[str, str]
    hands: dict[str, list[Local]] = field(default_factory=dict)
    points: dict[str, Points] = field(default_factory=dict)
    things: dict[str, Thing] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Access:
    """An access of shared memory that is not a step, because synchronisation orders it: ``op`` "read" or "write", of
    ``name``, with ``value``; ``text`` says it without the thread.
    """

    op: str
    name: str
    value: str
    text: str
    function: str
    file: str
    line: int


@dataclass(frozen=True, kw_only=True)
class Step(Moment):
    """One step, and how things stand after it.

    ``index`` counts from 1; ``line`` is where the operation is in ``file``; ``name`` is the variable or lock as
    messages call it, ``text`` the step as a sentence;
    ``changed`` are the watched labels whose value it changed, ``woke`` the threads that it let go on; ``asides`` what
    the thread then did with shared memory until it stood before its next step.
    """

    index: int
    thread: str
    op: str
    object: str
    field: str
    value: str
    function: str
    file: str
    line: int
    name: str
    text: str
    changed: list[str]
    woke: list[str]
    asides: list[Access] = dataclasses.field(default_factory=list)


@dataclass
class Invariant:
    """A rule of the scenario, in this run. ``broken`` is the first step after which it did not hold, 0 if there is
    none.
    """

    name: str
    meaning: str
    broken: int = 0


@dataclass
class Trace:
    """A run: ``initial`` moment, ``steps``, ``finding`` (or None), what became of the scenario's ``invariants``, and
    the ``schedule`` that replays it.
    """

    scenario: str
    title: str
    threads: list[str]
    schedule: str
    labels: list[str]
    initial: Moment
    steps: list[Step] = field(default_factory=list)
    finding: Finding | None = None
    finished: bool = False
    invariants: list[Invariant] = field(default_factory=list)

    def __repr__(self) -> str:
        end = str(self.finding) if self.finding else "no finding" if self.finished else "not finished"
        return f"{self.scenario}: {len(self.steps)} steps, {end}."

    def __str__(self) -> str:
        from .columns import columns  # which imports this module

        return str(columns(self, state=[], lines=True))

    def to_dict(self) -> dict[str, Any]:
        """Plain data: dicts, lists, strings and numbers only."""
        return asdict(self)


def short_file(file: str) -> str:
    """The last part of a path; a notebook cell's made-up name becomes "cell"."""
    name = PurePath(file).name
    return "cell" if name.startswith("<ipython") or "ipykernel" in file else name


def fitted(text: str, width: int) -> str:
    """``text``, cut to ``width`` characters."""
    return text if len(text) <= width else text[: width - 1] + "…"
