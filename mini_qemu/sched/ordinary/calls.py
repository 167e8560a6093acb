# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls in ordinary code: the program's own functions run under control, Python's at once, the rest is asked.

Strategy: `call` decides by what is called. Functions of controlled modules are rewritten (`ordinary`); a class of the
program is made under control, so that its ``__init__`` and ``__new__`` are; the methods of containers are one operation
each; `threading`, `queue` and `concurrent.futures` are replaced by what `REPLACED` holds. Everything else runs plainly:
what it is given is noted as read, and as changed too unless it is on the short list of harmless ones.

Left out: a library function that keeps what it is given and looks at it later.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import logging
import queue
import weakref
from collections.abc import Callable
from types import (
    BuiltinFunctionType,
    FunctionType,
    GenericAlias,
    MethodDescriptorType,
    MethodType,
    MethodWrapperType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import Any, Generic, TypeVar

from mini_qemu.sched.callbacks import code_of, exchange_for_good
from mini_qemu.sched.instrument import construct_shared, instrument, misused
from mini_qemu.sched.places import LIBRARIES
from mini_qemu.sched.shared import Shared

from .access import ATOMS, Steps, _calls, answer, class_itself, class_name, guard_of, in_class, own, refuse
from .attributes import store_plainly
from .containers import COMPARING, LOOKS, VERBS, is_container, part
from .given import call_library, made_by
from .guard import WHOLE, Site
from .in_c import is_in_c, is_plain
from .items import born, compared, sought, touch
from .iteration import collected, generating, natively
from .outside import refuse_outside
from .replaced import CARRIERS, REPLACED, twin, word_of
from .rewriting import Ordinary
from .state import enter
from .variables import set_by_name

SPECIAL: dict[Any, Callable[..., Any]] = {}
"""Builtins that are called in another way; `builtin_calls` fills it. So it does these three:"""
GETTERS: dict[type, Callable[..., Any]] = {}
UNBOUND: dict[Any, Callable[..., Any]] = {}
HELPERS: dict[str, Any] = {}


def call(site: Site, f: Any, /, *args: Any, **kwargs: Any) -> Any:
    """``f(*args, **kwargs)``. A generator that comes back makes steps, and is to be delegated to."""
    kind = type(f)
    if kind is MethodType:
        args = (f.__self__, *args)
        f = f.__func__
        kind = type(f)
    if kind is FunctionType:
        made = f.__dict__.get("__ordinary__")
        if made is None or made[0] is not f.__code__:
            made = _prepare(f, site)
        if made[1] is not None:
            try:
                return made[1](*args, **kwargs)
            except TypeError as error:
                raise misused(f, error) from None
        if args and twin(args[0]) is not args[0]:  # a condition or queue of the module
            return call(site, getattr(twin(args[0]), f.__name__), *args[1:], **kwargs)
        return call_library(site, f, args, kwargs)
    if isinstance(f, type):
        return construct(site, f, args, kwargs)
    if kind in _BUILTIN:
        return _builtin(site, f, args, kwargs)
    if kind is functools.partial:
        return call(site, f.func, *f.args, *args, **{**f.keywords, **kwargs})
    if kind in _GENERIC:  # queue.Queue[int](), or Stack[int]() of a class derived from Generic
        return call(site, f.__origin__, *args, **kwargs)
    if kind in GETTERS:
        return GETTERS[kind](site, f, *args)
    if kind is weakref.ReferenceType:
        raise refuse(site, "a weak reference is asked for its object, and the explorer does not see when the last "
                           "reference to that goes; keep the object itself")  # fmt: skip
    method = in_class(kind, "__call__")
    if type(method) is FunctionType:
        return call(site, method, f, *args, **kwargs)
    wrapped = getattr(f, "__wrapped__", None)
    if wrapped is not None and own(wrapped):
        code = wrapped.__code__
        raise refuse(
            site if site[0] else (code.co_filename, code.co_name, code.co_firstlineno),
            f"{getattr(f, '__qualname__', f)} is wrapped by {kind.__module__.strip('_')}.{kind.__name__.strip('_')}, "
            "which keeps what one run computed for the next; write the cache as a dict",
        )
    return call_library(site, f, args, kwargs)


_GENERIC = {GenericAlias, type(Generic[TypeVar("_T")])}  # type: ignore[index]
_BUILTIN = {
    BuiltinFunctionType, MethodDescriptorType, WrapperDescriptorType, MethodWrapperType, type(queue.SimpleQueue().get),
}  # fmt: skip


def _prepare(f: FunctionType, site: Site) -> tuple[Any, Any]:
    """Decide once how calls of ``f`` are made: (its code, what to call instead or None)."""
    found: Any = REPLACED.get(f)
    engine = f.__dict__.get("__controlled__")
    if found is not None:
        pass
    elif engine is not None and type(engine) is not tuple:
        found = engine
    elif f.__code__.co_filename == contextlib.__file__ and own(inner := getattr(f, "__wrapped__", None)):
        found = SPECIAL[contextlib.contextmanager](inner)
    elif f.__code__.co_filename == functools.__file__ and callable(choose := getattr(f, "dispatch", None)):
        found = functools.partial(_dispatched, site, choose)
    elif own(f):
        found = instrument(f, Ordinary, {**HELPERS, "_sched_globals": f.__globals__})
        if code_of(f).co_flags & inspect.CO_GENERATOR:
            found = _makes(found)
    made = f.__code__, found
    if found is not None or f.__code__.co_filename.startswith(LIBRARIES):  # another may be controlled later
        f.__dict__["__ordinary__"] = made
    return made


def _dispatched(site: Site, choose: Any, *args: Any, **kwargs: Any) -> Any:
    """A call of a `functools.singledispatch` function."""
    return call(site, choose(type(args[0])), *args, **kwargs)


def driven(f: FunctionType, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Run a function of the program for Python or a library. Its accesses are noted; a step is refused."""
    return natively(answer, call(("", "", 0), f, *args, **kwargs))


DESCRIPTORS = (
    property, staticmethod, classmethod, functools.cached_property, functools.partialmethod, functools.partial,
    functools.singledispatchmethod,
)  # fmt: skip


def inside_descriptor(thing: Any) -> list[Any]:
    """The functions that a property, a class method or the like consists of."""
    made = (getattr(thing, name, None) for name in ("fget", "fset", "fdel", "__func__", "func"))
    return [f for f in made if f is not None]


def functions_of(cls: type) -> list[FunctionType]:
    """The functions that ``cls`` itself defines."""
    found: list[FunctionType] = []
    for value in list(vars(cls).values()):
        inside = inside_descriptor(value) if isinstance(value, DESCRIPTORS) else [value]
        found += [f for f in inside if type(f) is FunctionType and own(f)]
    return found


def class_made(cls: Any) -> Any:
    """A class that a run has made. It and what it holds have their keys from now on, no matter which thread touches
    them first. Python and libraries call its methods as they call those of the module's.
    """
    if isinstance(cls, type):
        exchange_for_good(functions_of(cls))
        guard_of().born(cls, "attribute", ("", "", 0), class_itself(cls)).name = cls.__name__
        for name, value in list(vars(cls).items()):
            if isinstance(value, type) and value.__qualname__.startswith(f"{cls.__qualname__}."):
                class_made(value)
            elif not name.startswith("__"):
                enter(guard_of(), [value], f"{cls.__name__}.{name}")
    return cls


def _makes(generator: Any) -> Callable[..., Any]:
    """What calls of a generator function do: nothing yet."""
    return lambda *args, **kwargs: generating(generator(*args, **kwargs))


def nested(generator: Any, natural: Any, kind: str) -> Any:
    """A function made by a function: ``natural`` for callers that are not under control, ``generator`` for `call`."""
    gen: Any = FunctionType(
        generator.__code__, generator.__globals__, natural.__name__, natural.__defaults__, generator.__closure__
    )
    gen.__kwdefaults__ = natural.__kwdefaults__
    name = natural.__qualname__.replace("_sched_outer.<locals>.", "")
    natural.__qualname__ = name if kind != "lambda" else name.rpartition(".")[0] + ".<lambda>"
    gen.__qualname__ = natural.__qualname__
    natural.__dict__["__ordinary__"] = (natural.__code__, _makes(gen) if kind == "generator" else gen)
    return natural


def construct(site: Site, cls: type, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """``cls(*args, **kwargs)``."""
    if cls in REPLACED:
        return REPLACED[cls](*args, **kwargs)
    if issubclass(cls, Shared):
        made = construct_shared(cls, args, kwargs)
        enter(guard_of(), [made])
        return made
    maker = in_class(type(cls), "__call__")
    if own(maker):
        return call(site, maker, cls, *args, **kwargs)
    if type(maker) is WrapperDescriptorType and own_class(cls):
        return build(site, cls, args, kwargs)
    special = SPECIAL.get(cls)
    if special is not None:
        return special(site, *args, **kwargs)
    if cls is weakref.ReferenceType and len(args) > 1:
        refuse_outside(site, "weakref", "finalize")
    if cls in ATOMS or issubclass(cls, BaseException):
        return cls(*args, **kwargs)
    return call_library(site, cls, args, kwargs)


def own_class(cls: type) -> bool:
    """Whether ``cls`` is a class of the program, or one of its classes' bases is."""
    from mini_qemu.sched.instrument import is_controlled

    return any(is_controlled(base.__module__) for base in cls.__mro__) or any(base in CARRIERS for base in cls.__mro__)


def build(site: Site, cls: type, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Steps:
    """An object of the program: ``__new__`` and ``__init__`` are calls like any other."""
    if own(in_class(cls, "__del__")):
        reason = "is called when the last reference goes, which the explorer does not see; write a method and call it"
        raise refuse(site, f"{cls.__name__}.__del__ {reason}")
    word = next((base for base in cls.__mro__ if base in REPLACED and base not in CARRIERS), None)
    if word is not None:
        reason = "which the explorer puts another class in place of; keep one in an attribute instead"
        raise refuse(site, f"{cls.__name__} is derived from {word_of(word)}, {reason}")
    if issubclass(cls, logging.Handler):
        raise refuse(site, f"{cls.__name__} is a logging handler, and under the explorer logging says nothing; append "
                           "to a list")  # fmt: skip
    new = in_class(cls, "__new__")
    new = new.__func__ if isinstance(new, staticmethod) else new
    if own(new):
        obj = yield from answer(call(site, new, cls, *args, **kwargs))
    elif new is object.__new__:
        if (args or kwargs) and in_class(cls, "__init__") is object.__init__:
            raise TypeError(f"{cls.__name__}() takes no arguments")
        obj = object.__new__(cls)
    else:
        obj = new(cls, *args, **kwargs)
    if not isinstance(obj, cls):
        return obj
    if not is_container(obj):
        guard_of().born(obj, "attribute", site, f"{cls.__module__}.{cls.__qualname__}")
    else:
        born(obj, site)
    init, after = in_class(type(obj), "__init__"), in_class(type(obj), "__post_init__")
    if type(init) is FunctionType and not own(init) and own(after) and type(getattr(obj, "__dict__", None)) is dict:
        given = _without(obj, "__post_init__", init, args, kwargs)
        adopt(obj, site)
        yield from answer(call(site, after, obj, *given))
    elif type(init) is FunctionType:
        yield from answer(call(site, init, obj, *args, **kwargs))
    elif init is not object.__init__:
        init(obj, *args, **kwargs)
    adopt(obj, site)
    return obj


def _without(obj: Any, name: str, init: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
    """Run what `dataclass` wrote, without the method called ``name``: what that would have been given."""
    given: list[tuple[Any, ...]] = [()]
    obj.__dict__[name] = lambda *values: given.append(values)
    try:
        init(obj, *args, **kwargs)
    finally:
        del obj.__dict__[name]
    return given[-1]


def adopt(obj: Any, site: Site) -> None:
    """What a constructor that ran plainly has made: containers get their boxes, real locks are replaced."""
    values = getattr(obj, "__dict__", None)
    if type(values) is not dict:
        return
    guard = guard_of()
    for name, value in list(values.items()):
        if is_container(value):
            guard.born(value, "container", site, name)
        elif (controlled := twin(value)) is not value:
            values[name] = controlled
        elif type(value) not in ATOMS and not isinstance(value, type) and own_class(type(value)):
            guard.born(value, "attribute", site, class_name(type(value)))


def _builtin(site: Site, f: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if f in REPLACED:
        return REPLACED[f](*args, **kwargs)
    owner = getattr(f, "__self__", None)
    if owner is None and type(f) is not BuiltinFunctionType and args:  # list.append(box, x), object.__setattr__(...)
        special = UNBOUND.get(f)
        if special is not None:
            return special(site, *args, **kwargs)
        if twin(args[0]) is not args[0]:
            return call(site, getattr(twin(args[0]), f.__name__), *args[1:], **kwargs)
        if is_container(args[0]):
            return _method(site, f.__get__(args[0]), args[0], args[1:], kwargs)
        return call_library(site, f, args, kwargs)
    special = SPECIAL.get(f) if type(owner) is ModuleType else None
    if special is not None:
        return special(site, *args, **kwargs)
    if type(f) is MethodWrapperType:
        if f.__name__ == "__setattr__" and type(owner) is not type:
            return store_plainly(owner, args[0], args[1], site)
        if f.__name__ == "__call__" and isinstance(owner, type):
            return build(site, owner, args, kwargs)
    if twin(owner) is not owner:
        return call(site, getattr(twin(owner), f.__name__), *args, **kwargs)
    if is_container(owner):
        return _method(site, f, owner, args, kwargs)
    return call_library(site, f, args, kwargs)


def _method(site: Site, f: Any, box: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A method of a container: one operation."""
    name = f.__name__
    if name == "__init__":
        return call_library(site, f, args, kwargs)
    if name in ("items", "keys", "values") and not args and id(box) not in guard_of().dicts:
        return f()  # a view: to make one looks at nothing
    if name == "update" and id(box) in guard_of().dicts:
        return _attributes_updated(site, guard_of().dicts[id(box)][1], dict(*args, **kwargs))
    if name == "sort" and not (is_plain(box) and is_in_c(kwargs.get("key"), box, site)):
        return _sorted_in_place(site, box, **kwargs)
    if any(type(a) not in ATOMS and type(a) is not tuple for a in args) and name in _TAKES_MANY:
        return _with_collected(site, f, box, args, kwargs)
    return _one(site, f, box, args, kwargs)


def _attributes_updated(site: Site, owner: Any, values: dict[str, Any]) -> Steps:
    """``self.__dict__.update(values)``."""
    for name, value in values.items():
        yield from answer(set_by_name(owner, name, value, site) if type(owner) is dict else
                          store_plainly(owner, name, value, site))  # fmt: skip


_TAKES_MANY = {
    "extend", "update", "extendleft", "__iadd__", "union", "intersection", "difference", "difference_update",
    "intersection_update", "symmetric_difference", "symmetric_difference_update", "issubset", "issuperset", "subtract",
    "isdisjoint", "__ior__", "__isub__", "__iand__", "__ixor__", "__eq__", "__add__", "join",
}  # fmt: skip


def _one(site: Site, f: Any, box: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    name = f.__name__
    change = name not in LOOKS
    where: Any = WHOLE
    if name in ("get", "__contains__", "__getitem__") and isinstance(box, dict) and args:
        where = part(box, args[0], False)
    verb = VERBS.get(name, f"calls {{box}}.{name}()")
    run = functools.partial(_comparing if name in COMPARING else made_by, f, args, kwargs, site)
    return touch(box, where, change, run, verb, site, *args)


def _comparing(f: Any, args: tuple[Any, ...], kwargs: dict[str, Any], site: Site) -> Any:
    compared(sought(f.__self__, args[0], f.__name__ == "count") if args else f.__self__, site)
    return made_by(f, args, kwargs, site)


def _with_collected(site: Site, f: Any, box: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Steps:
    given = []
    for argument in args:
        given.append((yield from answer(collected(argument, site))))
    return (yield from answer(_one(site, f, box, tuple(given), kwargs)))


def _sorted_in_place(site: Site, box: Any, key: Any = None, reverse: bool = False) -> Steps:
    """``list.sort`` that calls Python code: as in CPython, the list is empty meanwhile, and must be so at the end."""
    least = 2 if key is None else 1  # with fewer items nothing is called
    run = lambda: _taken_out(box, least, site)  # noqa: E731
    items = yield from answer(touch(box, WHOLE, True, run, "empties {box} to sort it", site))
    if len(items) < least:
        return
    try:
        made = yield from answer(SPECIAL[sorted](site, items, key=key, reverse=reverse))
    except Exception:
        yield from answer(touch(box, WHOLE, True, lambda: _put_back(box, items), "fills {box} again", site))
        raise
    yield from answer(touch(box, WHOLE, True, lambda: _put_back(box, made, True), VERBS["sort"], site))


def _taken_out(box: Any, least: int, site: Site) -> Any:
    items = born(list(box), site)
    if len(items) >= least:
        list.clear(box)
    return items


def _put_back(box: Any, items: list[Any], strictly: bool = False) -> None:
    changed = bool(box)
    list.__setitem__(box, slice(None), items)
    if changed and strictly:
        raise ValueError("list modified during sort")


_calls.append(call)
