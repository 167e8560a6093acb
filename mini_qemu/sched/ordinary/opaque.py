# SPDX-License-Identifier: GPL-2.0-or-later
"""Objects of libraries that keep something which changes, and into which the explorer cannot look.

A `UserDict`, a `WeakSet`, the hash under way, a `Counter` under one of its methods that are written in Python: each
look at it is noted as a read of the whole, each other use as a change. Where nothing orders two of those, the program
is refused with both places; under a lock it goes on.
"""

from __future__ import annotations

from types import FunctionType, ModuleType
from typing import Any

from mini_qemu.sched.instrument import is_controlled
from mini_qemu.sched.places import LIBRARIES
from mini_qemu.sched.primitives import Primitive

from .access import ATOMS, UNSHARED
from .containers import is_container
from .guard import Site
from .items import look_into, note_library_object
from .outside import is_harmless
from .replaced import CARRIERS, twin

_MODULES = {"collections", "_weakrefset", "_hashlib", "_md5", "_sha1", "_sha2", "_sha3", "_blake2"}
_CLASSES = {("weakref", "WeakValueDictionary"), ("weakref", "WeakKeyDictionary")}
_LOOKS = {
    "__contains__", "__eq__", "__getitem__", "__iter__", "__len__", "__ne__", "__repr__", "copy", "count", "difference",
    "digest", "elements", "get", "hexdigest", "index", "intersection", "isdisjoint", "issubset", "issuperset", "items",
    "keyrefs", "keys", "most_common", "symmetric_difference", "total", "union", "valuerefs", "values",
}  # fmt: skip
"""Methods that change nothing."""


def keeps_something(obj: Any) -> bool:
    cls = type(obj)
    if cls in ATOMS or isinstance(obj, type) or is_container(obj):
        return False
    return cls.__module__ in _MODULES or (cls.__module__, cls.__qualname__) in _CLASSES


def _inherited(f: Any, owner: Any) -> bool:
    """Whether ``f`` is what an object of the program has from a class of a library, such as `UserDict.get`."""
    if type(f) is not FunctionType or owner is None or isinstance(owner, tuple | BaseException) or is_container(owner):
        return False
    mine = any(is_controlled(base.__module__) for base in type(owner).__mro__)
    carried = any(base in CARRIERS for base in type(owner).__mro__)
    return mine and not carried and f.__code__.co_filename.startswith((*LIBRARIES, "<frozen"))


def _of_a_library(obj: Any) -> bool:
    """Whether ``obj`` may keep something for all that is known of its library."""
    cls = type(obj)
    if obj is None or cls in ATOMS or isinstance(obj, type | ModuleType | Primitive) or is_container(obj):
        return False
    if cls in UNSHARED or any(base in CARRIERS or is_controlled(base.__module__) for base in cls.__mro__):
        return False
    return twin(obj) is obj and not is_harmless(cls.__module__, None)


def looked_at(obj: Any, site: Site) -> None:
    """Note that ``obj`` is read, if it is such an object."""
    if keeps_something(obj):
        note_library_object(obj, site, changes=False)


def called(f: Any, args: tuple[Any, ...], site: Site) -> None:
    """Note what a call of a library's method does to its object."""
    name = getattr(f, "__name__", "")
    owner = getattr(f, "__self__", None)
    if type(f) is FunctionType and args and getattr(type(args[0]), name, None) is f:
        owner = args[0]
        if is_container(owner):  # the method of a Counter: not one step
            look_into(owner, site, name not in _LOOKS, deep=False)
    if keeps_something(owner) or _of_a_library(owner) or _inherited(f, owner):
        note_library_object(owner, site, changes=name not in _LOOKS)
