# SPDX-License-Identifier: GPL-2.0-or-later
"""Run natural functions under control: rewritten to generators when first called, with every call going through `call`.

Strategy: `call` decides what a call is: a controlled function (its generator is returned, for the caller to delegate
to), an operation of the engine, a constructor, or anything else, which simply runs. A rewritten function keeps the
original's globals, defaults and closure cells, so the two cannot drift apart. What would wait for the real world is
refused by name.
"""

from __future__ import annotations

import builtins
import functools
import inspect
import os
import sys
import weakref
from collections import deque
from collections.abc import Callable, Generator, Mapping
from types import (
    BuiltinFunctionType,
    CellType,
    FunctionType,
    GeneratorType,
    MethodDescriptorType,
    MethodType,
    MethodWrapperType,
    WrapperDescriptorType,
)
from typing import Any

from .callbacks import code_of
from .clerk import CLERK, CONTROLLED, control
from .errors import Closed, InstrumentationError, Stopped
from .ops import READ, WRITE
from .places import OWN_FILES, is_library
from .rewrite import Rewriter, forget, rewritten
from .shared import SHARED_NAMES, Shared
from .source import changed_files

_GENERATES = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
_BLOCKING_MODULES = {
    "threading": "mini_qemu.sched.Mutex, Semaphore or spawn",
    "_thread": "mini_qemu.sched.Mutex",
    **dict.fromkeys(("queue", "_queue", "socket", "_socket", "select", "selectors"), "mini_qemu.sched.Channel"),
    **dict.fromkeys(("subprocess", "multiprocessing", "asyncio", "concurrent"), "a thread of the scenario"),
}


def call(f: Any, /, *args: Any, **kwargs: Any) -> Any:
    """Call ``f`` for instrumented code. A controlled function's generator is returned, to be delegated to."""
    kind = type(f)
    if kind is BuiltinFunctionType and type(f.__self__) in _HARMLESS:
        result = f(*args, **kwargs) if kwargs else f(*args)
        return just(result) if type(result) is GeneratorType else result
    if kind is MethodType:
        args = (f.__self__, *args)
        f = f.__func__
        kind = type(f)
    if kind is FunctionType:
        try:
            found = f.__controlled__
        except AttributeError:
            found = _prepare(f)
        if type(found) is tuple:  # prepared here; functools.wraps may have copied it to a wrapper
            found = found[1] if found[0] is f.__code__ else _prepare(f)
        if found:
            try:
                return found(*args, **kwargs) if kwargs else found(*args)
            except TypeError as error:
                raise misused(f, error) from None
    elif isinstance(f, type):
        return construct_shared(f, args, kwargs)
    elif kind is functools.partial:
        return call(f.func, *f.args, *args, **{**f.keywords, **kwargs})
    elif kind in _BUILTIN_TYPES:
        special = _SPECIAL.get(f)
        if special is not None:
            return special(*args, **kwargs)
        _refuse_blocking(f)
    else:
        method = vars(kind).get("__call__")
        if type(method) is FunctionType:
            return call(method, f, *args, **kwargs)
    result = f(*args, **kwargs)
    return just(result) if type(result) is GeneratorType else result


def misused(f: FunctionType, error: TypeError) -> Exception:
    """What a call with wrong arguments raises: of the engine's own words, a refusal."""
    word = f.__module__ in _WORDS
    return CLERK.refusal(f"{error}; it is called as {f.__name__}{inspect.signature(f)}") if word else error


_WORDS = {f"{__name__.rpartition('.')[0]}.{module}" for module in ("primitives", "handles", "shared", "choice")}

_BUILTIN_TYPES = {BuiltinFunctionType, MethodDescriptorType, WrapperDescriptorType, MethodWrapperType}


def run(f: Any, /, *args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
    """`call`, as a generator in any case."""
    made = call(f, *args, **kwargs)
    return (yield from made) if type(made) is GeneratorType else made


def just(value: Any) -> Generator[Any, Any, Any]:
    return value
    yield


def ran_plainly(made: GeneratorType[Any, Any, Any]) -> bool:
    """Whether a generator that `call` returned holds what a generator function of the program made: nothing runs."""
    return made.gi_code is just.__code__


def _prepare(f: FunctionType) -> Any:
    """Decide once how calls of ``f`` are made; remembered on the function itself."""
    found: Any = False
    if is_controlled(f.__module__) and is_controlled(f.__globals__.get("__name__")):  # `wraps` copies the first
        if not f.__code__.co_flags & _GENERATES:
            found = instrument(f)
    else:
        _refuse_blocking(f)
    f.__dict__["__controlled__"] = (f.__code__, found)
    return found


def is_controlled(module: str | None) -> bool:
    """Whether functions of ``module`` run instrumented: it, or a package that contains it, was named to `control`."""
    if module is None:
        return False
    if module in CONTROLLED:
        return True
    if module.startswith(_OWN_PACKAGE):
        return False
    while "." in module:
        module = module.rpartition(".")[0]
        if module in CONTROLLED:
            return True
    return False


_OWN_PACKAGE = __name__.rpartition(".")[0]


def take_in(module: Any) -> bool:
    """Control ``module`` if it is a file of somebody's own, neither a library's nor the miniature's, and say whether it
    is controlled. So a program is what its functions reach by name, wherever the files are.
    """
    file = getattr(sys.modules.get(module), "__file__", None) if isinstance(module, str) else None
    if file and module not in CONTROLLED and file.endswith(".py") and not file.startswith(_MINI_QEMU):
        if not is_library(module):
            control(module)
    return isinstance(module, str) and is_controlled(module)


_MINI_QEMU = os.path.dirname(OWN_FILES) + os.sep


def construct_shared(cls: type, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Make an object. Under construction it is private to its maker: its constructor runs plainly and may assign its
    shared fields.
    """
    if not issubclass(cls, Shared):
        if cls.__module__.partition(".")[0] in _BLOCKING_MODULES:
            _refuse_blocking(cls)
        return cls(*args, **kwargs)
    world = CLERK.world
    outer = world.fresh
    if outer is None:
        world.fresh = []
    try:
        return cls(*args, **kwargs)
    finally:
        world.fresh = outer


_HARMLESS = {str, bytes, bytearray, int, float, list, tuple, dict, set, frozenset, deque}
"""Types whose methods never wait: most calls of what is not controlled are theirs."""


def _refuse_blocking(f: Any) -> None:
    owner = getattr(f, "__self__", None)
    if type(owner) in _HARMLESS or (owner is builtins and f is not input):
        return
    if type(f) in (MethodDescriptorType, WrapperDescriptorType):
        module = f.__objclass__.__module__
    else:
        module = getattr(f, "__module__", None) if owner is None or inspect.ismodule(owner) else type(owner).__module__
    top = (module or "").partition(".")[0]
    name = getattr(f, "__qualname__", getattr(f, "__name__", repr(f)))
    if top in _BLOCKING_MODULES:
        instead = _BLOCKING_MODULES[top]
    elif (top, name) in {("time", "sleep"), ("builtins", "input")}:
        instead = (
            "nothing instead, since every order is tried anyway"
            if name == "sleep"
            else "a value in the scenario's setup"
        )
    else:
        return
    frame = sys._getframe(2)
    while frame.f_back is not None and frame.f_code.co_filename == __file__:
        frame = frame.f_back
    raise InstrumentationError(
        f"{frame.f_code.co_filename}:{frame.f_lineno}: {top}.{name} waits for the real world, which the explorer "
        f"cannot control; use {instead}"
    )


def _getattr(obj: Any, name: str, *default: Any) -> Any:
    try:
        return (yield (READ, obj, name, None))
    except AttributeError:
        if not default:
            raise
        return default[0]


def _setattr(obj: Any, name: str, value: Any) -> Any:
    yield (WRITE, obj, name, value, None)


def _print(*args: Any, **kwargs: Any) -> None:
    """Printing from a run that is repeated thousands of times helps nobody; `fail(message)` and watched fields do."""


_SPECIAL: dict[Any, Callable[..., Any]] = {getattr: _getattr, setattr: _setattr, print: _print}


def nested(generator: FunctionType) -> Callable[[FunctionType], FunctionType]:
    """Decorator of nested functions in rewritten code: under control, ``generator`` runs instead."""

    def mark(natural: FunctionType) -> FunctionType:
        generator.__defaults__, generator.__kwdefaults__ = natural.__defaults__, natural.__kwdefaults__
        natural.__dict__["__controlled__"] = (natural.__code__, generator)
        return natural

    return mark


def leave(manager: Any) -> Any:
    """The method that ends a ``with``. Raises what ``with`` raises if ``manager`` is nothing to enter and leave."""
    cls = type(manager)
    if not (hasattr(cls, "__enter__") and hasattr(cls, "__exit__")):
        with manager:
            pass
    return cls.__exit__


def instrument(
    f: FunctionType, make: type[Rewriter] = Rewriter, helpers: Mapping[str, Any] | None = None
) -> Callable[..., Generator[Any, Any, Any]]:
    """The generator function for ``f``, as ``make`` rewrites it, with the ``helpers`` that its code asks for. Raises
    InstrumentationError, naming file, line and reason, where that is impossible.
    """
    own = code_of(f)
    code, plain = rewritten(own, f.__qualname__, make)
    _PREPARED[f] = plain
    cells = dict(zip(own.co_freevars, f.__closure__ or (), strict=True))
    cells |= {name: CellType(value) for name, value in (helpers or HELPER_VALUES).items()}
    generator = FunctionType(
        code, f.__globals__, f.__name__, f.__defaults__, tuple(cells[name] for name in code.co_freevars)
    )
    generator.__kwdefaults__ = f.__kwdefaults__
    generator.__qualname__ = f.__qualname__
    generator.__dict__["__natural__"] = f
    return generator


_PREPARED: weakref.WeakKeyDictionary[FunctionType, frozenset[str]] = weakref.WeakKeyDictionary()
_names_known = 0


def refresh() -> None:
    """Forget functions that use a name which has become a shared field since they were rewritten (a class defined in a
    later cell).
    """
    global _names_known
    if _names_known == len(SHARED_NAMES):
        return
    _names_known = len(SHARED_NAMES)
    for f, plain in list(_PREPARED.items()):
        if plain & SHARED_NAMES:
            f.__dict__.pop("__controlled__", None)
            forget(code_of(f))
            del _PREPARED[f]


def reread() -> None:
    """Forget functions whose file has changed since they were rewritten: the next call looks at the file again."""
    changed = {f.__code__.co_filename for f in _PREPARED} & changed_files()
    for f in list(_PREPARED):
        if f.__code__.co_filename in changed:
            for remembered in ("__controlled__", "__ordinary__"):
                f.__dict__.pop(remembered, None)
            forget(code_of(f))
            del _PREPARED[f]


def exc_info() -> tuple[Any, Any, Any]:
    """What `sys.exc_info` says of the program's own exception."""
    kind, error, traceback = sys.exc_info()
    return (type(error.stop), error.stop, traceback) if isinstance(error, Stopped) else (kind, error, traceback)


HELPER_VALUES: dict[str, Any] = {
    "_sched_call": call,
    "_sched_run": run,
    "_sched_type": type,
    "_sched_generator": GeneratorType,
    "_sched_nested": nested,
    "_sched_leave": leave,
    "_sched_stop": Stopped,
    "_sched_exc_info": exc_info,
    "_sched_closed": Closed,
    "_sched_stopped": (KeyboardInterrupt, GeneratorExit),  # the run itself ends: nothing more is carried out
}
