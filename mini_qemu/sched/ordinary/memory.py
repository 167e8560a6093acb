# SPDX-License-Identifier: GPL-2.0-or-later
"""What outlives a run, and how it is put back: globals, objects of the module, defaults, class attributes, cells.

Strategy: one walk from the main function over all that its functions can name. A shallow copy of each object that
could change is kept; after a run, whatever differs is filled in again, in place, so that nobody sees another object.

Left out: objects of libraries. One that two runs use is refused (`guard.Guard.touched`).
"""

from __future__ import annotations

import dis
from collections import deque
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from mini_qemu.sched.callbacks import Exchange, code_of
from mini_qemu.sched.errors import ScenarioError
from mini_qemu.sched.instrument import is_controlled, take_in

from .access import class_itself, forget_classes, own
from .calls import DESCRIPTORS, functions_of, inside_descriptor
from .containers import is_container
from .guard import Guard
from .replaced import TWINS, twin

MOST_OBJECTS = 20_000
"""Objects of a module that are put back before each run. Beyond, the program is refused."""


class Memory:
    """What the objects that outlive a run were like before the first."""

    def __init__(self, roots: list[Any]) -> None:
        self.scopes: list[tuple[dict[str, Any], dict[str, Any]]] = []
        self.boxes: list[tuple[Any, Any, str]] = []  # (container, copy, name)
        self.objects: list[tuple[Any, dict[str, Any], str]] = []
        self.classes: list[tuple[type, dict[str, Any]]] = []
        self.cells: list[tuple[Any, Any]] = []
        self.others: list[Any] = []  # real locks and queues
        self.functions: dict[FunctionType, None] = {}
        self._walk(roots)
        self.exchange = Exchange(self.functions)

    def _walk(self, roots: list[Any]) -> None:
        seen: set[int] = set()
        scopes: dict[int, tuple[dict[str, Any], set[str]]] = {}
        todo: deque[tuple[Any, str]] = deque((root, "") for root in roots)
        while todo:
            thing, name = todo.popleft()
            if id(thing) in seen or isinstance(thing, str | bytes | int | float | ModuleType):
                continue
            seen.add(id(thing))
            take_in(getattr(thing, "__module__", None))
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
                    todo += [(f, "") for f in functions_of(thing)]
                    todo += [(base, "") for base in thing.__bases__]
            elif isinstance(thing, DESCRIPTORS):
                todo += [(f, name) for f in inside_descriptor(thing)]
                if isinstance(thing, partial):
                    todo += [(value, name) for value in (*thing.args, *thing.keywords.values())]
            elif is_container(thing):
                self.boxes.append((thing, _copy(thing), name))
                inside = thing.items() if isinstance(thing, dict) else enumerate(thing)
                for key, value in list(inside):
                    todo += [(value, f"{name}[{key!r}]"), (key, f"{name} key")]
            elif isinstance(thing, tuple | frozenset):
                todo += [(value, f"{name}[{i}]") for i, value in enumerate(thing)]
            elif twinned(thing):
                self.others.append((thing, name))
            elif is_controlled(type(thing).__module__) or type(thing).__name__ in ("SimpleNamespace", "Namespace"):
                values = attributes_of(thing)
                self.objects.append((thing, values, name))
                todo.append((type(thing), ""))
                todo += [(value, f"{name}.{k}") for k, value in values.items()]
        for scope, names in scopes.values():
            self.scopes.append((scope, {name: scope.get(name, _ABSENT) for name in sorted(names)}))

    def _function(
        self, f: FunctionType, todo: deque[tuple[Any, str]], scopes: dict[int, tuple[dict[str, Any], set[str]]]
    ) -> None:
        self.functions[f] = None
        code = code_of(f)
        names = _names(code)
        scope = f.__globals__
        known = scopes.setdefault(id(scope), (scope, set()))[1]
        known |= names
        for name in sorted(names):
            value = scope.get(name, _ABSENT)
            if isinstance(value, ModuleType) and take_in(value.__name__):
                todo += [(v, f"{name}.{k}") for k, v in vars(value).items() if k in code.co_names]
            elif value is not _ABSENT:
                todo.append((value, name))
        for name, cell in zip(code.co_freevars, f.__closure__ or (), strict=True):
            try:
                value = cell.cell_contents
            except ValueError:
                continue
            self.cells.append((cell, value))
            todo.append((value, name))
        defaults = f.__defaults__ or ()
        given = code.co_varnames[code.co_argcount - len(defaults) : code.co_argcount]
        todo += [(value, name) for name, value in zip(given, defaults, strict=False)]
        todo += [(value, name) for name, value in (f.__kwdefaults__ or {}).items()]

    def changed(self) -> bool:
        """Whether anything is not as it was."""
        return any(True for _ in self._differences())

    def restore(self) -> None:
        """Put everything back."""
        self.exchange.end()
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
            now = attributes_of(obj)
            if now.keys() != values.keys() or any(now[k] is not v for k, v in values.items()):
                yield partial(_set_attributes, obj, now, values)
        for cls, data in self.classes:
            now = _data_of(cls)
            if now.keys() != data.keys() or any(now[k] is not v for k, v in data.items()):
                yield partial(_reset_class, cls, now, data)
        for cell, value in self.cells:
            if _content(cell) is not value:
                yield partial(setattr, cell, "cell_contents", value)

    def keep(self, scope: dict[str, Any], name: str) -> None:
        """A run binds a global for the first time: it is put back as well."""
        values = next((values for known, values in self.scopes if known is scope), None)
        if values is None:
            values = {}
            self.scopes.append((scope, values))
        values.setdefault(name, scope.get(name, _ABSENT))

    def values(self) -> list[Any]:
        """What is not as it was, each with its place in the walk: as much as the future of a run depends on."""
        found: list[Any] = []
        for i, (scope, names) in enumerate(self.scopes):
            found += [
                (i, name, scope.get(name)) for name, value in names.items() if scope.get(name, _ABSENT) is not value
            ]
        found += [("box", i, box) for i, (box, copy, _) in enumerate(self.boxes) if not _same(box, copy)]
        for i, (obj, values, _) in enumerate(self.objects):
            now = attributes_of(obj)
            found += [("object", i, name, v) for name, v in now.items() if values.get(name, _ABSENT) is not v]
            found += [("object", i, name) for name in values if name not in now]
        for i, (cls, data) in enumerate(self.classes):
            found += [("class", i, name, v) for name, v in _data_of(cls).items() if data.get(name, _ABSENT) is not v]
        found += [
            ("cell", i, _content(cell)) for i, (cell, value) in enumerate(self.cells) if _content(cell) is not value
        ]
        return found

    def enter(self, guard: Guard) -> None:
        """Give everything its box: keys of what was there before a run are the same in all."""
        here = ("", "", 0)
        for box, _, name in self.boxes:
            guard.born(box, "container", here, name)
        for obj, _, name in self.objects:
            guard.born(obj, "attribute", here, f"{type(obj).__module__}.{type(obj).__qualname__}").name = name
        for cls, _ in self.classes:
            guard.born(cls, "attribute", here, class_itself(cls)).name = cls.__name__
        for scope, _ in self.scopes:
            guard.born(scope, "global", here, str(scope.get("__name__")))
        for real, name in self.others:
            made = twin(real)
            if getattr(made, "name", None) == "":
                made.name = name
        self.exchange.begin()


_ABSENT: Any = object()


def attributes_of(obj: Any) -> dict[str, Any]:
    """The attributes of an object itself, whether it keeps them in a dict or in slots."""
    own: Any = getattr(obj, "__dict__", None)
    values: dict[str, Any] = dict(own) if isinstance(own, dict) else {}
    for base in type(obj).__mro__:
        slots = base.__dict__.get("__slots__", ())
        for name in [slots] if isinstance(slots, str) else slots:
            if name not in ("__dict__", "__weakref__") and hasattr(obj, name):
                values[name] = getattr(obj, name)
    return values


def _set_attributes(obj: Any, now: dict[str, Any], values: dict[str, Any]) -> None:
    for name in now.keys() - values.keys():
        object.__delattr__(obj, name)
    for name, value in values.items():
        object.__setattr__(obj, name, value)


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
