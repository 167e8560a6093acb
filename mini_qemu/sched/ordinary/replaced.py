# SPDX-License-Identifier: GPL-2.0-or-later
"""The tables of what is replaced while an exploration runs. The modules of the words fill them."""

from __future__ import annotations

import concurrent.futures
import queue
import threading
from collections.abc import Callable
from typing import Any

from .access import guard_of

REPLACED: dict[Any, Any] = {}
"""What stands for a class or function of the standard library while an exploration runs: a class, or a function that
is called with the arguments and may return a generator of steps.
"""

TWINS: list[tuple[type, Callable[[Any], Any]]] = []
"""Real objects made before the exploration (a module's lock): their type, and how to make the controlled one."""

CARRIERS: set[type] = set()
"""Classes of the standard library that stay what they are, and whose methods are replaced: `threading.Thread`."""


def twin(value: Any) -> Any:
    """The controlled object that stands for ``value``, which may be a real lock or queue; else ``value`` itself."""
    for cls, make in TWINS:
        if type(value) is cls:
            guard = guard_of()
            known = guard.twins.get(id(value))
            if known is None:
                known = guard.twins[id(value)] = (value, make(value))
            return known[1]
    return value


def word_of(thing: Any) -> str:
    """How a program names a class or function of `threading`, `queue` or `concurrent.futures`."""
    for module in (threading, queue, concurrent.futures):
        for name, value in vars(module).items():
            if value is thing and not name.startswith("_"):
                return f"{module.__name__}.{name}"
    return f"{thing.__module__}.{thing.__qualname__}"
