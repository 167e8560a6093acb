# SPDX-License-Identifier: GPL-2.0-or-later
"""What CPython computes in C from beginning to end, and so in one step: ``words.sort(key=len)``, ``max(d, key=d.get)``.

Between two bytecodes of the program another thread may run; within a call of a function written in C it may not, unless
that calls the program. Strategy: a function counts as such if it is on a short list, or a method of an immutable type,
and what it is given holds nothing of the program's own classes and nothing that has steps.

Left out: a step that would read two containers which both have steps. It is made value by value.
"""

from __future__ import annotations

import operator as op
from collections.abc import Iterable
from types import BuiltinFunctionType, FunctionType, MethodDescriptorType, ModuleType
from typing import Any

from .access import ATOMS, in_class, own
from .containers import LOOKS, is_container, under
from .items import has_steps, looked, within

_FUNCTIONS = frozenset((len, abs, repr, ascii, ord, chr, round, hash, sum, min, max, any, all, hex, bin, oct, callable))
_TYPES = frozenset((str, int, float, complex, bool, bytes, tuple, type))


def is_in_c(f: Any, box: Any, site: Any) -> bool:
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


def reads_in_c(source: Any, key: Any, site: Any) -> bool:
    """Whether a builtin that reads ``source``, a container or a view of one, is in C all the way."""
    box = under(source)
    if not is_container(box) or own(in_class(type(box), "__iter__")):
        return False
    return is_plain(list(source)) and is_in_c(key, box, site)


def is_plain(values: Iterable[Any]) -> bool:
    """Whether nothing that ``values`` hold has steps, or is compared, counted or shown by code in Python."""
    return not any(has_steps(value) or _asks_python(type(value)) for value in within(values))


_ASKED = ("__eq__", "__lt__", "__gt__", "__hash__", "__len__", "__bool__", "__iter__", "__add__", "__str__")


def _asks_python(cls: type) -> bool:
    return any(type(in_class(cls, name)) is FunctionType for name in _ASKED)
