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
import math
import operator as op
from collections.abc import Callable
from types import GeneratorType
from typing import Any

from mini_qemu.sched.clerk import control
from mini_qemu.sched.errors import Stopped
from mini_qemu.sched.instrument import HELPER_VALUES
from mini_qemu.sched.primitives import Primitive

from .access import ATOMS, Steps, answer, call, followed_by, guard_of, in_class, own, refuse
from .attributes import attribute, load, remove, store, store_plainly
from .calls import GETTERS, HELPERS, SPECIAL, UNBOUND, build, class_made, nested, own_class
from .containers import is_container, under
from .given import call_library, made_by, received, takes_steps, took_all
from .guard import WHOLE, Site
from .in_c import ITERATORS, is_in_c, loop_in_c, reads_in_c
from .items import (
    behind,
    born,
    compared,
    item,
    look,
    looked,
    matched,
    remove_item,
    set_item,
    steps_within,
    touch,
    truth,
)
from .iteration import (
    END,
    Generating,
    Given,
    Loop,
    Produced,
    collected,
    delegate,
    following,
    from_given,
    generating,
    given,
    iterate,
    iterate_kept,
    iterate_made,
    let_go,
    natively,
    put,
    unpack,
)
from .opaque import looked_at
from .operators import binary, compare, inplace, operator, unary
from .outside import pauses
from .replaced import REPLACED
from .variables import cells, load_cell, load_global, set_cell, set_global


def _id(site: Site, obj: Any) -> int:
    """The same number in every run: programs order locks by it."""
    known = obj if isinstance(obj, Primitive) else guard_of().boxes.get(id(obj))
    return id(obj) if known is None else int(known._key)


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
    value = yield from answer(following(given(iterator), site))
    if value is not END:
        return value
    if default:
        return default[0]
    returned = iterator.result if type(iterator) is Generating else None
    raise Stopped(StopIteration() if returned is None else StopIteration(returned))


def _iter(site: Site, source: Any) -> Any:
    """``iter(source)``, which the program keeps."""
    made = iterate(source, site)
    if type(made) is GeneratorType:
        return followed_by(made, lambda iterator: iterator.give(site) if type(iterator) is Loop else iterator)
    if type(made) is Loop:
        return made.give(site)
    return made.it if type(made) is Given else received(made, site)


def _bool(site: Site, value: Any = False) -> Any:
    return truth(value, site)


def _takes_one(make: Any) -> Callable[..., Any]:
    """A constructor that reads an iterable: list, tuple, set, ..."""

    def made(site: Site, *args: Any, **kwargs: Any) -> Any:
        if args and takes_steps(args[0]):
            return _collected_first(site, make, args, kwargs)
        if args and type(given(args[0])) is Given:
            took_all(args[0], site)
        elif args:
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
        if len(args) == 1 and type(args[0]) is Loop and is_in_c(kwargs.get("key"), args[0].box, site):
            return from_given(args[0], lambda: made_by(f, (args[0].it,), kwargs, site), site, f"{f.__name__}()")
        if args and reads_in_c(args[0], kwargs.get("key"), site):
            run = functools.partial(_compared_by, f, args, kwargs, site)
            return touch(under(args[0]), WHOLE, False, run, f"computes {f.__name__}({{box}}): {{value}}", site)
        if kwargs.get("key") is not None or any(_is_own_object(a) for a in args):
            return long_way(site, *args, **kwargs)
        if any(takes_steps(a) for a in args):
            return long_way(site, *args, **kwargs)
        for a in args:
            looked(a, site)
        if args and is_container(args[0]) and (steps_within(args[0]) or any(_asks(v, _FOLDS[f]) for v in args[0])):
            return long_way(site, *args, **kwargs)
        for a in args:
            compared(list(a) if is_container(a) else [a], site)
        return received(f(*args, **kwargs), site)

    return made


def _compared_by(f: Any, args: tuple[Any, ...], kwargs: dict[str, Any], site: Site) -> Any:
    compared(args[0], site)
    return made_by(f, args, kwargs, site)


def _is_own_object(value: Any) -> bool:
    return type(value) not in ATOMS and not is_container(value) and own_class(type(value))


_FOLDS: dict[Any, tuple[str, ...]] = {
    sorted: ("__lt__",), min: ("__lt__", "__gt__"), max: ("__gt__", "__lt__"), sum: ("__add__", "__radd__"),
    any: ("__bool__", "__len__"), all: ("__bool__", "__len__"),
}  # fmt: skip
"""What a builtin asks the items that it reads."""


def _asks(value: Any, names: tuple[str, ...]) -> bool:
    return type(value) not in ATOMS and any(own(in_class(type(value), name)) for name in names)


def _iterating(f: Any, long_way: Callable[..., Any]) -> Callable[..., Any]:
    """A builtin that makes an iterator over others."""

    def made(site: Site, *args: Any, **kwargs: Any) -> Any:
        loop = loop_in_c(f, args, kwargs, site)
        return long_way(site, *args, **kwargs) if loop is None else loop

    return made


def _by_library(f: Any) -> Callable[..., Any]:
    return lambda site, *args, **kwargs: call_library(site, f, args, kwargs)


def _managed(inner: Any, *args: Any, **kwargs: Any) -> Any:
    """A function under `contextlib.contextmanager`."""
    from . import library

    return library.Managed(call(("", "", 0), inner, *args, **kwargs))


_SHOWN: dict[Any, tuple[str, ...]] = {str: ("__str__", "__repr__"), repr: ("__repr__",), ascii: ("__repr__",)}
_ASKED: dict[Any, tuple[str, ...]] = {
    int: ("__int__", "__index__"), float: ("__float__", "__index__"), complex: ("__complex__", "__float__"),
    bytes: ("__bytes__",), abs: ("__abs__",), hash: ("__hash__",), round: ("__round__",), dir: ("__dir__",),
    math.floor: ("__floor__",), math.ceil: ("__ceil__",), math.trunc: ("__trunc__",), op.index: ("__index__",),
    op.length_hint: ("__len__",),
}  # fmt: skip
"""Builtins that ask an object of the program by one of its methods."""


def _asking(f: Any, names: tuple[str, ...]) -> Callable[..., Any]:
    def made(site: Site, *args: Any, **kwargs: Any) -> Any:
        if args and type(args[0]) not in ATOMS:
            method = next((m for name in names if (m := in_class(type(args[0]), name)) is not None), None)
            if own(method):
                return call(site, method, *args, **kwargs)
        elif not kwargs and all(type(a) in ATOMS for a in args):
            return f(*args)
        return call_library(site, f, args, kwargs)

    return made


def formatted(value: Any, conversion: int, spec: str, site: Site) -> Any:
    """``{value!r:spec}`` in an f-string."""
    if type(value) in ATOMS and conversion < 0:
        return format(value, spec)
    convert = {ord("s"): str, ord("r"): repr, ord("a"): ascii}.get(conversion)
    return _formatted(value, convert, spec, site)


def _formatted(value: Any, convert: Any, spec: str, site: Site) -> Steps:
    if convert is not None:
        value = yield from answer(SPECIAL[convert](site, value))
        return format(value, spec)
    return (yield from answer(_format(site, value, spec)))


def _format(site: Site, value: Any, spec: str = "") -> Any:
    method = in_class(type(value), "__format__")
    if own(method):
        return call(site, method, value, spec)
    if not spec and method is object.__format__:
        return SPECIAL[str](site, value)
    return call_library(site, format, (value, spec), {})


def _print(site: Site, *args: Any, file: Any = None, **kwargs: Any) -> Any:
    """Printing from a run that is repeated thousands of times helps nobody. What it asks the program's own objects is
    asked all the same.
    """
    writes = file is not None and own_class(type(file))
    if writes or any(map(_is_own_object, args)):
        return _printed(site, args, file if writes else None, **kwargs)
    return None


def _printed(
    site: Site, args: tuple[Any, ...], file: Any, sep: Any = " ", end: Any = "\n", flush: bool = False
) -> Steps:
    for i, value in enumerate(args):
        shown = yield from answer(SPECIAL[str](site, value))
        for part in ([sep or " "] if i else []) + [shown]:
            if file is not None:
                yield from answer(call(site, (yield from answer(load(file, "write", site))), part))
    if file is not None:
        yield from answer(call(site, (yield from answer(load(file, "write", site))), "\n" if end is None else end))


def _got_attributes(site: Site, getter: Any, obj: Any) -> Steps:
    """`operator.attrgetter`."""
    found = []
    for path in getter.__reduce__()[1]:
        value = obj
        for name in path.split("."):
            value = yield from answer(load(value, name, site))
        found.append(value)
    return found[0] if len(found) == 1 else tuple(found)


def _got_items(site: Site, getter: Any, obj: Any) -> Steps:
    """`operator.itemgetter`."""
    found = []
    for index in getter.__reduce__()[1]:
        found.append((yield from answer(item(obj, index, site))))
    return found[0] if len(found) == 1 else tuple(found)


def _method_called(site: Site, caller: Any, obj: Any) -> Steps:
    """`operator.methodcaller`."""
    made = caller.__reduce__()
    name, *args = made[1] if made[0] is op.methodcaller else (*made[0].args, *made[1])
    kwargs = {} if made[0] is op.methodcaller else made[0].keywords
    return (yield from answer(call(site, (yield from answer(load(obj, name, site))), *args, **kwargs)))


GETTERS.update({op.attrgetter: _got_attributes, op.itemgetter: _got_items, op.methodcaller: _method_called})


def _update_wrapper(wrapper: Any, wrapped: Any, *args: Any, **kwargs: Any) -> Any:
    """`functools.update_wrapper`, which copies whatever is in a function's dict: ours must stay where it is."""
    ours = ("__ordinary__", "__controlled__")
    kept = {name: wrapper.__dict__[name] for name in ours if name in getattr(wrapper, "__dict__", {})}
    functools.update_wrapper(wrapper, wrapped, *args, **kwargs)
    for name in ours:
        getattr(wrapper, "__dict__", {}).pop(name, None)
    getattr(wrapper, "__dict__", {}).update(kept)
    return wrapper


def _from_library(name: str) -> Callable[..., Any]:
    """A class of `library`, whose objects are made under control."""

    def made(*args: Any, **kwargs: Any) -> Any:
        from . import library

        return call(("", "", 0), getattr(library, name), *args, **kwargs)

    return made


REPLACED.update({
    functools.update_wrapper: _update_wrapper,
    contextlib.ExitStack: _from_library("ExitStack"),
    contextlib.closing: _from_library("Closing"),
})  # fmt: skip


def _says_nothing(*args: Any, **kwargs: Any) -> None:
    """Logging is printing."""


_LOGS = ("debug", "info", "warning", "error", "exception", "critical", "log")
REPLACED.update({getattr(where, name): _says_nothing for where in (logging, logging.Logger) for name in _LOGS})


def _vars(site: Site, *objects: Any) -> Any:
    if not objects:
        raise refuse(site, "vars() looks at variables that the explorer keeps; use a dict")
    return load(objects[0], "__dict__", site)


SPECIAL.update({
    contextlib.contextmanager: lambda inner: functools.partial(_managed, inner),
    getattr: _getattr,
    setattr: lambda site, obj, name, value: store(obj, name, value, site),
    delattr: lambda site, obj, name: remove(obj, name, site),
    hasattr: _hasattr,
    len: _len,
    iter: lambda site, source, *end: _iter(site, source) if not end else _own_word("iter_")(site, source, *end),
    next: _next,
    bool: _bool,
    print: _print,
    format: _format,
    divmod: lambda site, a, b: binary(divmod, "divmod", a, b, site),
    pow: lambda site, a, b, *mod: binary(pow, "pow", a, b, site) if not mod else pow(a, b, *mod),
    vars: _vars,
    memoryview: lambda site, of: memoryview(of) if type(of) is bytes else call_library(site, memoryview, (of,), {}),
})  # fmt: skip
SPECIAL.update({f: _asking(f, names) for f, names in {**_SHOWN, **_ASKED}.items()})
_MADE: tuple[Any, ...] = (
    list, tuple, set, frozenset, dict, collections.deque, collections.Counter, collections.OrderedDict, bytearray,
)  # fmt: skip
SPECIAL.update({kind: _takes_one(kind) for kind in _MADE})
SPECIAL[id] = _id
_READ: tuple[Any, ...] = (sorted, min, max, sum, any, all)
_ITERATE: tuple[Any, ...] = (map, filter, zip, enumerate, reversed)
SPECIAL.update({f: _reading(f) for f in _READ})
SPECIAL.update({f: _iterating(f, _own_word(f"{f.__name__}_")) for f in _ITERATE})
SPECIAL.update({f: _iterating(f, _by_library(f)) for f in ITERATORS})
SPECIAL[functools.reduce] = _own_word("reduce_")

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
        "_sched_iterate_made": iterate_made,
        "_sched_iterate_kept": iterate_kept,
        "_sched_let_go": let_go,
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
        "_sched_unary": unary,
        "_sched_formatted": formatted,
        "_sched_class_made": class_made,
        "_sched_behind": behind,
        "_sched_pauses": pauses,
    }
)

control("mini_qemu.sched.ordinary.library")
