# SPDX-License-Identifier: GPL-2.0-or-later
"""Shared variables, as the code under test writes them.

    class Counter(Shared):      # each annotated field of each instance is one shared variable
        value: int = 0

Strategy: in native mode a field is an ordinary attribute. Under the explorer instrumented code never comes here: it
yields its reads and writes, and the world acts on ``_v``. A field that is nevertheless touched while a world is running
is touched by code that was not instrumented, and `clerk` refuses that.
"""

from __future__ import annotations

import inspect
import sys
import threading
from collections.abc import Callable
from types import FunctionType, MemberDescriptorType
from typing import Any, ClassVar, get_origin

from .clerk import CLERK, control, controlled_by
from .errors import UseAfterFree
from .ops import ADD, CAS, CAS_FAILED, FIELD, FIELD_BITS, FREE, FREE_FIELD, LIFE, READ, WRITE, Op, conflict, operation
from .primitives import Primitive

FIELDS: dict[type, dict[str, int]] = {}
"""Class -> shared field -> its number. The instrumenter asks for the names, the world for the numbers."""

SHARED_NAMES: set[str] = set()
"""Every name that is a shared field of some class: the attribute names the instrumenter rewrites."""


class _Field:
    """A shared field seen from plain code: an attribute in native mode and for inspection, refused under a world."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, obj: Shared | None, owner: type) -> Any:
        if obj is None:
            try:
                return owner._defaults[self.name]  # type: ignore[attr-defined]
            except KeyError:
                raise AttributeError(f"{owner.__name__}.{self.name} has no default") from None
        if CLERK.active and not any(obj is new for new in CLERK.world.fresh or ()):
            CLERK.refuse(f"{owner.__name__}.{self.name} is read")
        try:
            return obj._v[self.name]
        except KeyError:
            raise AttributeError(f"{owner.__name__}.{self.name} has no value yet") from None

    def __set__(self, obj: Shared, value: Any) -> None:
        if CLERK.active and not any(obj is new for new in CLERK.world.fresh or ()):
            CLERK.refuse(f"{type(obj).__name__}.{self.name} is written")
        obj._v[self.name] = value


def _is_constant(annotation: Any) -> bool:
    """Whether an annotated attribute is not a shared variable: a class variable, a Final, or something to synchronise
    with.
    """
    annotation = getattr(annotation, "__forward_arg__", annotation)
    if isinstance(annotation, str):
        head = annotation.split("[")[0].strip().rsplit(".", 1)[-1]  # "Mutex | None" is a lock made late: a variable
        return head in {"ClassVar", "Final", "Mutex", "Semaphore", "Channel"}
    origin = get_origin(annotation) or annotation
    return (
        origin is ClassVar
        or getattr(origin, "_name", "") == "Final"
        or (isinstance(origin, type) and issubclass(origin, Primitive))
    )


_RESERVED = {"_v", "_key", "_defaults", "_settled"}
"""What the engine keeps in an object and its class."""


class Shared:
    """Base of objects whose annotated fields are shared variables: under the explorer each read and each write is a
    step.

    Fields annotated ``ClassVar``, ``Final``, ``Mutex``, ``Semaphore`` or ``Channel`` and attributes without annotation
    are not shared variables. Field values should be immutable: a list changed in place changes unseen. Constructor:
    ``Counter(value=3)``; a class may define its own ``__init__``, where it assigns freely, since nobody else has the
    object yet.
    """

    _v: dict[str, Any]
    _key: int

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _check_access(cls)
        fields = dict.fromkeys(name for base in reversed(cls.__mro__[1:]) for name in FIELDS.get(base, ()))
        defaults: dict[str, Any] = dict(getattr(cls, "_defaults", {}))
        for name, annotation in _annotations(cls).items():
            if name in _RESERVED:
                raise TypeError(f"{cls.__name__}.{name}: this name is the engine's own; choose another")
            if _is_constant(annotation):
                continue
            fields[name] = None
            if name in cls.__dict__:
                defaults[name] = cls.__dict__[name]
                if isinstance(defaults[name], MemberDescriptorType):
                    raise TypeError(
                        f"{cls.__name__}.{name} is a slot; leave __slots__ (slots=True) out, as shared fields need none"
                    )
                if hasattr(defaults[name], "__set__"):
                    raise TypeError(
                        f"{cls.__name__}.{name} is a shared field and a {type(defaults[name]).__name__}: a read of it "
                        "would go past one of the two; keep the value in a field of another name"
                    )
                if isinstance(defaults[name], list | dict | set):
                    raise TypeError(
                        f"{cls.__name__}.{name}: a mutable default would be shared by all instances; set it in __init__"
                    )
            setattr(cls, name, _Field(name))
        for name in fields:
            over = cls.__dict__.get(name)
            if over is None or isinstance(over, _Field):
                continue
            if hasattr(over, "__set__") or isinstance(over, FunctionType):
                raise TypeError(
                    f"{cls.__name__}.{name} hides a shared field of a base by a {type(over).__name__}; use another name"
                )
            defaults[name] = over  # another default
            setattr(cls, name, _Field(name))
        if len(fields) >= FREE_FIELD:
            raise TypeError(f"{cls.__name__} has {len(fields)} shared fields; at most {FREE_FIELD - 1} are supported")
        cls._defaults = defaults  # type: ignore[attr-defined]
        FIELDS[cls] = {name: number for number, name in enumerate(fields)}
        SHARED_NAMES.update(fields)
        control(cls.__module__)

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        if not cls.__dict__.get("_settled"):
            _settle(cls)
        self = super().__new__(cls)
        world = CLERK.world
        self._key = world.key_for(self) << FIELD_BITS if world is not None else 0
        self._v = cls._defaults.copy()  # type: ignore[attr-defined]
        if world is not None and world.fresh is not None:
            world.fresh.append(self)
        return self

    def __init__(self, **values: Any) -> None:
        known = FIELDS[type(self)]
        for name, value in values.items():
            if name not in known and not any(name in _annotations(base) for base in type(self).__mro__):
                raise TypeError(f"{type(self).__name__} has no field {name!r}; it has {', '.join(known) or 'none'}")
            setattr(self, name, value)

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}={self._v[name]!r}" for name in FIELDS[type(self)] if name in self._v)
        return f"{type(self).__name__}({inside})"


def _check_access(cls: type) -> None:
    """Refuse a class whose attributes are set or found in a way of its own."""
    for name in ("__setattr__", "__getattribute__", "__delattr__"):
        if getattr(cls, name) is not getattr(object, name):
            raise TypeError(
                f"{cls.__name__} defines {name}, which the explorer goes past: it acts on shared fields directly"
            )


def _settle(cls: type) -> None:
    """Take over what a decorator such as `dataclass` has made of a class since its body ended."""
    _check_access(cls)
    defaults: dict[str, Any] = cls._defaults  # type: ignore[attr-defined]
    for name in FIELDS.get(cls, ()):
        over = next((base.__dict__[name] for base in cls.__mro__ if name in base.__dict__), None)
        if type(defaults.get(name)).__module__ == "dataclasses":  # field(...): the constructor makes the value
            del defaults[name]
        if isinstance(over, _Field):
            continue
        if hasattr(over, "__get__"):
            raise TypeError(f"{cls.__name__}.{name} is a shared field; a {type(over).__name__} in its place hides it")
        if over is not None:
            defaults[name] = over
        setattr(cls, name, _Field(name))
    cls._settled = True  # type: ignore[attr-defined]


def check_classes() -> None:
    """Refuse classes that have been changed after their first object was made, so that fields are hidden."""
    for cls in FIELDS:
        if "_settled" in cls.__dict__:
            _settle(cls)


def _annotations(cls: type) -> dict[str, Any]:
    """The annotations in the body of ``cls``; what they name need not exist yet."""
    if sys.version_info >= (3, 14):
        import annotationlib

        return dict(annotationlib.get_annotations(cls, format=annotationlib.Format.FORWARDREF))
    return inspect.get_annotations(cls)


class Freed:
    """What `free` turns an object into: its shared fields are gone.

    Constants, methods and locks stay, because touching them is not a step: whether it came before or after the free
    would depend on an order that nobody explores. What matters goes through a shared field and traps there.
    """

    def __repr__(self) -> str:
        return f"<freed {type(self).__name__}>"


class _Gone(dict[str, Any]):
    """The fields of a freed object."""

    def __init__(self, cls: type) -> None:
        super().__init__()
        self.cls = cls

    def __getitem__(self, name: str) -> Any:
        raise UseAfterFree(f"{self.cls.__name__}.{name} is touched after the object was freed")

    def __setitem__(self, name: str, value: Any) -> None:
        self[name]


_FREED: dict[type, type] = {}


def bury(obj: Any) -> None:
    """Make every later touch of ``obj`` trap. The object stays reachable: the garbage collector hides nothing."""
    cls = type(obj)
    if issubclass(cls, Freed):
        raise UseAfterFree(f"{cls.__name__} is freed twice")
    if cls not in _FREED:
        buried = type(cls.__name__, (Freed, cls), {"__module__": cls.__module__})
        FIELDS[buried] = FIELDS.get(cls, {})
        _FREED[cls] = buried
    obj.__class__ = _FREED[cls]
    obj._v = _Gone(cls)


_NATIVE_ATOMIC = threading.Lock()


@controlled_by(lambda obj, field, old, new: (yield (CAS, obj, field, old, new)))
def compare_exchange(obj: Shared, field: str, old: Any, new: Any) -> bool:
    """One step: if ``obj.field == old``, store ``new`` and say True, else False."""
    CLERK.refuse("compare_exchange()")
    with _NATIVE_ATOMIC:
        if obj._v[field] != old:
            return False
        obj._v[field] = new
        return True


@controlled_by(lambda obj, field, delta: (yield (ADD, obj, field, delta)))
def fetch_add(obj: Shared, field: str, delta: int) -> int:
    """One step: add ``delta`` to ``obj.field`` and return the old value."""
    CLERK.refuse("fetch_add()")
    with _NATIVE_ATOMIC:
        old: int = obj._v[field]
        obj._v[field] = old + delta
        return old


@controlled_by(lambda obj: (yield (FREE, obj)))
def free(obj: Any) -> None:
    """The object's memory is given back: one step, and any later touch of the object raises UseAfterFree."""
    CLERK.refuse("free()")
    bury(obj)


def peek(obj: Shared, field: str) -> Any:
    """The value of a shared field, read by somebody who is not part of the program: it is not a step and never refused.

    For invariants, views and checks that must not perturb. Raises UseAfterFree where the object is freed,
    AttributeError where the field has no value.
    """
    try:
        return obj._v[field]
    except KeyError:
        raise AttributeError(f"{type(obj).__name__}.{field} has no value yet") from None


# ---------------------------------------------------------------- the kinds of steps


def _read(world: Any, task: Any, op: Op) -> Any:
    return op[1]._v[op[2]]


def _write(world: Any, task: Any, op: Op) -> None:
    op[1]._v[op[2]] = op[3]


def _exchange(world: Any, task: Any, op: Op) -> bool:
    values = op[1]._v
    equal = bool(values[op[2]] == op[3])
    if equal:
        values[op[2]] = op[4]
    return equal


def _outcome(values: dict[str, Any], thread: str, op: Op) -> int:
    """As what a compare_exchange turns out on these field values: one that raises counts as one that writes."""
    try:
        return CAS if values[op[2]] == op[3] else CAS_FAILED
    except (Exception, UseAfterFree):
        return CAS


def _told(name: str, op: Op, value: Any, show: Callable[[Any], str]) -> tuple[str, str]:
    done = f"{show(op[3])} becomes {show(op[4])}" if value else f"it is not {show(op[3])}"
    return str(bool(value)), f"compares and exchanges {name}: {done}"


def _add(world: Any, task: Any, op: Op) -> Any:
    values = op[1]._v
    before = values[op[2]]
    values[op[2]] = before + op[3]
    return before


operation(
    "read",
    "reads",
    kind=READ,
    family=FIELD,
    act=_read,
    changes=False,
    tell=lambda name, op, value, show: (show(value), f"reads {name}: {show(value)}"),
)
operation(
    "write",
    "writes",
    kind=WRITE,
    family=FIELD,
    act=_write,
    tell=lambda name, op, value, show: (show(op[3]), f"writes {name} = {show(op[3])}"),
)
operation(
    "cas",
    "compares and exchanges",
    kind=CAS,
    family=FIELD,
    act=_exchange,
    turns=_outcome,
    tell=_told,
)
operation(
    "cas",
    "compares and exchanges",
    kind=CAS_FAILED,
    family=FIELD,
    act=lambda world, task, op: False,
    changes=False,
    tell=_told,
)
operation(
    "cas",
    "compares and exchanges",
    kind=ADD,
    family=FIELD,
    act=_add,
    tell=lambda name, op, value, show: (
        show(value),
        f"adds {op[3]} to {name}: {show(value)} becomes {show(value + op[3])}",
    ),
)
operation("free", "frees", kind=FREE, family=LIFE, act=lambda world, task, op: bury(op[1]))
conflict(READ, WRITE, CAS, ADD)
conflict(WRITE, WRITE, CAS, ADD)
conflict(CAS, CAS, ADD)
conflict(CAS_FAILED, WRITE, CAS, ADD)
conflict(ADD, ADD)
conflict(FREE, FREE)
