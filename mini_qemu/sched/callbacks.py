# SPDX-License-Identifier: GPL-2.0-or-later
"""Functions of the program that Python or a library calls: a key's ``__hash__``, a callback, a ``__post_init__``.

The explorer rewrites what the program itself calls. A call that comes from C or from a library meets the function as it
is written, and nobody would see what it touches. Strategy: while a run lasts, each function of the program has the code
of a `Caller` in place of its own, which has it run under control. Code is exchanged, not the function, so
that it does not matter who keeps it: a class, a dict of handlers, a library.

Left out: coroutines, and functions that only a library can reach.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Iterable
from types import CodeType, FunctionType
from typing import Any

from .clerk import CLERK

_ASYNC = inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


class Caller:
    """What is called in the place of function ``f``: under control in a run, as it is written outside."""

    __slots__ = ("code", "f", "natural")

    def __init__(self, f: FunctionType, code: CodeType) -> None:
        self.f = f
        self.code = code
        self.natural = FunctionType(code, f.__globals__, f.__name__, f.__defaults__, f.__closure__)
        self.natural.__kwdefaults__ = f.__kwdefaults__

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not CLERK.active or CLERK.guard is None:
            return self.natural(*args, **kwargs)
        from .ordinary.calls import driven  # which needs this module

        return driven(self.f, args, kwargs)


def code_of(f: FunctionType) -> CodeType:
    """The code that ``f`` was written with."""
    caller = next((c for c in f.__code__.co_consts if type(c) is Caller), None)
    return f.__code__ if caller is None else caller.code


class Exchange:
    """The functions of a program, which have another code while a run lasts."""

    def __init__(self, functions: Iterable[FunctionType]) -> None:
        self.codes = [(f, code_of(f), _asking(f)) for f in functions if not f.__code__.co_flags & _ASYNC]

    def begin(self) -> None:
        for f, _, asking in self.codes:
            f.__code__ = asking

    def end(self) -> None:
        """Everything is as it was; also if nothing was exchanged, or only a part."""
        for f, own, asking in self.codes:
            if f.__code__ is asking:
                f.__code__ = own


def exchange_for_good(functions: Iterable[FunctionType]) -> None:
    """Exchange the code of functions that are made in a run, and end with it."""
    Exchange(functions).begin()


def _asking(f: FunctionType) -> CodeType:
    """The code that asks a `Caller`, under the name and place of ``f``."""
    own = code_of(f)
    code = _template(bool(own.co_flags & inspect.CO_GENERATOR), len(own.co_freevars))
    return code.replace(
        co_consts=tuple(Caller(f, own) if c == _CALLER else c for c in code.co_consts),
        co_freevars=own.co_freevars,
        co_filename=own.co_filename,
        co_firstlineno=own.co_firstlineno,
        co_name=own.co_name,
        co_qualname=own.co_qualname,
    )


_CALLER = "the caller"


@functools.cache
def _template(generates: bool, free: int) -> CodeType:
    """The code of a function with so many captured variables, which calls the constant `_CALLER`."""
    names = [f"free{i}" for i in range(free)]
    lines = [
        "def outer():",
        *(f" {name} = None" for name in names),
        " def asks(*args, **kwargs):",
        *(f"  if 0: {name}" for name in names),
        f"  caller = {_CALLER!r}",
        "  yield from caller(*args, **kwargs)" if generates else "  return caller(*args, **kwargs)",
    ]
    outer = next(c for c in compile("\n".join(lines), "", "exec").co_consts if isinstance(c, CodeType))
    return next(c for c in outer.co_consts if isinstance(c, CodeType))
