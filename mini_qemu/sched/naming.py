# SPDX-License-Identifier: GPL-2.0-or-later
"""Names for objects that have none: the shortest path of attributes that leads to them from a scenario's state."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any

from .primitives import Primitive
from .shared import FIELDS, Freed, Shared

_DEPTH = 5


def reachable(state: Any) -> Iterator[tuple[str, Any]]:
    """(path, object) of every Shared object and lock that can be reached from ``state``, nearest first; the state's own
    path is "".
    """
    seen: set[int] = set()
    todo: deque[tuple[str, Any, int]] = deque([("", state, 0)])
    while todo:
        path, thing, depth = todo.popleft()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, Freed):
            yield path, thing
            continue
        if isinstance(thing, Shared | Primitive):
            yield path, thing
        if depth < _DEPTH:
            todo.extend((p, value, depth + 1) for p, value in _parts(path, thing))


def _parts(path: str, thing: Any) -> list[tuple[str, Any]]:
    if isinstance(thing, Primitive | str | bytes | int | float | type):
        return []
    if isinstance(thing, dict):
        return [(f"{path}[{key!r}]", value) for key, value in thing.items()]
    if isinstance(thing, list | tuple):
        return [(f"{path}[{i}]", value) for i, value in enumerate(thing)]
    if isinstance(thing, Shared):
        values = {name: thing._v[name] for name in FIELDS[type(thing)] if name in thing._v}
        values |= {name: value for name, value in vars(thing).items() if not name.startswith("_")}
    elif hasattr(thing, "__dict__") and not callable(thing):
        values = {name: value for name, value in vars(thing).items() if not name.startswith("_")}
    else:
        return []
    return [(f"{path}.{name}" if path else name, value) for name, value in values.items()]


def path_to(state: Any, obj: Any) -> str:
    """The path that leads to ``obj`` from ``state``, or "" if none does."""
    if hasattr(state, "path_to"):
        return str(state.path_to(obj))
    path = next((path for path, thing in reachable(state) if thing is obj), "")
    return rooted(path)


def rooted(path: str) -> str:
    """A path that begins with an index, with the state it is an index of."""
    return f"state{path}" if path.startswith("[") else path
