# SPDX-License-Identifier: GPL-2.0-or-later
"""Notice, and undo, what an answer changes in the course itself.

An answer is a function that the judge runs. It may import the engine and put another function in its place, by mistake
or on purpose. `watching()` remembers every function and class of `mini_qemu`, `lessons` and `builtins`, puts back what
is different at the end, and says what it was.

Left out: data inside lists and dicts. An answer that wants to can do more than this notices; a judge is not a sandbox.
"""

from __future__ import annotations

import builtins
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import CodeType, FunctionType
from typing import Any

PACKAGES = ("mini_qemu", "lessons")
_GONE = object()


@dataclass
class Watch:
    changed: list[str] = field(default_factory=list)
    """The names that were different at the end, such as `mini_qemu.sched.explore.explore`."""


@contextmanager
def watching() -> Iterator[Watch]:
    """Whatever happens inside, the course is as it was afterwards; the Watch says what had to be put back."""
    before = list(_everything())
    watch = Watch()
    try:
        yield watch
    finally:
        watch.changed = sorted({place.name for place in before if place.put_back()})


@dataclass(frozen=True)
class _Place:
    """A name in a module or a class, and what it meant."""

    name: str
    owner: Any
    key: str
    value: Any
    code: CodeType | None

    def put_back(self) -> bool:
        """Whether something else was there."""
        touched = False
        if vars(self.owner).get(self.key, _GONE) is not self.value:
            setattr(self.owner, self.key, self.value)
            touched = True
        if self.code is not None and self.value.__code__ is not self.code:
            self.value.__code__ = self.code
            touched = True
        return touched


def _everything() -> Iterator[_Place]:
    modules = [module for name, module in list(sys.modules.items()) if name.partition(".")[0] in PACKAGES]
    for module in [builtins, *modules]:
        if module is None:
            continue
        yield from _members(module, module.__name__)
        for key, value in list(vars(module).items()):
            if isinstance(value, type) and value.__module__ == module.__name__ and module is not builtins:
                yield from _members(value, f"{module.__name__}.{key}")


def _members(owner: Any, name: str) -> Iterator[_Place]:
    for key, value in list(vars(owner).items()):
        if isinstance(value, type | FunctionType | staticmethod | classmethod | property) or _is_builtin(value):
            code = value.__code__ if isinstance(value, FunctionType) else None
            if not (key.startswith("__") and isinstance(owner, type) and not isinstance(value, FunctionType)):
                yield _Place(f"{name}.{key}", owner, key, value, code)


def _is_builtin(value: Callable[..., Any] | Any) -> bool:
    return type(value) is type(len)
