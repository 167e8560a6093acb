# SPDX-License-Identifier: GPL-2.0-or-later
"""What a program calls its objects: the variables and attributes that lead to them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from mini_qemu.sched.places import OWN_FILES
from mini_qemu.sched.primitives import Primitive

from .access import ATOMS
from .calls import own_class
from .guard import Spot
from .locks import Condition


class Names:
    """What the program calls its objects: the variables and attributes that lead to them. The state of its runs."""

    def __init__(self, world: Any) -> None:
        self.world = world

    def path_to(self, wanted: Any) -> str:
        """The shortest path to ``wanted``, from a variable of main, of another thread, or of the module."""
        if isinstance(wanted, Spot):
            return str(wanted.seen(self.paths().get(id(wanted.box.obj), ""))[0])
        return self.paths().get(id(wanted), "")

    def paths(self) -> dict[int, str]:
        """The name of every object that can be reached."""
        found: dict[int, str] = {}
        todo = deque((value, name, 0) for name, value in self._variables())
        while todo:
            thing, name, depth = todo.popleft()
            if id(thing) in found or type(thing) in ATOMS:
                continue
            if not isinstance(thing, Names | ModuleType | type):
                found[id(thing)] = name
            if isinstance(thing, Condition):
                todo.appendleft((thing._lock, name, depth))
            elif depth < _DEPTH:
                todo.extend((value, path, depth + 1) for path, value in _inside(thing, name))
        return found

    def _variables(self) -> Iterator[tuple[str, Any]]:
        later: list[tuple[str, Any]] = []
        scopes: dict[int, dict[str, Any]] = {}
        for task in self.world.tasks:
            gen = task.gen
            while gen is not None and getattr(gen, "gi_frame", None) is not None:
                if not gen.gi_code.co_filename.startswith(OWN_FILES):
                    scopes[id(gen.gi_frame.f_globals)] = gen.gi_frame.f_globals
                    for name, value in gen.gi_frame.f_locals.items():
                        if not name.startswith("_sched"):
                            if name == "self":
                                later.append((type(value).__name__, value))
                            else:
                                yield name, value
                gen = gen.gi_yieldfrom
        yield from later
        for box in list(self.world.guard.boxes.values()):
            if box.name and box.label[0] in ("container", "attribute") and "." not in box.name:
                yield box.name, box.obj
        for scope in scopes.values():
            yield from ((name, value) for name, value in scope.items() if not name.startswith("__"))

    def values(self) -> dict[str, Any]:
        """The values of the visible places that the run has touched."""
        paths = self.paths()
        out: dict[str, Any] = {}
        for spot in self.world.guard.spots.values():
            label, value = spot.seen(paths.get(id(spot.box.obj), ""))
            if label not in out:
                out[label] = value
        return out


_DEPTH = 4


def _inside(thing: Any, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(thing, dict):
        yield from ((f"{name}[{key!r}]", value) for key, value in list(thing.items()))
    elif isinstance(thing, list | tuple | deque):
        yield from ((f"{name}[{i}]", value) for i, value in enumerate(list(thing)))
    elif isinstance(thing, Primitive) or callable(thing):
        return
    elif isinstance(getattr(thing, "__dict__", None), dict) and own_class(type(thing)):
        yield from ((f"{name}.{key}", value) for key, value in list(vars(thing).items()))
