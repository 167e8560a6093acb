# SPDX-License-Identifier: GPL-2.0-or-later
"""Drive a world one step at a time and look at it in between. Looking is never a step.

Replays, the learner's own schedules and minimised stories all come out as the same `Trace`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .clerk import CLERK
from .errors import ScenarioError, UseAfterFree
from .naming import path_to, reachable, rooted
from .ops import CAS_FAILED, OPERATIONS, ORDER, SEND, kind_of
from .ordinary.access import told_of
from .ordinary.names import Names
from .picture import Local, Painter, Points, Thing, locals_of
from .places import OWN_FILES, frames_of, place_in
from .primitives import Primitive
from .scenario import Finding, Scenario
from .schedule import format_schedule
from .shared import FIELDS, Freed, Shared
from .trace import Access, Invariant, Moment, Step, Trace, fitted
from .world import CRASHED, DONE, READY, Registry, Task, World

_WIDTH = 60
_ADDRESS = re.compile(r"<([\w.]+)(?: object)? at (0x[0-9a-fA-F]+)>")


_FUNCTION = re.compile(r"<(?:function|bound method) ([\w.<>]+?)(?: at 0x[0-9a-fA-F]+| of <[^<>]*>)>")


def _short(found: re.Match[str]) -> str:
    """A function by its own name: "Pool.work", "report", "<lambda>"."""
    return found[1].rpartition("<locals>.")[2]


class Recorder:
    """Runs ``scenario`` step by step in ``world`` and keeps the ``trace``. `close` it in the end."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        scenario.before_recording()
        self.world = World(scenario, Registry())
        self.names: dict[int, str] = {}
        self.used: dict[int, Primitive] = {}  # what threads lock and wait for, in the order of their first use
        self.labels: list[str] = []
        self.moved: list[str] = []
        self.held_since: dict[int, int] = {}
        self.finding: Finding | None = None  # as a Result tells it: without the names and steps of this run
        self.addresses: dict[str, list[str]] = {}  # class -> addresses in texts so far
        self.things: dict[str, list[int]] = {}  # class -> objects shown as values so far
        self.painter = Painter(self._show, self._called)
        try:
            self._begin()
        except BaseException:
            self.close()  # nobody else can
            raise

    def _begin(self) -> None:
        """Bring every thread before its first step, and begin the trace."""
        scenario = self.scenario
        self._asides()
        with self.world.running():
            self.world.start()
        self._asides()
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
        world, last = self.world, self.last
        op, kind = task.op, kind_of(world.pending(task))
        file, function, line = place_in(task.gen)
        waiting = {t.name for t in world.tasks if t.status == READY and not world.enabled(t)}
        name = self._name(op[1]) if op[1] is not None else ""
        in_vain = kind == SEND and op[1]._state[1]
        with world.running():
            world.step(task)
        if op[1] is not None and not isinstance(op[1], Shared) and op[1].holder == task.name:
            self.held_since.setdefault(op[1]._key, world.count)
        elif op[1] is not None:
            self.held_since.pop(op[1]._key, None)
        field = op[2] if kind <= CAS_FAILED else ""
        variable = name if not field else field if op[1] is world.state else f"{name}.{field}"
        if task.status == CRASHED and world.findings[-1].kind == "use-after-free":
            value, said = "", f"touches {name}, which is freed"
        elif in_vain:
            value, said = self._show(op[2]), f"finds {name} closed and sends nothing"
        else:
            value, said = OPERATIONS[kind].tell(variable, op, world.value, self._show)
            if isinstance(world.value, Exception) and self._show(world.value) not in said:
                said = f"{said}: {self._show(world.value)}"
        moment = self._moment()
        step = Step(
            index=world.count,
            thread=task.name,
            op=OPERATIONS[kind].name,
            object=name,
            field=field,
            value=value,
            function=function,
            file=file,
            line=line,
            name=variable,
            text=f"{task.name} {said}",
            changed=[label for label in moment.state if moment.state[label] != last.state.get(label)],
            woke=[t.name for t in world.tasks if t.name in waiting and world.enabled(t)],
            asides=self._asides(task.tid),
            **vars(moment),
        )
        self._keep(step)
        return step

    def _asides(self, tid: int = -1) -> list[Access]:
        """What thread ``tid`` has accessed since the last call without making a step, where it is shared."""
        if not isinstance(self.world.state, Names):
            return []
        made = []
        for aside, label in self.world.state.asides():
            if aside.tid == tid:
                told = told_of(label, aside.change, aside.verb, aside.operands, aside.value, self._show)
                file, function, line = aside.site
                made.append(
                    Access(
                        op="write" if aside.change else "read", name=label, value=told[0], text=told[1],
                        function=function, file=file, line=line,
                    )
                )  # fmt: skip
        return made

    def _keep(self, step: Step) -> None:
        """Add the step to the trace, and note what it led to."""
        self.trace.steps.append(step)
        self._judge(step)
        self.moved.append(step.thread)
        self.trace.threads += [t.name for t in self.world.tasks if t.name not in self.trace.threads]
        self._stopped()

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
        for invariant in self.trace.invariants:
            if invariant.broken:
                continue
            try:
                with CLERK.looking():
                    holds = self.scenario.invariants[invariant.name](self.world.state, step)
            except (Exception, UseAfterFree) as error:
                raise ScenarioError(
                    f"scenario {self.scenario.name!r}: invariant {invariant.name!r} raised {type(error).__name__}: "
                    f"{error} after step {step.index}; expected a truth value"
                ) from error
            if not holds:
                invariant.broken = step.index

    def _stopped(self) -> None:
        world = self.world
        if world.findings:
            self.finding = self.trace.finding = world.findings[0]
        elif not world.able():
            self.trace.finished = True
            self.finding = next(iter(world.judge()), None)
            self.trace.finding = next(iter(world.judge(self._why)), None)

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
            status[task.name] = self._status(task)
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
        with CLERK.looking():
            return self.painter.hand(locals_of(task.gen, OWN_FILES))

    def _status(self, task: Task) -> str:
        if task.status != READY:
            return "done" if task.status == DONE else "crashed"
        return "ready" if self.world.enabled(task) else "blocked"

    def _why(self, task: Task) -> str:
        """Why ``task`` is blocked, in the names of the trace, and since which step."""
        since = self.held_since.get(getattr(task.op[1], "_key", -1))
        holder = getattr(task.op[1], "holder", None)
        status = next((t.status for t in self.world.tasks if t.name == holder), READY)
        over = {DONE: ", which has ended", CRASHED: ", which has crashed"}.get(status)
        when = over or (f" since step {since}" if since else "")
        return self.world.reason(task, self._name) + when

    def _locks(self) -> dict[str, str]:
        for task in self.world.tasks:
            if task.status == READY and OPERATIONS[kind_of(task.code)].family == ORDER:
                self.used.setdefault(task.op[1]._key, task.op[1])
        return {self._name(thing): thing.holder for thing in self.used.values() if thing.holder is not None}

    def _look(self) -> tuple[dict[str, str], dict[str, Points], dict[str, Thing]]:
        """The watched values as text, the objects that they stand for, and how these are."""
        with CLERK.looking():
            watched = self.scenario.watch(self.world.state) if self.scenario.watch is not None else self._all_fields()
            state = {label: self._show(value) for label, value in watched.items()}
            points = self.painter.points(watched)
            things = self.painter.things()
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
        if isinstance(value, Primitive):
            return self._name(value)
        if isinstance(value, tuple):
            inside = ", ".join(self._show(v) for v in value)
            return fitted(f"({inside}{',' if len(value) == 1 else ''})", _WIDTH)
        if callable(value) and hasattr(value, "__name__"):
            return str(value.__name__)
        if isinstance(value, BaseException):
            return fitted(f"{type(value).__name__}: {value}".removesuffix(": "), _WIDTH)
        try:
            text = repr(value)
        except Exception as error:  # the program's own __repr__, which a trace must not fail by
            text = f"a {type(value).__name__}, whose repr raises {type(error).__name__}"
        return fitted(self._numbered(_FUNCTION.sub(_short, text)), _WIDTH)

    def _numbered(self, text: str) -> str:
        """``text`` with objects by the number of their first appearance in the place of addresses."""

        def number(found: re.Match[str]) -> str:
            seen = self.addresses.setdefault(found[1], [])
            if found[2] not in seen:
                seen.append(found[2])
            return f"{found[1].rpartition('.')[2]}#{seen.index(found[2]) + 1}"

        return _ADDRESS.sub(number, text)
