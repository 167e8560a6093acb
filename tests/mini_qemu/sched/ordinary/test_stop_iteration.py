"""StopIteration goes through functions and handlers as in Python, although functions run as generators."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mini_qemu.sched import Scenario, Shared, explore


class Count:
    """Counts down to zero."""

    def __init__(self, n: int) -> None:
        self.n = n

    def __iter__(self) -> Count:
        return self

    def __next__(self) -> int:
        if self.n == 0:
            raise StopIteration
        self.n -= 1
        return self.n


def numbers() -> Iterator[int]:
    got = yield 1
    assert got is None or got == 5
    return 7  # the value of its StopIteration


def take(iterator: Iterator[Any]) -> Any:
    return next(iterator)


def end_of(iterator: Iterator[Any]) -> Any:
    try:
        return take(iterator)
    except StopIteration as stop:
        return "end", stop.value


def after_one(call: Callable[[Any], Any]) -> Any:
    made = numbers()
    next(made)
    try:
        call(made)
    except Exception as error:
        return type(error).__name__, error.args
    return "goes on"


def suppressed() -> str:
    with contextlib.suppress(StopIteration):
        take(iter([]))
        return "not here"
    return "suppressed"


def cleaned_up() -> list[str]:
    seen = []
    try:
        try:
            take(iter([]))
        finally:
            seen.append("finally")
    except (ValueError, StopIteration):
        seen.append("caught")
    return seen


def inside_a_generator() -> Any:
    def broken() -> Iterator[int]:
        yield take(iter([]))

    try:
        return list(broken())
    except RuntimeError as error:
        return str(error)


CASES: dict[str, tuple[Callable[[], Any], Any]] = {
    "a loop over an iterator of one's own": (lambda: [n for n in Count(3)], [2, 1, 0]),  # noqa: C416
    "list of one": (lambda: list(Count(3)), [2, 1, 0]),
    "map over one": (lambda: list(map(str, Count(2))), ["1", "0"]),
    "next in the function": (lambda: end_of(iter([])), ("end", None)),
    "next of one's own": (lambda: end_of(Count(0)), ("end", None)),
    "next of a generator that returns": (lambda: after_one(next), ("StopIteration", (7,))),
    "send": (lambda: after_one(lambda made: made.send(5)), ("StopIteration", (7,))),
    "a default": (lambda: next(iter([]), "none"), "none"),
    "suppress": (suppressed, "suppressed"),
    "finally and a tuple of classes": (cleaned_up, ["finally", "caught"]),
    "out of a generator": (inside_a_generator, "generator raised StopIteration"),
}


@pytest.mark.parametrize("what", CASES)
def test_is_as_in_python(what: str):
    function, expected = CASES[what]
    assert function() == expected, "Python itself"

    def main() -> None:
        seen = []
        thread = threading.Thread(target=lambda: seen.append(function()))
        thread.start()
        thread.join()
        assert seen == [expected], seen

    result = explore(main)
    assert result.verdict == "proved", result.failure


def test_one_that_nobody_catches_is_named():
    def main() -> None:
        take(iter([]))

    result = explore(main)
    assert result.failure is not None
    assert result.failure.message.startswith("StopIteration")


class Box(Shared):
    value: Any = None


@pytest.mark.parametrize("guarded", [True, False])
def test_in_a_declared_scenario_too(guarded: bool):
    def thread(box: Box) -> None:
        box.value = end_of(iter([]))

    scenario = Scenario("end", Box, {"A": thread}, check=lambda box: box.value == ("end", None), guarded=guarded)
    assert explore(scenario).verdict == "proved"
