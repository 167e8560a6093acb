# SPDX-License-Identifier: GPL-2.0-or-later
"""How a word of the standard library is written for the explorer: a method that yields its steps.

    class Event(Primitive):
        @word
        def set(self):
            yield (SET, self, True)

Under control a call of ``event.set()`` runs that generator. Anybody else who calls it is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mini_qemu.sched.clerk import CLERK, Steps, controlled_by
from mini_qemu.sched.ops import Op

from .access import answer, call
from .guard import Site
from .replaced import REPLACED


class Plain:
    """A state in words, for a trace."""

    def __init__(self, words: str) -> None:
        self.words = words

    def __repr__(self) -> str:
        return self.words


class Standing:
    """What stands for a class of the standard library: `isinstance` takes it for one of those."""

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        ours: Any = type(self)
        return next((real for real, other in REPLACED.items() if other is ours and isinstance(real, type)), ours)

    def __deepcopy__(self, memo: Any) -> Any:
        raise TypeError("cannot pickle '_thread.lock' object")


def word(generator: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator of a method that makes steps: under control its generator runs, anybody else is refused."""

    def native(self: Any, *args: Any, **kwargs: Any) -> Any:
        CLERK.refuse(f"{self.name or type(self).__name__}.{generator.__name__}()")
        raise RuntimeError(f"{type(self).__name__}.{generator.__name__} works in an exploration only")

    native.__name__ = generator.__name__
    native.__qualname__ = generator.__qualname__
    return controlled_by(generator)(native)


def one(kind: int) -> Callable[..., Any]:
    """A method that is one step of ``kind``."""

    def method(self: Any, *args: Any) -> Steps:
        return (yield (kind, self, *args))

    return word(method)


def tells(text: str) -> Callable[..., tuple[str, str]]:
    """``{name}``, ``{value}``, ``{0}``: the object, the result and the argument in a sentence."""

    def tell(name: str, op: Op, value: Any, show: Callable[[Any], str]) -> tuple[str, str]:
        shown = show(value)
        return shown, text.format(*(show(v) for v in op[2:]), name=name, value=shown)

    return tell


def limit(blocking: bool, timeout: float | None) -> bool:
    """Whether an acquire never waits. Raises what Python raises for arguments that contradict each other."""
    if timeout is not None and timeout != -1:
        if not blocking:
            raise ValueError("can't specify a timeout for a non-blocking call")
        if timeout < 0:
            raise ValueError("timeout value must be a non-negative number")
        return True
    return not blocking


def answered(site: Site, function: Any, *args: Any, **kwargs: Any) -> Steps:
    """The value of a call of ordinary code."""
    return (yield from answer(call(site, function, *args, **kwargs)))


def asked(function: Any, *args: Any, **kwargs: Any) -> Steps:
    """Call a function of the program from a word: an action, a predicate, a target."""
    return (yield from answered(("", "", 0), function, *args, **kwargs))
