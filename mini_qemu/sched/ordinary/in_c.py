# SPDX-License-Identifier: GPL-2.0-or-later
"""What CPython computes in C from beginning to end, and so in one step: ``words.sort(key=len)``, ``max(d, key=d.get)``.

Between two bytecodes of the program another thread may run; within a call of a function written in C it may not, unless
that calls the program. Strategy: a function counts as such if it is on a short list, or a method of an immutable type,
and what it is given holds nothing of the program's own classes and nothing that has steps.

An iterator such as ``map(str, box)`` is a `Loop` over the box, and ``list(map(str, box))`` takes all values at once.

Left out: a step that would read two containers which both have steps. It is made value by value. So is, without the
GIL, much of what is one step here.
"""

from __future__ import annotations

import functools
import itertools
import operator as op
from collections.abc import Iterable
from types import BuiltinFunctionType, FunctionType, MethodDescriptorType, ModuleType
from typing import Any

from .access import ATOMS, guard_of, in_class, own
from .containers import LOOKS, is_container, under
from .guard import WHOLE, Site
from .items import compared, has_steps, looked, touch, within
from .iteration import Loop, begun

_FUNCTIONS = frozenset((len, abs, repr, ascii, ord, chr, round, hash, sum, min, max, any, all, hex, bin, oct, callable))
_TYPES = frozenset((str, int, float, complex, bool, bytes, tuple, type))


def is_in_c(f: Any, box: Any, site: Site) -> bool:
    """Whether ``f`` is written in C and looks at nothing with steps, other than its arguments and ``box``."""
    if f is None:
        return True
    kind = type(f)
    if kind is MethodDescriptorType:
        return f.__objclass__ in ATOMS or f.__objclass__ is tuple
    if kind is type:
        return f in _TYPES
    if kind is not BuiltinFunctionType:
        return kind is op.itemgetter
    owner = f.__self__
    if isinstance(owner, ModuleType):
        return f in _FUNCTIONS or owner.__name__ == "math"
    if is_container(owner) and f.__name__ in LOOKS and (owner is box or not has_steps(owner)):
        looked(owner, site)
        return True
    return type(owner) in ATOMS


def reads_in_c(source: Any, key: Any, site: Site) -> bool:
    """Whether a builtin that reads ``source``, a container or a view of one, is in C all the way."""
    return _reads(under(source)) and is_plain(list(source)) and is_in_c(key, under(source), site)


def is_plain(values: Iterable[Any]) -> bool:
    """Whether nothing that ``values`` hold has steps, or is compared, counted or shown by code in Python."""
    return not any(has_steps(value) or _asks_python(type(value)) for value in within(values))


_ASKED = ("__eq__", "__lt__", "__gt__", "__hash__", "__len__", "__bool__", "__iter__", "__add__", "__str__")


def _asks_python(cls: type) -> bool:
    return any(type(in_class(cls, name)) is FunctionType for name in _ASKED)


ITERATORS = (itertools.chain, itertools.islice, itertools.zip_longest, itertools.cycle, itertools.pairwise)


def loop_in_c(f: Any, args: tuple[Any, ...], kwargs: dict[str, Any], site: Site) -> Any:
    """``f(*args, **kwargs)``, an iterator over other iterables, if it is in C all the way: a loop over the one of them
    that has steps, which may begin with one. If not, None.
    """
    called = 1 if f in (map, filter) else 0
    sources = [source for source in args[called:] if type(source) not in ATOMS]
    boxes = [source if type(source) is Loop else under(source) for source in sources]
    if not sources or any(not (type(box) is Loop or _reads(box)) for box in boxes):
        return None
    ends = {id(end): end for end in (box.box if type(box) is Loop else box for box in boxes)}
    stepping = [end for end in ends.values() if has_steps(end)]
    if len(stepping) > 1 or any(type(box) is Loop and guard_of().boxes[id(box)].visible for box in boxes):
        return None
    over = (stepping or list(ends.values()))[0]
    function = args[:called]
    if called:
        if not (all(is_plain(list(end)) for end in ends.values()) and is_in_c(function[0], over, site)):
            return None
        function = (functools.partial(_computed, function[0] or bool, site),)

    def made() -> Loop:
        given = (arg.it if type(arg) is Loop else arg for arg in args[called:])
        loop = Loop(over, site, f(*function, *given, **kwargs)).give(site)
        loop.also = tuple(thing for thing in [*boxes, *ends.values()] if thing is not over)
        for end in ends.values():
            looked(end, site)
        return loop

    if f is reversed and has_steps(over):
        return touch(over, WHOLE, False, made, "begins to go backwards through {box}", site)
    return made() if all(type(box) is Loop for box in boxes) else begun(over, made, site)


def _reads(box: Any) -> bool:
    return is_container(box) and not own(in_class(type(box), "__iter__"))


def _computed(f: Any, site: Site, *values: Any) -> Any:
    compared(values, site)
    return f(*values)
