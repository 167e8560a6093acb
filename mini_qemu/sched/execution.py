# SPDX-License-Identifier: GPL-2.0-or-later
"""The execution under analysis: its events, the happens-before relation, the races.

Sets of events are bit masks, bit i for event i. ``past[i]`` is the set of events that happen before event i, and i
itself, so that the relation's questions are shifts and ands. Events are only ever appended and taken off at the end, as
the search moves down and up.

Strategy: per field the mask of its accesses, per lock or channel the list of its events; a new event is compared with
the latest of them that it depends on. Operations that can block (lock, wait, receive) race with the *latest* event of
the same object, not in their causal past, before which they would have been enabled; operations that are still blocked
when a run ends are asked the same.

A second relation, ``sync``, goes through synchronisation only. Two conflicting accesses that it leaves unordered are a
data race: nothing but luck decides between them.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any

from .ops import (
    AWAIT,
    CAS,
    CAS_FAILED,
    CHANNEL,
    CONFLICTS,
    FREE,
    JOIN,
    KIND_BITS,
    KIND_MASK,
    LIFE,
    OPENS,
    OPERATIONS,
    ORDER,
    RECV,
    RECV_END,
    SEND,
    SPAWN,
    THREAD,
    WRITE,
    WRITING,
    depends,
    kind_of,
    object_of,
    variable_of,
)
from .places import Frame, place_in
from .result import Access, Race
from .scenario import Finding
from .world import READY, Registry, Task, World

UNKNOWN = "unknown", 0
"""The value of a field that has none, or one that cannot be compared with those of other runs."""

Reversal = tuple[int, int, int, int]
"""A race to be reversed, (e, e', thread of e', code of e'): e' is the event's number, or the length of the execution if
it is still blocked.
"""

Known = tuple[int, int, Any, Any]
"""What `append` finds out about an event: its past, its past through synchronisation, ``before`` and ``about``."""


class Execution:
    """E: the run in progress, event by event. Its lists are read freely by the search, and changed only here."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.tid: list[int] = []
        self.code: list[int] = []
        self.past: list[int] = []
        self.sync: list[int] = []
        self.about: list[Any] = []  # of an access: its place; of a join: the thread; of a primitive: the operation
        self.before: list[Any] = []  # of an access: the value before, and of an exchange its field and operand;
        # of a free: the values; of a primitive: its state before; of a join: its thread's last event, from 1
        self.of: dict[int, int] = {}  # thread -> its events
        self.birth: dict[int, tuple[int, int]] = {}  # thread -> the past of its spawn, and that through ``sync``
        self.accesses: dict[int, int] = {}  # variable -> its events
        self.writes: dict[int, int] = {}  # variable -> those of them that write
        self.freed: dict[int, list[int]] = {}  # object -> its frees
        self.on: dict[int, list[int]] = {}  # primitive -> its events
        self.data_races: dict[tuple[int, int], tuple[str, Any, Any]] = {}
        self.sites: dict[Frame, Frame] = {}

    def __len__(self) -> int:
        return len(self.tid)

    def last(self, tid: int) -> int:
        """The last event of thread ``tid``, or -1."""
        return self.of.get(tid, 0).bit_length() - 1

    def past_of(self, tid: int) -> int:
        """The events that happen before whatever thread ``tid`` does next."""
        last = self.last(tid)
        return self.past[last] if last >= 0 else self.birth.get(tid, (0, 0))[0]

    def append(self, world: World, task: Task, code: int) -> list[int]:
        """Append the step that ``task`` is about to make to E. Returns the events it races with."""
        i, tid, kind = len(self.tid), task.tid, code & KIND_MASK
        own = self.of.get(tid, 0)
        if own:
            last = own.bit_length() - 1
            mask, sync = self.past[last], self.sync[last]
        else:
            mask, sync = self.birth.get(tid, (0, 0))
        races: list[int] = []
        about, before = None, None
        if kind <= CAS_FAILED:
            about = (task.op[-1] if kind <= WRITE else None) or self._place(task)
            values, field = task.op[1]._v, task.op[2]
            before = _lasting(values[field]) if field in values else UNKNOWN
            if kind > WRITE:
                before = before, field, _lasting(task.op[3])
            mask, sync = self._access(world, task, code, about, mask, sync, races)
        elif kind != SPAWN:
            events = self.on.setdefault(code >> KIND_BITS, [])
            find = _FAMILIES[OPERATIONS[kind].family]
            mask, sync, before, about = find(self, world, task, code, events, mask, sync, races)
            events.append(i)
        bit = 1 << i
        self.tid.append(tid)
        self.code.append(code)
        self.past.append(mask | bit)
        self.sync.append(sync | bit)
        self.about.append(about)
        self.before.append(before)
        self.of[tid] = own | bit
        if kind == SPAWN:
            child = self.registry.tids.setdefault(task.op[1].name, len(self.registry.tids))
            self.birth[child] = mask | bit, sync | bit
        return races

    def truncate(self, length: int) -> None:
        """Take events off the end of E until it has ``length``."""
        below = (1 << length) - 1
        for code in self.code[length:]:
            kind, key = code & KIND_MASK, code >> KIND_BITS
            if kind <= CAS_FAILED:
                self.accesses[key] &= below
                if WRITING >> kind & 1:
                    self.writes[key] &= below
            elif kind != SPAWN:
                self.on[key].pop()
                if kind == FREE:
                    self.freed[object_of(code)].pop()
        for tid in set(self.tid[length:]):
            self.of[tid] &= below
        for per_event in (self.tid, self.code, self.past, self.sync, self.about, self.before):
            del per_event[length:]

    def dependent(self, code: int) -> int:
        """The events that an operation with this code depends on."""
        kind, key = code & KIND_MASK, code >> KIND_BITS
        if kind <= CAS_FAILED:
            of_field = self.accesses if WRITING >> kind & 1 else self.writes
            return of_field.get(key, 0) | sum(1 << e for e in self.freed.get(object_of(code), ()))
        if kind == FREE:
            return sum(1 << e for e, other in enumerate(self.code) if depends(code, other))
        return sum(1 << e for e in self.on.get(key, ()) if depends(code, self.code[e]))

    def code_before(self, e: int, i: int) -> int:
        """The code of event ``i``, a compare_exchange, if it were made before event ``e``, with which it races."""
        _, field, old = self.before[i]
        kind, before = kind_of(self.code[e]), self.before[e]
        value = before if kind <= WRITE else before.get(field, UNKNOWN) if kind == FREE else before[0]
        fails = value != old and UNKNOWN not in (value, old)
        return self.code[i] & ~KIND_MASK | (CAS_FAILED if fails else CAS)

    def _access(
        self, world: World, task: Task, code: int, about: Any, mask: int, sync: int, races: list[int]
    ) -> tuple[int, int]:
        """The masks of a read, write or exchange of a field; appends what it races with."""
        past, kind, variable = self.past, code & KIND_MASK, code >> KIND_BITS
        if self.freed:
            for e in self.freed.get(object_of(code), ())[-1:]:
                if not mask >> e & 1:
                    races.append(e)
                    mask |= past[e]
        accesses, writes = self.accesses.get(variable, 0), self.writes.get(variable, 0)
        last = writes.bit_length() - 1
        # A read is compared with the last write, a write also with the reads since.
        since = accesses >> last << last if last >= 0 else accesses
        rivals = since if WRITING >> kind & 1 else since & writes
        rivals &= ~(mask & sync)
        while rivals:
            e = rivals.bit_length() - 1
            rivals ^= 1 << e
            if not mask >> e & 1:
                races.append(e)
                mask |= past[e]
            atomic = kind > WRITE and self.code[e] & KIND_MASK > WRITE
            if not sync >> e & 1 and not atomic:
                self._data_race(world, task, e, about, kind)
            if atomic and e == last:
                sync |= self.sync[e]
        bit = 1 << len(self.tid)
        self.accesses[variable] = accesses | bit
        if WRITING >> kind & 1:
            self.writes[variable] = writes | bit
        return mask, sync

    def _free(
        self, world: World, task: Task, code: int, events: list[int], mask: int, sync: int, races: list[int]
    ) -> Known:
        """A free comes after, or races with, every access of the object."""
        for e in range(len(self.tid) - 1, -1, -1):
            if not mask >> e & 1 and depends(code, self.code[e]):
                races.append(e)
                mask |= self.past[e]
        self.freed.setdefault(object_of(code), []).append(len(self.tid))
        return mask, sync, {field: _lasting(value) for field, value in task.op[1]._v.items()}, None

    def _thread(
        self, world: World, task: Task, code: int, events: list[int], mask: int, sync: int, races: list[int]
    ) -> Known:
        """A join comes after the end of its thread; joins and detachments of one handle are in one order."""
        target, before = None, None
        if OPENS[kind_of(code)] is not None:  # a detachment does not wait
            target = (task.op[1]._task if kind_of(code) == JOIN else world.task_named(task.op[2])).tid
            before = self.last(target) + 1
            mask |= self.past_of(target)
            sync |= self.sync[before - 1] if before else 0
        if kind_of(code) != AWAIT and events and not mask >> events[-1] & 1:
            races.append(events[-1])
            mask |= self.past[events[-1]]
        return mask, sync, before, target

    def _ordered(
        self, world: World, task: Task, code: int, events: list[int], mask: int, sync: int, races: list[int]
    ) -> Known:
        """Steps on a primitive: those that change it are in one order with all others, those that only look commute."""
        past, codes, conflicts = self.past, self.code, CONFLICTS[kind_of(code)]
        rivals = []  # the latest that changed it and what conflicts since: the others happen before these
        for e in reversed(events):
            if conflicts >> kind_of(codes[e]) & 1:
                rivals.append(e)
                if OPERATIONS[kind_of(codes[e])].changes:
                    break
        if OPENS[kind_of(code)] is not None:
            races += self._enabled_before(events, mask, task)
            unordered = []
        else:
            unordered = rivals
        for e in unordered:
            if not mask >> e & 1:
                races.append(e)
                mask |= past[e]
        for e in rivals:
            mask |= past[e]
            sync |= self.sync[e]
        return mask, sync, task.op[1]._state, task.op

    def _enabled_before(self, events: list[int], mask: int, task: Task) -> list[int]:
        """The latest events not in ``mask`` before which ``task``'s next operation, a lock, wait or receive, could have
        been made; the search stops at the first that changes something.
        """
        kind = kind_of(task.code)
        opens, conflicts = OPENS[kind], CONFLICTS[kind]
        found: list[int] = []
        for e in reversed(events):
            other = kind_of(self.code[e])
            if not conflicts >> other & 1:
                continue
            if kind == RECV:
                if other == RECV:
                    return [] if mask >> e & 1 else [e]
                continue
            ordered = mask >> e & 1
            if not ordered and opens(self.before[e], task.name, task.op):
                found.append(e)
                ordered = True
            if ordered and OPERATIONS[other].changes:
                break
        return found

    def _channel(
        self, world: World, task: Task, code: int, events: list[int], mask: int, sync: int, races: list[int]
    ) -> Known:
        """Sends, closes and shutdowns are in one order, receives in another. The k-th receive of an item comes after
        the k-th send.
        """
        codes, past, kind = self.code, self.past, kind_of(code)
        receives = [e for e in events if kind_of(codes[e]) in (RECV, RECV_END)]
        writes = [e for e in events if kind_of(codes[e]) not in (RECV, RECV_END)]
        order = mask
        if kind == RECV:
            sends = [e for e in writes if kind_of(codes[e]) == SEND and not self.before[e][1]]
            number = len(receives) - (self.before[events[0]][0] if events else len(receives) + 1)
            if number >= 0:  # else the item is there since the setup
                order |= past[sends[number]]
                sync |= self.sync[sends[number]]
            rivals = receives[-1:]  # even one before that send: then there was another item to take
        elif kind == RECV_END:
            closes = [e for e in writes if kind_of(codes[e]) != SEND]
            if not (events and self.before[events[0]][1]) and closes:
                first = closes.pop(0)  # without it there is no end to find
                order |= past[first]
                sync |= self.sync[first]
            rivals = sorted(closes[-1:] + receives[-1:])
        elif kind == SEND:
            rivals = writes[-1:]
        else:
            ends = [e for e in receives if kind_of(codes[e]) == RECV_END]
            rivals = sorted(writes[-1:] + ends[-1:])
        for e in reversed(rivals):
            if not mask >> e & 1:
                races.append(e)
                mask |= past[e]
        return mask | order, sync, task.op[1]._state, task.op

    def blocked(self, world: World) -> list[Reversal]:
        """Races of the operations that are still waiting at the end of a run."""
        races = []
        for task in world.tasks:
            if task.status != READY:
                continue
            kind = kind_of(task.code)
            if OPENS[kind] is None or OPERATIONS[kind].family == THREAD:
                continue
            for e in self._enabled_before(self.on.get(variable_of(task.code), []), self.past_of(task.tid), task):
                races.append((e, len(self.tid), task.tid, task.code))
        return races

    def possible(self, findings: list[Finding]) -> list[Finding]:
        """The findings that can come first: one that happens after another needs a process that is dead by then."""
        if len(findings) < 2 or not findings[0].stops:
            return findings
        tids = self.registry.tids
        kept: list[Finding] = []
        moments: list[int] = []  # of each finding so far: its thread's last event, or the spawn of one that made none
        for finding in findings:
            last = self.last(tids[finding.thread])
            past = self.past_of(tids[finding.thread])
            if not past:
                return [finding]  # before anybody moved
            if not any(past >> moment & 1 for moment in moments):
                kept.append(finding)
            moments.append(last if last >= 0 else past.bit_length() - 1)
        return kept

    def races(self) -> list[Race]:
        """The data races seen so far, in the order of their texts."""

        def access(side: tuple[str, int, Frame]) -> Access:
            thread, kind, (file, function, line) = side
            return Access(thread, OPERATIONS[kind].verb, function, file, line)

        found = {Race(name, access(first), access(second)) for name, first, second in self.data_races.values()}
        return sorted(found, key=str)

    def _data_race(self, world: World, task: Task, e: int, place: Any, kind: int) -> None:
        """Two accesses of one variable, one of them a write, that nothing but luck puts in this order."""
        key = (id(self.about[e]), id(place))
        if key not in self.data_races:
            obj, name = task.op[1], task.op[2]
            self.data_races[key] = (
                f"{world.name_of(obj)}.{name}",
                (self._name(e), kind_of(self.code[e]), self.about[e]),
                (task.name, kind, place),
            )

    def _place(self, task: Task) -> Frame:
        """Where an operation that was made by a call is: one tuple per place."""
        place = place_in(task.gen)
        return self.sites.setdefault(place, place)

    def _name(self, e: int) -> str:
        return next(name for name, tid in self.registry.tids.items() if tid == self.tid[e])


def _lasting(value: Any) -> Any:
    """A value that can be compared with those of other runs: an object of a run by its key."""
    if type(value) in _PLAIN or isinstance(value, Enum):
        return value
    return ("key", value._key) if hasattr(value, "_key") else UNKNOWN


_PLAIN = {type(None), bool, int, float, str, bytes}


_FAMILIES: dict[str, Callable[..., Known]] = {
    LIFE: Execution._free,
    THREAD: Execution._thread,
    ORDER: Execution._ordered,
    CHANNEL: Execution._channel,
}
"""How the past of a step is found, by the family of its kind; accesses of fields are the common case and go first."""
