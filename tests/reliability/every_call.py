"""A reader interrupts at every call: wherever a function of ours begins, KeyboardInterrupt is raised in its stead.

Python delivers a signal where a function begins (or a loop goes on), so between the body of a ``with`` and what its
``__exit__`` puts back there is always such a place. `interrupts` meets it once in a thousand trials; here a tracer goes
to each, the first and the last time that it is reached from the same line. The same places in every run.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import CodeType, FrameType
from typing import Any

from tests.reliability.interrupts import Interrupted

Work = Callable[[], object]
Place = tuple[CodeType, CodeType, int]
"""A function, and the one that calls it, with the line."""


def calls(work: Work) -> dict[Place, list[int]]:
    """Every place in ``work`` where a call begins, and the numbers of its calls, counted from 1."""
    found: dict[Place, list[int]] = {}
    number = 0

    def trace(frame: FrameType, event: str, _: Any) -> None:
        nonlocal number
        if event == "call" and frame.f_back is not None:
            number += 1
            place = frame.f_code, frame.f_back.f_code, frame.f_back.f_lineno
            found.setdefault(place, []).append(number)

    _traced(work, trace)
    return found


def chosen(found: dict[Place, list[int]]) -> Iterator[tuple[str, int]]:
    """The calls to interrupt: of each place the first and the last."""
    for (function, caller, line), numbers in found.items():
        for number in sorted({numbers[0], numbers[-1]}):
            yield f"{function.co_qualname}, called in {caller.co_qualname} at line {line}, call {number}", number


def interrupted_at(work: Work, wanted: int) -> None:
    """Do ``work``, and raise where its call number ``wanted`` begins. It may end early, with what it has."""
    number = 0

    def trace(frame: FrameType, event: str, _: Any) -> None:
        nonlocal number
        if event == "call" and frame.f_back is not None:
            number += 1
            if number == wanted:
                raise Interrupted

    try:
        _traced(work, trace)
    except Interrupted:
        pass


def _traced(work: Work, trace: Callable[[FrameType, str, Any], None]) -> None:
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
