# SPDX-License-Identifier: GPL-2.0-or-later
"""Operators and comparisons in ordinary code.

An operator of the program's own classes is a call of its method. A container is read as a whole; one that changes in
place (``+=``, ``|=``) changes in one step.
"""

from __future__ import annotations

import functools
import operator as op
from collections.abc import Callable
from types import FunctionType
from typing import Any

from .access import ATOMS, Steps, answer, call, followed_by, in_class, own, plainly
from .containers import VERBS, VIEWS, is_container, part, under
from .guard import WHOLE, Site
from .items import born, compared, has_steps, looked, operand, settled, sought, steps_within, touch
from .iteration import END, Generating, collected, following, iterate
from .opaque import looked_at

_OPERATORS = (op.add, op.sub, op.mul, op.truediv, op.floordiv, op.mod, op.pow, op.lshift, op.rshift,
              op.or_, op.xor, op.and_, op.matmul)  # fmt: skip

_IN_PLACE: tuple[Callable[[Any, Any], Any], ...] = (
    op.iadd, op.isub, op.imul, op.itruediv, op.ifloordiv, op.imod, op.ipow, op.ilshift, op.irshift,
    op.ior, op.ixor, op.iand, op.imatmul,
)  # fmt: skip

_UNARY = ((op.neg, "__neg__"), (op.pos, "__pos__"), (op.invert, "__invert__"))

_NAMES = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "lshift", "rshift", "or", "xor", "and", "matmul")

_COMPARE: tuple[Callable[[Any, Any], Any], ...] = (
    op.eq, op.ne, op.lt, op.le, op.gt, op.ge, lambda a, b: a in b, lambda a, b: a not in b,
)  # fmt: skip

_COMPARE_NAMES = ("eq", "ne", "lt", "le", "gt", "ge", "contains", "contains")

_MIRRORED = {"eq": "eq", "ne": "ne", "lt": "gt", "le": "ge", "gt": "lt", "ge": "le"}


def operator(number: int, a: Any, b: Any, site: Site) -> Any:
    """``a + b`` and the like."""
    if type(a) in ATOMS and type(b) in ATOMS:
        return _OPERATORS[number](a, b)
    return _binary(_OPERATORS[number], f"__{_NAMES[number]}__", f"__r{_NAMES[number]}__", a, b, site)


def unary(number: int, a: Any, site: Site) -> Any:
    """``-a``, ``+a``, ``~a``."""
    function, name = _UNARY[number]
    method = in_class(type(a), name)
    return call(site, method, a) if own(method) else function(a)


def binary(function: Callable[..., Any], name: str, a: Any, b: Any, site: Site) -> Any:
    """``function(a, b)``, a builtin that is an operator: `divmod`."""
    return _binary(function, f"__{name}__", f"__r{name}__", a, b, site)


def compare(number: int, a: Any, b: Any, site: Site) -> Any:
    """``a == b``, ``a in b`` and the like."""
    if type(a) in ATOMS and type(b) in ATOMS:
        return _COMPARE[number](a, b)
    name = _COMPARE_NAMES[number]
    if name == "contains":
        return _contains(b, a, number == 7, site)
    return _binary(_COMPARE[number], f"__{name}__", f"__{_MIRRORED[name]}__", a, b, site)


def _contains(box: Any, key: Any, inverted: bool, site: Site) -> Any:
    method = in_class(type(box), "__contains__")
    if own(method):
        return followed_by(call(site, method, box, key), (lambda v: not v) if inverted else bool)
    if is_container(box):
        if type(key) not in ATOMS and steps_within(sought(box, key)):
            return followed_by(_search(box, key, site), (lambda v: not v) if inverted else bool)
        where = part(box, key, False) if isinstance(box, dict) else WHOLE
        run: Callable[[], bool] = functools.partial(_found, box, key, inverted, site)
        verb = "asks whether {0} is not in {box}: {value}" if inverted else VERBS["__contains__"]
        return touch(box, where, False, run, verb, site, key)
    if type(box) in VIEWS:
        run = (lambda: key not in box) if inverted else (lambda: key in box)
        return touch(under(box), WHOLE, False, run, VERBS["__contains__"], site, key)
    if own(in_class(type(box), "__iter__")) or type(box) is Generating:
        return followed_by(_search(box, key, site), (lambda v: not v) if inverted else bool)
    looked_at(box, site)
    if type(box) is tuple:
        if steps_within(sought(box, key)):
            return _among(box, key, inverted, site)
        compared(sought(box, key), site)
    return (key not in box) if inverted else (key in box)


def _among(values: tuple[Any, ...], key: Any, inverted: bool, site: Site) -> Steps:
    """``key in values``, where what is compared has steps."""
    key = yield from settled(key, site)
    values = yield from settled(values, site)
    compared(sought(values, key), site)
    return (key in values) is not inverted


def _found(box: Any, key: Any, inverted: bool, site: Site) -> bool:
    compared(sought(box, key) if type(key) not in ATOMS else (), site)
    return (key in box) is not inverted


def _search(source: Any, key: Any, site: Site) -> Steps:
    iterator = yield from answer(iterate(source, site))
    while (value := (yield from answer(following(iterator, site)))) is not END:
        if value is key or (yield from answer(compare(0, value, key, site))):
            return True
    return False


def _binary(function: Any, name: str, mirrored: str, a: Any, b: Any, site: Site) -> Any:
    """An operator of the program's own classes is a call; containers are read as a whole."""
    forward, backward = in_class(type(a), name), in_class(type(b), mirrored)
    if own(forward) or own(backward):
        return _own_operator(function, forward, backward, a, b, site)
    if has_steps(a) or has_steps(b) or (function in _COMPARE and steps_within((a, b))):
        return _on_copies(function, a, b, site)
    if function in _COMPARE:
        compared([under(a), under(b)], site)
    else:
        looked(a, site), looked(b, site)
    value = function(a, b)
    return born(value, site) if is_container(value) else plainly(value)


def _own_operator(function: Any, forward: Any, backward: Any, a: Any, b: Any, site: Site) -> Steps:
    tries = [(forward, a, b), (backward, b, a)]
    if type(b) is not type(a) and issubclass(type(b), type(a)):
        tries.reverse()
    for method, first, second in tries:
        if own(method):
            value = yield from answer(call(site, method, first, second))
            if value is not NotImplemented:
                return value
    if own(forward) and function in (op.eq, op.ne):
        return (a is b) == (function is op.eq)
    raise TypeError(f"unsupported operand types: {type(a).__name__!r} and {type(b).__name__!r}")


def _on_copies(function: Any, a: Any, b: Any, site: Site) -> Steps:
    if function in _COMPARE:
        a = yield from settled(a, site)
        b = yield from settled(b, site)
        compared([a, b], site)
    else:
        a = yield from operand(a, site)
        b = yield from operand(b, site)
    value = function(a, b)
    return born(value, site) if is_container(value) else value


def inplace(number: int, a: Any, b: Any, site: Site) -> Any:
    """``a += b`` before it is stored: a container takes it in one step."""
    if type(a) in ATOMS and type(b) in ATOMS:
        return _OPERATORS[number](a, b)
    method = in_class(type(a), f"__i{_NAMES[number]}__")
    if own(method):
        return call(site, method, a, b)
    if is_container(a) and type(method) is FunctionType:  # of a Counter: not one step
        return call(site, method, a, b)
    if is_container(a) and method is not None:
        return _inplace(number, a, b, site)
    return operator(number, a, b, site)


def _inplace(number: int, a: Any, b: Any, site: Site) -> Steps:
    b = yield from answer(collected(b, site))
    verb = "extends {box} with {0}" if number == 0 else "changes {box} in place with {0}"
    return (yield from answer(touch(a, WHOLE, True, lambda: _IN_PLACE[number](a, b), verb, site, b)))
