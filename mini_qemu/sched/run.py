# SPDX-License-Identifier: GPL-2.0-or-later
"""A finished run, as every source of runs hands it over."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from .scenario import Finding
from .world import World


@dataclass
class Run:
    """A finished run as a strategy hands it over: who moved at each step, what went wrong, and the world as it is at
    the end.

    DPOR adds per event its code, its ``past`` (the mask of the events that happen before it), how things stood
    ``before`` it and what it is ``about`` (see `Execution`).
    """

    world: World
    thread: list[str]
    findings: list[Finding]
    past: list[int] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    before: list[Any] = field(default_factory=list)
    about: list[Any] = field(default_factory=list)


def first_of(findings: list[Finding]) -> list[Finding]:
    """The findings of a run as it happened: after a crash there is no process left to go wrong."""
    return findings[:1] if findings and findings[0].stops else findings
