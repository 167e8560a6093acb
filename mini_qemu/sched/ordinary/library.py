# SPDX-License-Identifier: GPL-2.0-or-later
"""Builtins that run code of the program, written in Python: here what they call is under control.

Each does what Python's own does for the same arguments; this module is rewritten as the program itself is.
"""

from __future__ import annotations

import queue
from typing import Any, NamedTuple

from mini_qemu.sched.choice import choose

_NOTHING: Any = object()


def map_(function: Any, *sources: Any) -> Any:
    for values in zip(*sources):  # noqa: B905
        yield function(*values)


def filter_(function: Any, source: Any) -> Any:
    for value in source:
        if value if function is None else function(value):
            yield value


def zip_(*sources: Any, strict: bool = False) -> Any:
    iterators = [iter(source) for source in sources]
    while iterators:
        values = []
        for number, iterator in enumerate(iterators):
            value = next(iterator, _NOTHING)
            if value is _NOTHING:
                if strict and number:
                    raise ValueError(f"zip() argument {number + 1} is shorter than argument {number}")
                if strict and any(next(other, _NOTHING) is not _NOTHING for other in iterators[1:]):
                    raise ValueError("zip() argument 2 is longer than argument 1")
                return
            values.append(value)
        yield tuple(values)


def enumerate_(source: Any, start: int = 0) -> Any:
    number = start
    for value in source:
        yield (number, value)
        number += 1


def reversed_(source: Any) -> Any:
    if hasattr(source, "__reversed__") and not isinstance(source, list):
        yield from source.__reversed__()
        return
    for number in range(len(source) - 1, -1, -1):
        if number < len(source):
            yield source[number]


def iter_(function: Any, end: Any) -> Any:
    while True:
        value = function()
        if value == end:
            return
        yield value


def any_(source: Any) -> bool:
    for value in source:  # noqa: SIM110 - it is what `any` is made of
        if value:
            return True
    return False


def all_(source: Any) -> bool:
    for value in source:  # noqa: SIM110
        if not value:
            return False
    return True


def sum_(source: Any, start: Any = 0) -> Any:
    total = start
    for value in source:
        total = total + value
    return total


def reduce_(function: Any, source: Any, *start: Any) -> Any:
    iterator = iter(source)
    total = start[0] if start else next(iterator)
    for value in iterator:
        total = function(total, value)
    return total


def min_(*args: Any, key: Any = None, default: Any = _NOTHING) -> Any:
    return _best("min", args, key, default, False)


def max_(*args: Any, key: Any = None, default: Any = _NOTHING) -> Any:
    return _best("max", args, key, default, True)


def _best(name: str, args: Any, key: Any, default: Any, largest: bool) -> Any:
    best = rank = _NOTHING
    for value in args[0] if len(args) == 1 else args:
        its = value if key is None else key(value)
        if rank is _NOTHING or (its > rank if largest else its < rank):
            best, rank = value, its
    if best is _NOTHING:
        if default is not _NOTHING:
            return default
        raise ValueError(f"{name}() iterable argument is empty")
    return best


def sorted_(source: Any, *, key: Any = None, reverse: bool = False) -> Any:
    """Insertion by halving, so that few comparisons are made, and equal values keep their order."""
    values: list[Any] = []
    ranks: list[Any] = []
    given = list(source)
    if reverse:
        given.reverse()
    for value in given:
        its = value if key is None else key(value)
        low, high = 0, len(ranks)
        while low < high:
            middle = (low + high) // 2
            if its < ranks[middle]:
                high = middle
            else:
                low = middle + 1
        ranks.insert(low, its)
        values.insert(low, value)
    if reverse:
        values.reverse()
    return values


class Managed:
    """What a function under `contextlib.contextmanager` returns."""

    def __init__(self, generator: Any) -> None:
        self.generator = generator

    def __enter__(self) -> Any:
        return next(self.generator)

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> bool:
        if error is None:
            if next(self.generator, _NOTHING) is not _NOTHING:
                raise RuntimeError("generator didn't stop")
            return False
        try:
            self.generator.throw(error)
        except StopIteration:
            return True
        except BaseException as raised:
            if raised is error:
                return False
            raise
        raise RuntimeError("generator didn't stop after throw()")


class Closing:
    """`contextlib.closing`."""

    def __init__(self, thing: Any) -> None:
        self.thing = thing

    def __enter__(self) -> Any:
        return self.thing

    def __exit__(self, *exc: object) -> None:
        self.thing.close()


class ExitStack:
    """`contextlib.ExitStack`."""

    def __init__(self) -> None:
        self.leaving: Any = ()

    def __enter__(self) -> Any:
        return self

    def enter_context(self, manager: Any) -> Any:
        entered = manager.__enter__()
        self.leaving = (*self.leaving, manager.__exit__)
        return entered

    def push(self, leave: Any) -> Any:
        self.leaving = (*self.leaving, leave.__exit__ if hasattr(leave, "__exit__") else leave)
        return leave

    def callback(self, function: Any, /, *args: Any, **kwargs: Any) -> Any:
        def leave(*exc: object) -> None:
            function(*args, **kwargs)

        self.leaving = (*self.leaving, leave)
        return function

    def pop_all(self) -> Any:
        other = ExitStack()
        other.leaving, self.leaving = self.leaving, ()
        return other

    def close(self) -> None:
        self.__exit__(None, None, None)

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> bool:
        pending = error
        while self.leaving:
            leave = self.leaving[-1]
            self.leaving = self.leaving[:-1]
            try:
                if leave(None if pending is None else type(pending), pending, traceback):
                    pending = None
            except BaseException as raised:
                pending = raised
        if pending is not None and pending is not error:
            raise pending
        return error is not None and pending is None


class DoneAndNotDone(NamedTuple):
    """What `concurrent.futures.wait` returns."""

    done: Any
    not_done: Any


def as_completed_(futures: Any, timeout: Any = None) -> Any:
    done: Any = queue.SimpleQueue()
    waiting = list(dict.fromkeys(futures))
    finished = [future for future in waiting if not future._add_waiter(done.put)]
    late = len(waiting) - len(finished)
    while finished:  # Python has them in a set, in any order
        yield finished.pop(choose(len(finished)) if len(finished) > 1 else 0)
    for _ in range(late):
        try:
            future = done.get(timeout=timeout)
        except queue.Empty:
            raise TimeoutError("futures unfinished") from None
        future._settled()
        yield future


def wait_(futures: Any, timeout: Any, return_when: str) -> Any:
    waiting = list(dict.fromkeys(futures))
    if timeout is None and return_when == "ALL_COMPLETED":
        for future in waiting:
            future._settled()
    elif timeout is None:
        done: Any = queue.SimpleQueue()
        for future in waiting:
            if not future._add_waiter(done.put):
                done.put(future)
        for _ in waiting:
            future = done.get()
            future._settled()
            if return_when == "FIRST_COMPLETED":
                break
            if not future.cancelled() and future.exception() is not None:
                break
    over = {future for future in waiting if future._is_settled()}
    return DoneAndNotDone(over, set(waiting) - over)
