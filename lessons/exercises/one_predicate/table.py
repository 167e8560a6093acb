# SPDX-License-Identifier: GPL-2.0-or-later
"""03: how often registered, how often taken out, and what each combination leads to. For RaceLab."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass

from lessons.scenarios.yank_pairing import COMBINATIONS, pairing
from mini_qemu.sched import Scenario


@dataclass(frozen=True)
class Combination:
    """A line of the table: how often registered, how often taken out. For RaceLab, in a wrong fix's place."""

    registered: int
    unregistered: int
    fails: str
    kinds: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        return f"registered_{self.registered}_taken_out_{self.unregistered}"

    @property
    def idea(self) -> str:
        words = {0: "never", 1: "once", 2: "twice"}
        return f"registered {words[self.registered]}, taken out {words[self.unregistered]}"

    @property
    def scenario(self) -> Scenario:
        return pairing(self.registered, self.unregistered)

    def applied(self) -> nullcontext[None]:
        return nullcontext()


WHY = {
    (1, 0): "The entry stays: the list is not empty when the instance goes. Without that check it would name a"
    " channel that is gone.",
    (0, 1): "There is no such entry to take out.",
    (0, 0): "No abort. But the operator's yank cannot reach the reader, who waits for ever.",
    (2, 1): "The list accepts duplicates, so one entry stays.",
}
TABLE = tuple(Combination(*pair, WHY[pair]) for pair in COMBINATIONS if pair in WHY)
