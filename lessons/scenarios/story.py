# SPDX-License-Identifier: GPL-2.0-or-later
"""What a scenario module offers: the scenario, which patch it is about, and the wrong fixes it refutes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from lessons.replace import replace
from mini_qemu.fixes import only
from mini_qemu.sched import Result, Scenario, explore


@dataclass(frozen=True)
class WrongFix:
    """A repair that looks right. `instead` maps a function of the miniature to the one that takes its place.

    `kinds` are the findings it leads to. Where it leads to none, `breaks` names the rule that it breaks all the same.
    """

    name: str
    idea: str
    instead: Mapping[str, Callable[..., Any]]
    fails: str
    kinds: frozenset[str]
    on: tuple[str, ...] = ()
    scenario: Scenario | None = None
    breaks: str = ""

    @contextmanager
    def applied(self) -> Iterator[None]:
        """As long as this lasts, the miniature is repaired this way."""
        with ExitStack() as stack:
            stack.enter_context(only(*self.on))
            for name, function in self.instead.items():
                stack.enter_context(replace(name, function))
            yield

    def explore(self, scenario: Scenario, **limits: Any) -> Result:
        with self.applied():
            return explore(scenario, **limits)


@dataclass(frozen=True)
class Story:
    """One scenario with what there is to say about it.

    `fixes` are those it needs in order to end well, and each of them is needed. `on` are those that must be on for
    the bug to be there at all. `history` are the later changes of upstream that are in.
    `later`: of a story that survives all five, the later fixes that end it, in the order of history.
    """

    scenario: Scenario
    about: str
    fixes: tuple[str, ...] = ()
    on: tuple[str, ...] = ()
    wrong_fixes: tuple[WrongFix, ...] = ()
    history: tuple[str, ...] = ("yank_knows_tls",)
    later: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.scenario.name
