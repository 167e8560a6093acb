# SPDX-License-Identifier: GPL-2.0-or-later
"""What a picture of a moment needs beside the watched values: local variables, and the objects that values stand for.

A thread's hand is the locals of its frames: what it has read and not used up, pointers it has copied, counts. A watched
value stands for objects if it is one, holds some, or says so in its attribute ``objects`` (a word in a table that
means a pointer). Looking is never a step: frames are read, fields are taken without the clerk.
Left out: the values of expressions in the middle of a line. They are in the trace, as the last thing read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .shared import FIELDS, Freed, Shared

PLAIN = (bool, int, float, str, bytes, type(None))


@dataclass(frozen=True)
class Local:
    """A local variable of a frame: in which function, its name, its value as text, and the object it points to."""

    function: str
    depth: int
    name: str
    text: str
    thing: str = ""


@dataclass(frozen=True)
class Thing:
    """An object in the picture: what sentences call it, its class, whether it is freed, its plain fields as text, and
    the objects it points to.
    """

    name: str
    cls: str
    freed: bool
    fields: dict[str, str]
    to: tuple[str, ...]


@dataclass(frozen=True)
class Points:
    """What a watched value stands for: a "pointer", a "list" of objects, or the "count" of one; in a word, if it has
    one ("file").
    """

    kind: str
    to: tuple[str, ...]
    word: str = ""


def locals_of(gen: Any, own: str) -> Iterator[tuple[str, int, str, Any]]:
    """(function, depth, name, value) of every local of a suspended thread, outermost frame first; not the engine's."""
    depth = 0
    while gen is not None and getattr(gen, "gi_frame", None) is not None:
        code = gen.gi_code
        if not code.co_filename.startswith(own):
            depth += 1
            for name, value in dict(gen.gi_frame.f_locals).items():
                if name in code.co_varnames and not name.startswith(("_", ".")):
                    yield code.co_qualname, depth, name, value
        gen = gen.gi_yieldfrom


def stands_for(value: Any) -> tuple[str, list[Any]] | None:
    """How a watched value is drawn, and the objects it stands for; None if it is a plain value."""
    if hasattr(value, "objects"):
        return value.drawn, list(value.objects)
    if isinstance(value, Shared):
        return "pointer", [value]
    if isinstance(value, list | tuple) and value and all(isinstance(one, Shared) for one in value):
        return "list", list(value)
    return None


class Painter:
    """Draws moments. ``show`` gives a plain value as text, ``name`` says what sentences call an object so far: a
    picture gives no names, for then the sentences would depend on who looks.
    """

    def __init__(self, show: Callable[[Any], str], name: Callable[[Any], str]) -> None:
        self.show = show
        self.name = name
        self.drawn: dict[str, Any] = {}  # every object that has been in the picture, by its mark there
        self.marks: dict[int, str] = {}  # by the engine's key

    def mark(self, obj: Any) -> str:
        """What stands for an object in this picture."""
        return self.marks.setdefault(obj._key, f"o{len(self.marks) + 1}")

    def hand(self, locals_: Iterable[tuple[str, int, str, Any]]) -> list[Local]:
        """The locals that can be said in a few words: plain values and objects."""
        found = []
        for function, depth, name, value in locals_:
            if isinstance(value, Shared):
                freed = "freed " if isinstance(value, Freed) else ""
                found.append(Local(function, depth, name, freed + self.name(value), self.mark(value)))
            elif isinstance(value, PLAIN):
                found.append(Local(function, depth, name, self.show(value)))
        return found

    def points(self, watched: Mapping[str, Any]) -> dict[str, Points]:
        found = {}
        for label, value in watched.items():
            drawn = stands_for(value)
            if drawn is None:
                continue
            kind, objects = drawn
            for one in objects:
                self.drawn[self.mark(one)] = one
            found[label] = Points(kind, tuple(self.mark(one) for one in objects), getattr(value, "word", ""))
        return found

    def things(self) -> dict[str, Thing]:
        """Every object that has been in the picture, as it is now."""
        marks = {id(one): mark for mark, one in self.drawn.items()}
        found = {}
        for mark, one in self.drawn.items():
            freed = isinstance(one, Freed)
            held = {} if freed else {f: one._v[f] for f in FIELDS[type(one)] if f in one._v}
            plain = {f: self.show(value) for f, value in held.items() if isinstance(value, PLAIN)}
            values = [*held.values(), *vars(one).values()]
            to = tuple(dict.fromkeys(marks[id(value)] for value in values if id(value) in marks and value is not one))
            found[mark] = Thing(self.name(one), type(one).__name__, freed, plain, to)
        return found
