# SPDX-License-Identifier: GPL-2.0-or-later
"""Putting an answer in its place: for a function of the miniature, in the middle of one, or where a thread calls it."""

from __future__ import annotations

import itertools
import queue
import sys
import textwrap
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from types import FunctionType
from typing import Any

from lessons.exercises.model import Mount
from lessons.functions import from_text, with_names
from lessons.replace import at_home, edited, original, replace
from mini_qemu.sched import control

ANSWERS = "lessons.answers"  # the module that functions made from text say they belong to
GIVEN = {"threading": threading, "queue": queue, "deque": deque}  # what a cell has imported
_numbers = itertools.count(1)


def function_from(source: str, entry: str, title: str = "answer") -> Any:
    """The function or class that a text defines, as if it stood in a cell: with a source that players can show."""
    scope = {"__name__": ANSWERS, **GIVEN}
    return from_text(textwrap.dedent(source), entry, f"<{title} {next(_numbers)}>", scope)


def instead_of(name: str) -> Mount:
    """The answer stands in for a whole function of the miniature."""

    def mount(answer: FunctionType) -> AbstractContextManager[Any]:
        return replace(name, answer)

    return mount


def called_from(caller: str, old: str, new: str) -> Mount:
    """The answer is called in the middle of a function of the miniature: there `old` becomes `new`, which calls it."""
    called = new.partition("(")[0].split()[-1]

    @contextmanager
    def mount(answer: FunctionType) -> Iterator[None]:
        home = original(caller).__globals__
        control(answer.__module__)
        host = with_names(edited(caller, old, new), {**home, called: at_home(answer, home)})
        with replace(caller, host):
            yield

    return mount


def with_edits(mount: Mount, *edits: tuple[str, str, str]) -> Mount:
    """The same place, while lines of other functions are changed: (function, old, new)."""

    @contextmanager
    def mounted(answer: FunctionType) -> Iterator[None]:
        with ExitStack() as stack:
            for name, old, new in edits:
                stack.enter_context(replace(name, edited(name, old, new)))
            stack.enter_context(mount(answer))
            yield

    return mounted


def named_in(module: str, name: str) -> Mount:
    """The answer, a class, is what a name of that module means: the programs there use it."""

    @contextmanager
    def mount(answer: Any) -> Iterator[None]:
        control(answer.__module__)
        scope = vars(sys.modules[module])
        before, scope[name] = scope[name], answer
        try:
            yield
        finally:
            scope[name] = before

    return mount


class Place:
    """Where a small scenario keeps the function under test: its threads call `place.function`, which is the answer.

    `names`: what the answer may use besides the miniature.
    """

    def __init__(self, default: Callable[..., Any], names: Mapping[str, Any] | None = None) -> None:
        self.default = default
        self.function = default
        self.names = names or {}

    @contextmanager
    def mount(self, answer: FunctionType) -> Iterator[None]:
        control(answer.__module__)
        self.function = at_home(answer, self.names)
        try:
            yield
        finally:
            self.function = self.default
