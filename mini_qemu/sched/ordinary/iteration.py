# SPDX-License-Identifier: GPL-2.0-or-later
"""Loops, generators and unpacking in ordinary code.

Iterating reads its container at each value. A generator of the program is a `Generating`, which runs under control up
to its next value; code that is not under control may drive it too, as long as that takes no step.
"""

from __future__ import annotations

from typing import Any

from mini_qemu.sched.clerk import CLERK, controlled_by
from mini_qemu.sched.errors import Stopped
from mini_qemu.sched.ops import ABORT, BEAT
from mini_qemu.sched.rewrite import ASSERTION

from .access import ATOMS, Steps, answer, call, in_class, own, plainly
from .containers import VIEWS, is_container, under
from .guard import WHOLE, Site
from .items import has_steps, item, look, looked, touch
from .opaque import looked_at

END: Any = type("End", (), {"__repr__": lambda self: "end"})()


class Produced:
    """What a generator of the program yields, as opposed to the operations that it makes on the way."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value


class Generating:
    """A generator of the program. ``steps`` runs it under control up to its next value."""

    __slots__ = ("gen", "result", "running")

    def __init__(self, gen: Steps) -> None:
        self.gen = gen
        self.running = False
        self.result: Any = None

    def __iter__(self) -> Generating:
        return self

    def __next__(self) -> Any:
        value = natively(self.steps)
        if value is END:
            raise StopIteration
        return value

    def steps(self, sent: Any = None, error: Any = None) -> Steps:
        """Up to the next ``yield``: its value, or END."""
        if self.running:
            raise ValueError("generator already executing")
        self.running = True
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
        finally:
            self.running = False


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
    try:
        value = yield from self.steps(None, GeneratorExit())
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
    """An iterator over a container under guard: each value is read in a step of its own, if the container has steps."""

    __slots__ = ("box", "it")

    def __init__(self, box: Any) -> None:
        self.box = box
        self.it = iter(box)

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        return natively(lambda: answer(following(self, ("", "", 0)))) if has_steps(self.box) else next(self.it)


def iterate(source: Any, site: Site) -> Any:
    """``iter(source)``."""
    cls = type(source)
    if is_container(source) and not own(in_class(cls, "__iter__")):
        looked(source, site)
        return Loop(source)
    if cls in VIEWS:
        return _view(source, site)
    method = in_class(cls, "__iter__")
    if own(method):
        return call(site, method, source)
    if method is None and own(in_class(cls, "__getitem__")):
        return generating(_by_index(source, site))
    looked_at(source, site)
    return iter(source)


def _view(source: Any, site: Site) -> Any:
    """A view of a dict: reading it is reading the dict."""
    loop = Loop(under(source))
    loop.it = iter(source)
    looked(source, site)
    return loop


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
        if has_steps(iterator.box):
            verb = "takes the next value of {box}: {value}"
            return touch(iterator.box, WHOLE, False, lambda: next(iterator.it, END), verb, site)
        looked(iterator.box, site)
        return plainly(next(iterator.it, END))
    if cls is Generating:
        return iterator.steps()
    method = in_class(cls, "__next__")
    if own(method):
        return _own_next(method, iterator, site)
    return plainly(next(iterator, END))


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
    if cls is Loop or cls is Generating or own(in_class(cls, "__iter__")) or own(in_class(cls, "__next__")):
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


def natively(generator: Any, /, *args: Any, **kwargs: Any) -> Any:
    """Run a rewritten function for a caller that is not under control: it may touch what is no step, no more."""
    gen = generator(*args, **kwargs)
    answer = None
    while True:
        try:
            made = gen.send(answer)
        except StopIteration as stop:
            return stop.value
        except Stopped as stopped:
            raise stopped.stop from None
        if made[0] == BEAT:
            answer = None
            continue
        if made[0] == ABORT and len(made) > 2:  # an assertion: for who is not under control, it raises
            gen.throw(AssertionError(made[2] if made[2] is not None else made[1].removeprefix(ASSERTION)))
        gen.close()
        CLERK.refuse(_what(made))


def _what(made: Any) -> str:
    return "an access of what other threads change"
