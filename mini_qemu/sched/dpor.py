"""Optimal dynamic partial order reduction: one run for every class of equivalent interleavings, no run twice.

After Abdulla, Aronis, Jonsson, Sagonas, "Optimal dynamic partial order reduction" (POPL 2014; "Source sets", J. ACM
2017), whose names are kept: E is the current execution, ``sleep[d]`` and ``wut[d]`` the sleep set and the wakeup tree
at the state before its d-th event, ``notdep(e, E)`` the events after e that do not happen after it, WI the weak
initials of a sequence.

Strategy: the happens-before relation is kept as one bit mask per event (``past[i]``: every event that happens before
event i, and i), so that its questions are shifts and ands. Nothing is recursive over the length of a run. A run is made
by re-executing the prefix up to the deepest state with an unexplored branch; only the new suffix is analysed.

Operations that can block (lock, wait, recv): an event e' races with the *latest* event e of the same object, not in its
causal past, before which it would have been enabled. The same is asked for operations that are still blocked when a run
ends.

Left out: the paper's optimisation for operations that commute by value. Two writes of the same value conflict.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from .errors import DivergenceError
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
    depends,
)  # fmt: skip
from .scenario import Finding, Scenario
from .world import READY, Registry, Task, World, frames_of, waits_for_end

LIMIT_STEPS = 10_000
"""Steps after which a run is given up: the scenario may have no end, and no verdict follows."""

Node = list[Any]
"""A branch of a wakeup tree: ``[tid, code, branches after it]``."""


@dataclass
class Run:
    """A finished run as a strategy hands it over: who moved at each step, what went wrong, and the world as it is at
    the end.

    DPOR adds per event its code, its ``past`` (the mask of the events that happen before it) and a semaphore's count
    ``before`` it.
    """

    world: World
    thread: list[str]
    findings: list[Finding]
    past: list[int] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    before: list[int] = field(default_factory=list)


def first_of(findings: list[Finding]) -> list[Finding]:
    """The findings of a run as it happened: after a crash there is no process left to go wrong."""
    return findings[:1] if findings and findings[0].stops else findings


class OptimalDPOR:
    """Explores ``scenario``. ``runs()`` yields every class once; ``redundant`` counts runs cut by sleep sets (always 0:
    it is optimal).
    """

    def __init__(self, scenario: Scenario, limit_steps: int = LIMIT_STEPS) -> None:
        self.scenario = scenario
        self.limit_steps = limit_steps
        self.registry = Registry()
        self.world: World  # of the run in progress
        self.redundant = 0
        self.too_long = False
        self.data_races: dict[tuple[int, int], tuple[str, Any, Any]] = {}
        self.sites: dict[Any, Any] = {}
        # E, event by event
        self.tid: list[int] = []
        self.code: list[int] = []
        self.past: list[int] = []
        self.sync: list[int] = []  # as past, but through synchronisation only: what orders two accesses besides luck
        self.site: list[Any] = []  # of an access: where it stands; of a join: the thread that is joined
        self.prev: list[int] = []  # the previous event of the same thread, or -1
        self.before: list[int] = []  # see `_event`: a count, or whether it was free or closed
        # E, indexed
        self.last: dict[int, int] = {}  # thread -> its last event
        self.birth: dict[int, int] = {}  # thread -> past of its spawn
        self.birth_sync: dict[int, int] = {}
        self.on: dict[int, list[int]] = {}  # variable or object -> its events
        self.touched: dict[int, list[int]] = {}  # object -> accesses of any of its fields, and frees
        self.freed: dict[int, list[int]] = {}  # object -> its frees
        # the exploration
        self.sleep: list[dict[int, int]] = [{}]
        self.wut: list[list[Node]] = [[]]
        self.done: list[int] = [0]  # branches explored at each state of E

    # ---------------------------------------------------------------- the algorithm

    def runs(self) -> Iterator[Run]:
        """Every maximal execution, one per class. Between two of them the caller may stop."""
        branch = 0  # the state from which the run differs from the one before
        first: tuple[list[int], list[int]] | None = None
        while not self.too_long:
            with closing(World(self.scenario, self.registry)) as world:
                self.world = world
                with world.running():
                    world.start()
                    self._replay(world, branch)
                    races = self._extend(world)
                    complete = not any(world.enabled(task) for task in world.tasks)
                    if complete:
                        races += self._blocked(world)
                    for e, i, tid, code in races:
                        self._reverse(e, i, tid, code)
                if complete:
                    names = {task.tid: task.name for task in world.tasks}
                    thread = [names[t] for t in self.tid]
                    yield Run(world, thread, self._possible(world.judge()), self.past, self.code, self.before)
                    first = first or (self.tid.copy(), self.code.copy())
            branch = self._backtrack()
            if branch < 0:
                break
        if first is not None:
            self._once_more(*first)

    def _once_more(self, tids: list[int], codes: list[int]) -> None:
        """Make the first run again. A program that remembers something from run to run does not repeat it."""
        with closing(World(self.scenario, self.registry)) as world, world.running():
            world.start()
            for i, tid in enumerate(tids):
                task = world.by_tid.get(tid)
                if task is None or not world.enabled(task) or world.step(task) != codes[i]:
                    self._diverged(tid, i)
            left = [task.tid for task in world.tasks if world.enabled(task)]
            if left:
                self._diverged(left[0], len(tids))

    def _replay(self, world: World, branch: int) -> None:
        """Bring ``world`` to the state E[:branch], whose analysis is kept from earlier runs."""
        by_tid, step = world.by_tid, world.step
        for i in range(branch):
            if step(by_tid[self.tid[i]]) != self.code[i]:
                self._diverged(self.tid[i], i)

    def _extend(self, world: World) -> list[tuple[int, int, int, int]]:
        """Run to the end: along the wakeup tree while there is one, then freely. Returns the races (e, e', thread and
        code of e').
        """
        races: list[tuple[int, int, int, int]] = []
        sleep, wut = self.sleep, self.wut
        task: Task | None = world.by_tid[self.tid[-1]] if self.tid else None
        while True:
            depth = len(self.tid)
            if wut[depth]:
                tid, code, below = wut[depth][0]
                task = world.by_tid.get(tid)
                if task is None or not world.enabled(task) or world.pending(task) != code:
                    self._diverged(tid, depth)
            else:
                task = self._choose(world, task, sleep[depth])
                if task is None:
                    return races
                code, below = world.pending(task), []
                wut[depth].append([task.tid, code, below])
            assert task is not None
            races += [(e, depth, task.tid, code) for e in self._event(world, task, code)]
            world.step(task)
            sleep.append({q: c for q, c in sleep[depth].items() if not depends(c, code)})
            wut.append(below)
            self.done.append(0)

    def _choose(self, world: World, current: Task | None, sleep: dict[int, int]) -> Task | None:
        """Who goes on where the wakeup tree says nothing: the current thread if it can, else the first that can and
        does not sleep.
        """
        if len(self.tid) >= self.limit_steps:
            self.too_long = True
            return None
        if current is not None and current.tid not in sleep and world.enabled(current):
            return current
        asleep = False
        for task in world.tasks:
            if world.enabled(task):
                if task.tid not in sleep:
                    return task
                asleep = True
        self.redundant += asleep
        return None

    def _reverse(self, e: int, i: int, tid: int, code: int) -> None:
        """Make sure that event e' (number i, or still blocked) is also tried before e: insert notdep(e, E).e' into
        wut[e].
        """
        past, codes, tids = self.past, self.code, self.tid
        if code & 15 == RECV_END and codes[e] & 15 == RECV:
            code -= 1  # before e it finds the item that e took
        w = [f for f in range(e + 1, len(tids)) if not past[f] >> e & 1]
        own = self.prev[i] if i < len(tids) else self.last.get(tid, -1)
        before = past[own] if own >= 0 else self.birth.get(tid, 0)
        for f in w:
            if depends(codes[f], code):
                before |= past[f]
        if code & 15 == JOIN and self.site[i] is not None:  # whatever comes first, a join comes after its thread's end
            end = self.last.get(self.site[i], -1)
            if end >= 0 and past[end] >> e & 1:
                return
            before |= past[end] if end >= 0 else 0
        first: dict[int, int] = {}
        inside = 0
        for f in w:
            first.setdefault(tids[f], f)
            inside |= 1 << f

        def initial(q: int, q_code: int) -> bool:
            """Whether q is a weak initial of w.e': its next event comes first in it, or is not in it and commutes with
            all of it.
            """
            f = first.get(q)
            if f is not None:
                return past[f] & inside == 1 << f
            if q == tid and not gone:
                return not before & inside
            return not (not gone and depends(q_code, code)) and not any(depends(q_code, codes[f]) for f in w)

        gone = False  # e' itself was taken off w
        if any(initial(q, c) for q, c in self.sleep[e].items()):
            return
        branches, start = self.wut[e], 1  # the first branch is the one being explored, and begins with e
        while True:
            for branch in branches[start:]:
                q = branch[0]
                if not initial(q, branch[1]):
                    continue
                if q in first:
                    w.remove(first[q])
                    inside &= ~(1 << first.pop(q))
                    nxt = next((f for f in w if tids[f] == q), None)
                    if nxt is not None:
                        first[q] = nxt
                elif q == tid:
                    gone = True
                break
            else:
                break
            if not branch[2]:
                return  # a leaf: what is behind it will be explored freely
            branches, start = branch[2], 0
        tail: list[Node] = [] if gone else [[tid, code, []]]
        for f in reversed(w):
            tail = [[tids[f], codes[f], tail]]
        branches.extend(tail)

    def _backtrack(self) -> int:
        """Leave the states whose wakeup tree is done. Returns the depth of the deepest that is not, or -1."""
        while self.tid:
            depth = len(self.tid) - 1
            self.sleep.pop()
            self.wut.pop()
            self.done.pop()
            tid, code, _ = self.wut[depth].pop(0)
            self._undo()
            self.sleep[depth][tid] = code
            self.done[depth] += 1
            if self.wut[depth]:
                return depth
        return -1

    @property
    def fraction(self) -> float:
        """An estimate of how much is done, between 0 and 1: every branch known so far counts as equally large."""
        total, weight = 0.0, 1.0
        for done, branches in zip(self.done, self.wut, strict=True):
            known = done + len(branches)
            if known:
                total += weight * done / known
                weight /= known
        return total

    # ---------------------------------------------------------------- happens-before

    def _event(self, world: World, task: Task, code: int) -> list[int]:
        """Append the step that ``task`` is about to make to E. Returns the events it races with."""
        i, tid, kind, var = len(self.tid), task.tid, code & 15, code >> 4
        own = self.last.get(tid, -1)
        mask = self.past[own] if own >= 0 else self.birth.get(tid, 0)
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
            for e in reversed(events):
                wrote = codes[e] & 15  # READ is 0
                if not (kind or wrote):
                    continue
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
            if kind == JOIN and events and not mask >> events[-1] & 1:
                races.append(events[-1])
                mask |= past[events[-1]]
            target = task.op[1]._task if kind == JOIN else world.task_named(task.op[2])
            end = self.last.get(target.tid, -1) if waits_for_end(task.op) else -1
            site = target.tid if waits_for_end(task.op) else None
            if end >= 0:
                mask |= past[end]
                sync |= self.sync[end]
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

    def _undo(self) -> None:
        """Take the last event off E."""
        tid, code, own = self.tid.pop(), self.code.pop(), self.prev.pop()
        self.past.pop(), self.sync.pop(), self.site.pop(), self.before.pop()
        self.on[code >> 4].pop()
        if code & 15 <= CAS or code & 15 == FREE:
            self.touched[code >> 10].pop()
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

    def _blocked(self, world: World) -> list[tuple[int, int, int, int]]:
        """Races of the operations that are still waiting at the end of a run."""
        races = []
        for task in world.tasks:
            kind = task.code & 15
            if task.status != READY or kind not in (LOCK, WAIT, RECV):
                continue
            own = self.last.get(task.tid, -1)
            mask = self.past[own] if own >= 0 else self.birth.get(task.tid, 0)
            e = self._enabled_before(self.on.get(task.code >> 4, []), mask, kind)
            if e >= 0:
                races.append((e, len(self.tid), task.tid, task.code))
        return races

    # ---------------------------------------------------------------- what is reported

    def _possible(self, findings: list[Finding]) -> list[Finding]:
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
            past = self.past[last] if last >= 0 else self.birth.get(tids[finding.thread], 0)
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

    def _diverged(self, tid: int, i: int) -> None:
        names = {tid: name for name, tid in self.registry.tids.items()}
        raise DivergenceError(
            f"scenario {self.scenario.name!r} is not deterministic: at step {i + 1} {names[tid]} did something else "
            "than in an earlier run with the "
            "same schedule. Does setup or a thread use time, random numbers, hash order, or state that outlives a run?"
        )
