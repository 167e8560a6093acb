# SPDX-License-Identifier: GPL-2.0-or-later
"""What the operations of built-in containers read and change.

One built-in operation on a list, dict, set, deque or bytearray is one step, as CPython documents for both of its builds
("What kinds of global value mutation are thread-safe?", https://docs.python.org/3/faq/library.html;
"Thread safety of built-in types", https://docs.python.org/3.14/library/threadsafety.html). ``x[i] += 1`` is two: a read
and a write. An index of a list and a key of a dict are parts of their own for reading, an index of a list for writing
too; everything else concerns the whole container: its size, its keys, their order.

``list.sort`` with a key or a comparison in Python empties the list, and fills it in another step.

Left out: a `dict` calls the keys' ``__eq__``; here that is part of one step.
"""

from __future__ import annotations

import array
import collections
import gc
from collections.abc import Hashable
from typing import Any

LOOKS = {
    "copy", "count", "index", "get", "items", "keys", "values", "union", "intersection", "difference", "decode",
    "symmetric_difference", "issubset", "issuperset", "isdisjoint", "most_common", "elements", "total", "tobytes",
    "find", "rfind", "rindex", "startswith", "endswith", "hex", "join", "split", "strip", "__len__", "__contains__",
    "__getitem__", "__iter__", "__eq__", "__repr__", "__reversed__", "__add__", "__mul__", "__or__", "__sizeof__",
    "lower", "upper", "isdigit", "tolist", "maps", "parents", "__ne__", "__lt__", "__le__", "__gt__", "__ge__",
    "__and__", "__sub__", "__xor__", "__class__", "__reduce_ex__", "__reduce__", "__copy__", "__missing__",
}  # fmt: skip
"""Methods that only read their container; every other method changes it."""

COMPARING = {"index", "remove", "count", "sort", "__contains__"}
"""Methods that compare what their container holds."""

CONTAINERS: tuple[type, ...] = (list, dict, set, collections.deque, bytearray, array.array, collections.OrderedDict,
                                collections.defaultdict, collections.Counter)  # fmt: skip
KINDS = frozenset(CONTAINERS)
"""The exact types whose values are containers under guard. Subclasses of the program's own count as well."""

INDEXED = (list, bytearray, array.array)
"""Containers whose iterators count, and remember nothing else."""

VERBS = {
    "append": "appends {0} to {box}", "appendleft": "puts {0} at the front of {box}", "add": "adds {0} to {box}",
    "pop": "pops {value} from {box}", "popleft": "pops {value} from the front of {box}", "clear": "empties {box}",
    "popitem": "pops {value} from {box}", "remove": "removes {0} from {box}", "discard": "discards {0} from {box}",
    "extend": "extends {box} with {0}", "update": "updates {box} with {0}", "insert": "inserts {1} in {box}",
    "sort": "sorts {box}", "reverse": "reverses {box}", "get": "reads {box}.get({0}): {value}",
    "setdefault": "reads or sets {box}[{0}]: {value}", "__contains__": "asks whether {0} is in {box}: {value}",
    "dict_items": "looks at the items of {box}", "dict_keys": "looks at the keys of {box}",
    "dict_values": "looks at the values of {box}", "__setitem__": "writes {box}[{0}] = {1}",
    "count": "counts {0} in {box}: {value}", "index": "looks for {0} in {box}: {value}", "copy": "copies {box}",
    "__delitem__": "deletes {box}[{0}]", "__getitem__": "reads {box}[{0}]: {value}",
}  # fmt: skip
"""Sentences for operations: ``{0}``, ``{1}`` are the arguments, ``{value}`` what came out."""


_ORDERED: dict[Any, Any] = collections.OrderedDict()
VIEWS: tuple[type, ...] = (
    type({}.keys()), type({}.values()), type({}.items()),
    type(_ORDERED.keys()), type(_ORDERED.values()), type(_ORDERED.items()),
)  # fmt: skip


def under(value: Any) -> Any:
    """The dict that a view looks at; any other value itself."""
    if type(value) in VIEWS:
        return next((d for d in gc.get_referents(value) if isinstance(d, dict)), value)
    return value


def is_container(value: Any) -> bool:
    """Whether ``value`` is a container that can be changed."""
    return type(value) in KINDS or isinstance(value, CONTAINERS)


def part(box: Any, index: Any, writes: bool) -> Hashable:
    """The part of a container that ``box[index]`` concerns; None for the whole."""
    if isinstance(box, (*INDEXED, collections.deque)):
        if type(index) is not int:
            return None
        return index if index >= 0 else index + len(box)
    if writes or isinstance(box, collections.defaultdict | collections.OrderedDict):
        return None  # a new key, or a place in the order
    return _stable(index)


def _stable(key: Any) -> Hashable:
    if key is None or isinstance(key, str | bytes | int | float):
        return (type(key).__name__, key)
    if isinstance(key, tuple):
        return tuple(_stable(k) for k in key)
    return "another key"
