# SPDX-License-Identifier: GPL-2.0-or-later
"""A program as it is: a function without arguments that makes its threads, joins them and asserts.

`program` makes a `Scenario` of it with one thread, "main". Strategy: whatever it reaches by name is controlled, unless
it belongs to a library; what lives longer than a run (globals, objects of the module, defaults, attributes of classes)
is put back after each run by its `Memory`, so that every run begins as the first. What an exploration found to be
shared is kept with the program: replaying, minimising and explaining see the same steps.

Left out: state inside objects of libraries, and whatever a program leaves outside its process.
"""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Callable, Mapping
from typing import Any

from mini_qemu.sched.clerk import Steps, control_home_of
from mini_qemu.sched.errors import ScenarioError
from mini_qemu.sched.scenario import Scenario

from . import builtin_calls, futures, queues, sync, threads
from .guard import Visible, told
from .memory import Memory
from .names import Lore, Names
from .words import answered

MAIN = "main"
"""The name of the first thread."""


class Program(Scenario):
    """The scenario of a main function. ``visible`` are the places whose accesses are steps."""

    puts_back = True
    assert_raises = True

    def __init__(self, main: Callable[[], Any]) -> None:
        self.main = main
        control_home_of(main)
        super().__init__(
            name=getattr(getattr(main, "func", main), "__name__", MAIN),
            setup=self._setup,
            threads={MAIN: (_main_thread, main)},
            watch=self._watched,
        )
        self.visible = self.shared = Visible()
        self.memory = Memory([main])
        self.lore = Lore()
        self.world: Any = None

    def begin(self, world: Any) -> None:
        """If the module has changed since the last run (a cell was run again), what was found is forgotten."""
        if self.memory.changed():
            self.memory = Memory([self.main])
            self.shared.clear()
            self.lore.clear()
        self.memory.enter(world.guard)
        self.world = world

    def ready(self, world: Any) -> None:
        """Nothing: its state is made by its threads."""

    def end(self) -> None:
        """End a run: everything is as it was before."""
        self.memory.restore()

    def keep(self, scope: dict[str, Any], name: str) -> None:
        self.memory.keep(scope, name)

    def outliving(self) -> list[Any]:
        """The values of what is put back after each run: globals, objects of the module, captured variables."""
        return self.memory.values()

    def before_recording(self) -> None:
        from .rehearsal import rehearse  # which runs worlds, and a world knows programs

        rehearse(self)

    def _watched(self, state: Names) -> Mapping[str, Any]:
        """What a trace shows: the values of what the threads share."""
        return state.values()

    def _setup(self) -> Names:
        return Names(self.world, self.lore)

    @property
    def fingerprint(self) -> str:
        """As of every scenario, and over what is visible: a schedule counts the steps that those places make."""
        return self.digest(self.roots, sorted(told(label) for label in self.shared.found))

    @property
    def roots(self) -> list[Any]:
        """The function itself."""
        return [self.main]


def _main_thread(state: Any, main: Callable[[], Any]) -> Steps:
    life = threads.Life(MAIN, None)
    threads.first(life)
    yield from answered((getattr(getattr(main, "__code__", None), "co_filename", ""), "", 0), main)
    yield (threads.END, life)


_main_thread.__dict__["__controlled__"] = _main_thread

_PROGRAMS: weakref.WeakKeyDictionary[Any, Program] = weakref.WeakKeyDictionary()

Explorable = Scenario | Callable[[], Any]
"""What can be explored: a `Scenario`, or a function without arguments that makes its threads."""


def scenario_of(thing: Explorable) -> Scenario:
    """``thing``, or the scenario of the program that it is."""
    return thing if isinstance(thing, Scenario) else program(thing)


def program(main: Any) -> Program:
    """The scenario of ``main``, the same as long as its code is the same. Raises ScenarioError if ``main`` is not a
    function without arguments.
    """
    if isinstance(main, type) or not callable(main):
        raise ScenarioError(
            f"explore wants a Scenario, or a function without arguments that makes its threads; not {main!r}"
        )
    if inspect.isgeneratorfunction(main):
        raise ScenarioError(f"the function {main.__name__} has a yield, so to call it runs nothing; explore its caller")
    try:
        needed = [
            p.name for p in inspect.signature(main).parameters.values()
            if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
        ]  # fmt: skip
    except (TypeError, ValueError):
        needed = []
    if needed:
        raise ScenarioError(
            f"the function {getattr(main, '__name__', main)} needs {', '.join(needed)}; "
            "explore a function without arguments: "
            f"explore(functools.partial({getattr(main, '__name__', 'main')}, ...)), or one that calls it"
        )
    try:
        known = _PROGRAMS.get(main)
    except TypeError:
        return Program(main)
    if known is None:
        known = _PROGRAMS[main] = Program(main)
    return known


_ = builtin_calls, futures, queues, sync
