# SPDX-License-Identifier: GPL-2.0-or-later
"""Containers in ordinary code: an index, a key, a size, a value handed to somebody who reads it.

A container is a place by the line that made it; `containers` says what an operation reads and changes.
"""

from __future__ import annotations

import collections
import copy
import itertools
import operator as op
import os
from collections.abc import Callable, Hashable, Iterable, Iterator
from types import FunctionType
from typing import Any

from mini_qemu.sched.instrument import is_controlled

from .access import (
    ATOMS,
    Act,
    Steps,
    answer,
    call,
    class_name,
    followed_by,
    guard_of,
    in_class,
    own,
    plainly,
    quietly,
    refuse,
    step,
)
from .attributes import attribute
from .containers import VERBS, VIEWS, is_container, part, under
from .guard import WHOLE, Box, Guard, Site, told
from .variables import delete_by_name, global_item, set_by_name


def box_of(guard: Guard, obj: Any, site: Site) -> Box:
    return guard.boxes.get(id(obj)) or guard.touched(obj, "container", site)


def touch(
    obj: Any, where: Hashable, change: bool, run: Callable[[], Any], verb: str, site: Site, *operands: Any
) -> Any:
    """One operation on a container: a step if the container is visible, a note if not."""
    guard = guard_of()
    if guard.dicts and id(obj) in guard.dicts:
        return _behind(guard.dicts[id(obj)][1], obj, where, change, run, verb, site, operands)
    box = box_of(guard, obj, site)
    if box.visible:
        return step(guard, box, where, change, Act(run, verb, where, operands), site)
    return quietly(guard, box, where, change, (run, verb), site, operands)


def behind(owner: Any, site: Site) -> Any:
    """The dict that holds the attributes of ``owner``, or the globals of a module: who changes it changes those."""
    values = owner if type(owner) is dict else owner.__dict__
    guard_of().dicts[id(values)] = values, owner
    return values


def _behind(
    owner: Any, values: Any, where: Hashable, change: bool, run: Callable[[], Any], verb: str, site: Site,
    operands: tuple[Any, ...],
) -> Any:  # fmt: skip
    stores = verb in (VERBS["__setitem__"], VERBS["__delitem__"])
    key = operands[0] if operands and (where is not WHOLE or stores) else None
    if type(key) is str:
        if type(owner) is not dict:
            return attribute(owner, key, change, run, site, *operands[1:])
        if not change:
            return global_item(owner, key, run, site)
        return set_by_name(owner, key, operands[1], site) if len(operands) > 1 else delete_by_name(owner, key, site)
    if change:
        raise refuse(site, "several attributes or globals are changed through their dict at once; use setattr")
    return followed_by(matched(owner, site), lambda _: run()) if type(owner) is not dict else plainly(run())


def born(value: Any, site: Site) -> Any:
    """A new container made by the program: its place is the line that made it."""
    guard_of().born(value, "container", site)
    return value


def item(obj: Any, index: Any, site: Site) -> Any:
    """``obj[index]``."""
    cls = type(obj)
    if cls is str or cls is tuple or cls is bytes:
        return plainly(obj[index])
    method = in_class(cls, "__getitem__")
    if own(method):
        return call(site, method, obj, index)
    if is_container(obj):
        missing = in_class(cls, "__missing__")
        if own(missing) or (isinstance(obj, collections.defaultdict) and index not in obj):
            return _missing(obj, index, site)
        return touch(obj, part(obj, index, False), False, lambda: obj[index], "reads {box}[{0}]: {value}", site, index)
    return inside_library(obj, lambda: obj[index], site)


def _missing(obj: Any, index: Any, site: Site) -> Steps:
    """A `defaultdict` makes what it lacks: it looks, calls, and stores."""
    there = yield from answer(touch(obj, WHOLE, False, lambda: index in obj, VERBS["__contains__"], site, index))
    if there:
        verb = "reads {box}[{0}]: {value}"
        return (yield from answer(touch(obj, part(obj, index, False), False, lambda: obj[index], verb, site, index)))
    method = in_class(type(obj), "__missing__")
    if own(method):
        return (yield from answer(call(site, method, obj, index)))
    factory = getattr(obj, "default_factory", None)
    if factory is None:
        raise KeyError(index)
    value = yield from answer(call(site, factory))
    if is_container(value):
        born(value, site)
    verb = VERBS["__setitem__"]
    yield from answer(touch(obj, WHOLE, True, lambda: dict.__setitem__(obj, index, value), verb, site, index, value))
    return value


def set_item(obj: Any, index: Any, value: Any, site: Site) -> Any:
    """``obj[index] = value``."""
    method = in_class(type(obj), "__setitem__")
    if own(method):
        return call(site, method, obj, index, value)
    if isinstance(obj, os._Environ):
        raise refuse(site, "os.environ is changed, which outlives a run; keep the value in a dict")
    run = lambda: op.setitem(obj, index, value)  # noqa: E731
    if is_container(obj):
        return touch(obj, part(obj, index, True), True, run, VERBS["__setitem__"], site, index, value)
    return inside_library(obj, run, site)


def remove_item(obj: Any, index: Any, site: Site) -> Any:
    """``del obj[index]``."""
    method = in_class(type(obj), "__delitem__")
    if own(method):
        return call(site, method, obj, index)
    run = lambda: op.delitem(obj, index)  # noqa: E731
    if is_container(obj):
        return touch(obj, WHOLE, True, run, VERBS["__delitem__"], site, index)
    return inside_library(obj, run, site)


def inside_library(obj: Any, run: Callable[[], Any], site: Site) -> Any:
    """An operation inside an object of a library: it may change what it likes of that object."""
    if type(obj).__flags__ & 1 << 8 and not is_container(obj):  # an immutable type
        return plainly(run())
    note_library_object(obj, site)
    return plainly(run())


def note_library_object(obj: Any, site: Site, changes: bool = True) -> None:
    guard = guard_of()
    box = guard.boxes.get(id(obj)) or guard.born(
        obj, "library", site, f"{type(obj).__module__}.{type(obj).__qualname__}"
    )
    guard.note(box, WHOLE, changes, site, ("library", box.label[-1]))


def look(value: Any, site: Site) -> Any:
    """A value about to be read as a whole: shown, added, compared, handed to a library."""
    return looked(value, site)[0] if not has_steps(value) else _copied(value, site)


def has_steps(value: Any) -> bool:
    if type(value) in ATOMS:
        return False
    value = under(value)
    if not is_container(value):
        return False
    box = guard_of().boxes.get(id(value))
    return box is not None and box.visible


def looked(value: Any, site: Site) -> tuple[Any]:
    if type(value) not in ATOMS and is_container(box := under(value)):
        guard = guard_of()
        if guard.dicts and id(box) in guard.dicts:
            matched(guard.dicts[id(box)][1], site)
            return (value,)
        quietly(guard, box_of(guard, box, site), WHOLE, False, (lambda: value, "looks at {box}: {value}"), site)
    return (value,)


def _copied(value: Any, site: Site) -> Steps:
    """What a visible container holds at this step."""

    box = under(value)
    run = (lambda: copy.copy(value)) if box is value else (lambda: list(value))
    return (yield from answer(touch(box, WHOLE, False, run, "looks at {box}: {value}", site)))


def truth(value: Any, site: Site) -> Any:
    """``bool(value)``."""
    cls = type(value)
    if cls is bool or cls in ATOMS:
        return bool(value)
    for name in ("__bool__", "__len__"):
        method = in_class(cls, name)
        if own(method):
            return followed_by(call(site, method, value), bool)
    if is_container(box := under(value)):
        return touch(box, WHOLE, False, lambda: bool(value), "asks whether {box} has items: {value}", site)
    return bool(value)


MOST_INSIDE = 10_000
"""Objects that a library's function is followed into."""


def look_into(value: Any, site: Site, change: bool, deep: bool) -> None:
    """A library reads ``value``, or may ``change`` it; ``deep``: and what it contains."""
    guard = guard_of()
    todo: list[Any] = [value]
    seen: set[int] = set()
    while todo and len(seen) < MOST_INSIDE:
        thing = todo.pop()
        if type(thing) in ATOMS or id(thing) in seen:
            continue
        seen.add(id(thing))
        inside: list[Any] = []
        if is_container(thing) and id(thing) in guard.dicts:
            matched(guard.dicts[id(thing)][1], site)
        elif is_container(thing):
            box = box_of(guard, thing, site)
            if box.visible and (change or thing is not value) and not guard.alone():
                raise refuse(site, f"a library looks into {told(box.label)}, which other threads change meanwhile, and "
                                   "not in one step; hold a lock around the call, or hand over a copy")  # fmt: skip
            guard.note(box, WHOLE, change, site)
            inside = [*thing, *thing.values()] if isinstance(thing, dict) else list(thing)
        elif type(thing) is tuple:
            inside = list(thing)
        elif deep and isinstance(getattr(thing, "__dict__", None), dict) and is_controlled(type(thing).__module__):
            matched(thing, site)
            inside = list(vars(thing).values())
        if deep or (thing is value and type(thing) is tuple):
            todo += inside


def within(values: Iterable[Any]) -> Iterator[Any]:
    """All that ``values`` and the containers and tuples among them hold, each once, other than ATOMS."""
    todo, seen = collections.deque(values), set[int]()
    while todo and len(seen) < MOST_INSIDE:
        value = todo.popleft()
        if type(value) in ATOMS or id(value) in seen:
            continue
        seen.add(id(value))
        yield value
        if isinstance(value, tuple) or is_container(value):
            todo += [*value, *value.values()] if isinstance(value, dict) else list(value)


def steps_within(values: Iterable[Any]) -> bool:
    """Whether a container among all that ``values`` hold has steps."""
    return any(has_steps(value) for value in within(values))


def compared(values: Iterable[Any], site: Site) -> None:
    """Values that Python compares by itself, in a step of something else: what containers hold is read, and so are all
    attributes where `dataclass` wrote the comparison. Raises InstrumentationError if other threads change one of them
    meanwhile. The program's own methods say themselves what they read (see `callbacks`).
    """
    for value in within(_reached(list(values))):
        if has_steps(value) and not guard_of().alone():
            what = told(guard_of().boxes[id(value)].label)
            raise refuse(site, f"{what}, which other threads change, is compared in the middle of a step; hold a lock "
                               "around it, or compare in a loop of your own")  # fmt: skip
        if is_container(value):
            looked(value, site)
        elif type(value) is not tuple:
            methods = [in_class(type(value), name) for name in ("__eq__", "__lt__", "__gt__", "__hash__")]
            if any(type(method) is FunctionType and not own(method) for method in methods):
                matched(value, site)


def _reached(values: list[Any]) -> list[Any]:
    """Of tuples that are compared, what a comparison comes to: nothing behind the first parts that differ."""
    groups: dict[Any, list[Any]] = {}
    for value in values:
        if not (isinstance(value, tuple) and value and type(value[0]) in ATOMS and isinstance(value[0], Hashable)):
            return values
        groups.setdefault(value[0], []).append(value[1:])
    return [part_ for ends in groups.values() if len(ends) > 1 for part_ in _reached([end for end in ends if end])]


def sought(box: Any, key: Any, all_of_them: bool = False) -> list[Any]:
    """What is compared with ``key`` when that is looked for in ``box``, up to ``key`` itself or in ``all_of_them``."""
    if isinstance(box, dict | set):
        return [*box, key] if type(key) not in ATOMS else list(box)
    values = list(box) if all_of_them else list(itertools.takewhile(lambda value: value is not key, box))
    values = [value for value in values if is_container(value) == is_container(key)]
    return [*values, key] if values else []


def operand(value: Any, site: Site) -> Steps:
    """A copy of ``value``, if it has steps, that an operator takes as it takes ``value``: of a view, a view."""
    if type(value) not in VIEWS:
        return (yield from answer(look(value, site)))
    copied = yield from answer(look(under(value), site))
    return getattr(copied, type(value).__name__.partition("_")[2])()


def settled(value: Any, site: Site) -> Steps:
    """A copy of ``value`` and of the containers that it holds, each of them with steps read in one of its own."""
    value = yield from operand(value, site)
    if not steps_within([value]):
        return value
    if isinstance(value, tuple):
        inside = []
        for part_ in value:
            inside.append((yield from settled(part_, site)))
        return tuple(inside)
    made = copy.copy(value)
    for key in list(value) if isinstance(value, dict) else range(len(value)):
        made[key] = yield from settled(value[key], site)
    return born(made, site)


def matched(value: Any, site: Site) -> Any:
    """The subject of a ``match``: its patterns look where they like, in the same step."""
    if is_container(value):
        return look(value, site)
    if type(value) is tuple:
        for part_ in value:
            looked(part_, site)
    elif isinstance(getattr(value, "__dict__", None), dict) and is_controlled(type(value).__module__):
        guard = guard_of()
        for name in vars(value):
            if ("attribute", class_name(type(value)), name) in guard.visible.found:
                if guard.alone():
                    continue
                raise refuse(site, f"{type(value).__name__}.{name}, which other threads change, is looked at by a "
                                   "match, a comparison or a library; read it into a variable first")  # fmt: skip
            attribute(value, name, False, lambda: None, site)
    return value
