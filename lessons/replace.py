# SPDX-License-Identifier: GPL-2.0-or-later
"""Temporarily replace a function of the miniature: with a wrong fix, or a learner's.

    with replace("migration.await_return_path_close_on_source", mine):
        explore(scenario)

Everyone who calls the function by name gets the new one, in whichever module the name was imported, and the old one
comes back at the end. Names the new function uses and its own module does not have are looked up where the old one
lives and then in the whole miniature, so that a notebook cell need not import half of it. An unknown name, another
signature, or a function that cannot be explored is refused before anything is changed.
"""

from __future__ import annotations

import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import is_dataclass
from importlib import import_module
from pkgutil import iter_modules
from types import FunctionType, ModuleType
from typing import Any

import mini_qemu
from lessons.functions import from_text, unknown_to, with_names
from mini_qemu.fixes import UnknownName
from mini_qemu.sched import control, instrument

Function = Callable[..., Any]

_scopes: list[dict[str, Any]] = []  # the private globals of functions that stand in for others now


class BadReplacement(ValueError):
    """A function that cannot stand where it was meant to; the message says why."""


def original(name: str) -> FunctionType:
    """The miniature's function of that name, "module.function"."""
    module_name, _, function_name = name.removeprefix("mini_qemu.").rpartition(".")
    if not module_name:
        homes = [f"{m}.{function_name}" for m in modules() if function_name in functions(m)]
        raise UnknownName("function", name, homes or [f"{m}.{f}" for m in modules() for f in functions(m)])
    if module_name not in modules():
        raise UnknownName("module of the miniature", module_name, modules())
    known = functions(module_name)
    if function_name not in known:
        raise UnknownName(f"function in {module_name}", function_name, sorted(known))
    return known[function_name]


def modules() -> list[str]:
    """The modules that stories run: those of the miniature itself, not of its packages."""
    return sorted(m.name for m in iter_modules(mini_qemu.__path__) if not m.ispkg and not m.name.startswith("_"))


def functions(module_name: str) -> dict[str, FunctionType]:
    """The functions that a module of the miniature defines."""
    module = import_module(f"mini_qemu.{module_name}")
    return {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, FunctionType) and value.__module__ == module.__name__
    }


def at_home(function: FunctionType, scope: Mapping[str, Any]) -> FunctionType:
    """A function that finds names its own module lacks in `scope`, or else anywhere in the miniature."""
    missing = unknown_to(function)
    known = {**_miniature(), **scope} if missing else {}
    found = {name: known[name] for name in missing if name in known}
    return with_names(function, found) if found else function


@contextmanager
def helpers_at_home(function: Function) -> Iterator[None]:
    """Meanwhile the functions and classes beside `function`, which it may call, find the miniature's names, too."""
    scope: dict[str, Any] = getattr(function, "__globals__", {})
    beside = [value for value in scope.values() if getattr(value, "__module__", "") == function.__module__]
    methods = [method for cls in beside if isinstance(cls, type) for method in vars(cls).values()]
    missing = {
        name
        for one in (*beside, *methods)
        if isinstance(one, FunctionType) and one is not function and one.__globals__ is scope
        for name in unknown_to(one)
    }
    known = _miniature() if missing else {}
    given = {name: known[name] for name in missing if name in known}
    scope.update(given)
    try:
        yield
    finally:
        for name in given:
            scope.pop(name, None)


def _miniature() -> dict[str, Any]:
    """What the modules of the miniature define, by name: functions, classes, constants."""
    found = {}
    for module_name in modules():
        for name, value in vars(import_module(f"mini_qemu.{module_name}")).items():
            home = str(getattr(value, "__module__", "mini_qemu."))
            ours = home.startswith(("mini_qemu.", "lessons.")) and not isinstance(value, ModuleType)
            if ours and not name.startswith("_"):
                found[name] = value
    return found


@contextmanager
def replace(name: str, new: Function) -> Iterator[Function]:
    old = original(name)
    stand_in = _checked(name, old, new)
    scope = stand_in.__globals__
    _scopes.append(scope)
    undo = _swap(old, stand_in)
    try:
        yield stand_in
    finally:
        undo()
        _scopes.remove(scope)


def _checked(name: str, old: FunctionType, new: Function) -> FunctionType:
    """The new function, able to see the names of the old one's module; or BadReplacement."""
    if not isinstance(new, FunctionType):
        raise BadReplacement(f"{name} can be replaced by a function, not by {new!r}")
    if _shape(old) != _shape(new):
        raise BadReplacement(
            f"{name} is called as {old.__name__}{_arguments(old)}, but {new.__name__} takes {_arguments(new)}"
        )
    new = at_home(new, old.__globals__)
    if inspect.isgeneratorfunction(new) or inspect.iscoroutinefunction(new):
        raise BadReplacement(f"{new.__name__} is a generator or asynchronous: the explorer runs plain functions only")
    control(new.__module__)
    instrument(new)  # raises, with file, line and reason, what the explorer would raise later
    return new


def _shape(f: FunctionType) -> list[Any]:
    return [(p.kind, p.default is p.empty) for p in inspect.signature(f).parameters.values()]


def _arguments(f: FunctionType) -> str:
    return f"({', '.join(inspect.signature(f).parameters)})"


def _swap(old: FunctionType, new: FunctionType) -> Callable[[], None]:
    """Let every global name and every table of functions that means `old` mean `new`. Returns what undoes it."""
    places: list[tuple[Any, str]] = []
    ours = [vars(m) for n, m in list(sys.modules.items()) if n.startswith(("mini_qemu.", "lessons.")) and m is not None]
    for scope in [*ours, *_scopes]:
        for key, value in list(scope.items()):
            if value is old:
                places.append((scope, key))
            elif is_dataclass(value) and not isinstance(value, type):
                places += [(value, field) for field, content in vars(value).items() if content is old]
    for place in places:
        _store(*place, new)

    def undo() -> None:
        for place in places:
            _store(*place, old)

    return undo


def _store(place: Any, key: str, value: Any) -> None:
    if isinstance(place, dict):
        place[key] = value
    else:
        object.__setattr__(place, key, value)  # a frozen table


def edited(name: str, old: str, new: str, title: str = "", **names: Any) -> FunctionType:
    """The miniature's function with some lines changed, to be put in its place by `replace`.

    The lines are given without their indentation; `names` adds globals that the function lacks. The text is the
    function's own, so the edit follows it, and players show it as any other source.
    """
    fn = original(name)
    lines = textwrap.dedent(inspect.getsource(fn)).splitlines()
    wanted = textwrap.dedent(old).strip("\n").splitlines()
    places = [i for i in range(len(lines)) if _same(lines[i : i + len(wanted)], wanted)]
    if len(places) != 1:
        raise BadReplacement(f"{name} contains the lines {' / '.join(wanted)!r} {len(places)} times; once is needed")
    at = places[0]
    indent = lines[at][: len(lines[at]) - len(lines[at].lstrip())]
    lines[at : at + len(wanted)] = [indent + line for line in textwrap.dedent(new).strip("\n").splitlines()]
    text = "\n".join(lines) + "\n"
    file, scope = f"<{fn.__name__}: {title or 'edited'}>", {"__name__": fn.__module__, **names}
    made: FunctionType = from_text(text, fn.__name__, file, scope)
    return made


def _same(lines: list[str], wanted: list[str]) -> bool:
    return textwrap.dedent("\n".join(lines)).splitlines() == wanted
