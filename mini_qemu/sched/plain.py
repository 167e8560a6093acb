# SPDX-License-Identifier: GPL-2.0-or-later
"""The questions of ordinary code: each helper makes one access, and notes it or makes a step of it.

`ordinary` rewrites a function so that it asks here for every attribute, item, loop value, global and captured variable.
Strategy: most answers are given at once, after a note to the guard; an access of a place that is visible, and whatever
runs code of the program (a property, an operator of its own class), comes back as a generator, to be delegated to. What
the explorer cannot follow is refused with file, line and what to write instead.

Left out: ``__del__`` and weak references, whose moment is the garbage collector's; ``__hash__`` and ``__eq__`` of keys.
"""

from __future__ import annotations

import functools
import operator as op
from collections.abc import Callable, Generator, Hashable
from types import (
    CellType,
    FunctionType,
    GeneratorType,
    MemberDescriptorType,
    MethodType,
    ModuleType,
)  # fmt: skip
from typing import Any

from .clerk import CLERK
from .containers import KINDS, VERBS, VIEWS, is_container, part, under
from .errors import InstrumentationError
from .guard import WHOLE, Box, Guard, Site, told
from .instrument import is_controlled, just
from .ops import BEAT, READ, WRITE, Op, operation
from .shared import FIELDS

Steps = Generator[Any, Any, Any]

ATOMS = frozenset((
    type(None), bool, int, float, complex, str, bytes, range, slice, type(Ellipsis), type(NotImplemented), type(len),
    FunctionType, MethodType, functools.partial,
))  # fmt: skip
"""Types whose values never change, or never matter: attributes of theirs are no shared state."""

_OPERATORS = (op.add, op.sub, op.mul, op.truediv, op.floordiv, op.mod, op.pow, op.lshift, op.rshift,
              op.or_, op.xor, op.and_, op.matmul)  # fmt: skip
_IN_PLACE: tuple[Callable[[Any, Any], Any], ...] = (
    op.iadd, op.isub, op.imul, op.itruediv, op.ifloordiv, op.imod, op.ipow, op.ilshift, op.irshift,
    op.ior, op.ixor, op.iand, op.imatmul,
)  # fmt: skip
_NAMES = ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "lshift", "rshift", "or", "xor", "and", "matmul")
_COMPARE: tuple[Callable[[Any, Any], Any], ...] = (
    op.eq, op.ne, op.lt, op.le, op.gt, op.ge, lambda a, b: a in b, lambda a, b: a not in b,
)  # fmt: skip
_COMPARE_NAMES = ("eq", "ne", "lt", "le", "gt", "ge", "contains", "contains")
_MIRRORED = {"eq": "eq", "ne": "ne", "lt": "gt", "le": "ge", "gt": "lt", "ge": "le"}


def call(site: Site, f: Any, /, *args: Any, **kwargs: Any) -> Any:
    """`ordinary_calls.call`: it needs this module, and this module it."""
    return _calls[0](site, f, *args, **kwargs)


_calls: list[Callable[..., Any]] = []


class Act:
    """What a step of ordinary code does: ``run()`` gives its value or raises; ``verb`` is its sentence, with places
    for ``{box}``, ``{value}`` and the ``operands``.
    """

    __slots__ = ("operands", "part", "run", "verb")

    def __init__(self, run: Callable[[], Any], verb: str, part: Hashable, operands: tuple[Any, ...] = ()) -> None:
        self.run = run
        self.verb = verb
        self.part = part
        self.operands = operands


def guard_of() -> Guard:
    """The guard of the run in progress."""
    guard: Guard | None = CLERK.guard
    if guard is None:
        raise AssertionError("ordinary code runs under a guard only")
    return guard


def refuse(site: Site, reason: str) -> InstrumentationError:
    return InstrumentationError(f"{site[0]}:{site[2]}: {reason}")


def step(guard: Guard, box: Box, part: Hashable, change: bool, act: Act, site: Site) -> Steps:
    """A visible access, as one step. Any part of a container stands for the whole."""
    spot = guard.spot(box, WHOLE if box.label[0] == "container" else part)
    return (yield (CHANGE if change else LOOK, spot, act, site))


def _carry_out(world: Any, task: Any, made: Op) -> Any:
    return made[2].run()


def _sentence(name: str, made: Op, value: Any, show: Callable[[Any], str]) -> tuple[str, str]:
    act = made[2]
    shown = [show(operand) for operand in act.operands]
    said = act.verb.format(*shown, *[""] * 3, box=name, value=show(value))
    return (show(value) if made[0] == LOOK else shown[-1] if shown else ""), said


LOOK = operation("read", "reads", act=_carry_out, changes=False, tell=_sentence)
CHANGE = operation("write", "writes", act=_carry_out, tell=_sentence)


# ---------------------------------------------------------------- attributes


def own(function: Any) -> bool:
    """Whether ``function`` is the program's own, and runs under control."""
    return (
        type(function) is FunctionType
        and function.__code__.co_filename != "<string>"  # what dataclass and namedtuple write
        and is_controlled(function.__module__)
        and is_controlled(function.__globals__.get("__name__"))
    )


@functools.cache
def _in_class(cls: Any, name: str) -> Any:
    for base in cls.__mro__:
        found = base.__dict__.get(name)
        if found is not None:
            return found
    return None


def in_class(cls: Any, name: str) -> Any:
    """What attribute ``name`` is in ``cls`` and its bases, or None."""
    return _in_class(cls, name)


def forget_classes() -> None:
    """A class has changed: look it up anew."""
    _in_class.cache_clear()


def _class_box(guard: Guard, cls: type, site: Site) -> Box:
    return guard.born(cls, "attribute", site, f"{cls.__module__}.{cls.__qualname__}")


def load(obj: Any, name: str, site: Site) -> Any:
    """``obj.name``."""
    cls = type(obj)
    if cls in ATOMS or cls in KINDS or cls is super:
        return getattr(obj, name)
    fields = FIELDS.get(cls)
    if fields is not None and name in fields:
        return _shared(READ, obj, name, None, site)
    if cls is ModuleType:
        return getattr(obj, name)
    if isinstance(obj, type):
        return _class_attribute(obj, name, site)
    found = in_class(cls, name)
    if found is not None:
        kind = type(found)
        if kind is property:
            return call(site, found.fget, obj) if own(found.fget) else getattr(obj, name)
        if kind is functools.cached_property and own(found.func):
            return _cached(obj, found, site)
    getter = in_class(cls, "__getattribute__")
    if type(getter) is FunctionType and own(getter):
        return call(site, getter, obj, name)
    values = getattr(obj, "__dict__", None)
    if type(values) is dict:
        if name not in values:
            if found is None:
                missing = in_class(cls, "__getattr__")
                if own(missing):
                    return call(site, missing, obj, name)
            elif type(found) is FunctionType or hasattr(type(found), "__get__"):
                return _just_value(getattr(obj, name))
            else:
                return _inherited(obj, name, site)
    elif type(found) is not MemberDescriptorType:
        return _just_value(getattr(obj, name))
    return _attribute(obj, name, False, lambda: getattr(obj, name), site)


def _just_value(value: Any) -> Any:
    return just(value) if type(value) is GeneratorType else value


def _attribute(obj: Any, name: str, change: bool, run: Callable[[], Any], site: Site, *value: Any) -> Any:
    guard = guard_of()
    box = guard.boxes.get(id(obj)) or guard.touched(obj, "attribute", site, _class_name(type(obj)))
    label = ("attribute", box.label[1], name)
    if name in guard.visible.names and label in guard.visible.found:
        verb = "writes {box} = {0}" if change else "reads {box}: {value}"
        return step(guard, box, name, change, Act(run, verb, name, value), site)
    guard.note(box, name, change, site, label)
    return _just_value(run())


def _class_name(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"


def _inherited(obj: Any, name: str, site: Site) -> Any:
    """A value that stands in the class and not in the object: both are read."""
    owner = next(base for base in type(obj).__mro__ if name in base.__dict__)
    guard = guard_of()
    label = ("attribute", _class_name(type(obj)), name)
    if label in guard.visible.found:
        return _attribute(obj, name, False, lambda: getattr(obj, name), site)
    box = guard.boxes.get(id(obj)) or guard.touched(obj, "attribute", site, _class_name(type(obj)))
    guard.note(box, name, False, site, label)
    return _class_attribute(owner, name, site)


def _class_attribute(cls: type, name: str, site: Site) -> Any:
    found = in_class(cls, name)
    meta = in_class(type(cls), name)
    if type(meta) is property and own(meta.fget):
        return call(site, meta.fget, cls)
    if found is None or hasattr(type(found), "__get__") or not is_controlled(cls.__module__):
        return _just_value(getattr(cls, name))
    owner = next(base for base in cls.__mro__ if name in base.__dict__)
    return _attribute_of_class(owner, name, False, lambda: getattr(cls, name), site)


def _attribute_of_class(cls: type, name: str, change: bool, run: Callable[[], Any], site: Site, *value: Any) -> Any:
    guard = guard_of()
    box = _class_box(guard, cls, site)
    label = ("attribute", box.label[1], name)
    if label in guard.visible.found:
        verb = "writes {box} = {0}" if change else "reads {box}: {value}"
        return step(guard, box, name, change, Act(run, verb, name, value), site)
    guard.note(box, name, change, site, label)
    return _just_value(run())


def _cached(obj: Any, descriptor: Any, site: Site) -> Steps:
    """`functools.cached_property`: look, compute, store. Since Python 3.12 no lock is around it."""
    name = descriptor.attrname
    found = yield from answer(_attribute(obj, name, False, lambda: vars(obj).get(name, _MISSING), site))
    if found is not _MISSING:
        return found
    value = yield from answer(call(site, descriptor.func, obj))
    yield from answer(_attribute(obj, name, True, lambda: vars(obj).__setitem__(name, value), site, value))
    return value


_MISSING: Any = object()


def answer(made: Any) -> Steps:
    return (yield from made) if type(made) is GeneratorType else made


def _shared(kind: int, obj: Any, name: str, value: Any, site: Site) -> Steps:
    return (yield (kind, obj, name, value, site) if kind == WRITE else (kind, obj, name, site))


def store(obj: Any, name: str, value: Any, site: Site) -> Any:
    """``obj.name = value``."""
    cls = type(obj)
    fields = FIELDS.get(cls)
    if fields is not None and name in fields:
        return _shared(WRITE, obj, name, value, site)
    found = in_class(cls, name)
    if type(found) is property and own(found.fset):
        return call(site, found.fset, obj, value)
    setter = in_class(cls, "__setattr__")
    if own(setter):
        return call(site, setter, obj, name, value)
    return store_plainly(obj, name, value, site)


def store_plainly(obj: Any, name: str, value: Any, site: Site) -> Any:
    """`object.__setattr__`."""

    def run() -> None:
        _set(obj, name, value)

    if isinstance(obj, type):
        forget_classes()
        return _attribute_of_class(obj, name, True, lambda: setattr(obj, name, value), site, value)
    if isinstance(obj, ModuleType):
        return set_global(vars(obj), name, value, site)
    return _attribute(obj, name, True, run, site, value)


def _set(obj: Any, name: str, value: Any) -> None:
    setter = type(obj).__setattr__
    object.__setattr__(obj, name, value) if own(setter) else setattr(obj, name, value)


def remove(obj: Any, name: str, site: Site) -> Any:
    """``del obj.name``."""
    found = in_class(type(obj), name)
    if type(found) is property and own(found.fdel):
        return call(site, found.fdel, obj)
    if name in FIELDS.get(type(obj), ()):
        raise refuse(site, f"the shared field {name} is deleted; assign None instead")
    if isinstance(obj, type | ModuleType):
        raise refuse(site, f"{name} is deleted from a class or module; assign None instead")
    return _attribute(obj, name, True, lambda: delattr(obj, name), site, _Deleted())


class _Deleted:
    def __repr__(self) -> str:
        return "nothing: it is deleted"


# ---------------------------------------------------------------- containers


def _box(guard: Guard, obj: Any, site: Site) -> Box:
    return guard.boxes.get(id(obj)) or guard.touched(obj, "container", site)


def touch(
    obj: Any, where: Hashable, change: bool, run: Callable[[], Any], verb: str, site: Site, *operands: Any
) -> Any:
    """One operation on a container: a step if the container is visible, a note if not."""
    guard = guard_of()
    box = _box(guard, obj, site)
    if box.visible:
        return step(guard, box, where, change, Act(run, verb, where, operands), site)
    guard.note(box, where, change, site)
    return _just_value(run())


def born(value: Any, site: Site) -> Any:
    """A new container made by the program: its place is the line that made it."""
    guard_of().born(value, "container", site)
    return value


def item(obj: Any, index: Any, site: Site) -> Any:
    """``obj[index]``."""
    cls = type(obj)
    if cls is str or cls is tuple or cls is bytes:
        return _just_value(obj[index])
    method = in_class(cls, "__getitem__")
    if own(method):
        return call(site, method, obj, index)
    if is_container(obj):
        missing = in_class(cls, "__missing__")
        if own(missing) or (hasattr(obj, "default_factory") and index not in obj):
            return _missing(obj, index, site)
        return touch(obj, part(obj, index, False), False, lambda: obj[index], "reads {box}[{0}]: {value}", site, index)
    return _opaque(obj, lambda: obj[index], site)


def _missing(obj: Any, index: Any, site: Site) -> Steps:
    """A `defaultdict` makes what it lacks: it looks, calls, and stores."""
    there = yield from answer(touch(obj, WHOLE, False, lambda: index in obj, VERBS["__contains__"], site, index))
    if there:
        verb = "reads {box}[{0}]: {value}"
        return (yield from answer(touch(obj, part(obj, index, False), False, lambda: obj[index], verb, site, index)))
    method = in_class(type(obj), "__missing__")
    if own(method):
        return (yield from answer(call(site, method, obj, index)))
    factory = getattr(obj, "default_factory", None)
    if factory is None:
        raise KeyError(index)
    value = yield from answer(call(site, factory))
    if is_container(value):
        born(value, site)
    verb = VERBS["__setitem__"]
    yield from answer(touch(obj, WHOLE, True, lambda: dict.__setitem__(obj, index, value), verb, site, index, value))
    return value


def set_item(obj: Any, index: Any, value: Any, site: Site) -> Any:
    """``obj[index] = value``."""
    method = in_class(type(obj), "__setitem__")
    if own(method):
        return call(site, method, obj, index, value)
    run = lambda: op.setitem(obj, index, value)  # noqa: E731
    if is_container(obj):
        return touch(obj, part(obj, index, True), True, run, VERBS["__setitem__"], site, index, value)
    return _opaque(obj, run, site)


def remove_item(obj: Any, index: Any, site: Site) -> Any:
    """``del obj[index]``."""
    method = in_class(type(obj), "__delitem__")
    if own(method):
        return call(site, method, obj, index)
    run = lambda: op.delitem(obj, index)  # noqa: E731
    if is_container(obj):
        return touch(obj, WHOLE, True, run, VERBS["__delitem__"], site, index)
    return _opaque(obj, run, site)


def _opaque(obj: Any, run: Callable[[], Any], site: Site) -> Any:
    """An operation inside an object of a library: it may change what it likes of that object."""
    if type(obj).__flags__ & 1 << 8 and not is_container(obj):  # an immutable type
        return _just_value(run())
    note_opaque(obj, site)
    return _just_value(run())


def note_opaque(obj: Any, site: Site) -> None:
    guard = guard_of()
    box = guard.boxes.get(id(obj)) or guard.born(
        obj, "library", site, f"{type(obj).__module__}.{type(obj).__qualname__}"
    )
    guard.note(box, WHOLE, True, site, ("library", box.label[-1]))


def look(value: Any, site: Site) -> Any:
    """A value about to be read as a whole: shown, added, compared, handed to a library."""
    return looked(value, site)[0] if not _visible(value) else _copied(value, site)


def _visible(value: Any) -> bool:
    if type(value) in ATOMS:
        return False
    value = under(value)
    if not is_container(value):
        return False
    box = guard_of().boxes.get(id(value))
    return box is not None and box.visible


def looked(value: Any, site: Site) -> tuple[Any]:
    if type(value) not in ATOMS and is_container(box := under(value)):
        guard = guard_of()
        guard.note(_box(guard, box, site), WHOLE, False, site)
    return (value,)


def _copied(value: Any, site: Site) -> Steps:
    """What a visible container holds at this step."""
    import copy

    box = under(value)
    run = (lambda: copy.copy(value)) if box is value else (lambda: list(value))
    return (yield from answer(touch(box, WHOLE, False, run, "looks at {box}: {value}", site)))


def truth(value: Any, site: Site) -> Any:
    """``bool(value)``."""
    cls = type(value)
    if cls is bool or cls in ATOMS:
        return bool(value)
    for name in ("__bool__", "__len__"):
        method = in_class(cls, name)
        if own(method):
            return _run_then(call(site, method, value), bool)
    if is_container(box := under(value)):
        return touch(box, WHOLE, False, lambda: bool(value), "asks whether {box} is empty: {value}", site)
    return bool(value)


def operator(number: int, a: Any, b: Any, site: Site) -> Any:
    """``a + b`` and the like."""
    if type(a) in ATOMS and type(b) in ATOMS:
        return _OPERATORS[number](a, b)
    return _binary(_OPERATORS[number], f"__{_NAMES[number]}__", f"__r{_NAMES[number]}__", a, b, site)


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
        return _run_then(call(site, method, box, key), (lambda v: not v) if inverted else bool)
    if is_container(box):
        where = part(box, key, False) if isinstance(box, dict) else WHOLE
        run = (lambda: key not in box) if inverted else (lambda: key in box)
        verb = "asks whether {0} is not in {box}: {value}" if inverted else VERBS["__contains__"]
        return touch(box, where, False, run, verb, site, key)
    if type(box) in VIEWS:
        run = (lambda: key not in box) if inverted else (lambda: key in box)
        return touch(under(box), WHOLE, False, run, VERBS["__contains__"], site, key)
    if own(in_class(type(box), "__iter__")) or type(box) is Generating:
        return _run_then(_search(box, key, site), (lambda v: not v) if inverted else bool)
    return (key not in box) if inverted else (key in box)


def _search(source: Any, key: Any, site: Site) -> Steps:
    iterator = yield from answer(iterate(source, site))
    while (value := (yield from answer(following(iterator, site)))) is not END:
        if value is key or (yield from answer(compare(0, value, key, site))):
            return True
    return False


def _run_then(made: Any, then: Callable[[Any], Any]) -> Steps:
    return then((yield from answer(made)))


def _binary(function: Any, name: str, mirrored: str, a: Any, b: Any, site: Site) -> Any:
    """An operator of the program's own classes is a call; containers are read as a whole."""
    forward, backward = in_class(type(a), name), in_class(type(b), mirrored)
    if own(forward) or own(backward):
        return _own_operator(function, forward, backward, a, b, site)
    if _visible(a) or _visible(b):
        return _on_copies(function, a, b, site)
    looked(a, site), looked(b, site)
    value = function(a, b)
    return born(value, site) if is_container(value) else _just_value(value)


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
    a = yield from answer(look(a, site))
    b = yield from answer(look(b, site))
    value = function(a, b)
    return born(value, site) if is_container(value) else value


def inplace(number: int, a: Any, b: Any, site: Site) -> Any:
    """``a += b`` before it is stored: a container takes it in one step."""
    if type(a) in ATOMS and type(b) in ATOMS:
        return _OPERATORS[number](a, b)
    method = in_class(type(a), f"__i{_NAMES[number]}__")
    if own(method):
        return call(site, method, a, b)
    if is_container(a) and method is not None:
        return _inplace(number, a, b, site)
    return operator(number, a, b, site)


def _inplace(number: int, a: Any, b: Any, site: Site) -> Steps:
    b = yield from answer(collected(b, site))
    verb = "extends {box} with {0}" if number == 0 else "changes {box} in place with {0}"
    return (yield from answer(touch(a, WHOLE, True, lambda: _IN_PLACE[number](a, b), verb, site, b)))


MOST_INSIDE = 10_000
"""Objects that a library's function is followed into."""


def look_into(value: Any, site: Site, change: bool, deep: bool) -> None:
    """A library reads ``value``, or may ``change`` it; ``deep``: and what it contains."""
    guard = guard_of()
    todo: list[Any] = [value]
    seen: set[int] = set()
    while todo and len(seen) < MOST_INSIDE:
        thing = todo.pop()
        if type(thing) in ATOMS or id(thing) in seen:
            continue
        seen.add(id(thing))
        inside: list[Any] = []
        if is_container(thing):
            box = _box(guard, thing, site)
            if box.visible and (change or thing is not value):
                raise refuse(site, f"a library looks into {told(box.label)}, which other threads change meanwhile, and "
                                   "not in one step; hold a lock around the call, or hand over a copy")  # fmt: skip
            guard.note(box, WHOLE, change, site)
            inside = [*thing, *thing.values()] if isinstance(thing, dict) else list(thing)
        elif type(thing) is tuple:
            inside = list(thing)
        elif deep and isinstance(getattr(thing, "__dict__", None), dict) and is_controlled(type(thing).__module__):
            matched(thing, site)
            inside = list(vars(thing).values())
        if deep or (thing is value and type(thing) is tuple):
            todo += inside


def matched(value: Any, site: Site) -> Any:
    """The subject of a ``match``: its patterns look where they like, in the same step."""
    if is_container(value):
        return look(value, site)
    if type(value) is tuple:
        for part_ in value:
            looked(part_, site)
    elif isinstance(getattr(value, "__dict__", None), dict) and is_controlled(type(value).__module__):
        guard = guard_of()
        for name in vars(value):
            if ("attribute", _class_name(type(value)), name) in guard.visible.found:
                raise refuse(site, f"{type(value).__name__}.{name}, which other threads change, is looked at by a "
                                   "match or a library; read it into a variable first")  # fmt: skip
            _attribute(value, name, False, lambda: None, site)
    return value


# ---------------------------------------------------------------- variables of functions and modules


def cells(function: Any, names: tuple[str, ...], site: Site) -> None:
    """The captured variables that a call makes."""
    guard = guard_of()
    for name, cell in zip(names, function.__closure__ or (), strict=False):
        guard.born(cell, "cell", site, name)
        guard.boxes[id(cell)].label = ("cell", site[1], name)
        guard.boxes[id(cell)].visible = ("cell", site[1], name) in guard.visible.found


def _cell(function: Any, name: str, change: bool, run: Callable[[Any], Any], site: Site, *value: Any) -> Any:
    cell = function.__closure__[0]
    guard = guard_of()
    box = guard.boxes.get(id(cell))
    if box is None:
        box = guard.born(cell, "cell", site, name)
        box.label = ("cell", site[1], name)
        box.visible = box.label in guard.visible.found
    if box.visible:
        verb = "writes {box} = {0}" if change else "reads {box}: {value}"
        return step(guard, box, name, change, Act(lambda: run(cell), verb, name, value), site)
    guard.note(box, name, change, site)
    return _just_value(run(cell))


def load_cell(function: Any, name: str, site: Site) -> Any:
    """A captured variable that is bound more than once."""

    def run(cell: CellType) -> Any:
        try:
            return cell.cell_contents
        except ValueError:
            raise NameError(f"cannot access free variable {name!r} where it is not associated with a value") from None

    return _cell(function, name, False, run, site)


def set_cell(function: Any, name: str, value: Any, site: Site) -> Any:
    def run(cell: CellType) -> None:
        cell.cell_contents = value

    return _cell(function, name, True, run, site, value)


def _global(scope: dict[str, Any], name: str, change: bool, run: Callable[[], Any], site: Site, *value: Any) -> Any:
    guard = guard_of()
    module = str(scope.get("__name__"))
    box = guard.boxes.get(id(scope)) or guard.born(scope, "global", site, module)
    label = ("global", module, name)
    if label in guard.visible.found:
        verb = "writes {box} = {0}" if change else "reads {box}: {value}"
        return step(guard, box, name, change, Act(run, verb, name, value), site)
    guard.note(box, name, change, site, label)
    return _just_value(run())


def load_global(scope: dict[str, Any], name: str, site: Site) -> Any:
    """A global that some function binds."""

    def run() -> Any:
        if name in scope:
            return scope[name]
        found = scope["__builtins__"]
        found = found if isinstance(found, dict) else vars(found)
        if name in found:
            return found[name]
        raise NameError(f"name {name!r} is not defined")

    return _global(scope, name, False, run, site)


def set_global(scope: dict[str, Any], name: str, value: Any, site: Site) -> Any:
    return _global(scope, name, True, lambda: scope.__setitem__(name, value), site, value)


# ---------------------------------------------------------------- iteration

END: Any = type("End", (), {"__repr__": lambda self: "end"})()


class Produced:
    """What a generator of the program yields, as opposed to the operations that it makes on the way."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


class Generating:
    """A generator of the program. ``steps`` runs it under control up to its next value."""

    __slots__ = ("gen", "result", "running")

    def __init__(self, gen: Steps) -> None:
        self.gen = gen
        self.running = False
        self.result: Any = None

    def __iter__(self) -> Generating:
        return self

    def __next__(self) -> Any:
        value = natively(self.steps)
        if value is END:
            raise StopIteration
        return value

    def steps(self, sent: Any = None, error: Any = None) -> Steps:
        """Up to the next ``yield``: its value, or END."""
        if self.running:
            raise ValueError("generator already executing")
        self.running = True
        try:
            made = self.gen.throw(error) if error is not None else self.gen.send(sent)
            while type(made) is not Produced:
                try:
                    answer = yield made
                except BaseException as raised:
                    made = self.gen.throw(raised)
                else:
                    made = self.gen.send(answer)
            return made.value
        except StopIteration as stop:
            self.result = stop.value
            return END
        finally:
            self.running = False


def generating(gen: Steps) -> Generating:
    """A generator object of the program."""
    return Generating(gen)


def delegate(source: Any) -> Steps:
    """``yield from source``."""
    site: Site = ("", "", 0)
    iterator = yield from answer(iterate(source, site))
    while (value := (yield from answer(following(iterator, site)))) is not END:
        yield Produced(value)
    return getattr(iterator, "result", None)


class Loop:
    """An iterator over a container under guard: each value is read in a step of its own, if the container has steps."""

    __slots__ = ("box", "it")

    def __init__(self, box: Any) -> None:
        self.box = box
        self.it = iter(box)

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        return natively(lambda: answer(following(self, ("", "", 0)))) if _visible(self.box) else next(self.it)


def iterate(source: Any, site: Site) -> Any:
    """``iter(source)``."""
    cls = type(source)
    if is_container(source) and not own(in_class(cls, "__iter__")):
        looked(source, site)
        return Loop(source)
    if cls in VIEWS:
        return _view(source, site)
    method = in_class(cls, "__iter__")
    if own(method):
        return call(site, method, source)
    if method is None and own(in_class(cls, "__getitem__")):
        return generating(_by_index(source, site))
    return iter(source)


def _view(source: Any, site: Site) -> Any:
    """A view of a dict: reading it is reading the dict."""
    loop = Loop(under(source))
    loop.it = iter(source)
    looked(source, site)
    return loop


def _by_index(source: Any, site: Site) -> Steps:
    index = 0
    while True:
        try:
            value = yield from answer(item(source, index, site))
        except IndexError:
            return
        yield Produced(value)
        index += 1


def following(iterator: Any, site: Site) -> Any:
    """The next value of an iterator, or END."""
    cls = type(iterator)
    if cls is Loop:
        if _visible(iterator.box):
            verb = "takes the next value of {box}: {value}"
            return touch(iterator.box, WHOLE, False, lambda: next(iterator.it, END), verb, site)
        looked(iterator.box, site)
        return _just_value(next(iterator.it, END))
    if cls is Generating:
        return iterator.steps()
    method = in_class(cls, "__next__")
    if own(method):
        return _own_next(method, iterator, site)
    return _just_value(next(iterator, END))


def _own_next(method: Any, iterator: Any, site: Site) -> Steps:
    try:
        return (yield from answer(call(site, method, iterator)))
    except StopIteration:
        return END


def put(out: Any, *parts: Any) -> None:
    """A value for the container that a comprehension makes, which nobody else has yet."""
    if type(out) is list:
        out.append(parts[0])
    elif type(out) is set:
        out.add(parts[0])
    else:
        out[parts[0]] = parts[1]


def collected(source: Any, site: Site) -> Any:
    """``source`` as a value that a library can read at once: what the program makes is made under control."""
    cls = type(source)
    if cls in ATOMS or cls is tuple:
        return source
    if cls is Loop or cls is Generating or own(in_class(cls, "__iter__")) or own(in_class(cls, "__next__")):
        return _collect(source, site)
    return look(source, site)


def _collect(source: Any, site: Site) -> Steps:
    out: list[Any] = []
    iterator = yield from answer(iterate(source, site))
    while (value := (yield from answer(following(iterator, site)))) is not END:
        out.append(value)
    return out


def unpack(source: Any, site: Site) -> Any:
    """What is on the right of ``a, b = ...`` or behind a star."""
    return collected(source, site)


# ---------------------------------------------------------------- from outside


def natively(generator: Any, /, *args: Any, **kwargs: Any) -> Any:
    """Run a rewritten function for a caller that is not under control: it may touch what is no step, no more."""
    gen = generator(*args, **kwargs)
    answer = None
    while True:
        try:
            made = gen.send(answer)
        except StopIteration as stop:
            return stop.value
        if made[0] == BEAT:
            answer = None
            continue
        gen.close()
        CLERK.refuse(_what(made))


def _what(made: Any) -> str:
    return "an access of what other threads change"
