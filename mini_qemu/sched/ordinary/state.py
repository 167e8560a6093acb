# SPDX-License-Identifier: GPL-2.0-or-later
"""The state that a scenario's setup has made, under guard from the first step on.

A setup runs plainly, so nobody has noted what it made. Strategy: one walk from the state over all that it holds, in the
same order in every run; each object gets its box, and so the same key, no matter which thread touches it first.

Left out: what only a library's object holds. It gets its box when it is touched.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from types import FunctionType, MethodType, ModuleType
from typing import Any

from mini_qemu.sched.primitives import Primitive
from mini_qemu.sched.shared import Shared

from .access import ATOMS, class_name
from .containers import is_container
from .guard import Guard, Site
from .replaced import twin

HERE: Site = ("", "", 0)


def enter(guard: Guard, roots: list[Any], called: str = "") -> None:
    """Give a box to everything that can be reached from ``roots``, which are ``called`` so."""
    seen: set[int] = set()
    todo: deque[tuple[Any, str]] = deque((root, called) for root in roots)
    while todo:
        thing, name = todo.popleft()
        kind = type(thing)
        if id(thing) in seen or (kind in ATOMS and kind not in _CALLABLE) or isinstance(thing, type | ModuleType):
            continue
        seen.add(id(thing))
        if (controlled := twin(thing)) is not thing:
            if getattr(controlled, "name", None) == "":
                controlled.name = name
            continue
        if is_container(thing):
            guard.born(thing, "container", HERE, name)
        elif not (isinstance(thing, Primitive | tuple | frozenset) or kind in _CALLABLE):
            guard.born(thing, "attribute", HERE, class_name(kind))
        todo.extend(_inside(thing, name))


_CALLABLE = (FunctionType, MethodType)


def _inside(thing: Any, name: str) -> Iterator[tuple[Any, str]]:
    """What ``thing`` holds, and what to call it."""
    if isinstance(thing, dict):
        yield from ((value, f"{name}[{key!r}]") for key, value in thing.items())
    if is_container(thing) or isinstance(thing, tuple | frozenset):
        yield from ((value, f"{name}[{i}]") for i, value in enumerate(thing))
    elif isinstance(thing, MethodType):
        yield thing.__self__, name
    elif isinstance(thing, FunctionType):
        for cell, variable in zip(thing.__closure__ or (), thing.__code__.co_freevars, strict=True):
            try:
                yield cell.cell_contents, variable
            except ValueError:  # not bound yet
                continue
    if isinstance(thing, Shared):
        yield from ((value, key) for key, value in dict.items(thing._v))
    values = getattr(thing, "__dict__", None)
    if isinstance(values, dict) and not isinstance(thing, FunctionType):
        yield from ((value, key) for key, value in values.items() if key not in ("_v", "_key", "_native"))
    for base in type(thing).__mro__:
        slots = base.__dict__.get("__slots__", ())
        for slot in [slots] if isinstance(slots, str) else slots:
            if hasattr(thing, slot) and slot not in ("__dict__", "__weakref__"):
                yield getattr(thing, slot), slot
