"""Library objects that keep something: what nothing orders is refused, what a lock orders is proved."""

from __future__ import annotations

import collections
import hashlib
import operator
import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from mini_qemu.sched import InstrumentationError, explore


class Thing:
    """Something that a weak reference can name."""


THING = Thing()


def twice(make: Callable[[], Any], use: Callable[[Any], Any], locked: bool) -> Callable[[], None]:
    """Two threads that use one object, under a lock or not."""

    def main() -> None:
        thing, lock = make(), threading.Lock()

        def work() -> None:
            if locked:
                with lock:
                    use(thing)
            else:
                use(thing)

        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    return main


def fill(box: Any) -> None:
    if "k" not in box:
        box["k"] = THING


def add(box: Any) -> None:
    if len(box) == 0:
        box.add(THING)


def count(box: Any) -> None:
    if not box:
        box.update(["a"])


USES: dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
    "a UserDict": (collections.UserDict, fill),
    "a WeakValueDictionary": (weakref.WeakValueDictionary, fill),
    "a WeakSet": (weakref.WeakSet, add),
    "a hash": (hashlib.sha256, lambda box: box.update(b"x")),
    "a Counter's update": (collections.Counter, count),
}


@pytest.mark.parametrize("what", USES)
def test_without_a_lock_is_refused(what: str):
    make, use = USES[what]
    with pytest.raises(InstrumentationError, match="hold a lock"):
        explore(twice(make, use, locked=False))


@pytest.mark.parametrize("what", USES)
def test_under_a_lock_is_proved(what: str):
    make, use = USES[what]
    assert explore(twice(make, use, locked=True)).verdict == "proved"


@pytest.mark.parametrize("what", ["a UserDict", "a WeakValueDictionary"])
def test_looking_together_is_fine(what: str):
    make, _ = USES[what]
    assert explore(twice(make, lambda box: "k" in box, locked=False)).verdict == "proved"


def test_a_function_that_sets_an_item_is_a_step():
    def main() -> None:
        numbers = [0]

        def work() -> None:
            operator.setitem(numbers, 0, numbers[0] + 1)

        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert numbers == [2]

    result = explore(main)
    assert (result.verdict, result.runs, result.failing) == ("failed", 4, 2)
