# SPDX-License-Identifier: GPL-2.0-or-later
"""What a program calls its objects, and which of them its threads share: what a trace of ordinary code shows.

An object's name is the path of variables and attributes that leads to it: from main's variables first, then from those
of other threads, of the module, and from `self`. A variable may not be bound yet when the object is first touched, and
be gone when main has ended; so a program is rehearsed before it is recorded, and `Lore` keeps the best name.

Left out: names for what only an expression ever held.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from types import CodeType, ModuleType
from typing import Any

from mini_qemu.sched.ops import FIELD_BITS
from mini_qemu.sched.places import OWN_FILES
from mini_qemu.sched.primitives import Primitive

from .access import ATOMS
from .calls import own_class
from .guard import UNBOUND, WHOLE, Aside, Box, Spot, seen
from .locks import Condition

Maker = tuple[str, int]
"""An object as all runs know it: the thread that made it, and the how-manieth object of that thread it was."""

Variable = tuple[CodeType | None, str]
"""A variable of a function, or, without one, of the module."""

MAIN, OTHERS, MODULE, SELF, BIRTH = range(5)
"""Where a path begins, the best first."""


@dataclass
class Lore:
    """What rehearsals have shown: the name of each object, and the places that two threads touch and one changes."""

    called: dict[Maker, tuple[int, str]] = field(default_factory=dict)
    shared: dict[tuple[Maker, Hashable], None] = field(default_factory=dict)
    rebound: set[Variable] = field(default_factory=set)
    """Variables that name one object now and another then, as that of a loop: they name none."""
    rehearsed: bool = False

    def learn(self, maker: Maker, rank: int, name: str) -> None:
        """A better name replaces a worse one; of two good ones the first stays. No two objects have the same."""
        if maker in self.called and self.called[maker][0] <= rank:
            return
        if all(name != other for of, (_, other) in self.called.items() if of != maker):
            self.called[maker] = rank, name

    def clear(self) -> None:
        self.called.clear()
        self.shared.clear()
        self.rebound.clear()
        self.rehearsed = False


class Names:
    """What the program calls its objects. The state of its runs."""

    def __init__(self, world: Any, lore: Lore) -> None:
        self.world = world
        self.lore = lore

    def path_to(self, wanted: Any) -> str:
        """The name of ``wanted``: the one that is known, or the shortest path that leads there now."""
        if isinstance(wanted, Spot):
            return seen(wanted.box, wanted.part, self.name(wanted.box, self.paths()))[0]
        return self.name(wanted, self.paths())

    def name(self, thing: Any, paths: dict[int, tuple[int, str]]) -> str:
        """The name of a box or of an object with a key: the one that rehearsals gave it, unless another object has that
        now; else the path that leads there now.
        """
        obj = thing.obj if isinstance(thing, Box) else thing
        known = self.known(thing)
        if known and all(path != known or at == id(obj) for at, (_, path) in paths.items()):
            return known
        return paths.get(id(obj), (0, ""))[1]

    def known(self, thing: Any) -> str:
        """The name that rehearsals gave to a box or to an object with a key."""
        return self.lore.called.get(self.makers().get(thing._key >> FIELD_BITS, ("", 0)), (0, ""))[1]

    def makers(self) -> dict[int, Maker]:
        return {key: maker for maker, key in self.world.registry.keys.items()}

    def paths(self) -> dict[int, tuple[int, str]]:
        """The name of every object that can be reached now, and where its path begins."""
        found: dict[int, tuple[int, str]] = {}
        roots: dict[int, list[tuple[Any, str, int]]] = {}
        for rank, (of, name), value in self._variables():
            if (of, name) not in self.lore.rebound:
                roots.setdefault(rank, []).append((value, name, 0))
        for rank in sorted(roots):
            todo = deque(roots[rank])
            while todo:
                thing, path, depth = todo.popleft()
                if id(thing) in found or type(thing) in ATOMS:
                    continue
                if not isinstance(thing, Names | ModuleType | type):
                    found[id(thing)] = rank, path
                if isinstance(thing, Condition):
                    todo.appendleft((thing._lock, path, depth))
                elif depth < _DEPTH:
                    todo.extend((inner, longer, depth + 1) for longer, inner in _inside(thing, path))
        return found

    def bound(self) -> dict[Variable, int]:
        """The variables of threads and what they are bound to now, as far as that has a key."""
        boxes = self.world.guard.boxes
        keys = {id(thing): thing._key for thing in self.world.objects if hasattr(thing, "_key")}
        keys |= {at: box._key for at, box in boxes.items()}
        variables = ((variable, value) for rank, variable, value in self._variables() if rank in (MAIN, OTHERS))
        return {variable: keys[id(value)] for variable, value in variables if id(value) in keys}

    def _variables(self) -> Iterator[tuple[int, Variable, Any]]:
        scopes: dict[int, dict[str, Any]] = {}
        for task in self.world.tasks:
            gen = task.gen
            while gen is not None and getattr(gen, "gi_frame", None) is not None:
                if not gen.gi_code.co_filename.startswith(OWN_FILES):
                    scopes[id(gen.gi_frame.f_globals)] = gen.gi_frame.f_globals
                    rank = MAIN if task is self.world.tasks[0] else OTHERS
                    for name, value in gen.gi_frame.f_locals.items():
                        if name == "self":
                            yield SELF, (None, type(value).__name__), value
                        elif not name.startswith("_sched"):
                            yield rank, (gen.gi_code, name), value
                gen = gen.gi_yieldfrom
        for scope in scopes.values():
            yield from ((MODULE, (None, name), value) for name, value in scope.items() if not name.startswith("__"))
        for box in list(self.world.guard.boxes.values()):
            if box.name and box.label[0] in ("container", "attribute") and "." not in box.name:
                yield BIRTH, (None, box.name), box.obj

    def values(self) -> dict[str, Any]:
        """What a trace shows: the shared places that exist, the visible ones that were touched, and what is in the
        queues, events and semaphores that the program has named.
        """
        paths = self.paths()
        out: dict[str, Any] = {}
        for box, part in (*self._shared(paths), *self._visible()):
            label, value = seen(box, part, self.name(box, paths))
            if value is not UNBOUND:
                out.setdefault(label, value)
        for thing in self.world.objects:
            if getattr(thing, "shown", None) is not None and (name := self.known(thing)) and "._" not in name:
                out.setdefault(name, thing.shown())
        return out

    def _shared(self, paths: dict[int, tuple[int, str]]) -> Iterator[tuple[Box, Hashable]]:
        """The shared places: of the object that has the name now, or, if none has, of the one that will have it."""
        boxes = self.world.guard.boxes
        made = {box._key >> FIELD_BITS: box for box in boxes.values()}
        now = {path: at for at, (_, path) in paths.items()}
        for maker, part in self.lore.shared:
            box = boxes.get(now.get(self.lore.called.get(maker, (0, ""))[1], 0))
            box = box or made.get(self.world.registry.keys.get(maker, 0))
            if box is not None:
                yield box, part

    def _visible(self) -> Iterator[tuple[Box, Hashable]]:
        """The visible places: of every object whose attribute it is, and those that were touched."""
        guard = self.world.guard
        for box in guard.boxes.values():
            if box.label[0] == "container" and box.visible:
                yield box, WHOLE
            own = vars(box.obj) if box.label[0] == "attribute" and hasattr(box.obj, "__dict__") else {}
            for label in guard.visible.found:
                if label[:2] == box.label[:2] and label[-1] in own:
                    yield box, label[-1]
        yield from ((spot.box, spot.part) for spot in guard.spots.values())

    def asides(self) -> Iterator[tuple[Aside, str]]:
        """What was accessed without a step since the last call, where two threads share it: with the place's label."""
        makers, paths = self.makers(), self.paths()
        for aside in self.world.guard.asides():
            part = WHOLE if aside.box.label[0] == "container" else aside.part
            if (makers.get(aside.box._key >> FIELD_BITS), part) in self.lore.shared:
                yield aside, seen(aside.box, part, self.name(aside.box, paths))[0]


_DEPTH = 4


def _inside(thing: Any, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(thing, dict):
        yield from ((f"{name}[{key!r}]", value) for key, value in list(thing.items()))
    elif isinstance(thing, list | tuple | deque):
        yield from ((f"{name}[{i}]", value) for i, value in enumerate(list(thing)))
    elif isinstance(thing, type) and own_class(thing):
        yield from ((f"{thing.__name__}.{k}", v) for k, v in list(vars(thing).items()) if not k.startswith("__"))
    elif isinstance(thing, Primitive) or callable(thing):
        return
    elif isinstance(getattr(thing, "__dict__", None), dict) and own_class(type(thing)):
        yield from ((f"{name}.{key}", value) for key, value in list(vars(thing).items()))
