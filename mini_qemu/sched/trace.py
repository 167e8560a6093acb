# SPDX-License-Identifier: GPL-2.0-or-later
"""The steps of one run as plain data: what was done, where everybody stands, who is blocked and why, what the watched
state became.

Strategy: a `Recorder` drives a world one step at a time and looks at it in between; looking is never a step. Replays,
the learner's own schedules and minimised stories all come out as the same `Trace`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import PurePath
from typing import Any

from .errors import ScenarioError, UseAfterFree
from .naming import path_to, reachable, rooted
from .ops import (
    AWAIT,
    CAS,
    CLOSE,
    FREE,
    JOIN,
    LOCK,
    POST,
    READ,
    RECV,
    RECV_END,
    SEND,
    SHUTDOWN,
    SPAWN,
    UNLOCK,
    VERBS,
    WAIT,
    WRITE,
    Kind,
)  # fmt: skip
from .picture import Local, Painter, Points, Thing, locals_of
from .scenario import Finding, Scenario
from .schedule import format_schedule
from .shared import ADD, CLERK, FIELDS, Freed, Mutex, Shared, _Primitive
from .world import CRASHED, DONE, OWN_FILES, READY, Registry, Task, World, frames_of, waits_for_end

Place = tuple[str, int]
_WIDTH = 60


@dataclass(frozen=True, kw_only=True)
class Moment:
    """How things stand.

    ``where`` {thread: (function, line)}; ``frames`` the whole stacks, {thread: [(file, function, line), ...]},
    innermost last; ``status`` {thread: "ready" | "blocked" | "done" | "crashed"}; ``blocked`` {thread: sentence};
    ``locks`` {lock: holder}; ``state`` {watched label: value as text}; for a picture (see picture.py): ``hands``
    {thread: its locals}, ``points`` {watched label: the objects it stands for}, ``things`` {object: how it is}.
    """

    where: dict[str, Place]
    frames: dict[str, list[tuple[str, str, int]]]
    status: dict[str, str]
    blocked: dict[str, str]
    locks: dict[str, str]
    state: dict[str, str]
    hands: dict[str, list[Local]] = field(default_factory=dict)
    points: dict[str, Points] = field(default_factory=dict)
    things: dict[str, Thing] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Step(Moment):
    """One step, and how things stand after it.

    ``index`` counts from 1; ``line`` is where the operation stands in ``file``; ``name`` is the variable or lock as
    messages call it, ``text`` the step as a sentence;
    ``changed`` are the watched labels whose value it changed, ``woke`` the threads that it let go on.
    """

    index: int
    thread: str
    op: str
    object: str
    field: str
    value: str
    function: str
    file: str
    line: int
    name: str
    text: str
    changed: list[str]
    woke: list[str]


@dataclass
class Invariant:
    """A rule of the scenario, in this run. ``broken`` is the first step after which it did not hold, 0 if there is
    none.
    """

    name: str
    meaning: str
    broken: int = 0


@dataclass
class Trace:
    """A run: ``initial`` moment, ``steps``, ``finding`` (or None), what became of the scenario's ``invariants``, and
    the ``schedule`` that replays it.
    """

    scenario: str
    title: str
    threads: list[str]
    schedule: str
    labels: list[str]
    initial: Moment
    steps: list[Step] = field(default_factory=list)
    finding: Finding | None = None
    finished: bool = False
    invariants: list[Invariant] = field(default_factory=list)

    def __repr__(self) -> str:
        end = str(self.finding) if self.finding else "no finding" if self.finished else "not finished"
        return f"{self.scenario}: {len(self.steps)} steps, {end}."

    def __str__(self) -> str:
        return columns(self)

    def to_dict(self) -> dict[str, Any]:
        """Plain data: dicts, lists, strings and numbers only."""
        return asdict(self)


def columns(trace: Trace, width: int = 46) -> str:
    """The run as text: a column per thread, a row per step with line and sentence, and how it ended."""
    names = trace.threads
    head = "    " + " | ".join(f"{name:<{width}}" for name in names)
    rows = [head.rstrip(), "    " + "-+-".join("-" * width for _ in names)]
    for step in trace.steps:
        said = step.text.removeprefix(step.thread).strip()
        cell = _fit(f"{step.line:>4} {said}", width)
        cells = [cell if name == step.thread else "" for name in names]
        rows.append((f"{step.index:>3} " + " | ".join(f"{c:<{width}}" for c in cells)).rstrip())
    if trace.finding is not None:
        rows.append(f"    {trace.finding}")
    return "\n".join(rows)


def _fit(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


class Recorder:
    """Runs ``scenario`` step by step and keeps the trace. ``run`` is the world; `close` it in the end."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.world = World(scenario, Registry())
        self.names: dict[int, str] = {}
        self.mutexes: dict[int, Mutex] = {}
        self.labels: list[str] = []
        self.moved: list[str] = []
        self.held_since: dict[int, int] = {}
        self.things: dict[str, list[int]] = {}  # class -> objects shown as values so far
        self.painter = Painter(self._show, self._called)
        with self.world.running():
            self.world.start()
        initial = self._moment()
        self.trace = Trace(
            scenario.name, scenario.title, [t.name for t in self.world.tasks], "v1:", self.labels, initial
        )
        self.trace.invariants += [
            Invariant(name, " ".join((rule.__doc__ or name).split())) for name, rule in scenario.invariants.items()
        ]
        self._stopped()

    @property
    def choices(self) -> list[str]:
        """The threads that can make a step now; none once the run has a finding or has ended."""
        if self.trace.finding is not None:
            return []
        return [task.name for task in self.world.able()]

    def step(self, task: Task) -> Step:
        """Let ``task`` make its next step and record it."""
        world, trace = self.world, self.trace
        op, code = task.op, world.pending(task)
        stack = frames_of(task.gen)
        file, function, line = stack[-1] if stack else ("", "", 0)
        before = {t.name for t in world.tasks if t.status == READY and not world.enabled(t)}
        last = self.last
        obj = op[1]
        name = self._name(obj) if obj is not None else ""
        in_vain = code & 15 == SEND and obj._closed
        with world.running():
            world.step(task)
        if code & 15 == LOCK:
            self.held_since[obj._key] = world.count
        if task.status == CRASHED and world.findings[-1].kind == "use-after-free":
            value, text = "", f"{task.name} touches {name}, which is freed"
        elif in_vain:
            value, text = self._show(op[2]), f"{task.name} finds {name} closed and sends nothing"
        else:
            value, text = self._sentence(task.name, code & 15, op, name)
        moment = self._moment()
        changed = [label for label in moment.state if moment.state[label] != last.state.get(label)]
        woke = [t.name for t in world.tasks if t.name in before and world.enabled(t)]
        step = Step(
            index=world.count,
            thread=task.name,
            op=Kind(code & 15).name.lower(),
            object=name,
            field=op[2] if code & 15 <= CAS else "",
            value=value,
            function=function,
            file=file,
            line=line,
            name=f"{name}.{op[2]}"
            if code & 15 <= CAS and obj is not world.state
            else op[2]
            if code & 15 <= CAS
            else name,
            text=text,
            changed=changed,
            woke=woke,
            **vars(moment),
        )
        trace.steps.append(step)
        self._judge(step)
        self.moved.append(task.name)
        for t in world.tasks:
            if t.name not in trace.threads:
                trace.threads.append(t.name)
        self._stopped()
        return step

    def finish(self, fingerprint: str = "") -> Trace:
        """The trace so far, with its schedule. Threads that have not ended stay where they are."""
        self.trace.schedule = format_schedule(self.moved, fingerprint)
        return self.trace

    def close(self) -> None:
        self.world.close()

    @property
    def last(self) -> Moment:
        """How things stand now."""
        return self.trace.steps[-1] if self.trace.steps else self.trace.initial

    def _judge(self, step: Step) -> None:
        """Ask the invariants that have held so far. Asking is not a step."""
        active, CLERK.active = CLERK.active, False
        try:
            for invariant in self.trace.invariants:
                rule = self.scenario.invariants[invariant.name]
                if not invariant.broken and not rule(self.world.state, step):
                    invariant.broken = step.index
        except (Exception, UseAfterFree) as error:
            raise ScenarioError(
                f"scenario {self.scenario.name!r}: invariant {invariant.name!r} raised {type(error).__name__}: {error} "
                f"after step {step.index}; expected a truth value"
            ) from error
        finally:
            CLERK.active = active

    def _stopped(self) -> None:
        world = self.world
        if world.findings:
            self.trace.finding = world.findings[0]
        elif not world.able():
            self.trace.finished = True
            found = world.judge()
            if found and found[0].kind == "deadlock":
                sentences = (f"{task.name} {self.last.blocked[task.name]}" for task in world.stuck())
                found[0] = replace(found[0], message="; ".join(sentences))
            self.trace.finding = found[0] if found else None

    # ---------------------------------------------------------------- looking

    def _moment(self) -> Moment:
        world = self.world
        frames, where, status, blocked, hands = {}, {}, {}, {}, {}
        for task in world.tasks:
            stack = frames_of(task.gen)
            if task.status == CRASHED and not stack:
                crash = next(f for f in reversed(world.findings) if f.thread == task.name)
                stack = [(crash.file, crash.function, crash.line)]
            if stack:
                frames[task.name] = stack
                hands[task.name] = self._hand(task)
                where[task.name] = stack[-1][1:]
            can = world.enabled(task)
            status[task.name] = (
                "done"
                if task.status == DONE
                else "crashed"
                if task.status == CRASHED
                else "ready"
                if can
                else "blocked"
            )
            if status[task.name] == "blocked":
                blocked[task.name] = self._why(task)
        state, points, things = self._look()
        return Moment(
            where=where,
            frames=frames,
            status=status,
            blocked=blocked,
            locks=self._locks(),
            state=state,
            hands=hands,
            points=points,
            things=things,
        )

    def _hand(self, task: Task) -> list[Local]:
        active, CLERK.active = CLERK.active, False
        try:
            return self.painter.hand(locals_of(task.gen, OWN_FILES))
        finally:
            CLERK.active = active

    def _why(self, task: Task) -> str:
        if task.code & 15 in (LOCK, WAIT, RECV):
            obj = task.op[1]
            plain, obj.name = obj.name, self._name(obj)
            try:
                since = f" since step {self.held_since[obj._key]}" if task.code & 15 == LOCK else ""
                return self.world.reason(task) + since
            finally:
                obj.name = plain
        return self.world.reason(task)

    def _locks(self) -> dict[str, str]:
        for task in self.world.tasks:
            if task.status == READY and task.code & 15 in (LOCK, UNLOCK):
                self.mutexes.setdefault(task.op[1]._key, task.op[1])
        return {self._name(m): m._owner.name for m in self.mutexes.values() if m._owner is not None}

    def _look(self) -> tuple[dict[str, str], dict[str, Points], dict[str, Thing]]:
        """The watched values as text, the objects that they stand for, and how these are."""
        active, CLERK.active = CLERK.active, False
        try:
            watched = self.scenario.watch(self.world.state) if self.scenario.watch is not None else self._all_fields()
            state = {label: self._show(value) for label, value in watched.items()}
            points = self.painter.points(watched)
            things = self.painter.things()
        finally:
            CLERK.active = active
        self.labels.extend(label for label in state if label not in self.labels)
        return state, points, things

    def _all_fields(self) -> Mapping[str, Any]:
        out = {}
        for path, thing in reachable(self.world.state):
            if isinstance(thing, Shared) and not isinstance(thing, Freed):
                for name in FIELDS[type(thing)]:
                    if name in thing._v:
                        out[f"{rooted(path)}.{name}" if path else name] = thing._v[name]
        return out

    def _name(self, obj: Any) -> str:
        key = getattr(obj, "_key", None)
        if key is None:
            return type(obj).__name__
        if key not in self.names or not self.names[key]:
            own = obj.__dict__.get("name") if not isinstance(obj, Freed) else None
            self.names[key] = own if isinstance(own, str) and own else path_to(self.world.state, obj)
        return self.names[key] or (type(obj).__name__ if isinstance(obj, Shared) else f"a {type(obj).__name__.lower()}")

    def _thing(self, obj: Any) -> str:
        """An object as a value: its own name, or its class and the number of its first appearance: "QEMUFile#2"."""
        own = vars(obj).get("name")
        if isinstance(own, str) and own:
            return own
        seen = self.things.setdefault(type(obj).__name__, [])
        if obj._key not in seen:
            seen.append(obj._key)
        return f"{type(obj).__name__}#{seen.index(obj._key) + 1}"

    def _called(self, obj: Any) -> str:
        """What sentences have called an object so far, else its class."""
        own, cls = vars(obj).get("name"), type(obj).__name__
        if isinstance(own, str) and own:
            return own
        seen = self.things.get(cls, [])
        return f"{cls}#{seen.index(obj._key) + 1}" if obj._key in seen else cls

    def _show(self, value: Any) -> str:
        if isinstance(value, Freed):
            return f"freed {self._thing(value)}"
        if isinstance(value, Shared):
            return self._thing(value)
        if isinstance(value, _Primitive):
            return self._name(value)
        if isinstance(value, tuple):
            inside = ", ".join(self._show(v) for v in value)
            return _fit(f"({inside}{',' if len(value) == 1 else ''})", _WIDTH)
        if callable(value) and hasattr(value, "__name__"):
            return str(value.__name__)
        return _fit(repr(value), _WIDTH)

    def _sentence(self, thread: str, kind: int, op: tuple[Any, ...], name: str) -> tuple[str, str]:
        """The value of a step as text, and the step as a sentence in the words of the state table."""
        verb = VERBS[kind]
        what = name if kind > CAS else str(op[2]) if op[1] is self.world.state else f"{name}.{op[2]}"
        if kind in (READ, WRITE):
            value = self._show(self.world.value if kind == READ else op[3])
            return value, f"{thread} {verb} {what} = {value}" if kind == WRITE else f"{thread} {verb} {what}: {value}"
        if kind == CAS and op[3] is ADD:
            before, after = self._show(self.world.value), self._show(self.world.value + op[4])
            return before, f"{thread} adds {op[4]} to {what}: {before} becomes {after}"
        if kind == CAS:
            done = (
                f"{self._show(op[3])} becomes {self._show(op[4])}"
                if self.world.value
                else f"it is not {self._show(op[3])}"
            )
            return str(bool(self.world.value)), f"{thread} {verb} {what}: {done}"
        if kind in (SEND, RECV):
            value = self._show(op[2] if kind == SEND else self.world.value)
            return value, f"{thread} {verb.split()[0]} {value} {verb.split()[1]} {name}"
        if kind == SPAWN:
            return op[1].name, f"{thread} starts {op[1].name}"
        if kind in (JOIN, AWAIT):
            target = op[1].name if kind == JOIN else op[2]
            return target, f"{thread} {'joins' if waits_for_end(op) else 'detaches'} {target}"
        if kind in (LOCK, UNLOCK, WAIT, POST, RECV_END, CLOSE, SHUTDOWN, FREE):
            return "", f"{thread} {verb} {name}"
        raise AssertionError(f"no sentence for {Kind(kind).name}")


def short_file(file: str) -> str:
    """The last part of a path; a notebook cell's made-up name becomes "cell"."""
    name = PurePath(file).name
    return "cell" if name.startswith("<ipython") or "ipykernel" in file else name
