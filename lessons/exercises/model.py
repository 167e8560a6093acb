# SPDX-License-Identifier: GPL-2.0-or-later
"""What an exercise and a question are. Data only: check.py grades, lessons.widgets asks.

An answer is Python text that defines one function (`entry`), or, for "order the lines", a string of letters. It is put
in its place by `mount`, and every trial is explored: all interleavings of one scenario, judged by its findings and its
check, so that doing nothing fails as surely as doing wrong.
Wrong answers that somebody is likely to give each have a reply of their own, chosen by what the answer did (`when`),
not by how it is spelled.
"""

from __future__ import annotations

import builtins
import itertools
import linecache
import textwrap
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from types import CodeType, FunctionType
from typing import Any

from lessons.replace import edited, find, functions, modules, replace
from mini_qemu.sched import Result, Scenario, control

Function = Callable[..., Any]
Mount = Callable[[FunctionType], AbstractContextManager[Any]]

ANNOTATIONS = annotations.compiler_flag  # annotations in answers are not evaluated either
ANSWERS = "lessons.answers"  # the module that functions made from text say they belong to
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Trial:
    """A scenario that an answer must survive, with the fixes that are on meanwhile. `about` completes "when ..."."""

    scenario: Scenario
    about: str
    on: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What an answer did: the first trial that it failed, with the result."""

    trial: Trial
    result: Result
    source: str

    @property
    def kinds(self) -> set[str]:
        return set(self.result.findings)

    def says(self, words: str) -> bool:
        """Whether some finding's message contains these words."""
        return any(words in message for _, message in self.result.outcomes)


@dataclass(frozen=True)
class WrongAnswer:
    """`when` recognises it by what it did; the first that matches gives its reply."""

    name: str
    answer: str
    reply: str
    when: Callable[[Outcome], bool]


@dataclass(frozen=True)
class Exercise:
    name: str
    lesson: str
    title: str
    statement: str
    entry: str
    starter: str
    solution: str
    why: str
    trials: tuple[Trial, ...]
    mount: Mount
    wrong: tuple[WrongAnswer, ...]
    hints: tuple[str, ...]
    lines: Mapping[str, str] = field(default_factory=dict)
    frame: str = ""

    @property
    def kind(self) -> str:
        return "order" if self.lines else "write"

    def assemble(self, order: str) -> str:
        """The function that an order of the lettered lines makes."""
        body = "".join(textwrap.dedent(self.lines[letter]).strip("\n") + "\n" for letter in order)
        head, _, rest = self.frame.partition("...\n")
        indent = head.rpartition("\n")[2]
        return head.removesuffix(indent) + textwrap.indent(body, indent) + rest


@dataclass(frozen=True)
class Question:
    """Asked before a reveal, or at the end of a lesson. `truth` computes the right choice; `why` is said with it."""

    name: str
    lesson: str
    text: str
    choices: Mapping[str, str]
    truth: Callable[[], str]
    why: str
    replies: Mapping[str, str] = field(default_factory=dict)


# ---- putting answers into place


def function_from(source: str, entry: str, title: str = "answer") -> FunctionType:
    """The function that a text defines, as if it stood in a cell: with a source that players can show."""
    filename = f"<{title} {next(_numbers)}>"
    text = textwrap.dedent(source)
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    scope: dict[str, Any] = {"__name__": ANSWERS}
    exec(compile(text, filename, "exec", dont_inherit=True, flags=ANNOTATIONS), scope)
    made = scope.get(entry)
    if not isinstance(made, FunctionType):
        raise LookupError(f"the answer defines no function {entry!r}")
    return made


def at_home(function: FunctionType, scope: Mapping[str, Any]) -> FunctionType:
    """The same function, which finds names that its own module does not have in another's, or in the miniature."""
    missing = {name for name in _names(function.__code__) if not _known(name, function)}
    scope = {**miniature(), **scope}
    scope = {**function.__globals__, **{name: scope[name] for name in missing if name in scope}}
    moved = FunctionType(function.__code__, scope, function.__name__, function.__defaults__, function.__closure__)
    moved.__kwdefaults__, moved.__qualname__ = function.__kwdefaults__, function.__qualname__
    moved.__module__ = function.__module__
    control(moved.__module__)
    return moved


def miniature() -> dict[str, Any]:
    """The functions of the miniature by name: an answer may use any of them without importing it."""
    return {name: function for module in modules() for name, function in functions(module).items()}


def _known(name: str, function: FunctionType) -> bool:
    return name in function.__globals__ or hasattr(builtins, name)


def _names(code: CodeType) -> set[str]:
    nested = [_names(const) for const in code.co_consts if isinstance(const, CodeType)]
    return set(code.co_names).union(*nested)


def instead_of(name: str) -> Mount:
    """The answer stands in for a whole function of the miniature."""

    def mount(answer: FunctionType) -> AbstractContextManager[Any]:
        return replace(name, answer)

    return mount


def called_from(caller: str, old: str, new: str, also: Mapping[str, tuple[str, str]] | None = None) -> Mount:
    """The answer is called in the middle of a function of the miniature: there `old` becomes `new`, which calls it.

    `also`: other functions in which lines are changed, name -> (old, new).
    """

    @contextmanager
    def mount(answer: FunctionType) -> Iterator[None]:
        with ExitStack() as stack:
            for name, (before, after) in (also or {}).items():
                stack.enter_context(replace(name, edited(name, before, after)))
            host = edited(caller, old, new)
            home = find(caller).__globals__
            named = {answer.__name__: at_home(answer, home)}
            copy = FunctionType(host.__code__, {**home, **named}, host.__name__, host.__defaults__, host.__closure__)
            copy.__module__ = host.__module__
            stack.enter_context(replace(caller, copy))
            yield

    return mount


class Place:
    """Where a small scenario keeps the function under test: its threads call `place.run`, which is the answer."""

    def __init__(self, default: Function) -> None:
        self.default = default
        self.function = default

    @contextmanager
    def mount(self, answer: FunctionType) -> Iterator[None]:
        control(answer.__module__)
        self.function = answer
        try:
            yield
        finally:
            self.function = self.default
