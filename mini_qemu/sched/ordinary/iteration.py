# SPDX-License-Identifier: GPL-2.0-or-later
"""Loops, generators and unpacking in ordinary code.

Iterating reads its container at each value. A generator of the program is a `Generating`, which runs under control up
to its next value; code that is not under control may drive it too, as long as that takes no step.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import sys
from collections.abc import Callable
from types import GeneratorType
from typing import Any

from mini_qemu.sched.clerk import controlled_by
from mini_qemu.sched.errors import Closed, InstrumentationError, Stopped
from mini_qemu.sched.ops import ABORT, ADD, BEAT, OPERATIONS
from mini_qemu.sched.places import frames_of
from mini_qemu.sched.rewrite import ASSERTION

from .access import ATOMS, Steps, answer, call, guard_of, in_class, own, plainly, refuse
from .containers import INDEXED, VERBS, VIEWS, is_container, under
from .dropped import HOLDERS, may_be_inside
from .guard import WHOLE, Site, Spot, told
from .items import born, has_steps, item, look, looked, touch
from .opaque import looked_at
from .replaced import TWINS, twin

END: Any = type("End", (), {"__repr__": lambda self: "end"})()


class Produced:
    """What a generator of the program yields, as opposed to the operations that it makes on the way."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


class Generating:
    """A generator of the program. ``steps`` runs it under control up to its next value. To enter it is a change of it,
    and so is to leave it: another thread that enters it meanwhile gets what Python raises.
    """

    __slots__ = ("gen", "looped", "result", "running")
    called = "generator"

    def __init__(self, gen: Any) -> None:
        self.gen = gen
        self.looped = False
        self.running = False
        self.result: Any = None
        code = gen.gi_code
        if may_be_inside(code):
            guard_of().generators.append(self)
        guard_of().born(self, "container", (code.co_filename, code.co_qualname, code.co_firstlineno))

    def __iter__(self) -> Generating:
        return self

    def __next__(self) -> Any:
        value = natively(self.steps)
        if value is END:
            raise StopIteration
        return value

    def steps(self, sent: Any = None, error: Any = None, site: Site = ("", "", 0)) -> Steps:
        """Up to the next ``yield``: its value, or END."""
        yield from answer(touch(self, WHOLE, True, self._enter, "resumes {box}", site))
        try:
            value = yield from self._resumed(sent, error)
        except GeneratorExit:  # the run is over, or the program closes it
            self.running = False
            raise
        except BaseException:
            yield from answer(touch(self, WHOLE, True, self._leave, "leaves {box}", site))
            raise
        yield from answer(touch(self, WHOLE, True, self._leave, "leaves {box}", site))
        return value

    def _enter(self) -> None:
        if self.running:
            raise ValueError("generator already executing")
        self.running = True

    def _leave(self) -> None:
        self.running = False

    def _resumed(self, sent: Any, error: Any) -> Steps:
        try:
            made = self.gen.throw(error) if error is not None else self.gen.send(sent)
            while type(made) is not Produced:
                try:
                    answer = yield made
                except BaseException as raised:
                    made = self.gen.throw(raised)
                else:
                    made = self.gen.send(answer)
            return made.value
        except StopIteration as stop:
            self.result = stop.value
            return END
        except Stopped as stopped:
            raise RuntimeError("generator raised StopIteration") from stopped.stop


def _word(generator: Any) -> Any:
    """A method that runs under control for a call of ordinary code, and drives itself for others."""
    return controlled_by(generator)(lambda self, *args: natively(generator, self, *args))


def generating(gen: Steps) -> Generating:
    """A generator object of the program."""
    return Generating(gen)


def delegate(source: Any) -> Steps:
    """``yield from source``."""
    site: Site = ("", "", 0)
    iterator = yield from answer(iterate(source, site))
    while (value := (yield from answer(following(iterator, site)))) is not END:
        yield Produced(value)
    return getattr(iterator, "result", None)


def _send(self: Generating, value: Any) -> Steps:
    return _or_stop(self, (yield from self.steps(value)))


def _throw(self: Generating, error: Any, *more: Any) -> Steps:
    raised = error() if isinstance(error, type) else error
    return _or_stop(self, (yield from self.steps(None, raised)))


def _close(self: Generating) -> Steps:
    inner = self.gen.gi_yieldfrom
    if getattr(inner, "gi_code", None) is delegate.__code__:  # Python would close it with a plain GeneratorExit
        iterator = inner.gi_frame.f_locals["iterator"]
        if type(iterator) is Generating:
            yield from _close(iterator)
    try:
        value = yield from self.steps(None, Closed())
    except GeneratorExit:
        return
    if value is not END:
        raise RuntimeError("generator ignored GeneratorExit")


def _or_stop(self: Generating, value: Any) -> Any:
    if value is END:
        raise Stopped(StopIteration(self.result))
    return value


Generating.send = _word(_send)  # type: ignore[attr-defined]
Generating.throw = _word(_throw)  # type: ignore[attr-defined]
Generating.close = _word(_close)  # type: ignore[attr-defined]


class Loop:
    """An iterator over a container under guard: each value is read in a step of its own, if the container has steps.
    ``given``: the program has it in a variable, so that two threads may take values from it. ``also``: what else it
    takes values of, without steps.
    """

    __slots__ = ("also", "box", "given", "it", "site")
    called = "iterator"

    def __init__(self, box: Any, site: Site, it: Any = None) -> None:
        self.box = box
        self.it = iter(box) if it is None else it
        self.site = site
        self.given = False
        self.also: tuple[Any, ...] = ()

    def __repr__(self) -> str:
        return "an iterator"

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        if has_steps(self.box):
            raise refuse(self.site, f"a library takes values of {told(guard_of().boxes[id(self.box)].label)} one by "
                                    "one, which other threads change meanwhile; write the loop, or hand over a copy")
        looked(self.box, self.site)
        return next(self.it)

    def give(self, site: Site) -> Loop:
        """The program keeps it."""
        self.given = True
        born(self, site)
        return self


class Given:
    """An iterator of a library that the program has in a variable: each value that is taken changes it."""

    __slots__ = ("it",)

    def __init__(self, it: Any) -> None:
        self.it = it


HOLDERS.update((Generating, Loop, Given))


def given(iterator: Any) -> Any:
    """An iterator as `next` and a loop find it in a variable."""
    cls = type(iterator)
    if cls in (Loop, Generating, Given) or own(in_class(cls, "__next__")) or not hasattr(cls, "__next__"):
        return iterator
    return Given(twin(iterator))


def iterate(source: Any, site: Site) -> Any:
    """``iter(source)``."""
    cls = type(source)
    if cls in VIEWS or (is_container(source) and not own(in_class(cls, "__iter__"))):
        box, verb = under(source), VERBS.get(cls.__name__.lstrip("o"), "")
        return begun(box, lambda: Loop(box, site, iter(source)), site, verb)
    if cls is Given:
        return source
    method = in_class(cls, "__iter__")
    if own(method):
        return call(site, method, source)
    if method is None and own(in_class(cls, "__getitem__")):
        return generating(_by_index(source, site))
    looked_at(source, site)
    iterator = iter(source)
    return given(iterator) if iterator is source else iterator


def iterate_made(source: Any, site: Site) -> Any:
    """``iter(source)`` of what a loop's own expression made: if that is a new generator, only the loop has it."""
    if type(source) is Generating and inspect.getgeneratorstate(source.gen) == inspect.GEN_CREATED:
        source.looped = True
    return iterate(source, site)


def iterate_kept(source: Any, site: Site) -> Any:
    """``iter(source)`` that a generator expression keeps: its own, and no other thread's."""
    iterator = iterate(source, site)
    return _born(iterator, site) if type(iterator) is not GeneratorType else iterator


def _born(value: Any, site: Site) -> Any:
    """An iterator of a library that has just been made, or a value that has none in it."""
    for made in value if type(value) is tuple else (value,):
        if type(given(made)) is Given and type(made) is not Given:
            born(made, site)
    return value


def let_go(iterator: Any) -> Any:
    """The end of a loop that came to it in any way: Python closes the generator that only the loop had."""
    if type(iterator) is not Generating or not iterator.looped or iterator.gen.gi_frame is None:
        return None
    if type(sys.exc_info()[1]) in (GeneratorExit, KeyboardInterrupt):
        return None  # the run is over
    return _close(iterator)


def begun(box: Any, make: Callable[[], Any], site: Site, verb: str = "") -> Any:
    """The iterator over ``box`` that ``make`` makes: a step, if it remembers what the box is like. That of a list does
    not.
    """
    if has_steps(box) and not isinstance(box, INDEXED):
        return touch(box, WHOLE, False, make, verb or "begins to iterate over {box}", site)
    looked(box, site)
    return make()


def _by_index(source: Any, site: Site) -> Steps:
    index = 0
    while True:
        try:
            value = yield from answer(item(source, index, site))
        except IndexError:
            return
        yield Produced(value)
        index += 1


def following(iterator: Any, site: Site) -> Any:
    """The next value of an iterator, or END."""
    cls = type(iterator)
    if cls is Loop:
        if iterator.given:
            return from_given(iterator, lambda: next(iterator.it, END), site)
        if has_steps(iterator.box):
            verb = "takes the next value of {box}: {value}"
            return touch(iterator.box, WHOLE, False, lambda: next(iterator.it, END), verb, site)
        looked(iterator.box, site)
        return plainly(next(iterator.it, END))
    if cls is Generating:
        return iterator.steps(site=site)
    if cls is Given:
        verb = "takes the next value of {box}: {value}"
        return touch(iterator.it, WHOLE, True, lambda: _born(next(iterator.it, END), site), verb, site)
    method = in_class(cls, "__next__")
    if own(method):
        return _own_next(method, iterator, site)
    return plainly(next(iterator, END))


def from_given(iterator: Loop, run: Callable[[], Any], site: Site, what: str = "the next value") -> Any:
    """The next value of an iterator that several threads may have, or all: one step, which changes it."""
    guard, verb = guard_of(), f"takes {what} of {{box}}: {{value}}"

    def noting() -> Any:
        for other in iterator.also:
            guard.note(guard.boxes[id(other)], WHOLE, type(other) is Loop, site)
        return run()

    if has_steps(iterator.box) and guard.boxes[id(iterator)].visible:
        what = f"{told(guard.boxes[id(iterator)].label)} and what it runs over are both shared"
        raise refuse(site, f"{what}, and its next value is taken in one step; hold a lock around it")
    if has_steps(iterator.box):
        guard.note(guard.boxes[id(iterator)], WHOLE, True, site)
        return touch(iterator.box, WHOLE, False, noting, verb, site)
    looked(iterator.box, site)
    return touch(iterator, WHOLE, True, noting, verb, site)


def _own_next(method: Any, iterator: Any, site: Site) -> Steps:
    try:
        return (yield from answer(call(site, method, iterator)))
    except (Stopped, StopIteration):
        return END


def put(out: Any, *parts: Any) -> None:
    """A value for the container that a comprehension makes, which nobody else has yet."""
    if type(out) is list:
        out.append(parts[0])
    elif type(out) is set:
        out.add(parts[0])
    else:
        out[parts[0]] = parts[1]


def collected(source: Any, site: Site) -> Any:
    """``source`` as a value that a library can read at once: what the program makes is made under control."""
    cls = type(source)
    if cls in ATOMS or cls is tuple:
        return source
    if cls is Loop and source.given:
        return from_given(source, lambda: list(source.it), site, "the values")
    if cls in (Loop, Generating, Given) or own(in_class(cls, "__iter__")) or own(in_class(cls, "__next__")):
        return _collect(source, site)
    return look(source, site)


def _collect(source: Any, site: Site) -> Steps:
    out: list[Any] = []
    iterator = yield from answer(iterate(source, site))
    while (value := (yield from answer(following(iterator, site)))) is not END:
        out.append(value)
    return out


def unpack(source: Any, site: Site) -> Any:
    """What is on the right of ``a, b = ...`` or behind a star."""
    return collected(source, site)


def _like(real: Any) -> Any:
    """An `itertools.count` of the module, for one run."""
    return itertools.count(*ast.literal_eval(f"({repr(real)[len('count('):-1]},)"))


TWINS.append((itertools.count, _like))


def natively(generator: Any, /, *args: Any, **kwargs: Any) -> Any:
    """Run a rewritten function for a caller that is not under control. It may touch what is no step; to make steps, its
    thread has to be alone.
    """
    gen = generator(*args, **kwargs)
    value: Any = None
    error: BaseException | None = None
    while True:
        try:
            made = gen.send(value) if error is None else gen.throw(error)
        except StopIteration as stop:
            return stop.value
        except Stopped as stopped:
            raise stopped.stop from None
        value, error = None, None
        if made[0] == BEAT:
            continue
        if guard_of().alone() and guard_of().world.allows(made):
            try:
                value = guard_of().world.carry_out(made)
            except Exception as raised:
                error = raised
            continue
        if made[0] == ABORT and len(made) > 2:  # an assertion: for who is not under control, it raises
            error = AssertionError(made[2] if made[2] is not None else made[1].removeprefix(ASSERTION))
            continue
        refused = _stepped(gen, made)
        gen.close()
        raise refused


def _stepped(gen: Any, made: Any) -> InstrumentationError:
    """The refusal of step ``made``, of a function that Python or a library called."""
    file, function, line = (frames_of(gen) or [("", "a function", 0)])[-1]
    verb, thing = OPERATIONS[made[0]].verb, f"a {type(made[1]).__name__}"
    if isinstance(made[1], Spot):
        thing = told(made[1].place)
    elif made[0] <= ADD:
        thing = f"{type(made[1]).__name__}.{made[2]}"
    return refuse(
        (file, function, line),
        f"{function} is called by Python or a library, in the middle of a step, and {verb} {thing}, which other "
        "threads use meanwhile; hold a lock around the call, or write it as a loop of your own",
    )
