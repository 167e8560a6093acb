# SPDX-License-Identifier: GPL-2.0-or-later
"""`choose(n)`: any number below n, and every one is tried.

Strategy: no search needs to know of it. A small thread counts up to n - 1 and the chooser looks once: what it sees
depends on nothing but when it looks, and all moments are tried. In a schedule that thread is called "choice of main".
"""

from __future__ import annotations

import random
from typing import Any

from .clerk import CLERK, Steps, controlled_by
from .handles import Handle
from .ops import SPAWN, Op, operation
from .primitives import Primitive


class Choice(Primitive):
    """A number that is being chosen."""

    _state = 0


def _turn(world: Any, task: Any, op: Op) -> None:
    op[1]._state += 1


TURN = operation("turn", "turns", act=_turn, tell=lambda name, op, value, show: ("", f"offers {op[1]._state}"))
PICK = operation(
    "choose",
    "chooses",
    act=lambda world, task, op: op[1]._state,
    changes=False,
    tell=lambda name, op, value, show: (str(value), f"chooses {value} of 0 to {op[2] - 1}"),
)


def _count(choice: Choice, n: int) -> Steps:
    for _ in range(n - 1):
        yield (TURN, choice)


_count.__dict__["__controlled__"] = _count


def _choose(n: int) -> Steps:
    if not isinstance(n, int) or n < 1:
        raise ValueError(f"choose({n!r}): expected how many numbers there are to choose from, 1 or more")
    choice = Choice()
    handle = Handle(f"choice of {CLERK.world.current.name}")
    handle.settled = True
    yield (SPAWN, handle, _count, (choice, n))
    return (yield (PICK, choice, n))


@controlled_by(_choose)
def choose(n: int) -> int:
    """A number from 0 to n - 1. Under the explorer every one is tried; natively it is random."""
    CLERK.refuse("choose()")
    return random.randrange(n)
