# SPDX-License-Identifier: GPL-2.0-or-later
"""A program as it is: a function without arguments that makes its threads, joins them and asserts.

`program` makes a `Scenario` of it with one thread, "main". Strategy: its module and those beside it are controlled;
what lives longer than a run (globals, objects of the module, defaults, attributes of classes) is remembered once, in
`Memory`, and put back before each run, so that every run begins as the first. What an exploration found to be shared is
kept with the program: replaying, minimising and explaining see the same steps.

Left out: state inside objects of libraries, and whatever a program leaves outside its process.
"""

from __future__ import annotations

import dis
import inspect
import os
import sys
import sysconfig
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache, partial
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from . import futures, locks, queues, sync, threads
from .clerk import Steps, control
from .containers import is_container
from .errors import ScenarioError
from .guard import Guard, Spot, Visible, told
from .instrument import is_controlled
from .ordinary_calls import own_class, twin
from .places import OWN_FILES
from .plain import ATOMS, forget_classes, own
from .primitives import Primitive
from .scenario import Scenario
from .words import answered

MOST_OBJECTS = 20_000
"""Objects of a module that are put back before each run. Beyond, the program is refused."""

MAIN = "main"
"""The name of the first thread."""


class Memory:
    """What the objects that outlive a run were like before the first."""

    def __init__(self, roots: list[Any]) -> None:
        self.scopes: list[tuple[dict[str, Any], dict[str, Any]]] = []
        self.boxes: list[tuple[Any, Any, str]] = []  # (container, copy, name)
        self.objects: list[tuple[Any, dict[str, Any], str]] = []
        self.classes: list[tuple[type, dict[str, Any]]] = []
        self.cells: list[tuple[Any, Any]] = []
        self.others: list[Any] = []  # real locks and queues
        self._walk(roots)

    def _walk(self, roots: list[Any]) -> None:
        seen: set[int] = set()
        scopes: dict[int, tuple[dict[str, Any], set[str]]] = {}
        todo: deque[tuple[Any, str]] = deque((root, "") for root in roots)
        while todo:
            thing, name = todo.popleft()
            if id(thing) in seen or isinstance(thing, str | bytes | int | float | ModuleType):
                continue
            seen.add(id(thing))
            if len(seen) > MOST_OBJECTS:
                raise ScenarioError(
                    f"the module of the program holds more than {MOST_OBJECTS:,} objects that it could change; put "
                    "what the threads share into a function, and explore that"
                )
            if isinstance(thing, MethodType):
                todo += [(thing.__self__, name), (thing.__func__, name)]
            elif isinstance(thing, FunctionType):
                if own(thing):
                    self._function(thing, todo, scopes)
            elif isinstance(thing, type):
                if is_controlled(thing.__module__):
                    data = _data_of(thing)
                    self.classes.append((thing, data))
                    todo.append((type(thing), ""))
                    todo += [(v, f"{thing.__name__}.{k}") for k, v in data.items()]
                    todo += [
                        (v, k) for k, v in vars(thing).items() if isinstance(v, FunctionType | property | staticmethod)
                    ]
                    todo += [(base, "") for base in thing.__bases__]
            elif isinstance(thing, property):
                todo += [(f, "") for f in (thing.fget, thing.fset, thing.fdel) if f is not None]
            elif isinstance(thing, staticmethod | classmethod):
                todo.append((thing.__func__, name))
            elif is_container(thing):
                self.boxes.append((thing, _copy(thing), name))
                inside = thing.items() if isinstance(thing, dict) else enumerate(thing)
                for key, value in list(inside):
                    todo += [(value, f"{name}[{key!r}]"), (key, f"{name} key")]
            elif isinstance(thing, tuple | frozenset):
                todo += [(value, f"{name}[{i}]") for i, value in enumerate(thing)]
            elif twinned(thing):
                self.others.append((thing, name))
            elif hasattr(thing, "__dict__") and is_controlled(type(thing).__module__):
                self.objects.append((thing, dict(vars(thing)), name))
                todo.append((type(thing), ""))
                todo += [(value, f"{name}.{k}") for k, value in vars(thing).items()]
        for scope, names in scopes.values():
            self.scopes.append((scope, {name: scope.get(name, _ABSENT) for name in sorted(names)}))

    def _function(
        self, f: FunctionType, todo: deque[tuple[Any, str]], scopes: dict[int, tuple[dict[str, Any], set[str]]]
    ) -> None:
        names = _names(f.__code__)
        scope = f.__globals__
        known = scopes.setdefault(id(scope), (scope, set()))[1]
        known |= names
        for name in sorted(names):
            value = scope.get(name, _ABSENT)
            if isinstance(value, ModuleType) and is_controlled(value.__name__):
                todo += [(v, f"{name}.{k}") for k, v in vars(value).items() if k in f.__code__.co_names]
            elif value is not _ABSENT:
                todo.append((value, name))
        for name, cell in zip(f.__code__.co_freevars, f.__closure__ or (), strict=True):
            try:
                value = cell.cell_contents
            except ValueError:
                continue
            self.cells.append((cell, value))
            todo.append((value, name))
        todo += [(value, "") for value in (f.__defaults__ or ())]
        todo += [(value, name) for name, value in (f.__kwdefaults__ or {}).items()]

    def changed(self) -> bool:
        """Whether anything is not as it was."""
        return any(True for _ in self._differences())

    def restore(self) -> None:
        """Put everything back."""
        for put_back in list(self._differences()):
            put_back()

    def _differences(self) -> Iterator[Callable[[], Any]]:
        """For each thing that is not as it was, what puts it back."""
        for scope, values in self.scopes:
            if any(scope.get(name, _ABSENT) is not value for name, value in values.items()):
                yield partial(_bind, scope, values)
        for box, copy, _ in self.boxes:
            if not _same(box, copy):
                yield partial(_fill, box, copy)
        for obj, values, _ in self.objects:
            now = vars(obj)
            if now.keys() != values.keys() or any(now[k] is not v for k, v in values.items()):
                yield partial(_fill, now, list(values.items()))
        for cls, data in self.classes:
            now = _data_of(cls)
            if now.keys() != data.keys() or any(now[k] is not v for k, v in data.items()):
                yield partial(_reset_class, cls, now, data)
        for cell, value in self.cells:
            if _content(cell) is not value:
                yield partial(setattr, cell, "cell_contents", value)

    def enter(self, guard: Guard) -> None:
        """Give everything its box: keys of what was there before a run are the same in all."""
        here = ("", "", 0)
        for box, _, name in self.boxes:
            guard.born(box, "container", here, name)
        for obj, _, name in self.objects:
            guard.born(obj, "attribute", here, f"{type(obj).__module__}.{type(obj).__qualname__}").name = name
        for cls, _ in self.classes:
            guard.born(cls, "attribute", here, f"{cls.__module__}.{cls.__qualname__}").name = cls.__name__
        for scope, _ in self.scopes:
            guard.born(scope, "global", here, str(scope.get("__name__")))
        for real, name in self.others:
            made = twin(real)
            if not getattr(made, "name", ""):
                made.name = name


_ABSENT: Any = object()
_FUNCTIONS = (FunctionType, property, staticmethod, classmethod)


def _bind(scope: dict[str, Any], values: dict[str, Any]) -> None:
    for name, value in values.items():
        if value is _ABSENT:
            scope.pop(name, None)
        else:
            scope[name] = value


def _data_of(cls: type) -> dict[str, Any]:
    """The attributes of a class that are neither functions nor other descriptors."""
    return {k: v for k, v in vars(cls).items() if not k.startswith("__") and not hasattr(v, "__get__")}


def _reset_class(cls: type, now: dict[str, Any], data: dict[str, Any]) -> None:
    for name in now.keys() - data.keys():
        delattr(cls, name)
    for name, value in data.items():
        setattr(cls, name, value)
    forget_classes()


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return _ABSENT


def twinned(thing: Any) -> bool:
    """Whether ``thing`` is a real lock, queue or the like."""
    from .ordinary_calls import TWINS

    return any(type(thing) is cls for cls, _ in TWINS)


def _copy(box: Any) -> Any:
    return list(box.items()) if isinstance(box, dict) else list(box)


def _same(box: Any, copy: list[Any]) -> bool:
    if len(box) != len(copy):
        return False
    if isinstance(box, dict):
        return all(k is k2 and v is v2 for (k, v), (k2, v2) in zip(box.items(), copy, strict=True))
    return all(a is b for a, b in zip(box, copy, strict=True))


def _fill(box: Any, copy: list[Any]) -> None:
    if isinstance(box, dict):
        dict.clear(box)
        for key, value in copy:
            dict.__setitem__(box, key, value)
    elif isinstance(box, set):
        box.clear()
        box.update(copy)
    elif isinstance(box, deque):
        box.clear()
        box.extend(copy)
    else:
        box[:] = type(box)(copy) if isinstance(box, bytearray) else copy


@lru_cache(maxsize=4096)
def _names(code: CodeType) -> frozenset[str]:
    """The globals that a function, or one inside it, reads or binds; and the attributes, which may be a module's."""
    names = {i.argval for i in dis.get_instructions(code) if i.opname in _GLOBALS}
    for const in code.co_consts:
        if isinstance(const, CodeType):
            names |= _names(const)
    return frozenset(names)


_GLOBALS = {"LOAD_GLOBAL", "LOAD_NAME", "STORE_GLOBAL", "STORE_NAME", "DELETE_GLOBAL"}


# ---------------------------------------------------------------- names


class Names:
    """What the program calls its objects: the variables and attributes that lead to them. The state of its runs."""

    def __init__(self, world: Any) -> None:
        self.world = world

    def path_to(self, wanted: Any) -> str:
        """The shortest path to ``wanted``, from a variable of main, of another thread, or of the module."""
        if isinstance(wanted, Spot):
            return str(wanted.seen(self.paths().get(id(wanted.box.obj), ""))[0])
        return self.paths().get(id(wanted), "")

    def paths(self) -> dict[int, str]:
        """The name of every object that can be reached."""
        found: dict[int, str] = {}
        todo = deque((value, name, 0) for name, value in self._variables())
        while todo:
            thing, name, depth = todo.popleft()
            if id(thing) in found or type(thing) in ATOMS:
                continue
            if not isinstance(thing, Names | ModuleType | type):
                found[id(thing)] = name
            if isinstance(thing, locks.Condition):
                todo.appendleft((thing._lock, name, depth))
            elif depth < _DEPTH:
                todo.extend((value, path, depth + 1) for path, value in _inside(thing, name))
        return found

    def _variables(self) -> Iterator[tuple[str, Any]]:
        later: list[tuple[str, Any]] = []
        scopes: dict[int, dict[str, Any]] = {}
        for task in self.world.tasks:
            gen = task.gen
            while gen is not None and getattr(gen, "gi_frame", None) is not None:
                if not gen.gi_code.co_filename.startswith(OWN_FILES):
                    scopes[id(gen.gi_frame.f_globals)] = gen.gi_frame.f_globals
                    for name, value in gen.gi_frame.f_locals.items():
                        if not name.startswith("_sched"):
                            if name == "self":
                                later.append((type(value).__name__, value))
                            else:
                                yield name, value
                gen = gen.gi_yieldfrom
        yield from later
        for box in list(self.world.guard.boxes.values()):
            if box.name and box.label[0] in ("container", "attribute") and "." not in box.name:
                yield box.name, box.obj
        for scope in scopes.values():
            yield from ((name, value) for name, value in scope.items() if not name.startswith("__"))

    def values(self) -> dict[str, Any]:
        """The values of the visible places that the run has touched."""
        paths = self.paths()
        out: dict[str, Any] = {}
        for spot in self.world.guard.spots.values():
            label, value = spot.seen(paths.get(id(spot.box.obj), ""))
            if label not in out:
                out[label] = value
        return out


_DEPTH = 4


def _inside(thing: Any, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(thing, dict):
        yield from ((f"{name}[{key!r}]", value) for key, value in list(thing.items()))
    elif isinstance(thing, list | tuple | deque):
        yield from ((f"{name}[{i}]", value) for i, value in enumerate(list(thing)))
    elif isinstance(thing, Primitive) or callable(thing):
        return
    elif isinstance(getattr(thing, "__dict__", None), dict) and own_class(type(thing)):
        yield from ((f"{name}.{key}", value) for key, value in list(vars(thing).items()))


# ---------------------------------------------------------------- the scenario


class Program(Scenario):
    """The scenario of a main function. ``visible`` are the places whose accesses are steps."""

    def __init__(self, main: Callable[[], Any]) -> None:
        self.main = main
        _control_beside(main)
        super().__init__(
            name=getattr(main, "__name__", "main"),
            setup=self._setup,
            threads={MAIN: (_main_thread, main)},
            watch=self._watched,
        )
        self.visible = self.shared = Visible()
        self.memory = Memory([main])
        self.world: Any = None

    def begin(self, world: Any) -> None:
        """If the module has changed since the last run (a cell was run again), what was found is forgotten."""
        if self.memory.changed():
            self.memory = Memory([self.main])
            self.shared.clear()
        self.memory.enter(world.guard)
        self.world = world

    def end(self) -> None:
        """End a run: everything is as it was before."""
        self.memory.restore()

    def _watched(self, state: Any) -> Mapping[str, Any]:
        """What a trace shows: the values of the visible places that the run has touched."""
        return self.names.values()

    def _setup(self) -> Names:
        self.names = Names(self.world)
        return self.names

    @property
    def fingerprint(self) -> str:
        """As of every scenario, and over what is visible: a schedule counts the steps that those places make."""
        return self.digest([self.main], sorted(told(label) for label in self.shared.found))


def _main_thread(state: Any, main: Callable[[], Any]) -> Steps:
    life = threads.Life(MAIN, None)
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
    """The scenario of ``main``, the same as long as its code is the same. Raises ScenarioError for what is no function
    without arguments.
    """
    if isinstance(main, type) or not callable(main):
        raise ScenarioError(
            f"explore wants a Scenario, or a function without arguments that makes its threads; not {main!r}"
        )
    try:
        needed = [
            p.name for p in inspect.signature(main).parameters.values()
            if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
        ]  # fmt: skip
    except (TypeError, ValueError):
        needed = []
    if needed:
        raise ScenarioError(
            f"{getattr(main, '__name__', main)} needs {', '.join(needed)}; explore a function without arguments: "
            f"explore(functools.partial({getattr(main, '__name__', 'main')}, ...)), or one that calls it"
        )
    try:
        known = _PROGRAMS.get(main)
    except TypeError:
        return Program(main)
    if known is None:
        known = _PROGRAMS[main] = Program(main)
    return known


def _control_beside(main: Any) -> None:
    """Control the module of ``main`` and those that stand beside it: a program's own files."""
    function = getattr(main, "func", getattr(main, "__func__", main))
    module = getattr(function, "__module__", None) or "__main__"
    control(module, "mini_qemu.sched.library")
    home = _folder(sys.modules.get(module))
    if not home:
        return
    todo = [getattr(function, "__globals__", {})]
    seen: set[int] = set()
    while todo:
        scope = todo.pop()
        if id(scope) in seen:
            continue
        seen.add(id(scope))
        for value in list(scope.values()):
            name = value.__name__ if isinstance(value, ModuleType) else getattr(value, "__module__", None)
            other = sys.modules.get(name) if isinstance(name, str) else None
            if other is not None and _folder(other).startswith(home) and not is_controlled(name):
                control(str(name))
                todo.append(vars(other))


def _folder(module: Any) -> str:
    file = getattr(module, "__file__", None)
    if not file or not file.endswith(".py"):
        return ""
    folder = os.path.dirname(os.path.abspath(file))
    outside = (*_OUTSIDE, os.path.dirname(os.path.abspath(__file__)))
    return "" if any(folder.startswith(path) for path in outside) else folder


_OUTSIDE = tuple({sysconfig.get_paths()[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")})

_ = futures, queues, sync
