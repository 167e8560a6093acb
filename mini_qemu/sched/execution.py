# SPDX-License-Identifier: GPL-2.0-or-later
"""The execution under analysis: its events, the happens-before relation, the races.

The relation is kept as one bit mask per event: ``past[i]`` is the set of events that happen before event i, and i
itself, so that its questions are shifts and ands. Events are only ever appended and taken off at the end, as the search
moves down and up.

Strategy: per variable, lock or channel the list of its events; a new event is compared with the latest of them that it
depends on. Operations that can block (lock, wait, receive) race with the *latest* event of the same object, not in
their causal past, before which they would have been enabled; operations that are still blocked when a run ends are
asked the same.

A second relation, ``sync``, goes through synchronisation only. Two conflicting accesses that it leaves unordered are a
data race: nothing but luck decides between them.
"""

from __future__ import annotations

from typing import Any

from .ops import (
    AWAIT,
    CAS,
    FREE,
    JOIN,
    LOCK,
    POST,
    RECV,
    RECV_END,
    SEND,
    SHUTDOWN,
    SPAWN,
    WAIT,
    WRITE,
)
from .scenario import Finding
from .world import READY, Registry, Task, World, frames_of, waits_for_end

Race = tuple[int, int, int, int]
"""(e, e', thread of e', code of e'): e' is the event's number, or the length of the execution if it is still blocked.
"""


class Execution:
    """E: the run in progress, event by event. Its lists are read freely by the search, and changed only here."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.tid: list[int] = []
        self.code: list[int] = []
        self.past: list[int] = []
        self.sync: list[int] = []
        self.site: list[Any] = []  # of an access: where it stands; of a join: the thread that is joined
        self.prev: list[int] = []  # the previous event of the same thread, or -1
        self.before: list[int] = []
        # just before: a semaphore's count, a mutex free, a channel's items << 1 | closed; of a join that waits, the
        # number of its thread's last event, from 1
        self.last: dict[int, int] = {}  # thread -> its last event
        self.birth: dict[int, int] = {}  # thread -> past of its spawn
        self.birth_sync: dict[int, int] = {}
        self.on: dict[int, list[int]] = {}  # variable or object -> its events
        self.wrote: dict[int, list[int]] = {}  # variable -> the events on it that write
        self.touched: dict[int, list[int]] = {}  # object -> accesses of any of its fields, and frees
        self.freed: dict[int, list[int]] = {}  # object -> its frees
        self.data_races: dict[tuple[int, int], tuple[str, Any, Any]] = {}
        self.sites: dict[Any, Any] = {}

    def __len__(self) -> int:
        return len(self.tid)

    def past_of(self, tid: int) -> int:
        """The events that happen before whatever thread ``tid`` does next."""
        last = self.last.get(tid, -1)
        return self.past[last] if last >= 0 else self.birth.get(tid, 0)

    def append(self, world: World, task: Task, code: int) -> list[int]:
        """Append the step that ``task`` is about to make to E. Returns the events it races with."""
        i, tid, kind, var = len(self.tid), task.tid, code & 15, code >> 4
        own = self.last.get(tid, -1)
        mask = self.past_of(tid)
        sync = self.sync[own] if own >= 0 else self.birth_sync.get(tid, 0)
        past, codes = self.past, self.code
        events = self.on.get(var)
        if events is None:
            events = self.on[var] = []
        races: list[int] = []
        before = 0
        site = None
        if kind <= CAS:
            site = task.op[-1] if kind != CAS else self._site(task)
            objects = self.touched.setdefault(code >> 10, [])
            for e in self.freed.get(code >> 10, ())[-1:]:
                if not mask >> e & 1:
                    races.append(e)
                    mask |= past[e]
            writes = self.wrote.setdefault(var, [])
            for e in reversed(events) if kind else writes[-1:]:  # READ is 0
                wrote = codes[e] & 15
                if not mask >> e & 1:
                    races.append(e)
                    mask |= past[e]
                if not sync >> e & 1 and not (kind == CAS and wrote == CAS):
                    self._data_race(world, task, e, site, kind)
                if wrote:
                    if kind == CAS and wrote == CAS:
                        sync |= self.sync[e]
                    break
            objects.append(i)
            if kind:
                writes.append(i)
        elif kind <= POST:  # mutexes and semaphores: all their events are in one order
            before = task.op[1]._count if kind >= WAIT else task.op[1]._owner is None
            if events:
                e = events[-1]
                if not mask >> e & 1:
                    if kind in (LOCK, WAIT):
                        e = self._enabled_before(events, mask, kind)
                    if e >= 0:
                        races.append(e)
                    mask |= past[events[-1]]
                sync |= self.sync[events[-1]]
        elif kind <= SHUTDOWN:
            before = len(task.op[1]._queue) << 1 | task.op[1]._closed
            mask, sync = self._channel(events, kind, mask, sync, races)
        elif kind == FREE:
            objects = self.touched.setdefault(code >> 10, [])
            for e in reversed(objects):
                if not mask >> e & 1:
                    races.append(e)
                    mask |= past[e]
            objects.append(i)
            self.freed.setdefault(code >> 10, []).append(i)
        elif kind in (JOIN, AWAIT):
            if waits_for_end(task.op):
                target = task.op[1]._task if kind == JOIN else world.task_named(task.op[2])
                site = target.tid
                before = self.last.get(target.tid, -1) + 1
                mask |= self.past_of(target.tid)
                sync |= self.sync[self.last[target.tid]] if target.tid in self.last else 0
            if kind == JOIN and events and not mask >> events[-1] & 1:
                races.append(events[-1])
                mask |= past[events[-1]]
        self.tid.append(tid)
        self.code.append(code)
        self.past.append(mask | 1 << i)
        self.sync.append(sync | 1 << i)
        self.site.append(site)
        self.prev.append(own)
        self.before.append(before)
        self.last[tid] = i
        events.append(i)
        if kind == SPAWN:
            child = self.registry.tids.setdefault(task.op[1].name, len(self.registry.tids))
            self.birth[child], self.birth_sync[child] = mask | 1 << i, sync | 1 << i
        return races

    def pop(self) -> None:
        """Take the last event off E."""
        tid, code, own = self.tid.pop(), self.code.pop(), self.prev.pop()
        self.past.pop(), self.sync.pop(), self.site.pop(), self.before.pop()
        self.on[code >> 4].pop()
        if code & 15 <= CAS or code & 15 == FREE:
            self.touched[code >> 10].pop()
            if code & 15 in (WRITE, CAS):
                self.wrote[code >> 4].pop()
            if code & 15 == FREE:
                self.freed[code >> 10].pop()
        if own >= 0:
            self.last[tid] = own
        else:
            del self.last[tid]

    def _enabled_before(self, events: list[int], mask: int, kind: int) -> int:
        """The latest event not in ``mask`` before which a lock, wait or receive could have been made, or -1."""
        for e in reversed(events):
            if kind == RECV:
                if self.code[e] & 15 != RECV:
                    continue
                return -1 if mask >> e & 1 else e
            if mask >> e & 1:
                return -1
            if self.before[e] > 0:
                return e
        return -1

    def _channel(self, events: list[int], kind: int, mask: int, sync: int, races: list[int]) -> tuple[int, int]:
        """The masks of a channel operation; appends what it races with.

        Sends, closes and shutdowns are in one order, receives in another. The k-th receive of an item comes after the
        k-th send.
        """
        codes, past = self.code, self.past
        receives = [e for e in events if codes[e] & 15 in (RECV, RECV_END)]
        writes = [e for e in events if codes[e] & 15 not in (RECV, RECV_END)]
        order = mask
        if kind == RECV:
            sends = [e for e in writes if codes[e] & 15 == SEND and not self.before[e] & 1]
            number = len(receives) - (self.before[events[0]] >> 1 if events else len(receives) + 1)
            if number >= 0:  # else the item is there since the setup
                order |= past[sends[number]]
                sync |= self.sync[sends[number]]
            rivals = receives[-1:]  # even one before that send: then there was another item to take
        elif kind == RECV_END:
            closes = [e for e in writes if codes[e] & 15 != SEND]
            if not (events and self.before[events[0]] & 1) and closes:
                first = closes.pop(0)  # without it there is no end to find
                order |= past[first]
                sync |= self.sync[first]
            rivals = sorted(closes[-1:] + receives[-1:])
        elif kind == SEND:
            rivals = writes[-1:]
        else:
            ends = [e for e in receives if codes[e] & 15 == RECV_END]
            rivals = sorted(writes[-1:] + ends[-1:])
        for e in reversed(rivals):
            if not mask >> e & 1:
                races.append(e)
                mask |= past[e]
        mask |= order
        return mask, sync

    def blocked(self, world: World) -> list[Race]:
        """Races of the operations that are still waiting at the end of a run."""
        races = []
        for task in world.tasks:
            kind = task.code & 15
            if task.status != READY or kind not in (LOCK, WAIT, RECV):
                continue
            mask = self.past_of(task.tid)
            e = self._enabled_before(self.on.get(task.code >> 4, []), mask, kind)
            if e >= 0:
                races.append((e, len(self.tid), task.tid, task.code))
        return races

    def possible(self, findings: list[Finding]) -> list[Finding]:
        """The findings that can come first: one that happens after another needs a process that is dead by then."""
        if len(findings) < 2 or not findings[0].stops:
            return findings
        tids = self.registry.tids
        kept: list[Finding] = []
        moments: list[
            int
        ] = []  # of every finding so far: its thread's last event, or the spawn of a thread that made none
        for finding in findings:
            last = self.last.get(tids[finding.thread], -1)
            past = self.past_of(tids[finding.thread])
            if not past:
                return [finding]  # before anybody moved
            if not any(past >> moment & 1 for moment in moments):
                kept.append(finding)
            moments.append(last if last >= 0 else past.bit_length() - 1)
        return kept

    def _data_race(self, world: World, task: Task, e: int, site: Any, kind: int) -> None:
        """Two accesses of one variable, one of them a write, that nothing but luck puts in this order."""
        key = (id(self.site[e]), id(site))
        if key not in self.data_races:
            obj, name = task.op[1], task.op[2]
            self.data_races[key] = (
                f"{world.name_of(obj)}.{name}",
                (self._name(e), self.code[e] & 15, self.site[e]),
                (task.name, kind, site),
            )

    def _site(self, task: Task) -> Any:
        """Where an operation stands that was made by a call: one tuple per place."""
        file, function, line = (frames_of(task.gen) or [("", "", 0)])[-1]
        return self.sites.setdefault((file, function, line), (file, function, line))

    def _name(self, e: int) -> str:
        return next(name for name, tid in self.registry.tids.items() if tid == self.tid[e])
