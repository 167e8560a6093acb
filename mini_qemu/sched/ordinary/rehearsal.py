# SPDX-License-Identifier: GPL-2.0-or-later
"""Run a program before it is recorded, to learn what it calls its objects and what its threads share.

Strategy: a run to see which variables change what they name; then one in which the thread that came first goes on while
it can, and one in which the last one does. After
each step the paths to all objects are looked at; what was accessed without a step is read from the guard's diary. A
place is shared if two threads touch it, and one changes it once there is more than one thread.

Left out: names and places that none of these runs shows. A trace then calls an object by what leads there now.
"""

from __future__ import annotations

from collections.abc import Hashable
from contextlib import closing
from typing import TYPE_CHECKING

from mini_qemu.sched.ops import FIELD_BITS
from mini_qemu.sched.world import World

from .guard import WHOLE
from .names import Lore, Maker, Names, Variable

if TYPE_CHECKING:
    from .program import Program

MOST_STEPS = 200
"""Steps of a rehearsal."""


def rehearse(program: Program) -> None:
    """Fill the lore of ``program``, unless that is done."""
    if program.lore.rehearsed:
        return
    try:
        _rebound(program)
        _shared(program)
    finally:
        program.end()  # an interrupt may have left a run as it was
    program.lore.rehearsed = True


def _shared(program: Program) -> None:
    """Find the places that two threads touch."""
    touched: dict[tuple[Maker, Hashable], set[int]] = {}
    changed: set[tuple[Maker, Hashable]] = set()
    for which in (0, -1):
        with closing(World(program)) as world:
            guard = world.guard
            assert guard is not None
            guard.asides()
            with world.running():
                world.start()
            for _ in range(MOST_STEPS):
                names: Names = world.state
                makers = names.makers()
                _learn(program.lore, names, makers)
                for aside in guard.asides():
                    part = WHOLE if aside.box.label[0] == "container" else aside.part
                    place = makers[aside.box._key >> FIELD_BITS], part
                    touched.setdefault(place, set()).add(aside.tid)
                    if aside.change and len(world.tasks) > 1:
                        changed.add(place)
                if not (able := world.able()):
                    break
                with world.running():
                    world.step(able[which])
    for place, tids in touched.items():
        if len(tids) > 1 and place in changed:
            program.lore.shared[place] = None


def _rebound(program: Program) -> None:
    """Find the variables that are bound to several objects in one run."""
    bound: dict[Variable, int] = {}
    with closing(World(program)) as world:
        with world.running():
            world.start()
        for _ in range(MOST_STEPS):
            for variable, key in world.state.bound().items():
                if bound.setdefault(variable, key) != key:
                    program.lore.rebound.add(variable)
            if not (able := world.able()):
                return
            with world.running():
                world.step(able[0])


def _learn(lore: Lore, names: Names, makers: dict[int, Maker]) -> None:
    paths = names.paths()
    for thing in (*names.world.guard.boxes.values(), *names.world.objects):
        obj = getattr(thing, "obj", thing)
        if id(obj) in paths and hasattr(thing, "_key") and thing._key >> FIELD_BITS in makers:
            lore.learn(makers[thing._key >> FIELD_BITS], *paths[id(obj)])
