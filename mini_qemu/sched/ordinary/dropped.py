# SPDX-License-Identifier: GPL-2.0-or-later
"""Generators that a program drops before their end, inside a ``with`` or a ``try`` with ``finally``.

Python closes a generator where its last reference goes, and there it leaves its ``with``: a lock is free again. The
explorer closes what a ``for`` leaves (`iteration.let_go`), and does not see other references go. At the end of a run it
asks whether such a generator is left that nothing refers to any more, and refuses the program.
"""

from __future__ import annotations

import ast
import functools
import gc
import linecache
from types import FrameType, GeneratorType
from typing import Any

from mini_qemu.sched.errors import InstrumentationError
from mini_qemu.sched.source import tree_of

REASON = (
    "is dropped inside a with or try. Python leaves that where the last reference goes, which the explorer does not "
    "see; close it: with contextlib.closing(...)"
)
HOLDERS: set[type] = {GeneratorType, list, tuple, dict, set}
"""Types of what may hold a generator and be dropped with it; `iteration` adds its own."""


def refuse_dropped(generators: list[Any], keepers: tuple[type, ...]) -> None:
    """Raise InstrumentationError for the first of these generator objects that is dropped so. ``keepers``: the types
    of the explorer's own objects that refer to them.
    """
    for made in generators:
        frame = made.gen.gi_frame
        code = made.gen.gi_code
        if frame is not None and _is_inside(code, frame.f_lineno) and _nobody_has(made, keepers, generators):
            raise InstrumentationError(f"{code.co_filename}:{frame.f_lineno}: the generator {code.co_name} {REASON}")


def may_be_inside(code: Any) -> bool:
    """Whether the function of ``code`` has such a statement, so that its generators have to be remembered."""
    known = _KNOWN.get(id(code))
    if known is None:
        inside = any(first > code.co_firstlineno for first, _ in _left_at_the_end(code.co_filename))
        known = _KNOWN[id(code)] = code, inside
    return known[1]


_KNOWN: dict[int, tuple[Any, bool]] = {}
"""By number: comparing code objects themselves takes long."""


def _is_inside(code: Any, line: int) -> bool:
    return any(code.co_firstlineno < first <= line <= last for first, last in _left_at_the_end(code.co_filename))


def _left_at_the_end(filename: str) -> list[tuple[int, int]]:
    return _bodies(filename, "".join(linecache.getlines(filename)))


@functools.lru_cache(maxsize=64)
def _bodies(filename: str, source: str) -> list[tuple[int, int]]:
    """First and last line of what stands in a ``with``, or in a ``try`` with ``finally``."""
    return [
        (node.body[0].lineno, node.body[-1].end_lineno or 0)
        for node in ast.walk(tree_of(filename, source))
        if isinstance(node, ast.With) or (isinstance(node, ast.Try) and node.finalbody)
    ]


def _nobody_has(made: Any, keepers: tuple[type, ...], generators: list[Any]) -> bool:
    """Whether only the explorer refers to ``made``, or generators and lists that nobody has."""
    seen: set[int] = set()
    todo = [made]
    while todo:
        thing = todo.pop()
        seen.add(id(thing))
        for other in gc.get_referrers(thing):
            if isinstance(other, (*keepers, FrameType)) or other is todo or other is generators or id(other) in seen:
                continue
            if type(other) not in HOLDERS:
                return False
            todo.append(other)
    return True
