# SPDX-License-Identifier: GPL-2.0-or-later
"""One execution: its threads, who can move, one step, where everybody stands, what went wrong.

The world runs instrumented threads as generators in one OS thread. A thread always stands before its next operation;
`step` carries that operation out and lets the thread run its own code up to the following one. Nothing else moves in
between, so a run is decided by the order of the steps alone: same schedule, same run.

A thread that crashes stops where it is; the others go on until none can move. How a run ended is said by `judge`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from types import GeneratorType
from typing import Any

from .clerk import CLERK
from .errors import (
    REFUSALS,
    InstrumentationError,
    Misuse,
    OutOfTime,
    ScenarioError,
    SchedError,
    Uncontrolled,
    UseAfterFree,
    itself,
    sentence_of,
)
from .handles import Handle
from .instrument import call, ran_plainly, refresh
from .naming import path_to
from .ops import (
    ABORT,
    ACT,
    ADD,
    AWAIT,
    BEAT,
    CAS,
    CAS_FAILED,
    FAIL,
    FIELD_BITS,
    FREE,
    FREE_FIELD,
    KIND_BITS,
    KIND_MASK,
    OPENS,
    OPERATIONS,
    READ,
    SPAWN,
    TURNS,
    WRITE,
    Op,
    kind_of,
)
from .ordinary.access import call as asked
from .ordinary.guard import Guard
from .places import Frame, frames_of, place_in, place_of
from .primitives import Primitive
from .rewrite import ASSERTION, catches
from .scenario import Finding, Scenario
from .shared import FIELDS

READY, DONE, CRASHED = 0, 1, 2

TURNS_WITHOUT_STEP = 100_000
TURNS_OF_A_DAEMON = 10_000
"""Loop iterations without a visible step after which a thread is taken to be in an endless loop."""

SELDOM = 15
"""Steps between two looks at the clock and at the depth of calls: one less than a power of two."""
MOST_CALLS = 200
"""Calls of the program inside each other. Python's own limit is the same in no two runs: the engine has frames too."""

_FIRST_KEY = 1 << KIND_BITS + FIELD_BITS
"""The smallest code of an operation on an object that has a key."""


class Task:
    """A thread of the program under test. ``op`` is its next operation, ``code`` that operation's code, ``steps`` how
    many it made.
    """

    __slots__ = ("code", "gen", "handle", "made", "name", "op", "quiet", "spawned", "status", "steps", "tid")

    def __init__(self, name: str, tid: int, handle: Handle | None = None) -> None:
        self.name = name
        self.tid = tid
        self.handle = handle
        self.gen: Any = None
        self.op: Op = ()
        self.code = 0
        self.status = READY
        self.steps = 0
        self.made = 0  # objects created by it, for their keys
        self.spawned: dict[str, int] = {}  # how many threads it started, by name
        self.quiet = (0, 0)  # (steps made, loop turns since) at the last beat

    @property
    def ended(self) -> bool:
        """Whether it came to its end: a thread that crashed did not."""
        return self.status == DONE


class Registry:
    """Numbers that stay the same over all runs of an exploration: a thread's for its name, an object's for (maker, n-th
    object).
    """

    def __init__(self) -> None:
        self.tids: dict[str, int] = {}
        self.keys: dict[tuple[str, int], int] = {}
        self.classes: dict[str, int] = {}  # of objects under guard that nobody noted as made
        self.parts: dict[tuple[int, Hashable], int] = {}  # of objects under guard: (object, part) -> field number


def _too_deep(place: Frame) -> InstrumentationError:
    file, function, line = place
    what = "calls itself without end, or deeper than the explorer can follow (RecursionError)"
    return InstrumentationError(f"{file}:{line}: {function} {what}; let it return earlier")


class _Running:
    """See `World.running`. A class rather than a generator function: it is entered in every run."""

    __slots__ = ("before", "world")

    def __init__(self, world: World) -> None:
        self.world = world
        self.before: tuple[Any, ...] = ()

    def __enter__(self) -> World:
        REFUSALS.last = None
        self.before = CLERK.active, CLERK.world, CLERK.guard
        CLERK.active, CLERK.world, CLERK.guard = True, self.world, self.world.guard
        return self.world

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        CLERK.active, CLERK.world, CLERK.guard = self.before
        refused = error if isinstance(error, Uncontrolled) else REFUSALS.last if error is None else None
        if refused is not None:
            raise InstrumentationError(str(refused)) from None


class World:
    """A run of ``scenario`` in progress. ``tasks`` in order of appearance; ``findings`` so far; ``value`` the result of
    the last step, or the exception that it raised.

    Use it inside ``with world.running():`` and end with `close`.
    """

    def __init__(self, scenario: Scenario, registry: Registry | None = None) -> None:
        refresh()
        self.scenario = scenario
        self.registry = registry or Registry()
        self.tasks: list[Task] = []
        self.by_tid: dict[int, Task] = {}
        self.by_name: dict[str, Task] = {}
        self.findings: list[Finding] = []
        self.handles: list[Handle] = []
        self.count = 0
        self.value: Any = None
        self.crashed = False
        self.current = Task("", -1)  # nobody yet: the setup
        self.objects: list[Any] = []  # every Shared object and lock of this run, in order of creation
        self.fresh: list[Any] | None = None  # objects that a thread is constructing, private until they are done
        self.guard = Guard(scenario.visible, self.registry.parts, self) if scenario.visible is not None else None
        before, CLERK.world, CLERK.guard = CLERK.guard, self, self.guard
        try:
            scenario.begin(self)
            self.state = scenario.setup()
            scenario.ready(self)
        except BaseException as error:
            scenario.end()
            if not isinstance(error, Exception):
                raise
            raise ScenarioError(f"scenario {scenario.name!r}: setup raised {type(error).__name__}: {error}") from error
        finally:
            CLERK.world, CLERK.guard = None, before

    def start(self) -> None:
        """Bring every thread of the scenario before its first operation. Call it inside `running`."""
        for name, (fn, args) in self.scenario.functions.items():
            self.add(name, fn, (self.state, *args), None)

    def maker(self) -> tuple[str, int]:
        """The thread that runs now, and how many objects it has made with the one it makes now."""
        task = self.current
        task.made += 1
        return task.name, task.made

    def key_of(self, maker: tuple[str, int]) -> int:
        """The key of what ``maker`` makes: the same in all runs of an exploration."""
        keys = self.registry.keys
        return keys.setdefault(maker, len(keys) + 1)

    def key_for(self, obj: Any) -> int:
        """A key for ``obj``, which the thread that runs now has just made: `key_of` it."""
        self.objects.append(obj)
        return self.key_of(self.maker())

    def running(self) -> _Running:
        """``with world.running():`` while inside, this OS thread is running the program under test: objects get keys,
        uncontrolled access is refused. A refusal that the program caught is raised again in the end: what it refused
        was not done.
        """
        return _Running(self)

    def close(self) -> None:
        """Let go of the threads that have not ended; if their ``finally`` clauses yield, nobody listens."""
        if CLERK.world is self:  # an interrupt fell between the last step and the end of `running`
            CLERK.active, CLERK.world, CLERK.guard = False, None, None
        for task in self.tasks:
            if task.status != DONE and task.gen is not None:
                _discard(task.gen)
        self.scenario.end()

    # ---------------------------------------------------------------- one step

    def enabled(self, task: Task) -> bool:
        """Whether ``task`` can make its next step now."""
        if task.status:
            return False
        opens = OPENS[task.code & KIND_MASK]
        return opens is None or opens(self._state(task), task.name, task.op)

    def able(self) -> list[Task]:
        """The threads that can make their next step now, in order of appearance."""
        return [t for t in self.tasks if not t.status and (OPENS[t.code & KIND_MASK] is None or self.enabled(t))]

    def pending(self, task: Task) -> int:
        """The code of ``task``'s next step as it would turn out now."""
        code = task.code
        turns = TURNS[code & KIND_MASK]
        if turns is None:
            return code
        kind: int = turns(self._state(task), task.name, task.op)
        return code & ~KIND_MASK | kind

    def _state(self, task: Task) -> Any:
        """The state of the object that ``task``'s next operation is about: of a thread, whether it has ended; of an
        object with fields, their values.
        """
        kind, obj, *rest = task.op
        if obj is None:
            return self.task_named(rest[0]).ended
        return obj._v if kind <= CAS_FAILED else obj._state

    def step(self, task: Task) -> None:
        """Carry out ``task``'s next operation, which must be enabled, and let the thread run to the one after it."""
        if not self.count & SELDOM:
            self._look(task)
        op = task.op
        kind = op[0]
        self.current = task
        self.count += 1
        task.steps += 1
        value: Any = None
        error: BaseException | None = None
        try:
            if kind == READ:
                value = op[1]._v[op[2]]
            elif kind == WRITE:
                op[1]._v[op[2]] = op[3]
            else:
                turns = TURNS[kind]
                act = ACT[kind if turns is None else turns(self._state(task), task.name, op)]
                value = act(self, task, op)
        except UseAfterFree as trap:
            self.crash(task, "use-after-free", str(trap))
            return
        except Misuse as misuse:
            self.crash(task, "misuse", str(misuse))
            return
        except SchedError:
            raise
        except (Exception, SystemExit) as raised:  # a send on a closed channel, what a future was given
            missing = kind <= CAS_FAILED and isinstance(raised, KeyError)
            error = AttributeError(f"{type(op[1]).__name__}.{op[2]} has no value yet") if missing else raised
        self.value = value if error is None or kind <= CAS_FAILED else error
        self.advance(task, value, error)

    def allows(self, op: Op) -> bool:
        """Whether the running thread could carry out ``op`` on a primitive now, in the middle of a step."""
        kind = op[0]
        if kind > KIND_MASK or not isinstance(op[1], Primitive) or isinstance(op[1], Handle):
            return False
        return OPENS[kind] is None or bool(OPENS[kind](op[1]._state, self.current.name, op))

    def carry_out(self, op: Op) -> Any:
        """Let the running thread do so. For one that is alone: no other must be able to tell when."""
        turns = TURNS[op[0]]
        return ACT[op[0] if turns is None else turns(op[1]._state, self.current.name, op)](self, self.current, op)

    def _look(self, task: Task) -> None:
        """Whether time is over, or ``task`` calls itself without end."""
        if CLERK.deadline is not None and time.monotonic() > CLERK.deadline:
            raise OutOfTime
        if len(frames := frames_of(task.gen)) > MOST_CALLS:
            raise _too_deep(frames[-1])

    def advance(self, task: Task, value: Any, error: BaseException | None = None) -> None:
        """Let ``task`` run up to its next operation, giving it the result of the last one."""
        gen = task.gen
        try:
            while True:
                if error is None:
                    op = gen.send(value)
                else:
                    op, error = gen.throw(error), None
                kind = op[0]
                if kind <= WRITE:
                    obj = op[1]
                    fields = FIELDS.get(type(obj))
                    if fields is None or op[2] not in fields:  # another class's attribute of the same name: no step
                        value, error = _plain_access(op)
                        continue
                    task.op = op
                    task.code = (obj._key | fields[op[2]]) << KIND_BITS | kind
                    if task.code < _FIRST_KEY:
                        self._refuse_outsider(task)
                    return
                if kind <= KIND_MASK:
                    task.op = op
                    task.code = self._code(task, op)
                    return
                if kind != BEAT:
                    error = self._failed(task, op)
                    if error is not None:
                        continue
                    self._stop(task, op)
                    return
                if self._endless(task, op[2]):
                    return
                value = None
        except StopIteration:
            task.status = DONE
        except UseAfterFree as trap:
            self.crash(task, "use-after-free", str(trap), trap)
        except SchedError:
            raise
        except Misuse as misuse:
            self.crash(task, "misuse", str(misuse), misuse)
        except (KeyboardInterrupt, Uncontrolled):
            raise
        except RecursionError as failure:  # in calls that make no step
            raise _too_deep(place_of(failure)) from None
        except BaseException as failure:  # sys.exit() in a thread as well
            self.crash(task, "crash", self._said(itself(failure)), failure)

    def _said(self, failure: BaseException) -> str:
        """What the running thread stopped with. While others run, the objects in its text are only looked at."""
        if self.guard is not None and self.guard.alone():
            return sentence_of(failure)
        with CLERK.looking():
            return sentence_of(failure)

    def _code(self, task: Task, op: Op) -> int:
        """The code of an operation that was made by a call; refuses one that makes no sense."""
        kind, obj = op[0], op[1]
        if kind == SPAWN:
            number = task.spawned[obj.name] = task.spawned.get(obj.name, 0) + 1
            if number > 1:
                obj.name = f"{obj.name} {number}"
            return SPAWN
        if kind == AWAIT:
            self.task_named(op[2])
            return AWAIT
        field = 0
        if kind in (CAS, ADD):
            fields = FIELDS.get(type(obj), {})
            if op[2] not in fields:
                known = ", ".join(fields) or "none"
                self._refuse(task, f"{type(obj).__name__} has no shared field {op[2]!r}; it has {known}")
            field = fields[op[2]]
        elif kind == FREE:
            if isinstance(obj, Primitive):
                self._refuse(task, f"only Shared objects can be freed, not a {type(obj).__name__}")
            field = FREE_FIELD
        code: int = (obj._key | field) << KIND_BITS | kind
        if code < _FIRST_KEY:
            self._refuse_outsider(task)
        return code

    def _refuse_outsider(self, task: Task) -> None:
        """An object without a key belongs to no run: it would carry what one run did into the next."""
        self._refuse(
            task,
            f"{task.name} uses a {type(task.op[1]).__name__} that was made neither in setup nor by a thread; scenario "
            f"{self.scenario.name!r} must begin every run with a fresh state",
        )

    def _refuse(self, task: Task, reason: str) -> None:
        file, _, line = place_in(task.gen)
        raise InstrumentationError(f"{file}:{line}: {reason}")

    def add(self, name: str, fn: Any, args: tuple[Any, ...], handle: Handle | None) -> None:
        """A new thread, run up to its first operation."""
        if not isinstance(name, str) or not name:
            raise ScenarioError(
                f"scenario {self.scenario.name!r}: a thread is called {name!r}, expected a text that is not empty"
            )
        if name in self.by_name:
            raise ScenarioError(
                f"scenario {self.scenario.name!r}: two threads are called {name!r}; schedules need different names"
            )
        tids = self.registry.tids
        task = Task(name, tids.setdefault(name, len(tids)), handle)
        self.tasks.append(task)
        self.by_name[name] = task
        self.by_tid[task.tid] = task
        if handle is not None:
            handle._task = task
            self.handles.append(handle)
        maker, self.current = self.current, task
        try:
            task.gen = call(fn, *args) if self.guard is None else asked(("", "", 0), fn, *args)
        except TypeError as error:
            raise ScenarioError(
                f"scenario {self.scenario.name!r}: thread {name!r} cannot be started: {error}"
            ) from error
        if type(task.gen) is not GeneratorType or ran_plainly(task.gen):
            if hasattr(task.gen, "close"):
                task.gen.close()  # a coroutine that will never run
            raise InstrumentationError(
                f"scenario {self.scenario.name!r}: the function of thread {name!r}, "
                f"{getattr(fn, '__qualname__', fn)}, cannot be instrumented; "
                "give a plain function (no generator, no coroutine) written with def, in a controlled module"
            )
        self.advance(task, None)
        self.current = maker

    def task_named(self, name: str) -> Task:
        """The scenario's thread called ``name``, which may be asked for before it was started. Raises ScenarioError,
        naming those there are.
        """
        if name not in self.scenario.functions:
            raise ScenarioError(
                f"scenario {self.scenario.name!r} has no thread {name!r}; it has {', '.join(self.scenario.functions)} "
                "(a thread that was started with spawn is joined by its handle)"
            )
        return self.by_name.get(name) or Task(name, -1)

    # ---------------------------------------------------------------- findings

    def _stop(self, task: Task, op: tuple[Any, ...]) -> None:
        if op[0] == FAIL:
            self.crash(task, "fail", str(op[1]) or "fail()")
        else:
            detail = op[2] if len(op) > 2 and op[2] is not None else ""
            self.crash(task, "crash", f"{op[1] or 'abort()'}{f' ({detail})' if detail else ''}")

    def _failed(self, task: Task, op: tuple[Any, ...]) -> AssertionError | None:
        """The error of a failed assertion, if it is to be raised. If not, its thread stops on the spot, as C's does."""
        if op[0] != ABORT or len(op) < 3:
            return None
        if not (self.scenario.assert_raises or any(catches(frame) for frame in frames_of(task.gen))):
            return None
        return AssertionError(op[2] if op[2] is not None else op[1].removeprefix(ASSERTION))

    def _endless(self, task: Task, turns: int) -> bool:
        steps, sofar = task.quiet
        task.quiet = (task.steps, (sofar if steps == task.steps else 0) + turns)
        if ends_with_process(task) and task.quiet[1] >= TURNS_OF_A_DAEMON:
            task.status = DONE  # it goes round until the process ends, and nobody can tell
            return True
        if task.quiet[1] < TURNS_WITHOUT_STEP:
            return False
        self.crash(
            task, "livelock", f"no visible step in {TURNS_WITHOUT_STEP:,} iterations of a loop: it can never end"
        )
        return True

    def crash(self, task: Task, kind: str, message: str, error: BaseException | None = None) -> None:
        """``task`` stops here; it keeps its locks, as a process that aborts does."""
        task.status = CRASHED
        self.crashed = True
        file, function, line = place_of(error) if error is not None else place_in(task.gen)
        self.findings.append(Finding(kind, message, task.name, self.count, function, file, line))

    def judge(self, reason: Callable[[Task], str] | None = None) -> list[Finding]:
        """All findings of a run in which nobody can move any more. Deadlock, leaks and check are judged only if no
        thread crashed. ``reason`` says why a thread is blocked, if not `World.reason`.
        """
        if self.guard is not None:
            self.guard.check_end()
        if self.crashed:
            return self.findings
        if stuck := self.stuck():
            sentences = "; ".join(f"{task.name} {(reason or self.reason)(task)}" for task in stuck)
            return [Finding("deadlock", sentences, stuck[0].name, self.count)]
        with CLERK.looking():
            found = [
                Finding("leak", f"thread {h.name!r} was never joined", h.name, self.count)
                for h in self.handles
                if not h.settled
            ]
            found += self._abandoned()
            if self.scenario.leaks is not None:
                found += [
                    Finding("leak", str(sentence), "", self.count) for sentence in self.scenario.leaks(self.state)
                ]
            return found + self._check()

    def _abandoned(self) -> list[Finding]:
        """Locks that only their holder may release, and whose holder has ended."""
        held = [obj for obj in self.objects if isinstance(obj, Primitive) and obj.personal and obj.holder is not None]
        ended = {task.name for task in self.tasks if task.ended} if held else set()
        return [
            Finding(
                "abandoned", f"{obj.holder} has ended and still holds {self.name_of(obj)}", str(obj.holder), self.count
            )
            for obj in held
            if obj.holder in ended
        ]

    def over(self, able: list[Task]) -> bool:
        """Whether the process ends now: of its threads only daemons are left. ``able``: those that can move."""
        return not self.stuck() and all(ends_with_process(task) for task in able)

    def stuck(self) -> list[Task]:
        """The threads that have not ended: the scenario's first, then those started, by name. Who was started before
        whom is not part of a deadlock.
        """
        waiting = [task for task in self.tasks if task.status == READY and not getattr(task.handle, "daemon", False)]
        return waiting and sorted(waiting, key=lambda task: task.name if task.handle is not None else "")

    def _check(self) -> list[Finding]:
        check = self.scenario.check
        if check is None:
            return []
        try:
            verdict = check(self.state)
        except AssertionError as failed:
            return [Finding("check", str(failed).partition("\n")[0] or "the check's assertion failed", "", self.count)]
        except (Exception, UseAfterFree) as error:
            raise ScenarioError(
                f"scenario {self.scenario.name!r}: check raised {type(error).__name__}: {error} after step "
                f"{self.count}; "
                "expected a truth value or an AssertionError"
            ) from error
        return [] if verdict is None or verdict else [Finding("check", "the check is false at the end", "", self.count)]

    def reason(self, task: Task, name: Callable[[Any], str] | None = None) -> str:
        """Why ``task`` is blocked, and by whom: "waits for L, held by B". Empty if it is not. ``name`` says what to
        call an object, if not `name_of`.
        """
        if task.status or self.enabled(task):
            return ""
        obj = task.op[1]
        called = "" if obj is None else (name or self.name_of)(obj)
        return OPERATIONS[kind_of(task.code)].why(called, self._state(task), task.name, task.op)

    def name_of(self, obj: Any) -> str:
        """What messages call ``obj``: its own name, the path that leads to it from the state, or its class."""
        return vars(obj).get("name", "") or path_to(self.state, obj) or type(obj).__name__


def _plain_access(op: Op) -> tuple[Any, BaseException | None]:
    """Read or write an attribute that is not a shared variable: its value, or the error."""
    try:
        if op[0] == READ:
            return getattr(op[1], op[2]), None
        setattr(op[1], op[2], op[3])
    except Exception as error:
        return None, error
    return None, None


def ends_with_process(task: Task) -> bool:
    """Whether ``task`` is a daemon, for which Python does not wait at exit."""
    return bool(getattr(task.handle, "ends_with_process", False))


def _discard(gen: Any) -> None:
    for _ in range(100):
        try:
            gen.throw(GeneratorExit())
        except BaseException:
            return
