# SPDX-License-Identifier: GPL-2.0-or-later
"""Who is running: the clerk knows the run in progress and refuses operations that nobody controls.

One object serves two masters. Called plainly (*native* mode) it is an ordinary attribute or a `threading` primitive.
Under the explorer instrumented code never comes here: it yields operations, and the world acts on the objects' private
parts. Any call that still arrives here while a world is running comes from uninstrumented code, and is refused.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Generator
from functools import partial
from types import FrameType
from typing import Any

from .errors import InstrumentationError, Uncontrolled
from .ops import Op
from .places import LIBRARIES, OWN_FILES

Steps = Generator[Op, Any, Any]

CONTROLLED: set[str] = set()
"""Modules, and packages with all they contain, whose functions run instrumented."""


def control(*names: str) -> None:
    """Let the functions of these modules or packages run under the explorer.

    The modules of a scenario's functions and of `Shared` classes are controlled without being named.
    """
    CONTROLLED.update(names)


def control_home_of(function: Any) -> str:
    """Control the module that ``function`` was written in, and return its name. What `functools.partial` makes was
    written where its function was: `functools` itself stays a library, as does what is written in C.
    """
    while isinstance(function, partial):
        function = function.func
    module = getattr(function, "__module__", None) or ""
    if module and module not in sys.builtin_module_names:  # "builtins", where a function's globals have no __name__
        control(module)
    return module


_NOT_HERE = (
    "Visible operations cannot stand in a comprehension, lambda, generator, async function, property or constructor, "
    "nor in a library's callback: write a plain loop or function"
)
_NOT_BACK = (
    "It controls what the program itself calls, and not what Python or a library calls back (a destructor, a weak "
    "reference, the comparison of keys): write a plain loop or function"
)


def first_uncontrolled(frame: FrameType) -> FrameType:
    """The frame of the program's own code that left control: the outermost one that is neither rewritten, nor the
    engine's, nor a library's. If there is none, ``frame`` itself.
    """
    found, here = frame, frame.f_back
    while here is not None and not here.f_code.co_filename.startswith(OWN_FILES):
        if any(name.startswith("_sched_") for name in here.f_code.co_freevars):
            break  # rewritten
        if not here.f_code.co_filename.startswith(LIBRARIES):
            found = here
        here = here.f_back
    return found


class Clerk(threading.local):
    """Which run is in progress in this OS thread: it gives new objects their keys. Refuses what nobody controls."""

    def __init__(self) -> None:
        self.active = False  # a world is running a thread of the program under test
        self.world: Any = None  # the run in progress, from its setup on
        self.deadline: float | None = None  # when an exploration has to end
        self.guard: Any = None  # of the run, if it is of ordinary code

    def refuse(self, what: str) -> None:
        """Raise unless no world is running. ``what`` names the operation."""
        if self.active:
            frame = sys._getframe(2)
            if frame.f_code.co_name in {"__repr__", "__str__", "__format__"}:
                return  # looking is not a step
            frame = first_uncontrolled(frame)
            function = frame.f_code.co_qualname.replace("_sched_outer.<locals>.", "")
            raise Uncontrolled(
                f"{frame.f_code.co_filename}:{frame.f_lineno}: {what} in code the explorer does not control "
                f"({function}). {_NOT_HERE if self.guard is None else _NOT_BACK}, or name the module with control(...)"
            )

    def refusal(self, text: str) -> InstrumentationError:
        """An error in using the engine's own words, with the line of the program: a refusal, which is not a finding."""
        frame = sys._getframe(1)
        while frame.f_back is not None and frame.f_code.co_filename.startswith(OWN_FILES):
            frame = frame.f_back
        return InstrumentationError(f"{frame.f_code.co_filename}:{frame.f_lineno}: {text}")

    def looking(self) -> _Looking:
        """``with CLERK.looking():`` reading the state is not a step of the program."""
        return _Looking(self)


class _Looking:
    """A class rather than a generator function: it is entered at the end of every run."""

    __slots__ = ("before", "clerk")

    def __init__(self, clerk: Clerk) -> None:
        self.clerk = clerk
        self.before = False

    def __enter__(self) -> None:
        self.before, self.clerk.active = self.clerk.active, False

    def __exit__(self, *exc: object) -> None:
        self.clerk.active = self.before


CLERK = Clerk()


def controlled_by(generator: Callable[..., Steps]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator: under the explorer, a call of the native function runs ``generator`` instead."""

    def mark(native: Callable[..., Any]) -> Callable[..., Any]:
        generator.__qualname__ = native.__qualname__  # for what Python says about wrong arguments
        native.__dict__["__controlled__"] = generator
        return native

    return mark


def yields(kind: int) -> Callable[..., Steps]:
    """The generator of a method without arguments that is one step of ``kind``."""

    def operation(self: Any) -> Steps:
        return (yield (kind, self))

    return operation
