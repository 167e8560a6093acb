# SPDX-License-Identifier: GPL-2.0-or-later
"""Attributes in ordinary code: of objects, of classes, behind properties, `__getattr__` and `__setattr__`.

An attribute of an object is a place by its class and name. Methods are not state: to look one up is not an access.

Left out: an object's ``__dict__`` used as a dict, which is refused.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from types import FunctionType, MemberDescriptorType, ModuleType
from typing import Any

from mini_qemu.sched.instrument import is_controlled
from mini_qemu.sched.ops import READ, WRITE
from mini_qemu.sched.primitives import Primitive
from mini_qemu.sched.shared import FIELDS

from .access import (
    ATOMS,
    MISSING,
    READS,
    UNSHARED,
    WRITES,
    Act,
    Steps,
    answer,
    call,
    class_itself,
    class_name,
    declared,
    forget_classes,
    guard_of,
    in_class,
    own,
    plainly,
    quietly,
    refuse,
    step,
)
from .containers import KINDS
from .guard import Box, Guard, Site
from .replaced import REPLACED, twin, word_of
from .variables import load_global, set_by_name


def _class_box(guard: Guard, cls: type, site: Site) -> Box:
    return guard.outer(cls, "attribute", site, class_itself(cls))


def load(obj: Any, name: str, site: Site) -> Any:
    """``obj.name``."""
    cls = type(obj)
    if cls is threading.local:  # of the module
        obj, cls = twin(obj), type(twin(obj))
    if cls in ATOMS or cls in KINDS or cls is super or cls in UNSHARED:
        if cls is FunctionType and not name.startswith("__") and name in vars(obj):
            return attribute(obj, name, False, lambda: getattr(obj, name), site)
        if cls is FunctionType and name in ("__closure__", "__code__"):
            raise refuse(site, f"{name} of a function is what the explorer rewrites; keep the values in an object")
        return getattr(obj, name)
    fields = FIELDS.get(cls)
    if fields is not None and name in fields:
        return _shared(READ, obj, name, None, site)
    if cls is ModuleType:
        return _of_module(obj, name, site)
    if name == "__dict__" and not isinstance(obj, type):
        from .items import behind  # which needs this module

        return behind(obj, site)
    if isinstance(obj, type):
        return _class_attribute(obj, name, site)
    found = declared(cls, name)
    if found is not MISSING:
        kind = type(found)
        if kind is property:
            replaced = found.fget in REPLACED or "__controlled__" in getattr(found.fget, "__dict__", ())
            return call(site, found.fget, obj) if replaced or own(found.fget) else getattr(obj, name)
        if kind is functools.cached_property and own(found.func):
            return _cached(obj, found, site)
        if own(getter := in_class(kind, "__get__")):
            if in_class(kind, "__set__") is not None or name not in getattr(obj, "__dict__", ()):
                return call(site, getter, found, obj, cls)
    if found is MISSING and isinstance(obj, Primitive) and name not in vars(obj):
        _refuse_word(obj, name, site)
    getter = in_class(cls, "__getattribute__")
    if type(getter) is FunctionType and own(getter):
        return call(site, getter, obj, name)
    values = getattr(obj, "__dict__", None)
    if type(found) is MemberDescriptorType:
        pass
    elif type(values) is dict:
        if name not in values:
            if found is MISSING:
                missing = in_class(cls, "__getattr__")
                if own(missing):
                    return call(site, missing, obj, name)
            elif type(found) is FunctionType or hasattr(type(found), "__get__"):
                return plainly(getattr(obj, name))
            else:
                return _inherited(obj, name, site)
    else:
        return plainly(getattr(obj, name))
    return attribute(obj, name, False, lambda: getattr(obj, name), site)


def _refuse_word(obj: Primitive, name: str, site: Site) -> None:
    """Refuse what the real class has and its controlled one has not: the program is not to blame for that."""
    for real, ours in REPLACED.items():
        if ours is type(obj) and isinstance(real, type) and hasattr(_sample(real), name):
            what = f"{word_of(real)}.{name}"
            instead = _INSTEAD.get(name, "use another of its methods")
            raise refuse(site, f"{what} is not among the words that the explorer knows; {instead}")


_INSTEAD = {
    **dict.fromkeys(("queue", "mutex"), "take its items one by one with get_nowait()"),
    "unfinished_tasks": "count them in a variable of your own",
    "_value": "ask with acquire(blocking=False), or count in a variable of your own",
    **dict.fromkeys(("_max_workers", "_threads", "_work_queue"), "keep the number in a variable of your own"),
}
"""What to write for what people look at inside a queue, a semaphore or a pool."""


@functools.cache
def _sample(real: type) -> Any:
    """An object of a class of `threading` or `queue`, to see what it has."""
    try:
        return real()
    except TypeError:
        return real(1)


def _of_module(module: ModuleType, name: str, site: Site) -> Any:
    """``module.name``: of a module of the program it is a global like any other, unless it is a definition."""
    value = vars(module).get(name, MISSING)
    if isinstance(value, FunctionType | type | ModuleType) or value is MISSING or not is_controlled(module.__name__):
        return getattr(module, name)
    return load_global(vars(module), name, site)


def attribute(obj: Any, name: str, change: bool, run: Callable[[], Any], site: Site, *value: Any) -> Any:
    guard = guard_of()
    box = guard.boxes.get(id(obj)) or guard.touched(obj, "attribute", site, class_name(type(obj)))
    label = ("attribute", box.label[1], name)
    verb = WRITES if change else READS
    if name in guard.visible.names and label in guard.visible.found:
        return step(guard, box, name, change, Act(run, verb, name, value), site)
    return quietly(guard, box, name, change, (run, verb), site, value, label)


def _inherited(obj: Any, name: str, site: Site) -> Any:
    """A value that is in the class and not in the object: both are read. If both are visible that is two steps."""
    owner = next(base for base in type(obj).__mro__ if name in base.__dict__)
    guard = guard_of()
    if ("attribute", class_name(type(obj)), name) not in guard.visible.found:
        box = guard.boxes.get(id(obj)) or guard.touched(obj, "attribute", site, class_name(type(obj)))
        guard.note(box, name, False, site, ("attribute", class_name(type(obj)), name))
        return _class_attribute(owner, name, site)
    if ("attribute", class_itself(owner), name) not in guard.visible.found:
        guard.note(_class_box(guard, owner, site), name, False, site, ("attribute", class_itself(owner), name))
        return attribute(obj, name, False, lambda: getattr(obj, name), site)
    return _own_or_inherited(obj, owner, name, site)


def _own_or_inherited(obj: Any, owner: type, name: str, site: Site) -> Steps:
    found = yield from answer(attribute(obj, name, False, lambda: vars(obj).get(name, MISSING), site))
    return found if found is not MISSING else (yield from answer(_class_attribute(owner, name, site)))


def _class_attribute(cls: type, name: str, site: Site) -> Any:
    found = declared(cls, name)
    meta = in_class(type(cls), name)
    if type(meta) is property and own(meta.fget):
        return call(site, meta.fget, cls)
    if found is MISSING or hasattr(type(found), "__get__") or not is_controlled(cls.__module__):
        return plainly(getattr(cls, name))
    owner = next(base for base in cls.__mro__ if name in base.__dict__)
    return _attribute_of_class(owner, name, False, lambda: getattr(cls, name), site)


def _attribute_of_class(cls: type, name: str, change: bool, run: Callable[[], Any], site: Site, *value: Any) -> Any:
    guard = guard_of()
    box = _class_box(guard, cls, site)
    label = ("attribute", box.label[1], name)
    verb = WRITES if change else READS
    if label in guard.visible.found:
        return step(guard, box, name, change, Act(run, verb, name, value), site)
    return quietly(guard, box, name, change, (run, verb), site, value, label)


def _cached(obj: Any, descriptor: Any, site: Site) -> Steps:
    """`functools.cached_property`: look, compute, store. Since Python 3.12 no lock is around it."""
    name = descriptor.attrname
    found = yield from answer(attribute(obj, name, False, lambda: vars(obj).get(name, MISSING), site))
    if found is not MISSING:
        return found
    value = yield from answer(call(site, descriptor.func, obj))
    yield from answer(attribute(obj, name, True, lambda: vars(obj).__setitem__(name, value), site, value))
    return value


def _shared(kind: int, obj: Any, name: str, value: Any, site: Site) -> Steps:
    return (yield (kind, obj, name, value, site) if kind == WRITE else (kind, obj, name, site))


def store(obj: Any, name: str, value: Any, site: Site) -> Any:
    """``obj.name = value``."""
    obj = twin(obj) if type(obj) is threading.local else obj
    cls = type(obj)
    fields = FIELDS.get(cls)
    if fields is not None and name in fields:
        return _shared(WRITE, obj, name, value, site)
    found = in_class(cls, name)
    if type(found) is property and (own(found.fset) or found.fset in REPLACED):
        return call(site, found.fset, obj, value)
    if own(setter := in_class(type(found), "__set__")):
        return call(site, setter, found, obj, value)
    setter = in_class(cls, "__setattr__")
    if own(setter):
        return call(site, setter, obj, name, value)
    return store_plainly(obj, name, value, site)


def store_plainly(obj: Any, name: str, value: Any, site: Site) -> Any:
    """`object.__setattr__`."""

    def run() -> None:
        _set(obj, name, value)

    cls = type(obj)
    if cls in UNSHARED or not (hasattr(obj, "__dict__") or in_class(cls, name)):  # such as None: it raises
        return setattr(obj, name, value)
    if isinstance(obj, type):
        forget_classes()
        return _attribute_of_class(obj, name, True, lambda: setattr(obj, name, value), site, value)
    if isinstance(obj, ModuleType):
        if not is_controlled(obj.__name__):
            what = f"{obj.__name__}.{name} is set, which belongs to a library and outlives a run"
            raise refuse(site, f"{what}; leave it as it is")
        return set_by_name(vars(obj), name, value, site)
    if name == "__dict__":
        raise refuse(site, f"the attributes of a {cls.__name__} are exchanged for those in a dict; set them one by one")
    return attribute(obj, name, True, run, site, value)


def _set(obj: Any, name: str, value: Any) -> None:
    setter = type(obj).__setattr__
    object.__setattr__(obj, name, value) if own(setter) else setattr(obj, name, value)


def remove(obj: Any, name: str, site: Site) -> Any:
    """``del obj.name``."""
    obj = twin(obj) if type(obj) is threading.local else obj
    found = in_class(type(obj), name)
    if type(found) is property and own(found.fdel):
        return call(site, found.fdel, obj)
    if name in FIELDS.get(type(obj), ()):
        raise refuse(site, f"the shared field {name} is deleted; assign None instead")
    if isinstance(obj, type | ModuleType):
        raise refuse(site, f"{name} is deleted from a class or module; assign None instead")
    return attribute(obj, name, True, lambda: delattr(obj, name), site, _Deleted())


class _Deleted:
    def __repr__(self) -> str:
        return "nothing: it is deleted"
