# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls of libraries: values they can read at once, callbacks they can call, and a note of what they look at.

A generator of the program is run first, under control, and a container with steps is copied in one step. A function of
the program goes as one that drives itself, and is refused if it makes a step.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Hashable
from types import FunctionType, GeneratorType, MethodType, ModuleType
from typing import Any

from mini_qemu.sched.instrument import just

from . import opaque
from .access import ATOMS, Steps, answer, call, guard_of, in_class, own, refuse
from .containers import is_container
from .guard import WHOLE, Site, told
from .items import born, compared, has_steps, look_into, note_library_object, touch
from .iteration import Generating, Given, Loop, collected, given, natively
from .outside import CHANGES_FIRST, SHALLOW, home_of, is_harmless, refuse_outside, refuse_unseen
from .replaced import CARRIERS, REPLACED


def call_library(site: Site, f: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A call of what is not the program's own."""
    if f in REPLACED if isinstance(f, Hashable) and not is_container(f) else False:
        return REPLACED[f](*args, **kwargs)
    owner = getattr(f, "__self__", args[0] if args else None)
    if owner is not None and any(owner is stream for stream in (sys.stdout, sys.stderr)):
        return None  # as print says nothing
    module, name = home_of(f)
    refuse_outside(site, module, name)
    refuse_unseen(site, f)
    opaque.called(f, args, site)
    if all(type(a) in ATOMS for a in args) and not kwargs:
        if is_harmless(module, f):
            value = f(*args)
            return received(value, site)
    return _with_shared(site, f, module, name, args, kwargs)


def received(value: Any, site: Site) -> Any:
    """What a library returned: its containers are under guard from now on."""
    if is_container(value):
        born(value, site)
        for inside in list(value.values() if isinstance(value, dict) else value)[:1000]:
            if is_container(inside):
                received(inside, site)
    elif type(given(value)) is Given:
        born(value, site)
    return just(value) if type(value) is GeneratorType else value


def _with_shared(site: Site, f: Any, module: str, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The library gets values it can read at once, and callbacks that it can call."""
    if getattr(f, "__name__", "") in CHANGES_FIRST and args and is_container(args[0]):
        compared([*args[0], *args[1:]], site)
    if getattr(f, "__name__", "") in CHANGES_FIRST and args and has_steps(args[0]) and not kwargs:
        run = functools.partial(made_by, f, args, kwargs, site)
        return touch(args[0], WHOLE, True, run, f"calls {f.__name__}({{box}})", site)
    lazy = module == "itertools"  # it takes values when it is asked for them
    mine = 1 if is_method_of(f, args) else 0
    if not lazy and any(takes_steps(value, module) for value in (*args[mine:], *kwargs.values())):
        return _after_steps(site, f, module, args, kwargs)
    given = [_handed(value, lazy, site) for value in args]
    named = {key: _handed(value, lazy, site) for key, value in kwargs.items()}
    _note_given(site, f, module, (*args, *kwargs.values()))
    return received(f(*given, **named), site)


def takes_steps(value: Any, module: str = "builtins") -> bool:
    """Whether a function of ``module`` gets another value for ``value``, one that it can read at once."""
    cls = type(value)
    if cls in ATOMS:
        return False
    if module in SHALLOW and own(in_class(cls, "__iter__")):
        return True
    return has_steps(value) or cls in (Generating, Loop, Given)


def _after_steps(site: Site, f: Any, module: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Steps:
    _refuse_change(site, f, module, args)
    mine = 1 if is_method_of(f, args) else 0
    given = list(args[:mine])
    for value in args[mine:]:
        given.append((yield from answer(collected(value, site) if takes_steps(value, module) else _boxed(value))))
    named = {}
    for key, value in kwargs.items():
        named[key] = yield from answer(collected(value, site) if takes_steps(value, module) else _boxed(value))
    return (yield from answer(_with_shared(site, f, module, "", tuple(given), named)))


def is_method_of(f: Any, args: tuple[Any, ...]) -> bool:
    """Whether ``f`` is a method in Python, and the first of ``args`` its object, which is not a container."""
    if type(f) is not FunctionType or not args or is_container(args[0]):
        return False
    return getattr(type(args[0]), f.__name__, None) is f


def _boxed(value: Any) -> Any:
    return just(value) if type(value) is GeneratorType else value


def _refuse_change(site: Site, f: Any, module: str, args: tuple[Any, ...]) -> None:
    if not is_harmless(module, f) and any(has_steps(a) for a in args):
        raise refuse(
            site,
            f"{module}.{getattr(f, '__name__', '')} is given a container that other threads use at the same time, "
            "and may change it in more than one step; hold a lock around the call, or hand over a copy",
        )


def _handed(value: Any, lazy: bool, site: Site) -> Any:
    """A value as a library may have it: functions of the program drive themselves."""
    kind = type(value)
    if kind is MethodType and own(value.__func__):
        return functools.partial(natively, functools.partial(_started, value.__func__, site), value.__self__)
    if kind is FunctionType and own(value):
        return functools.partial(natively, functools.partial(_started, value, site))
    if lazy and is_container(value):
        return Loop(value, site)
    return value


def _started(f: Any, site: Site, *args: Any, **kwargs: Any) -> Steps:
    return (yield from answer(call(site, f, *args, **kwargs)))


_SHOWS = {"str", "repr", "format", "format_map", "ascii"}
"""Builtins that look at what an object contains."""


def _note_given(site: Site, f: Any, module: str, values: tuple[Any, ...]) -> None:
    """What is handed to a library is read; what is handed to one that is not known as harmless may change too."""
    harmless = is_harmless(module, f)
    name = getattr(f, "__name__", "")
    first = name in CHANGES_FIRST
    deep = module.partition(".")[0].lstrip("_") not in SHALLOW or name in _SHOWS
    for i, value in enumerate(values):
        if type(given(value)) is Given:
            took_all(value, site)
        elif type(value) not in ATOMS:
            look_into(value, site, not harmless or (first and i == 0), deep)
    owner = getattr(f, "__self__", None)
    if owner is not None and not isinstance(owner, ModuleType | type) and type(owner) not in ATOMS:
        if not harmless and not is_container(owner) and type(owner) not in CARRIERS:
            note_library_object(owner, site)


def took_all(iterator: Any, site: Site) -> None:
    """A library takes values from an iterator that the program has in a variable."""
    guard = guard_of()
    box = guard.boxes.get(id(iterator)) or guard.touched(iterator, "container", site)
    if box.visible:
        what = f"{told(box.label)}, from which other threads take values,"
        raise refuse(site, f"{what} is handed to a library; take them with next()")
    guard.note(box, WHOLE, True, site)


def made_by(f: Any, args: tuple[Any, ...], kwargs: dict[str, Any], site: Site) -> Any:
    value = f(*args, **kwargs)
    if is_container(value):
        born(value, site)
    return value
