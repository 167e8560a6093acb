# SPDX-License-Identifier: GPL-2.0-or-later
"""The guard: accesses that are no steps are noted, and two of them that nothing orders make their place visible.

Most of what a program touches is private to a thread, or protected. Such accesses need no steps of their own: if all
accesses of a place are ordered by steps in every class of interleavings, no order of them was left untried, and the
exploration has proved that. Strategy: `Guard` notes what each thread touches between two steps of a run; `Watch` keeps
the notes beside the events of an `Execution` and asks of each new one whether an earlier access of another thread that
conflicts with it happens before it. If not, `Discovered` names the place; `explore` adds it to the places that are
visible, so that each access of it is a step, and begins again. The set only grows, so this ends.

A place is an attribute of a class's instances, a container by the line that made it, a captured variable or a global.

Left out: places inside objects of libraries. Two threads that use one of those without synchronisation are refused.
"""

from __future__ import annotations

import inspect
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mini_qemu.sched.clerk import CLERK
from mini_qemu.sched.errors import InstrumentationError
from mini_qemu.sched.ops import FIELD_BITS, FREE_FIELD
from mini_qemu.sched.primitives import Primitive

from .dropped import refuse_dropped

if TYPE_CHECKING:
    from mini_qemu.sched.execution import Execution

Site = tuple[str, str, int]
"""File, function and line of an access."""

Label = tuple[str, ...]
"""A place that can become visible: ("attribute", class, name), ("container", what, file, line, name), ..."""

WHOLE = None
"""The part of a box that stands for all of it: its size, its keys, their order."""


UNBOUND: Any = object()
"""The value of a variable or attribute that has none yet."""

MOST_STRAYS = 10_000
"""Objects of libraries that are remembered from run to run."""


class Discovered(Exception):
    """Two accesses of ``label`` that nothing orders. Not an error: the search begins again with that place visible."""

    def __init__(self, label: Label, sentence: str) -> None:
        super().__init__(sentence)
        self.label = label

    def add_to(self, visible: Visible | None) -> None:
        """Make the place visible. Raises InstrumentationError where that is impossible."""
        assert visible is not None
        if self.label[0] == "library" or self.label in visible.found:
            raise InstrumentationError(f"{self}. The explorer cannot look inside it; hold a lock at each use")
        visible.add(self.label, str(self))


@dataclass
class Visible:
    """The places whose accesses are steps. ``found`` says of each, in a sentence, why; ``known`` that an exploration
    has found them.
    """

    found: dict[Label, str] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    known: bool = False

    def add(self, label: Label, sentence: str) -> None:
        self.found[label] = sentence
        self.names.add(label[-1])

    def clear(self) -> None:
        """Forget them."""
        self.found.clear()
        self.names.clear()
        self.known = False

    def sentences(self) -> list[str]:
        """The visible places, as a reader knows them."""
        return [told(label) for label in self.found]


def told(label: Label) -> str:
    """A place in words: "Cache.built", "the dict items (cache.py:5)"."""
    kind, *rest = label
    if kind == "attribute":
        return f"{rest[0].rpartition('.')[2]}.{rest[1]}"
    if kind == "container":
        from mini_qemu.sched.trace import short_file

        what, file, line, name = rest
        place = f"{short_file(file)}:{line}"
        if not file:
            return f"the {what} {name or 'that setup returns'}"
        return f"the {what} {name} ({place})" if name else f"the {what} of {place}"
    if kind == "library":
        return f"a {rest[-1].rpartition('.')[2]}"
    return f"the variable {rest[-1]} of {rest[0]}" if kind == "cell" else f"the global {rest[-1]}"


class Spot(Primitive):
    """A part of a box whose accesses are steps: an attribute, a whole container, a variable."""

    def __init__(self, box: Box, part: Hashable, number: int) -> None:
        self.box = box
        self.part = part
        self._key = box._key | number
        self._native = None
        self.name = ""
        CLERK.world.objects.append(self)

    def contents(self) -> tuple[Any, ...]:
        return seen(self.box, self.part, "")

    @property
    def place(self) -> Label:
        """The place that it is."""
        label = self.box.label
        return label if label[0] in ("container", "cell") else (*label[:2], str(self.part))


def seen(box: Box, part: Hashable, path: str) -> tuple[str, Any]:
    """Label and value of a part of ``box`` for a trace, where ``path`` leads to its object."""
    obj, name = box.obj, str(part)
    kind = box.label[0]
    if kind == "cell":
        try:
            return name, obj.cell_contents
        except ValueError:
            return name, UNBOUND
    if kind == "global":
        return name, obj.get(name, UNBOUND)
    if part is WHOLE or kind == "container":
        return path or told(box.label), obj
    if isinstance(obj, type):
        return f"{obj.__name__}.{name}", getattr(obj, name, UNBOUND)
    own = getattr(obj, "__dict__", {})
    found = own[name] if name in own else inspect.getattr_static(type(obj), name, UNBOUND)
    found = getattr(obj, name, UNBOUND) if inspect.isdatadescriptor(found) else found
    return f"{path or type(obj).__name__}.{name}", found


class Box:
    """An object under guard: ``key`` as of all objects with steps, ``label`` the place it is by default."""

    __slots__ = ("_key", "label", "name", "obj", "old", "visible")

    def __init__(self, obj: Any, key: int, label: Label, name: str, visible: bool) -> None:
        self.obj = obj
        self._key = key << FIELD_BITS
        self.label = label
        self.name = name
        self.visible = visible
        self.old = False


@dataclass(frozen=True)
class Aside:
    """An access that is not a step, in a run that is recorded: ``verb`` with ``operands`` and ``value`` tells it."""

    tid: int
    box: Box
    part: Hashable
    change: bool
    verb: str
    operands: tuple[Any, ...]
    value: Any
    site: Site


@dataclass(frozen=True)
class Note:
    """One access of one thread: of ``part`` of the object with ``key``; ``change`` says that it writes."""

    tid: int
    key: int
    part: Hashable
    change: bool
    site: Site
    label: Label
    name: str


class Guard:
    """Notes the accesses of one run. ``keys`` and ``numbers`` are those of the exploration's registry."""

    def __init__(self, visible: Visible, numbers: dict[tuple[int, Hashable], int], world: Any) -> None:
        self.visible = visible
        self.numbers = numbers
        self.boxes: dict[int, Box] = {}
        self.spots: dict[tuple[int, Hashable], Spot] = {}
        self.notes: list[Note] = []
        self.seen: set[tuple[int, int, Hashable, bool]] = set()
        self.world = world
        self.twins: dict[int, tuple[Any, Any]] = {}  # of real locks and queues: id -> (real, controlled)
        self.lives: dict[int, tuple[Any, Any]] = {}  # of thread objects
        self.dicts: dict[int, tuple[Any, Any]] = {}  # those behind attributes and globals: id -> (dict, whose)
        self.generators: list[Any] = []  # those that may be inside a with
        self.made: dict[str, int] = {}  # how many things of a kind were made, for their names
        self.joined: dict[str, set[str]] = {}  # by each thread, and by those that it joined
        self.diary: list[Aside] | None = None  # where somebody records the run

    def touched(self, obj: Any, kind: str, site: Site, name: str = "") -> Box:
        """The box of ``obj``, which is touched and may have none: a library made it, or somebody before the run. If it
        was there in an earlier run, it is ``old``: it may be read, and a change of it is refused.
        """
        known = self.boxes.get(id(obj))
        if known is not None:
            return known
        strays = self.world.scenario.strays
        box = self.born(obj, kind, site, name, maker=("", -1 - _number_of(type(obj), self.world.registry)))
        box.old = id(obj) in strays and strays[id(obj)][1] is not self
        if not box.old and len(strays) < MOST_STRAYS:
            strays[id(obj)] = obj, self
        return box

    def check_change(self, box: Box, site: Site) -> None:
        """Refuse to change what was there before this run and cannot be put back: a run must not depend on others."""
        if box.old:
            self.refuse_change(box.label, site)

    def refuse_change(self, label: Label, site: Site) -> None:
        """Refuse it, and say where such a thing has to be made."""
        whole = label[0] in ("container", "attribute") and len(label) != 3
        what = f"a {label[1].rpartition('.')[2]}" if whole else told(label)
        where = "main, or in a variable of the module" if self.world.scenario.puts_back else "the scenario's setup"
        raise InstrumentationError(
            f"{site[0]}:{site[2]}: {what} is changed that was made before this run, and that the explorer cannot put "
            f"back; make it in {where}"
        )

    def outer(self, obj: Any, kind: str, site: Site, name: str) -> Box:
        """The box of a module, a class or a captured variable. What is not put back after a run may only be read."""
        known = self.boxes.get(id(obj))
        if known is None:
            known = self.touched(obj, kind, site, name)
            known.old = not self.world.scenario.puts_back and "<locals>" not in name
        return known

    def born(self, obj: Any, kind: str, site: Site, name: str = "", maker: tuple[str, int] | None = None) -> Box:
        """Give ``obj`` a box, unless it has one: its ``maker`` is the thread that runs now."""
        known = self.boxes.get(id(obj))
        if known is not None:
            return known
        label: Label = (
            ("container", _word_for(type(obj)), site[0], str(site[2]), name) if kind == "container" else (kind, name)
        )
        key = self.world.key_of(maker or self.world.maker())
        box = self.boxes[id(obj)] = Box(obj, key, label, name, label in self.visible.found)
        return box

    def spot(self, box: Box, part: Hashable) -> Spot:
        """What the steps on ``part`` of ``box`` are about. Few parts have a number each, the rest share the last."""
        key = box._key, part
        found = self.spots.get(key)
        if found is None:
            number = self.numbers.get(key)
            if number is None:
                used = sum(1 for known, _ in self.numbers if known == box._key)
                number = self.numbers[key] = min(used, FREE_FIELD - 1)
            found = self.spots[key] = Spot(box, part, number)
        return found

    def note(self, box: Box, part: Hashable, change: bool, site: Site, label: Label | None = None) -> None:
        """The running thread touches ``part`` of ``box``."""
        if change and box.old:
            self.refuse_change(label or box.label, site)
        entry = self.world.current.tid, box._key, part, change
        if entry not in self.seen:
            self.seen.add(entry)
            self.notes.append(Note(*entry, site, label or box.label, box.name))

    def alone(self) -> bool:
        """Whether the running thread has joined all others there are: what it does is ordered after all of them."""
        mine = self.joined.get(self.world.current.name, ())
        return all(task is self.world.current or task.name in mine for task in self.world.tasks)

    def check_end(self) -> None:
        """Refuse what only shows at the end of a run: a generator that was dropped."""
        if self.generators:
            refuse_dropped(self.generators, (Box,))

    def asides(self) -> list[Aside]:
        """What was written down since the last call. From the first call on, it is written down."""
        written, self.diary = self.diary or [], []
        return written

    def taken(self) -> list[Note]:
        """What was noted since the last call."""
        notes, self.notes = self.notes, []
        self.seen.clear()
        return notes


def _word_for(cls: type) -> str:
    """What a sentence calls a container or an iterator of class ``cls``."""
    return str(getattr(cls, "called", cls.__name__))


def _number_of(cls: type, registry: Any) -> int:
    """A number for what nobody noted as made, by its class: who touches it first must not matter."""
    name = f"{cls.__module__}.{cls.__qualname__}"  # a class inside a function is another one in each run
    number: int = registry.classes.setdefault(name, len(registry.classes))
    return number


class Watch:
    """The notes of the run under analysis, beside its events."""

    def __init__(self, execution: Execution) -> None:
        self.E = execution
        self.on: dict[int, list[tuple[int, Note]]] = {}  # object -> (event before it, access)
        self.mine: dict[int, int] = {}  # thread -> the mask of its events
        self.started = False

    def begin(self, depth: int, notes: list[Note]) -> None:
        """A run begins that goes as the last one for ``depth`` steps: what comes later is forgotten."""
        for entries in self.on.values():
            while entries and entries[-1][0] >= depth:
                entries.pop()
        below = (1 << depth) - 1
        self.mine = {tid: mask & below for tid, mask in self.mine.items()}
        if not self.started:
            self.started = True
            self._add(-1, notes)

    def step(self, tid: int, notes: list[Note]) -> None:
        """The last event of the execution was ``tid``'s, and was followed by these accesses."""
        event = len(self.E) - 1
        self.mine[tid] = self.mine.get(tid, 0) | 1 << event
        if notes:
            self._add(event, notes)

    def _add(self, event: int, notes: list[Note]) -> None:
        for note in notes:
            past = self.E.past_of(note.tid)
            entries = self.on.setdefault(note.key, [])
            for earlier, other in reversed(entries):
                if other.tid == note.tid or not (other.change or note.change):
                    continue
                if not _meet(other.part, note.part):
                    continue
                if (past & self.mine.get(other.tid, 0)).bit_length() - 1 <= earlier:
                    raise Discovered(note.label if note.change else other.label, _sentence(other, note))
            entries.append((event, note))


class Together:
    """For a search that does not know what happens before what: a place that two threads use, and one of them changes,
    is discovered, whether something orders the two or not.
    """

    def __init__(self) -> None:
        self.on: dict[int, list[Note]] = {}

    def step(self, world: Any) -> None:
        """A step was made, and its notes are there to be taken."""
        notes = world.guard.taken() if world.guard is not None else []
        if len(world.tasks) < 2:
            return  # nobody else is there yet
        for note in notes:
            known = self.on.setdefault(note.key, [])
            for other in known:
                if other.tid != note.tid and (other.change or note.change) and _meet(other.part, note.part):
                    raise Discovered(note.label if note.change else other.label, _sentence(other, note))
            if all((o.tid, o.part, o.change) != (note.tid, note.part, note.change) for o in known):
                known.append(note)


def _meet(a: Hashable, b: Hashable) -> bool:
    return a == b or a is WHOLE or b is WHOLE


def _sentence(first: Note, second: Note) -> str:
    from mini_qemu.sched.trace import short_file

    def place(note: Note) -> str:
        file, function, line = note.site
        return f"{'changed' if note.change else 'read'} in {function} ({short_file(file)}:{line})"

    return f"{told(second.label)} is {place(first)} and {place(second)}, and nothing orders the two"
