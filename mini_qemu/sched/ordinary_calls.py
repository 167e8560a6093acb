# SPDX-License-Identifier: GPL-2.0-or-later
"""Calls in ordinary code: the program's own functions run under control, Python's at once, the rest is asked.

Strategy: `call` decides by what is called. Functions of controlled modules are rewritten (`ordinary`); a class of the
program is made under control, so that its ``__init__`` and ``__new__`` are; the methods of containers are one operation
each; `threading`, `queue` and `concurrent.futures` are replaced by what `REPLACED` holds. Everything else runs plainly:
what it is given is noted as read, and as changed too unless it is on the short list of harmless ones.

Left out: a library function that keeps what it is given and looks at it later.
"""

from __future__ import annotations

import collections
import contextlib
import functools
import inspect
from collections.abc import Callable
from types import (
    BuiltinFunctionType,
    FunctionType,
    GeneratorType,
    MethodDescriptorType,
    MethodType,
    MethodWrapperType,
    ModuleType,
    WrapperDescriptorType,
)  # fmt: skip
from typing import Any

from . import containers, plain
from .containers import LOOKS, VERBS, is_container
from .guard import WHOLE, Site
from .instrument import HELPER_VALUES, construct_shared, instrument, just
from .ordinary import Ordinary
from .plain import ATOMS, Steps, in_class, own, refuse
from .shared import Shared

REPLACED: dict[Any, Any] = {}
"""What stands for a class or function of the standard library while an exploration runs: a class, or a function that
is called with the arguments and may return a generator of steps.
"""

TWINS: list[tuple[type, Callable[[Any], Any]]] = []
"""Real objects made before the exploration (a module's lock): their type, and how to make the controlled one."""

_HARMLESS = {
    "builtins", "math", "operator", "itertools", "collections", "string", "re", "json", "functools", "statistics",
    "textwrap", "dataclasses", "enum", "typing", "copy", "bisect", "heapq", "abc", "numbers", "fractions", "decimal",
    "_operator", "_collections", "_functools", "_json", "_heapq", "_bisect", "_abc", "_collections_abc", "types",
    "collections.abc", "contextlib", "hashlib", "_hashlib", "_sha2", "_sha256", "_md5", "base64", "binascii", "struct",
    "_struct", "inspect", "warnings", "traceback", "logging", "sys", "weakref", "_weakref", "pprint", "reprlib",
    "difflib", "keyword", "array", "_decimal", "_statistics", "_string", "_sre", "_contextvars",
}  # fmt: skip
"""Modules whose functions read what they are given and keep no state that a program could share."""

_SHALLOW = {"builtins", "operator", "itertools", "collections", "math", "functools", "heapq", "bisect", "array"}
"""Modules whose functions look at what they are given, and not at what that contains."""

_CHANGES_FIRST = {
    "heappush", "heappop", "heapify", "heapreplace", "heappushpop", "insort", "insort_left", "insort_right", "shuffle",
}  # fmt: skip
"""Functions that change their first argument."""

_OUTSIDE = {
    **dict.fromkeys(("socket", "_socket", "select", "selectors", "ssl", "http", "urllib", "requests", "socketserver"),
                    "waits for the network, which the explorer cannot control; put a queue.Queue in its place"),
    **dict.fromkeys(("subprocess", "multiprocessing", "_multiprocessing", "_posixsubprocess", "signal", "_signal"),
                    "waits for another process, which the explorer cannot control; make it a threading.Thread"),
    **dict.fromkeys(("asyncio", "_asyncio"), "needs an event loop, which the explorer does not run; use threads"),
    **dict.fromkeys(("random", "_random", "secrets", "uuid"),
                    "is random: the same schedule must give the same run; pass the value as an argument, or take "
                    "choose(n), and every value is tried"),
    **dict.fromkeys(("io", "_io", "pathlib", "tempfile", "shutil", "sqlite3", "_sqlite3"),
                    "works on files, which outlive a run; keep the data in memory"),
    **dict.fromkeys(("ctypes", "_ctypes", "numpy"), "works on memory that the explorer cannot see"),
    **dict.fromkeys(("sched",), "runs by the clock; call the function in a thread"),
}  # fmt: skip
_CLOCK = "reads the clock, and time does not exist for the explorer: a time-out may come or not, and both are tried"
_FUNCTIONS_OUTSIDE = {
    **dict.fromkeys((("builtins", "mappingproxy"), ("builtins", "memoryview"), ("collections", "ChainMap")),
                    "is a window on a container, through which the explorer cannot see; use the container itself"),
    ("builtins", "input"): "waits for somebody to type; pass the value as an argument",
    ("builtins", "open"): "works on files, which outlive a run; keep the data in memory",
    **dict.fromkeys((("builtins", "exec"), ("builtins", "eval")),
                    "runs code that the explorer does not see; write it as a function"),
    **{("time", name): _CLOCK for name in ("time", "monotonic", "perf_counter", "time_ns", "monotonic_ns",
                                           "perf_counter_ns", "process_time", "localtime", "gmtime", "strftime")},
    **{("datetime", name): _CLOCK for name in ("now", "today", "utcnow")},
    **{("posix", name): "asks the operating system, which the explorer cannot control; pass the value as an argument"
       for name in ("system", "fork", "popen", "read", "write", "open", "urandom", "wait", "waitpid", "kill")},
}  # fmt: skip


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
            return made[1](*args, **kwargs)
        return _library(site, f, args, kwargs)
    if isinstance(f, type):
        return construct(site, f, args, kwargs)
    if kind in _BUILTIN:
        return _builtin(site, f, args, kwargs)
    if kind is functools.partial:
        return call(site, f.func, *f.args, *args, **{**f.keywords, **kwargs})
    method = in_class(kind, "__call__")
    if type(method) is FunctionType:
        return call(site, method, f, *args, **kwargs)
    wrapped = getattr(f, "__wrapped__", None)
    if wrapped is not None and own(wrapped):
        raise refuse(
            site,
            f"{getattr(f, '__qualname__', f)} is wrapped by {kind.__module__.strip('_')}.{kind.__name__.strip('_')}, "
            "which keeps what one run computed for the next; write the cache as a dict",
        )
    return _library(site, f, args, kwargs)


_BUILTIN = {BuiltinFunctionType, MethodDescriptorType, WrapperDescriptorType, MethodWrapperType}


def _prepare(f: FunctionType, site: Site) -> tuple[Any, Any]:
    """Decide once how calls of ``f`` are made: (its code, what to call instead or None)."""
    found: Any = REPLACED.get(f)
    engine = f.__dict__.get("__controlled__")
    if found is not None:
        pass
    elif engine is not None and type(engine) is not tuple:
        found = engine
    elif f.__code__.co_filename == contextlib.__file__ and own(inner := getattr(f, "__wrapped__", None)):
        found = functools.partial(_managed, inner)
    elif own(f):
        found = instrument(f, Ordinary, {**HELPERS, "_sched_globals": f.__globals__})
        if f.__code__.co_flags & inspect.CO_GENERATOR:
            found = _makes(found)
    made = f.__code__, found
    f.__dict__["__ordinary__"] = made
    return made


def _makes(generator: Any) -> Callable[..., Any]:
    """What calls of a generator function do: nothing yet."""
    return lambda *args, **kwargs: plain.generating(generator(*args, **kwargs))


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


def _managed(inner: Any, *args: Any, **kwargs: Any) -> Any:
    """A function under `contextlib.contextmanager`."""
    from . import library

    return library.Managed(call(("", "", 0), inner, *args, **kwargs))


# ---------------------------------------------------------------- objects


def construct(site: Site, cls: type, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """``cls(*args, **kwargs)``."""
    if cls in REPLACED:
        return REPLACED[cls](*args, **kwargs)
    if issubclass(cls, Shared):
        return construct_shared(cls, args, kwargs)
    maker = in_class(type(cls), "__call__")
    if own(maker):
        return call(site, maker, cls, *args, **kwargs)
    if type(maker) is WrapperDescriptorType and own_class(cls):
        return build(site, cls, args, kwargs)
    special = _SPECIAL.get(cls)
    if special is not None:
        return special(site, *args, **kwargs)
    if cls in ATOMS or issubclass(cls, BaseException):
        return cls(*args, **kwargs)
    return _library(site, cls, args, kwargs)


def own_class(cls: type) -> bool:
    """Whether ``cls`` is a class of the program, or one of its classes' bases is."""
    from .instrument import is_controlled

    return any(is_controlled(base.__module__) for base in cls.__mro__) or any(base in CARRIERS for base in cls.__mro__)


CARRIERS: set[type] = set()
"""Classes of the standard library that stay what they are, and whose methods are replaced: `threading.Thread`."""


def build(site: Site, cls: type, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Steps:
    """An object of the program: ``__new__`` and ``__init__`` are calls like any other."""
    new = in_class(cls, "__new__")
    new = new.__func__ if isinstance(new, staticmethod) else new
    if own(new):
        obj = yield from plain.answer(call(site, new, cls, *args, **kwargs))
    elif new is object.__new__:
        if (args or kwargs) and in_class(cls, "__init__") is object.__init__:
            raise TypeError(f"{cls.__name__}() takes no arguments")
        obj = object.__new__(cls)
    else:
        obj = new(cls, *args, **kwargs)
    if not isinstance(obj, cls):
        return obj
    if not is_container(obj):
        plain.guard_of().born(obj, "attribute", site, f"{cls.__module__}.{cls.__qualname__}")
    else:
        plain.born(obj, site)
    init = in_class(type(obj), "__init__")
    if type(init) is FunctionType:
        yield from plain.answer(call(site, init, obj, *args, **kwargs))
    elif init is not object.__init__:
        init(obj, *args, **kwargs)
    adopt(obj, site)
    return obj


def adopt(obj: Any, site: Site) -> None:
    """What a constructor that ran plainly has made: containers get their boxes, real locks are replaced."""
    values = getattr(obj, "__dict__", None)
    if type(values) is not dict:
        return
    guard = plain.guard_of()
    for name, value in list(values.items()):
        if is_container(value):
            guard.born(value, "container", site, name)
        elif (controlled := twin(value)) is not value:
            values[name] = controlled


def twin(value: Any) -> Any:
    """The controlled object that stands for ``value``, which may be a real lock or queue; else ``value`` itself."""
    for cls, make in TWINS:
        if type(value) is cls:
            guard = plain.guard_of()
            known = guard.twins.get(id(value))
            if known is None:
                known = guard.twins[id(value)] = (value, make(value))
            return known[1]
    return value


# ---------------------------------------------------------------- Python's own


def _builtin(site: Site, f: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    if f in REPLACED:
        return REPLACED[f](*args, **kwargs)
    owner = getattr(f, "__self__", None)
    if owner is None and type(f) is not BuiltinFunctionType and args:  # list.append(box, x), object.__setattr__(...)
        special = _UNBOUND.get(f)
        if special is not None:
            return special(site, *args, **kwargs)
        if twin(args[0]) is not args[0]:
            return call(site, getattr(twin(args[0]), f.__name__), *args[1:], **kwargs)
        if is_container(args[0]):
            return _method(site, f.__get__(args[0]), args[0], args[1:], kwargs)
        return _library(site, f, args, kwargs)
    special = _SPECIAL.get(f) if type(owner) is ModuleType else None
    if special is not None:
        return special(site, *args, **kwargs)
    if type(f) is MethodWrapperType:
        if f.__name__ == "__setattr__" and type(owner) is not type:
            return plain.store_plainly(owner, args[0], args[1], site)
        if f.__name__ == "__call__" and isinstance(owner, type):
            return build(site, owner, args, kwargs)
    if twin(owner) is not owner:
        return call(site, getattr(twin(owner), f.__name__), *args, **kwargs)
    if is_container(owner):
        return _method(site, f, owner, args, kwargs)
    return _library(site, f, args, kwargs)


def _method(site: Site, f: Any, box: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A method of a container: one operation."""
    name = f.__name__
    if name == "__init__":
        return _library(site, f, args, kwargs)
    if name == "sort" and kwargs.get("key") is not None:
        return _sorted_in_place(site, box, **kwargs)
    if any(type(a) not in ATOMS and type(a) is not tuple for a in args) and name in _TAKES_MANY:
        return _with_collected(site, f, box, args, kwargs)
    args = tuple(twin_free(a) for a in args)
    return _one(site, f, box, args, kwargs)


_TAKES_MANY = {
    "extend", "update", "extendleft", "__iadd__", "union", "intersection", "difference", "difference_update",
    "intersection_update", "symmetric_difference", "symmetric_difference_update", "issubset", "issuperset", "subtract",
    "isdisjoint", "__ior__", "__isub__", "__iand__", "__ixor__", "__eq__", "__add__", "join",
}  # fmt: skip


def twin_free(value: Any) -> Any:
    return value


def _one(site: Site, f: Any, box: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    name = f.__name__
    change = name not in LOOKS
    part: Any = WHOLE
    if name in ("get", "__contains__", "__getitem__") and isinstance(box, dict) and args:
        part = containers.part(box, args[0], False)
    verb = VERBS.get(name, f"calls {{box}}.{name}()")
    made = plain.touch(box, part, change, functools.partial(_made, f, args, kwargs, site), verb, site, *args)
    return made


def _made(f: Any, args: tuple[Any, ...], kwargs: dict[str, Any], site: Site) -> Any:
    value = f(*args, **kwargs)
    if is_container(value):
        plain.born(value, site)
    return value


def _with_collected(site: Site, f: Any, box: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Steps:
    given = []
    for argument in args:
        given.append((yield from plain.answer(plain.collected(argument, site))))
    return (yield from plain.answer(_one(site, f, box, tuple(given), kwargs)))


def _sorted_in_place(site: Site, box: Any, key: Any, reverse: bool = False) -> Steps:
    """``list.sort(key=...)``: the keys are computed under control, then the list changes in one step."""
    made = yield from plain.answer(_SPECIAL[sorted](site, box, key=key, reverse=reverse))
    return (yield from plain.answer(
        plain.touch(box, WHOLE, True, lambda: box.__setitem__(slice(None), made), VERBS["sort"], site)
    ))  # fmt: skip


def _library(site: Site, f: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A call of what is not the program's own."""
    if f in REPLACED if isinstance(f, collections.abc.Hashable) and not is_container(f) else False:
        return REPLACED[f](*args, **kwargs)
    module, name = _home(f)
    _refuse_outside(site, module, name)
    if all(type(a) in ATOMS for a in args) and not kwargs:
        if _is_harmless(module, f):
            value = f(*args)
            return _received(value, site)
    return _with_shared(site, f, module, name, args, kwargs)


def _received(value: Any, site: Site) -> Any:
    """What a library returned: its containers are under guard from now on."""
    if is_container(value):
        plain.born(value, site)
        for inside in list(value.values() if isinstance(value, dict) else value)[:1000]:
            if is_container(inside):
                _received(inside, site)
    return just(value) if type(value) is GeneratorType else value


def _home(f: Any) -> tuple[str, str]:
    """Module and name of what is called."""
    owner = getattr(f, "__self__", None)
    if type(f) in (MethodDescriptorType, WrapperDescriptorType):
        module = f.__objclass__.__module__
    elif owner is None or isinstance(owner, ModuleType):
        module = getattr(f, "__module__", None) or (owner.__name__ if owner is not None else "builtins")
    else:
        module = (owner if isinstance(owner, type) else type(owner)).__module__
    return str(module), str(getattr(f, "__qualname__", getattr(f, "__name__", type(f).__name__)))


def _is_harmless(module: str, f: Any) -> bool:
    return module in _HARMLESS or module.partition(".")[0] in _HARMLESS or isinstance(f, type)


def _refuse_outside(site: Site, module: str, name: str) -> None:
    top = module.partition(".")[0].lstrip("_")
    short = name.rpartition(".")[2]
    reason = _FUNCTIONS_OUTSIDE.get((module, short)) or _OUTSIDE.get(module) or _OUTSIDE.get(module.partition(".")[0])
    if module in ("threading", "queue", "_queue", "_thread") or module.startswith("concurrent"):
        reason = "is not among the words of threading, queue and concurrent.futures that the explorer knows"
    if reason is not None:
        raise refuse(site, f"{top}.{name} {reason}" if top != "builtins" else f"{name}() {reason}")


def _with_shared(site: Site, f: Any, module: str, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The library gets values it can read at once, and callbacks that it can call."""
    if getattr(f, "__name__", "") in _CHANGES_FIRST and args and plain._visible(args[0]) and not kwargs:
        run = functools.partial(_made, f, args, kwargs, site)
        return plain.touch(args[0], WHOLE, True, run, f"calls {f.__name__}({{box}})", site)
    if any(_has_steps(value) for value in (*args, *kwargs.values())):
        return _after_steps(site, f, module, args, kwargs)
    lazy = module == "itertools"
    given = [_handed(value, lazy, site) for value in args]
    named = {key: _handed(value, lazy, site) for key, value in kwargs.items()}
    _note_given(site, f, module, (*args, *kwargs.values()))
    return _received(f(*given, **named), site)


def _has_steps(value: Any) -> bool:
    cls = type(value)
    if cls in ATOMS:
        return False
    return plain._visible(value) or cls is plain.Generating or own(in_class(cls, "__iter__"))


def _after_steps(site: Site, f: Any, module: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Steps:
    _refuse_change(site, f, module, args)
    given = []
    for value in args:
        given.append((yield from plain.answer(plain.collected(value, site) if _has_steps(value) else _boxed(value))))
    named = {}
    for key, value in kwargs.items():
        named[key] = yield from plain.answer(plain.collected(value, site) if _has_steps(value) else _boxed(value))
    return (yield from plain.answer(_with_shared(site, f, module, "", tuple(given), named)))


def _boxed(value: Any) -> Any:
    return just(value) if type(value) is GeneratorType else value


def _refuse_change(site: Site, f: Any, module: str, args: tuple[Any, ...]) -> None:
    if not _is_harmless(module, f) and any(plain._visible(a) for a in args):
        raise refuse(
            site,
            f"{module}.{getattr(f, '__name__', '')} is given a container that other threads use at the same time, "
            "and may change it in more than one step; hold a lock around the call, or hand over a copy",
        )


def _handed(value: Any, lazy: bool, site: Site) -> Any:
    """A value as a library may have it: functions of the program drive themselves."""
    kind = type(value)
    if kind is MethodType and own(value.__func__):
        return functools.partial(plain.natively, functools.partial(_started, value.__func__, site), value.__self__)
    if kind is FunctionType and own(value):
        made = value.__dict__.get("__ordinary__") or _prepare(value, site)
        return functools.partial(plain.natively, functools.partial(_started, value, site)) if made[1] else value
    if lazy and is_container(value):
        return plain.Loop(value)
    return value


def _started(f: Any, site: Site, *args: Any, **kwargs: Any) -> Steps:
    return (yield from plain.answer(call(site, f, *args, **kwargs)))


def _note_given(site: Site, f: Any, module: str, values: tuple[Any, ...]) -> None:
    """What is handed to a library is read; what is handed to one that is not known as harmless may change too."""
    harmless = _is_harmless(module, f)
    first = getattr(f, "__name__", "") in _CHANGES_FIRST
    deep = module.partition(".")[0].lstrip("_") not in _SHALLOW or f in (str, repr, format)
    for i, value in enumerate(values):
        if type(value) not in ATOMS:
            plain.look_into(value, site, not harmless or (first and i == 0), deep)
    owner = getattr(f, "__self__", None)
    if owner is not None and not isinstance(owner, ModuleType | type) and type(owner) not in ATOMS:
        if not harmless and not is_container(owner) and type(owner) not in CARRIERS:
            plain.note_opaque(owner, site)


# ---------------------------------------------------------------- builtins that run the program's code


def _getattr(site: Site, obj: Any, name: str, *default: Any) -> Steps:
    try:
        return (yield from plain.answer(plain.load(obj, name, site)))
    except AttributeError:
        if not default:
            raise
        return default[0]


def _hasattr(site: Site, obj: Any, name: str) -> Steps:
    try:
        yield from plain.answer(plain.load(obj, name, site))
    except AttributeError:
        return False
    return True


def _len(site: Site, value: Any) -> Any:
    method = in_class(type(value), "__len__")
    if own(method):
        return call(site, method, value)
    if is_container(box := containers.under(value)):
        return plain.touch(box, WHOLE, False, lambda: len(value), "takes the length of {box}: {value}", site)
    return len(value)


def _next(site: Site, iterator: Any, *default: Any) -> Steps:
    value = yield from plain.answer(plain.following(iterator, site))
    if value is not plain.END:
        return value
    if default:
        return default[0]
    raise StopIteration


def _bool(site: Site, value: Any = False) -> Any:
    return plain.truth(value, site)


def _takes_one(make: Any) -> Callable[..., Any]:
    """A constructor that reads an iterable: list, tuple, set, ..."""

    def made(site: Site, *args: Any, **kwargs: Any) -> Any:
        if args and _has_steps(args[0]):
            return _collected_first(site, make, args, kwargs)
        if args:
            plain.looked(args[0], site)
        return _received(make(*args, **kwargs), site)

    return made


def _collected_first(site: Site, make: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Steps:
    first = yield from plain.answer(plain.collected(args[0], site))
    return _received(make(first, *args[1:], **kwargs), site)


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
        if kwargs.get("key") is not None or any(_is_own_object(a) for a in args):
            return long_way(site, *args, **kwargs)
        if any(_has_steps(a) for a in args):
            return long_way(site, *args, **kwargs)
        for a in args:
            plain.looked(a, site)
        if f in (sorted, min, max) and args and is_container(args[0]) and any(_compares(v) for v in args[0]):
            return long_way(site, *args, **kwargs)
        return _received(f(*args, **kwargs), site)

    return made


def _is_own_object(value: Any) -> bool:
    return type(value) not in ATOMS and not is_container(value) and own_class(type(value))


def _compares(value: Any) -> bool:
    return type(value) not in ATOMS and own(in_class(type(value), "__lt__"))


def _nothing(site: Site, *args: Any, **kwargs: Any) -> None:
    """Printing from a run that is repeated thousands of times helps nobody."""


def _refuse_vars(site: Site, obj: Any = None) -> Any:
    if obj is not None and own_class(type(obj)):
        raise refuse(site, "vars(x) goes around the attributes that are watched; use getattr and setattr")
    raise refuse(site, "vars() looks at variables that the explorer keeps; use a dict")


_SPECIAL: dict[Any, Callable[..., Any]] = {
    getattr: _getattr,
    setattr: lambda site, obj, name, value: plain.store(obj, name, value, site),
    delattr: lambda site, obj, name: plain.remove(obj, name, site),
    hasattr: _hasattr,
    len: _len,
    iter: lambda site, source, *end: plain.iterate(source, site) if not end else _own_word("iter_")(site, source, *end),
    next: _next,
    bool: _bool,
    print: _nothing,
    vars: _refuse_vars,
    **{kind: _takes_one(kind) for kind in (list, tuple, set, frozenset, dict, collections.deque, collections.Counter,
                                           collections.OrderedDict, bytearray)},
    **{f: _reading(f) for f in (sorted, min, max, sum, any, all)},
    **{f: _own_word(f"{f.__name__}_") for f in (map, filter, zip, enumerate, reversed, functools.reduce)},
}  # fmt: skip

_UNBOUND: dict[Any, Callable[..., Any]] = {
    object.__setattr__: lambda site, obj, name, value: plain.store_plainly(obj, name, value, site),
    object.__getattribute__: lambda site, obj, name: plain._attribute(
        obj, name, False, lambda: object.__getattribute__(obj, name), site
    ),
    object.__init__: lambda site, obj, *args, **kwargs: None,
    type.__call__: lambda site, cls, *args, **kwargs: build(site, cls, args, kwargs),
}


HELPERS: dict[str, Any] = {
    **HELPER_VALUES,
    "_sched_call": call,
    "_sched_nested": nested,
    "_sched_load": plain.load,
    "_sched_store": plain.store,
    "_sched_remove": plain.remove,
    "_sched_item": plain.item,
    "_sched_set_item": plain.set_item,
    "_sched_remove_item": plain.remove_item,
    "_sched_iterate": plain.iterate,
    "_sched_next": plain.following,
    "_sched_end": plain.END,
    "_sched_truth": plain.truth,
    "_sched_look": plain.look,
    "_sched_operator": plain.operator,
    "_sched_inplace": plain.inplace,
    "_sched_compare": plain.compare,
    "_sched_born": plain.born,
    "_sched_put": plain.put,
    "_sched_unpack": plain.unpack,
    "_sched_cells": plain.cells,
    "_sched_cell": plain.load_cell,
    "_sched_set_cell": plain.set_cell,
    "_sched_global": plain.load_global,
    "_sched_set_global": plain.set_global,
    "_sched_generating": plain.generating,
    "_sched_produced": plain.Produced,
    "_sched_delegate": plain.delegate,
    "_sched_natively": plain.natively,
    "_sched_slice": slice,
    "_sched_matched": plain.matched,
}

plain._calls.append(call)
