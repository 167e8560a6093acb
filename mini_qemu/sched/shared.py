# SPDX-License-Identifier: GPL-2.0-or-later
"""Shared state and synchronisation, as the code under test writes them.

    class Counter(Shared):      # each annotated field of each instance is one shared variable
        value: int = 0

Strategy: the same objects serve two masters. Called plainly (*native* mode) they are ordinary attributes and
`threading` primitives. Under the explorer the instrumented code never comes here: it yields operations and the world
acts on the objects' private parts (``_v``, ``_owner``, ...). What nevertheless arrives here while a world is running
comes from code that was not instrumented, and is refused: nothing is silently uncontrolled.

Left out: condition variables, reader-writer locks, time-outs.
"""

from __future__ import annotations

import inspect
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator
from typing import Any, ClassVar, get_origin

from .errors import Misuse, Uncontrolled, UseAfterFree
from .ops import (
    ABORT,
    AWAIT,
    CAS,
    CLOSE,
    FAIL,
    FREE,
    FREE_FIELD,
    JOIN,
    LOCK,
    POST,
    RECV,
    SEND,
    SHUTDOWN,
    SPAWN,
    UNLOCK,
    WAIT,
)

Op = tuple[Any, ...]
Steps = Generator[Op, Any, Any]

FIELDS: dict[type, dict[str, int]] = {}
"""Class -> shared field -> its number. The instrumenter asks for the names, the world for the numbers."""

SHARED_NAMES: set[str] = set()
"""Every name that is a shared field of some class: the attribute names the instrumenter rewrites."""

CONTROLLED: set[str] = set()
"""Modules, and packages with all they contain, whose functions run instrumented."""


def control(*names: str) -> None:
    """Let the functions of these modules or packages run under the explorer.

    The modules of a scenario's functions and of `Shared` classes are controlled without being named.
    """
    CONTROLLED.update(names)


class Clerk(threading.local):
    """Who is running right now, in this OS thread: hands out keys to new objects and refuses what nobody controls."""

    def __init__(self) -> None:
        self.active = False  # a world is running a thread of the program under test
        self.maker: Callable[[], tuple[str, int]] | None = None
        self.keys: dict[tuple[str, int], int] = {}
        self.objects: list[Any] = []  # everything that got a key in this run
        self.fresh: list[Any] | None = None  # objects being constructed by that thread, private until they are done

    def new_key(self, obj: Any) -> int:
        """A key for ``obj`` that is the same in every run in which the same thread makes its n-th object."""
        if self.maker is None:
            return 0
        self.objects.append(obj)
        return self.keys.setdefault(self.maker(), len(self.keys) + 1)

    def refuse(self, what: str) -> None:
        """Raise unless no world is running. ``what`` names the operation."""
        if self.active:
            frame = sys._getframe(2)
            if frame.f_code.co_name in {"__repr__", "__str__", "__format__"}:
                return  # looking is not a step
            function = frame.f_code.co_qualname.replace("_sched_outer.<locals>.", "")
            raise Uncontrolled(
                f"{frame.f_code.co_filename}:{frame.f_lineno}: {what} in code the explorer does not control "
                f"({function}). "
                "Visible operations cannot stand in a comprehension, lambda, generator, async function, property or "
                "constructor, nor in a library's "
                "callback: write a plain loop or function, or name the module with control(...)"
            )


CLERK = Clerk()


class _Field:
    """A shared field seen from plain code: an attribute in native mode and for inspection, refused under a world."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, obj: Shared | None, owner: type) -> Any:
        if obj is None:
            return self
        if CLERK.active and not (CLERK.fresh and any(obj is new for new in CLERK.fresh)):
            CLERK.refuse(f"{owner.__name__}.{self.name} is read")
        try:
            return obj._v[self.name]
        except KeyError:
            raise AttributeError(f"{owner.__name__}.{self.name} has no value yet") from None

    def __set__(self, obj: Shared, value: Any) -> None:
        if CLERK.active and not (CLERK.fresh and any(obj is new for new in CLERK.fresh)):
            CLERK.refuse(f"{type(obj).__name__}.{self.name} is written")
        obj._v[self.name] = value


def _is_constant(annotation: Any) -> bool:
    """Whether an annotated attribute is not a shared variable: a class variable, a Final, or something to synchronise
    with.
    """
    annotation = getattr(annotation, "__forward_arg__", annotation)
    if isinstance(annotation, str):
        head = annotation.split("[")[0].split("|")[0].strip().rsplit(".", 1)[-1]
        return head in {"ClassVar", "Final", "Mutex", "Semaphore", "Channel"}
    origin = get_origin(annotation) or annotation
    return (
        origin is ClassVar
        or getattr(origin, "_name", "") == "Final"
        or (isinstance(origin, type) and issubclass(origin, _Primitive))
    )


class Shared:
    """Base of objects whose annotated fields are shared variables: under the explorer each read and each write is a
    step.

    Fields annotated ``ClassVar``, ``Final``, ``Mutex``, ``Semaphore`` or ``Channel`` and attributes without annotation
    are not shared variables. Field values should be immutable: a list changed in place changes unseen. Constructor:
    ``Counter(value=3)``; a class may define its own ``__init__``, where it assigns freely, since nobody else has the
    object yet.
    """

    _v: dict[str, Any]
    _key: int

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        fields = dict.fromkeys(name for base in reversed(cls.__mro__[1:]) for name in FIELDS.get(base, ()))
        defaults: dict[str, Any] = dict(getattr(cls, "_defaults", {}))
        for name, annotation in _annotations(cls).items():
            if name.startswith("_") or _is_constant(annotation):
                continue
            fields[name] = None
            if name in cls.__dict__:
                defaults[name] = cls.__dict__[name]
                if isinstance(defaults[name], list | dict | set):
                    raise TypeError(
                        f"{cls.__name__}.{name}: a mutable default would be shared by all instances; set it in __init__"
                    )
            setattr(cls, name, _Field(name))
        if len(fields) >= FREE_FIELD:
            raise TypeError(f"{cls.__name__} has {len(fields)} shared fields; at most {FREE_FIELD - 1} are supported")
        cls._defaults = defaults  # type: ignore[attr-defined]
        FIELDS[cls] = {name: number for number, name in enumerate(fields)}
        SHARED_NAMES.update(fields)
        control(cls.__module__)

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        self = super().__new__(cls)
        self.__dict__["_key"] = CLERK.new_key(self) << 6
        self.__dict__["_v"] = dict(cls._defaults)  # type: ignore[attr-defined]
        if CLERK.fresh is not None:
            CLERK.fresh.append(self)
        return self

    def __init__(self, **values: Any) -> None:
        known = FIELDS[type(self)]
        for name, value in values.items():
            if name not in known and not any(name in _annotations(base) for base in type(self).__mro__):
                raise TypeError(f"{type(self).__name__} has no field {name!r}; it has {', '.join(known) or 'none'}")
            setattr(self, name, value)

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}={self._v[name]!r}" for name in FIELDS[type(self)] if name in self._v)
        return f"{type(self).__name__}({inside})"


def _annotations(cls: type) -> dict[str, Any]:
    """The annotations in the body of ``cls``; what they name need not exist yet."""
    if sys.version_info >= (3, 14):
        import annotationlib

        return dict(annotationlib.get_annotations(cls, format=annotationlib.Format.FORWARDREF))
    return inspect.get_annotations(cls)


class Freed:
    """What `free` turns an object into: its shared fields are gone.

    Constants, methods and locks stay, because touching them is no step: whether it came before or after the free would
    depend on an order that nobody explores. What matters goes through a shared field and traps there.
    """

    def __repr__(self) -> str:
        return f"<freed {type(self).__name__}>"


class _Gone(dict[str, Any]):
    """The fields of a freed object."""

    def __init__(self, cls: type) -> None:
        super().__init__()
        self.cls = cls

    def __getitem__(self, name: str) -> Any:
        raise UseAfterFree(f"{self.cls.__name__}.{name} is touched after the object was freed")

    def __setitem__(self, name: str, value: Any) -> None:
        self[name]


_FREED: dict[type, type] = {}


def bury(obj: Any) -> None:
    """Make every later touch of ``obj`` trap. The object stays reachable: the garbage collector hides nothing."""
    cls = type(obj)
    if issubclass(cls, Freed):
        raise UseAfterFree(f"{cls.__name__} is freed twice")
    if cls not in _FREED:
        buried = type(cls.__name__, (Freed, cls), {"__module__": cls.__module__})
        FIELDS[buried] = FIELDS.get(cls, {})
        _FREED[cls] = buried
    obj.__class__ = _FREED[cls]
    obj._v = _Gone(cls)


def controlled_by(generator: Callable[..., Steps]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator: under the explorer, a call of the native function runs ``generator`` instead."""

    def mark(native: Callable[..., Any]) -> Callable[..., Any]:
        generator.__qualname__ = native.__qualname__  # for what Python says about wrong arguments
        native.__dict__["__controlled__"] = generator
        return native

    return mark


def _yields(kind: int) -> Callable[..., Steps]:
    def operation(self: Any) -> Steps:
        return (yield (kind, self))

    return operation


class _Primitive:
    """Something to synchronise with. ``name`` is what messages call it; left empty, the path that leads to it in the
    scenario's state.
    """

    def __init__(self, name: str = "") -> None:
        self.name = name
        self._key = CLERK.new_key(self) << 6

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})" if self.name else f"{type(self).__name__}()"


class Mutex(_Primitive):
    """A lock that is not reentrant: ``lock()``, ``unlock()`` by the holder, or ``with mutex:``."""

    def __init__(self, name: str = "") -> None:
        super().__init__(name)
        self._owner: Any = None  # the task that holds it, under a world
        self._native = threading.Lock()

    @controlled_by(_yields(LOCK))
    def lock(self) -> None:
        """Wait until the mutex is free and take it."""
        CLERK.refuse(f"{self.name or 'a mutex'}.lock()")
        self._native.acquire()

    @controlled_by(_yields(UNLOCK))
    def unlock(self) -> None:
        """Give the mutex back. Raises RuntimeError when nobody holds it; under the explorer only the holder may, else
        "misuse".
        """
        CLERK.refuse(f"{self.name or 'a mutex'}.unlock()")
        self._native.release()

    @controlled_by(_yields(LOCK))
    def __enter__(self) -> None:
        self.lock()

    @controlled_by(lambda self, *exc: _yields(UNLOCK)(self))
    def __exit__(self, *exc: object) -> None:
        self.unlock()


class Semaphore(_Primitive):
    """A counter with waiting: ``wait()`` until it is positive and take one, ``post()`` gives one."""

    def __init__(self, value: int = 0, name: str = "") -> None:
        super().__init__(name)
        self._count = value
        self._native = threading.Semaphore(value)

    @controlled_by(_yields(WAIT))
    def wait(self) -> None:
        """Wait until the count is positive, then take one."""
        CLERK.refuse(f"{self.name or 'a semaphore'}.wait()")
        self._native.acquire()
        self._count -= 1

    @controlled_by(_yields(POST))
    def post(self) -> None:
        """Add one to the count."""
        CLERK.refuse(f"{self.name or 'a semaphore'}.post()")
        self._count += 1  # for a setup; natively only the real one decides
        self._native.release()


class Channel(_Primitive):
    """An unbounded FIFO. ``recv()`` waits for an item and gives None when the channel is closed and drained.

    ``close()`` is the sender's end, ``shutdown()`` cuts the line from either side; after both, what was sent can still
    be received and a ``send`` raises BrokenPipeError.
    """

    def __init__(self, name: str = "") -> None:
        super().__init__(name)
        self._queue: deque[Any] = deque()
        self._closed = False
        self._native = threading.Condition()

    @controlled_by(lambda self, item: (yield (SEND, self, item)))
    def send(self, item: Any) -> None:
        """Append an item; never waits. Raises BrokenPipeError after `close` or `shutdown`."""
        CLERK.refuse(f"{self.name or 'a channel'}.send()")
        with self._native:
            self._put(item)
            self._native.notify()

    @controlled_by(_yields(RECV))
    def recv(self) -> Any:
        """The oldest item; waits for one. None when the channel is closed and drained."""
        CLERK.refuse(f"{self.name or 'a channel'}.recv()")
        with self._native:
            self._native.wait_for(lambda: self._queue or self._closed)
            return self._queue.popleft() if self._queue else None

    @controlled_by(_yields(CLOSE))
    def close(self) -> None:
        """No more sends; receivers drain what is there and then get None."""
        self._end("close")

    @controlled_by(_yields(SHUTDOWN))
    def shutdown(self) -> None:
        """Cut the line: wakes whoever waits in `recv`. Unlike `close` it is meant to be called by anyone."""
        self._end("shutdown")

    def _put(self, item: Any) -> None:
        if self._closed:
            raise BrokenPipeError(f"{self.name or 'the channel'} is closed: nothing can be sent any more")
        self._queue.append(item)

    def _end(self, how: str) -> None:
        CLERK.refuse(f"{self.name or 'a channel'}.{how}()")
        with self._native:
            self._closed = True
            self._native.notify_all()


class Handle(_Primitive):
    """A started thread: to be joined once, or detached; a handle that never was is a leak."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.settled = False
        self._task: Any = None
        self._native: threading.Thread | None = None

    @controlled_by(_yields(JOIN))
    def join(self) -> None:
        """Wait until the thread has ended. If it was joined or detached before, that is a "misuse" (natively a
        RuntimeError).
        """
        CLERK.refuse(f"{self.name}.join()")
        self._settle("joined")
        assert self._native is not None
        self._native.join()

    @controlled_by(lambda self: (yield (JOIN, self, "detached")))
    def detach(self) -> None:
        """Nobody will join this thread. A step that never waits; detaching what was joined, or the reverse, is a
        misuse.
        """
        CLERK.refuse(f"{self.name}.detach()")
        self._settle("detached")

    def _settle(self, how: str) -> None:
        if self.settled:
            raise Misuse(f"thread {self.name!r} is {how} although it was joined or detached before")
        self.settled = True


def _spawn(name: str, fn: Callable[..., Any], *args: Any) -> Steps:
    return (yield (SPAWN, Handle(name), fn, args))


@controlled_by(_spawn)
def spawn(name: str, fn: Callable[..., Any], *args: Any) -> Handle:
    """Start a thread that calls ``fn(*args)``.

    Schedules are written with the names, so under the explorer a thread's second "worker" is called "worker 2"; two
    threads that start one of the same name are an error.
    """
    CLERK.refuse("spawn()")
    if CLERK.maker is not None:
        raise Misuse("setup starts a thread; name it in the scenario's threads, or start it from one of them")
    handle = Handle(name)
    handle._native = threading.Thread(target=fn, args=args, name=name)
    handle._native.start()
    return handle


@controlled_by(lambda name: (yield (AWAIT, None, name)))
def join(name: str) -> None:
    """Wait until the scenario's thread ``name`` has ended."""
    CLERK.refuse("join()")
    for thread in threading.enumerate():
        if thread.name == name:
            thread.join()


ADD: Any = object()
"""Stands in a CAS operation where compare_exchange has the old value: add instead."""

_NATIVE_ATOMIC = threading.Lock()


@controlled_by(lambda obj, field, old, new: (yield (CAS, obj, field, old, new)))
def compare_exchange(obj: Shared, field: str, old: Any, new: Any) -> bool:
    """One step: if ``obj.field == old``, store ``new`` and say True, else False."""
    CLERK.refuse("compare_exchange()")
    with _NATIVE_ATOMIC:
        if obj._v[field] != old:
            return False
        obj._v[field] = new
        return True


@controlled_by(lambda obj, field, delta: (yield (CAS, obj, field, ADD, delta)))
def fetch_add(obj: Shared, field: str, delta: int) -> int:
    """One step: add ``delta`` to ``obj.field`` and return the old value."""
    CLERK.refuse("fetch_add()")
    with _NATIVE_ATOMIC:
        old: int = obj._v[field]
        obj._v[field] = old + delta
        return old


@controlled_by(lambda obj: (yield (FREE, obj)))
def free(obj: Any) -> None:
    """The object's memory is given back: one step, and any later touch of the object raises UseAfterFree."""
    CLERK.refuse("free()")
    bury(obj)


@controlled_by(lambda message="": (yield (FAIL, message)))
def fail(message: str = "") -> None:
    """Something that must not happen has happened: a "fail" finding, the thread stops here."""
    raise AssertionError(message)


@controlled_by(lambda message="": (yield (ABORT, message)))
def abort(message: str = "") -> None:
    """As C's abort(): a "crash" finding, the thread stops on the spot and keeps its locks."""
    raise AssertionError(message)
