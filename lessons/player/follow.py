# SPDX-License-Identifier: GPL-2.0-or-later
"""A run to show where nothing fails: the one that stays as close to a given schedule as it can."""

from __future__ import annotations

from collections.abc import Sequence

from mini_qemu.sched import Manual, Scenario, Trace

MOST_STEPS = 5_000


def follow(scenario: Scenario, wish: Sequence[str]) -> Trace:
    """A run that takes the threads of `wish` in turn while they can move, then lets each thread go on to its end."""
    manual = Manual(scenario)
    wishes, last = list(wish), ""
    try:
        for _ in range(MOST_STEPS):
            choices = manual.choices()
            if not choices:
                break
            while wishes and wishes[0] not in choices:
                wishes.pop(0)
            last = wishes.pop(0) if wishes else last if last in choices else choices[0]
            manual.step(last)
        return manual.trace
    finally:
        manual.close()
