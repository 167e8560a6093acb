# SPDX-License-Identifier: GPL-2.0-or-later
"""Builtins in ordinary code: those that run code of the program, and those that read containers.

What a builtin calls (a key, a ``__len__``, a generator) is under control: the ones that call are written in Python, in
`library`, and rewritten as the program is. The table of helpers that rewritten code asks for is here too.
"""

from __future__ import annotations

import collections
import contextlib
import functools
import logging
from collections.abc import Callable
from typing import Any

from mini_qemu.sched.clerk import control
from mini_qemu.sched.errors import Stopped
from mini_qemu.sched.instrument import HELPER_VALUES

from .access import ATOMS, Steps, answer, call, in_class, own, refuse
from .attributes import attribute, load, remove, store, store_plainly
from .calls import HELPERS, SPECIAL, UNBOUND, build, nested, own_class
from .containers import is_container, under
from .given import received, takes_steps
from .guard import WHOLE, Site
from .items import born, compared, item, look, looked, matched, remove_item, set_item, touch, truth
from .iteration import (
    END,
    Generating,
    Produced,
    collected,
    delegate,
    following,
    generating,
    iterate,
    natively,
    put,
    unpack,
)
from .opaque import looked_at
from .operators import compare, inplace, operator
from .replaced import REPLACED
from .variables import cells, load_cell, load_global, set_cell, set_global


def _getattr(site: Site, obj: Any, name: str, *default: Any) -> Steps:
    try:
        return (yield from answer(load(obj, name, site)))
    except AttributeError:
        if not default:
            raise
        return default[0]


def _hasattr(site: Site, obj: Any, name: str) -> Steps:
    try:
        yield from answer(load(obj, name, site))
    except AttributeError:
        return False
    return True


def _len(site: Site, value: Any) -> Any:
    method = in_class(type(value), "__len__")
    if own(method):
        return call(site, method, value)
    if is_container(box := under(value)):
        return touch(box, WHOLE, False, lambda: len(value), "takes the length of {box}: {value}", site)
    looked_at(value, site)
    return len(value)


def _next(site: Site, iterator: Any, *default: Any) -> Steps:
    value = yield from answer(following(iterator, site))
    if value is not END:
        return value
    if default:
        return default[0]
    returned = iterator.result if type(iterator) is Generating else None
    raise Stopped(StopIteration() if returned is None else StopIteration(returned))


def _bool(site: Site, value: Any = False) -> Any:
    return truth(value, site)


def _takes_one(make: Any) -> Callable[..., Any]:
    """A constructor that reads an iterable: list, tuple, set, ..."""

    def made(site: Site, *args: Any, **kwargs: Any) -> Any:
        if args and takes_steps(args[0]):
            return _collected_first(site, make, args, kwargs)
        if args:
            looked(args[0], site)
        return received(make(*args, **kwargs), site)

    return made


def _collected_first(site: Site, make: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Steps:
    first = yield from answer(collected(args[0], site))
    return received(make(first, *args[1:], **kwargs), site)


def _own_word(name: str) -> Callable[..., Any]:
    """A builtin that is written in Python in `library`, where what it calls is under control."""

    def made(site: Site, *args: Any, **kwargs: Any) -> Any:
        from . import library

        return call(site, getattr(library, name), *args, **kwargs)

    return made


def _reading(f: Any) -> Callable[..., Any]:
    """A builtin that reads iterables at once; given functions of the program, it takes the long way."""
    long_way = _own_word(f"{f.__name__}_")

    def made(site: Site, *args: Any, **kwargs: Any) -> Any:
        if kwargs.get("key") is not None or any(_is_own_object(a) for a in args):
            return long_way(site, *args, **kwargs)
        if any(takes_steps(a) for a in args):
            return long_way(site, *args, **kwargs)
        for a in args:
            looked(a, site)
        if f in (sorted, min, max) and args and is_container(args[0]) and any(_compares(v) for v in args[0]):
            return long_way(site, *args, **kwargs)
        for a in args:
            compared(list(a) if is_container(a) else [a], site)
        return received(f(*args, **kwargs), site)

    return made


def _is_own_object(value: Any) -> bool:
    return type(value) not in ATOMS and not is_container(value) and own_class(type(value))


def _compares(value: Any) -> bool:
    return type(value) not in ATOMS and own(in_class(type(value), "__lt__"))


def _managed(inner: Any, *args: Any, **kwargs: Any) -> Any:
    """A function under `contextlib.contextmanager`."""
    from . import library

    return library.Managed(call(("", "", 0), inner, *args, **kwargs))


def _nothing(site: Site, *args: Any, **kwargs: Any) -> None:
    """Printing from a run that is repeated thousands of times helps nobody."""


def _says_nothing(*args: Any, **kwargs: Any) -> None:
    """Logging is printing."""


_LOGS = ("debug", "info", "warning", "error", "exception", "critical", "log")
REPLACED.update({getattr(where, name): _says_nothing for where in (logging, logging.Logger) for name in _LOGS})


def _refuse_vars(site: Site, obj: Any = None) -> Any:
    if obj is not None and own_class(type(obj)):
        raise refuse(site, "vars(x) goes around the attributes that are watched; use getattr and setattr")
    raise refuse(site, "vars() looks at variables that the explorer keeps; use a dict")


SPECIAL.update({
    contextlib.contextmanager: lambda inner: functools.partial(_managed, inner),
    getattr: _getattr,
    setattr: lambda site, obj, name, value: store(obj, name, value, site),
    delattr: lambda site, obj, name: remove(obj, name, site),
    hasattr: _hasattr,
    len: _len,
    iter: lambda site, source, *end: iterate(source, site) if not end else _own_word("iter_")(site, source, *end),
    next: _next,
    bool: _bool,
    print: _nothing,
    vars: _refuse_vars,
})  # fmt: skip
_MADE: tuple[Any, ...] = (
    list, tuple, set, frozenset, dict, collections.deque, collections.Counter, collections.OrderedDict, bytearray,
)  # fmt: skip
SPECIAL.update({kind: _takes_one(kind) for kind in _MADE})
_READ: tuple[Any, ...] = (sorted, min, max, sum, any, all)
_CALL: tuple[Any, ...] = (map, filter, zip, enumerate, reversed, functools.reduce)
SPECIAL.update({f: _reading(f) for f in _READ} | {f: _own_word(f"{f.__name__}_") for f in _CALL})

UNBOUND.update(
    {
        object.__setattr__: lambda site, obj, name, value: store_plainly(obj, name, value, site),
        object.__getattribute__: lambda site, obj, name: attribute(
            obj, name, False, lambda: object.__getattribute__(obj, name), site
        ),
        object.__init__: lambda site, obj, *args, **kwargs: None,
        type.__call__: lambda site, cls, *args, **kwargs: build(site, cls, args, kwargs),
    }
)

HELPERS.update(
    {
        **HELPER_VALUES,
        "_sched_call": call,
        "_sched_nested": nested,
        "_sched_load": load,
        "_sched_store": store,
        "_sched_remove": remove,
        "_sched_item": item,
        "_sched_set_item": set_item,
        "_sched_remove_item": remove_item,
        "_sched_iterate": iterate,
        "_sched_next": following,
        "_sched_end": END,
        "_sched_truth": truth,
        "_sched_look": look,
        "_sched_operator": operator,
        "_sched_inplace": inplace,
        "_sched_compare": compare,
        "_sched_born": born,
        "_sched_put": put,
        "_sched_unpack": unpack,
        "_sched_cells": cells,
        "_sched_cell": load_cell,
        "_sched_set_cell": set_cell,
        "_sched_global": load_global,
        "_sched_set_global": set_global,
        "_sched_generating": generating,
        "_sched_produced": Produced,
        "_sched_delegate": delegate,
        "_sched_natively": natively,
        "_sched_slice": slice,
        "_sched_matched": matched,
    }
)

control("mini_qemu.sched.ordinary.library")
