# SPDX-License-Identifier: GPL-2.0-or-later
"""What is explored: a fresh state, threads that run on it, and how to judge the end."""

from __future__ import annotations

import functools
import hashlib
import io
import tokenize
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import FunctionType, ModuleType
from typing import Any

from .callbacks import code_of
from .clerk import control_home_of
from .errors import ScenarioError
from .instrument import is_controlled
from .ordinary.guard import Visible, told
from .ordinary.state import enter


@dataclass(frozen=True)
class Finding:
    """Something a run did that it must not: ``kind`` is a key of `Result.findings`, ``message`` a sentence.

    ``step`` counts from 1 the step after which it happened (0: before the first); ``function``, ``file`` and ``line``
    say where.
    """

    kind: str
    message: str
    thread: str = ""
    step: int = 0
    function: str = ""
    file: str = ""
    line: int = 0

    @property
    def stops(self) -> bool:
        """Whether a thread stopped at it (a crash of some sort); the others are judged at the end of a run."""
        return self.kind not in {"check", "leak", "deadlock", "abandoned"}

    def __str__(self) -> str:
        by = f" in {self.thread}" if self.thread and self.kind != "deadlock" else ""  # that is in no thread
        at = f", {self.function} line {self.line}" if self.function else ""
        return f"{self.kind}{by}{at}: {self.message}"


Thread = Callable[..., Any] | tuple[Any, ...]


@dataclass
class Scenario:
    """A small concurrent program.

    ``setup()`` returns a fresh state, any object. ``threads`` maps a name to a function called with that state, or to
    ``(function, *args)``. ``check(state)`` runs at the end of a run in which no thread crashed and none is blocked: it
    fails by returning a false value (other than None) or by an AssertionError. ``leaks(state)`` yields a sentence for
    everything left behind. ``watch(state)`` gives the values a trace shows, by label; by default every shared field
    that can be reached from the state. ``invariants`` are rules by name, ``rule(state, step) -> bool``, asked after
    each step of a trace (a `Step`), with the rule's docstring as its meaning: a trace says which step breaks one
    first. Exploring does not ask them, for a run stands for others that pass through other states.

    A ``guarded`` scenario is watched for what its threads share without saying so: plain attributes, lists, dicts. A
    place that two of them use in no fixed order becomes visible, as a field of `Shared` is. That costs twice the time.
    """

    puts_back = False
    """Whether globals and the like are put back after each run."""
    assert_raises = False
    """Whether a failed assertion raises wherever it is, or only if the program catches it."""

    name: str
    setup: Callable[[], Any]
    threads: Mapping[str, Thread]
    check: Callable[[Any], Any] | None = None
    watch: Callable[[Any], Mapping[str, Any]] | None = None
    leaks: Callable[[Any], Iterable[str]] | None = None
    invariants: Mapping[str, Callable[[Any, Any], bool]] = field(default_factory=dict)
    title: str = ""
    guarded: bool = True
    functions: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = field(init=False, repr=False)
    visible: Visible | None = field(init=False, repr=False, default=None)
    strays: dict[int, Any] = field(init=False, repr=False, default_factory=dict)  # objects that no run made

    def __post_init__(self) -> None:
        if not self.threads:
            raise ScenarioError(f"scenario {self.name!r} has no threads; give threads={{'A': function, ...}}")
        self.visible = Visible() if self.guarded else None
        self.functions = {}
        for name, thread in self.threads.items():
            fn, *args = thread if isinstance(thread, tuple) else (thread,)
            if not callable(fn):
                raise ScenarioError(
                    f"scenario {self.name!r}: thread {name!r} is {fn!r}, expected a function or (function, *args)"
                )
            self.functions[name] = (fn, tuple(args))
        for fn in (self.setup, *(fn for fn, _ in self.functions.values())):
            control_home_of(fn)

    @property
    def fingerprint(self) -> str:
        """Six hex digits over the sources the scenario can reach, comments and layout aside: tells a schedule recorded
        for other code.
        """
        places = [] if self.visible is None else sorted(told(label) for label in self.visible.found)
        return self.digest(self.roots, [*sorted(self.threads), *places])

    @property
    def roots(self) -> list[Any]:
        """What its author wrote: all else is reached from there."""
        return [self.setup, *(fn for fn, _ in self.functions.values())]

    def digest(self, roots: list[Any], names: list[str]) -> str:
        """Six hex digits over the sources that can be reached from ``roots``, and over ``names``."""
        text = "\n".join([self.name, *names, *sorted(_sources(roots))])
        return hashlib.sha256(text.encode()).hexdigest()[:6]

    def begin(self, world: Any) -> None:
        """Called before the setup of each run."""

    def ready(self, world: Any) -> None:
        """Called after the setup of each run: what the state holds is under guard."""
        if world.guard is not None:
            enter(world.guard, [world.state, *(args for _, args in self.functions.values())])

    def keep(self, scope: dict[str, Any], name: str) -> None:
        """Called before a run binds a global."""

    def outliving(self) -> list[Any]:
        """What else decides the future of a run: values that are not reached from its state."""
        return []

    def end(self) -> None:
        """Called after each run."""

    def before_recording(self) -> None:
        """Called before a run that is recorded."""


def _sources(roots: list[Any]) -> set[str]:
    """The normalised sources of the controlled functions and classes reachable from ``roots`` by name."""
    seen: set[int] = set()
    out: set[str] = set()
    todo = list(roots)
    while todo:
        thing = todo.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, functools.partial):
            todo.append(thing.func)
        elif hasattr(thing, "__func__"):
            todo.append(thing.__func__)
        elif isinstance(thing, FunctionType) and is_controlled(thing.__module__):
            out.add(_normalised(thing))
            own = code_of(thing)
            names = _names(own)
            scope = {name: thing.__globals__[name] for name in names if name in thing.__globals__}
            for cell_name, cell in zip(own.co_freevars, thing.__closure__ or (), strict=True):
                try:
                    scope[cell_name] = cell.cell_contents
                except ValueError:
                    continue
            for value in scope.values():
                if isinstance(value, ModuleType):
                    todo.extend(vars(value)[n] for n in names if n in vars(value) and is_controlled(value.__name__))
                else:
                    todo.append(value)
        elif isinstance(thing, type) and is_controlled(thing.__module__):
            todo.extend(v for k, v in vars(thing).items() if isinstance(v, FunctionType))
            todo.extend(thing.__bases__)
    return out


def _names(code: Any) -> set[str]:
    names = set(code.co_names)
    for const in code.co_consts:
        if hasattr(const, "co_names"):
            names |= _names(const)
    return names


@functools.lru_cache(maxsize=4096)
def _normalised(fn: FunctionType) -> str:
    import inspect

    try:
        source = inspect.getsource(code_of(fn))
    except (OSError, TypeError):
        return fn.__qualname__
    lines = source.splitlines()
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.COMMENT:
                row, column = token.start
                lines[row - 1] = lines[row - 1][:column]
    except (tokenize.TokenError, IndentationError):
        pass  # a fragment: its comments count
    words = [word for line in lines for word in line.split()]
    return " ".join([fn.__module__, fn.__qualname__, *words])
