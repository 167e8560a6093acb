# SPDX-License-Identifier: GPL-2.0-or-later
"""What every question of ordinary code is made of: an access is noted, or it becomes a step.

`rewriting` turns a function into one that asks for every access, in `attributes`, `items`, `operators`, `iteration` and
`variables`. Most answers are given at once, after a note to the guard. An access of a place that is visible, and
whatever runs code of the program (a property, an operator of its own class), comes back as a generator, to be delegated
to. What the explorer cannot follow is refused with file, line and what to write instead.

Left out: ``__del__`` and weak references, whose moment is the garbage collector's; ``__hash__`` and ``__eq__`` of keys.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Generator, Hashable
from types import FunctionType, GeneratorType, MethodType
from typing import Any

from mini_qemu.sched.clerk import CLERK
from mini_qemu.sched.errors import InstrumentationError
from mini_qemu.sched.instrument import is_controlled, just
from mini_qemu.sched.ops import Op, operation

from .guard import WHOLE, Aside, Box, Guard, Label, Site

Steps = Generator[Any, Any, Any]

ATOMS = frozenset((
    type(None), bool, int, float, complex, str, bytes, range, slice, type(Ellipsis), type(NotImplemented), type(len),
    FunctionType, MethodType, functools.partial,
))  # fmt: skip
"""Types whose values never change, or never matter: attributes of theirs are not shared state."""


def call(site: Site, f: Any, /, *args: Any, **kwargs: Any) -> Any:
    """`calls.call`, which needs this module, as this module needs it."""
    return _calls[0](site, f, *args, **kwargs)


_calls: list[Callable[..., Any]] = []


UNSHARED: set[type] = set()
"""Classes whose attributes belong to one thread each: `threading.local`."""


READS, WRITES = "reads {box}: {value}", "writes {box} = {0}"


class Act:
    """What a step of ordinary code does: ``run()`` gives its value or raises; ``verb`` is its sentence, with places
    for ``{box}``, ``{value}`` and the ``operands``.
    """

    __slots__ = ("operands", "part", "run", "verb")

    def __init__(self, run: Callable[[], Any], verb: str, part: Hashable, operands: tuple[Any, ...] = ()) -> None:
        self.run = run
        self.verb = verb
        self.part = part
        self.operands = operands


def guard_of() -> Guard:
    """The guard of the run in progress."""
    guard: Guard | None = CLERK.guard
    if guard is None:
        raise AssertionError("ordinary code runs under a guard only")
    return guard


def refuse(site: Site, reason: str) -> InstrumentationError:
    return InstrumentationError(f"{site[0]}:{site[2]}: {reason}")


def step(guard: Guard, box: Box, part: Hashable, change: bool, act: Act, site: Site) -> Steps:
    """A visible access, as one step. Any part of a container stands for the whole."""
    if change:
        guard.check_change(box, site)
    spot = guard.spot(box, WHOLE if box.label[0] == "container" else part)
    return (yield (CHANGE if change else LOOK, spot, act, site))


def quietly(
    guard: Guard, box: Box, part: Hashable, change: bool, act: tuple[Callable[[], Any], str], site: Site,
    operands: tuple[Any, ...] = (), label: Label | None = None,
) -> Any:  # fmt: skip
    """An access that is not a step: noted, and made at once. A run that is recorded keeps it. ``act``: what to run,
    and the verb that tells it."""
    guard.note(box, part, change, site, label)
    run, verb = act
    if guard.diary is None:
        return plainly(run())
    value: Any = None
    try:
        value = run()
    except BaseException as error:
        value = error
        raise
    finally:
        guard.diary.append(Aside(guard.world.current.tid, box, part, change, verb, operands, value, site))
    return plainly(value)


def _carry_out(world: Any, task: Any, made: Op) -> Any:
    return made[2].run()


def _sentence(name: str, made: Op, value: Any, show: Callable[[Any], str]) -> tuple[str, str]:
    act = made[2]
    return told_of(name, made[0] == CHANGE, act.verb, act.operands, value, show)


def told_of(
    name: str, change: bool, verb: str, operands: tuple[Any, ...], value: Any, show: Callable[[Any], str]
) -> tuple[str, str]:
    """Value and sentence of an access. One that raised is told by what it tried and by the exception."""
    shown = [show(operand) for operand in operands]
    if isinstance(value, BaseException):
        verb = f"{verb.partition(': ')[0].replace('{value} ', '')}: {{value}}"
    said = verb.format(*shown, *[""] * 3, box=name, value=show(value))
    return (shown[-1] if change and shown else "" if change else show(value)), said


LOOK = operation("read", "reads", act=_carry_out, changes=False, tell=_sentence)

CHANGE = operation("write", "writes", act=_carry_out, tell=_sentence)


def own(function: Any) -> bool:
    """Whether ``function`` is the program's own, and runs under control."""
    return (
        type(function) is FunctionType
        and function.__code__.co_filename != "<string>"  # what dataclass and namedtuple write
        and function.__code__.co_name != "__annotate__"  # from Python 3.14 on, what gives a class its annotations
        and is_controlled(function.__module__)
        and is_controlled(function.__globals__.get("__name__"))
    )


@functools.cache
def _in_class(cls: Any, name: str) -> Any:
    return next((base.__dict__[name] for base in cls.__mro__ if name in base.__dict__), MISSING)


class _Missing:
    def __repr__(self) -> str:
        return "nothing of its own"


MISSING: Any = _Missing()


def declared(cls: Any, name: str) -> Any:
    """What attribute ``name`` is in ``cls`` and its bases, or MISSING: a class may well hold None."""
    return _in_class(cls, name)


def in_class(cls: Any, name: str) -> Any:
    """The method ``name`` of ``cls`` and its bases, or None."""
    found = _in_class(cls, name)
    return None if found is MISSING else found


def forget_classes() -> None:
    """A class has changed: look it up anew."""
    _in_class.cache_clear()


def class_name(cls: type) -> str:
    """What stands for the attributes of the class's instances in a label."""
    return f"{cls.__module__}.{cls.__qualname__}"


def class_itself(cls: type) -> str:
    """What stands for the class's own attributes in a label."""
    return f"class {class_name(cls)}"


def plainly(value: Any) -> Any:
    return just(value) if type(value) is GeneratorType else value


def answer(made: Any) -> Steps:
    return (yield from made) if type(made) is GeneratorType else made


def followed_by(made: Any, then: Callable[[Any], Any]) -> Steps:
    return then((yield from answer(made)))
