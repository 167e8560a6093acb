"""The oracle's interpreter: one execution of a program of `language.py`. Shares no code with the engine.

It mirrors the design's semantics, written down a second time: what a step is, who can move, which two steps conflict
(`depends`), what is a finding. Strategy: a machine is cheap to clone, every thread stands before its next visible
operation (the code of a thread is a linked list, so blocks and unwinding are pushes and pops), and it records the
happens-before relation of its past: for every thread its operations, each with a vector clock. That is the canonical
form of the trace: two executions have the same form exactly when one becomes the other by swapping adjacent
independent steps. Left out: native mode, source lines, everything about showing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from tests.mini_qemu.sched import language as lang
from tests.mini_qemu.sched.language import Block, Condition, Expression, Program, Statement

Value: TypeAlias = int | str | tuple[str, str] | None
FREED = "freed"
Operation: TypeAlias = tuple[str, str, int]
"""(what, on what, number): the number is the item's for a channel, -1 for a failed send or a receive that found the
end, and 1 for a join or a detach of a handle."""
Form: TypeAlias = tuple[tuple[tuple[Operation, tuple[int, ...]], ...], ...]


class Event(NamedTuple):
    thread: str
    operation: Operation


_LOOKS = {"read", "failed exchange"}
_ACCESS = {"write", "exchange", *_LOOKS}


def depends(a: Event, b: Event) -> bool:
    """Whether two steps conflict: the dependence relation of the design, stated independently of the engine."""
    if a.thread == b.thread:
        return True
    for one, other in ((a, b), (b, a)):
        what, name, _ = one.operation
        if what in ("spawn", "join") and other.thread == name:
            return True
        what2, name2, number2 = other.operation
        if what == "free" and what2 in {"free", *_ACCESS} and name2.split(".")[0] == name:
            return True
        if what in ("close", "shutdown") and name == name2:
            if what2 in ("close", "shutdown", "send") or (what2, number2) == ("receive", -1):
                return True
    what, name, number = a.operation
    what2, name2, number2 = b.operation
    if name != name2:
        return False
    if what in _ACCESS and what2 in _ACCESS:
        return not {what, what2} <= _LOOKS
    if {what, what2} <= {"lock", "unlock"} or {what, what2} <= {"wait", "post"}:
        return True
    if what == what2 and what in ("send", "receive"):
        return True
    if {what, what2} == {"send", "receive"}:
        return number == number2 != -1
    return {what, what2} <= {"join", "detach"} and number == number2 == 1


@dataclass(frozen=True)
class _Unlock:
    """End of a `with` block."""

    mutex: str


@dataclass(frozen=True)
class _ReadRest:
    """The second half of a `ReadSum`."""

    register: str
    first_value: int
    second: str


@dataclass(frozen=True)
class _Catch:
    handler: Block


@dataclass(frozen=True)
class _Last:
    """End of a `try` with a `finally`."""

    block: Block


@dataclass(frozen=True)
class _Raise:
    kind: str
    name: str


Instruction: TypeAlias = Statement | _ReadRest | _Unlock | _Catch | _Last | _Raise
Code: TypeAlias = "tuple[Instruction, Code] | None"


def _push(block: Block, rest: Code) -> Code:
    for statement in reversed(block):
        rest = (statement, rest)
    return rest


class Outcome(NamedTuple):
    """What a complete execution ends with; a finding is (kind, thread)."""

    values: tuple[tuple[str, Value], ...]
    logs: tuple[tuple[str, tuple[Value, ...]], ...]
    status: tuple[tuple[str, str], ...]
    findings: tuple[tuple[str, str], ...]

    @property
    def kinds(self) -> frozenset[str]:
        return frozenset(kind for kind, _ in self.findings)

    @property
    def failing(self) -> bool:
        return bool(self.findings)


@dataclass
class _Thread:
    code: Code
    registers: dict[str, Value] = field(default_factory=dict)
    status: str = "running"
    log: tuple[Value, ...] = ()


@dataclass
class _Channel:
    queue: tuple[tuple[int, Value], ...] = ()
    sent: int = 0
    ended: bool = False


class Machine:
    """One execution in progress: every thread stands before its next visible operation, or has ended."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.names = [name for name, _ in program.threads] + lang.spawned(program)
        assert len(set(self.names)) == len(self.names), "every thread of a program has a name of its own"
        self.values: dict[str, Value] = dict(program.variables)
        self.freed: frozenset[str] = frozenset()
        self.holder: dict[str, str | None] = dict.fromkeys(program.mutexes)
        self.credit = dict(program.semaphores)
        self.channels = {name: _Channel() for name in program.channels}
        self.threads: dict[str, _Thread] = {}
        self.settled: frozenset[str] = frozenset()  # joined or detached
        self.findings: tuple[tuple[str, str], ...] = ()
        self.history: dict[str, tuple[tuple[Operation, tuple[int, ...]], ...]] = dict.fromkeys(self.names, ())
        self.events: tuple[Event, ...] = ()
        for name, body in program.threads:
            self.threads[name] = _Thread(_push(body, None))
        for name, _ in program.threads:
            self._settle(name)

    def clone(self) -> Machine:
        twin = object.__new__(Machine)
        twin.__dict__.update(self.__dict__)
        twin.values = dict(self.values)
        twin.holder = dict(self.holder)
        twin.credit = dict(self.credit)
        twin.channels = {n: _Channel(c.queue, c.sent, c.ended) for n, c in self.channels.items()}
        twin.threads = {n: _Thread(t.code, dict(t.registers), t.status, t.log) for n, t in self.threads.items()}
        twin.history = dict(self.history)
        return twin

    # -- local code ------------------------------------------------------------------------------------------------

    def _test(self, thread: _Thread, condition: Condition) -> bool:
        return (thread.registers.get(condition.register, 0) == condition.value) == condition.equal

    def _stop(self, name: str, kind: str) -> None:
        self.threads[name].status = "crashed"
        self.threads[name].code = None
        self.findings += ((kind, name),)

    def _throw(self, name: str, kind: str, what: str) -> None:
        """An exception on its way up: `with` unlocks (a step), `finally` blocks run, BrokenPipeError may be caught."""
        thread = self.threads[name]
        code = thread.code
        while code is not None:
            instruction, code = code
            if isinstance(instruction, _Unlock):
                thread.code = (lang.Unlock(instruction.mutex), (_Raise(kind, what), code))
                return
            if isinstance(instruction, _Last):
                thread.code = _push(instruction.block, (_Raise(kind, what), code))
                return
            if isinstance(instruction, _Catch) and what == "BrokenPipeError":
                thread.code = _push(instruction.handler, code)
                return
        self._stop(name, kind)

    def _settle(self, name: str) -> None:
        """Runs local code until the thread stands before a visible operation or has ended."""
        thread = self.threads[name]
        while thread.status == "running":
            if thread.code is None:
                thread.status = "done"
                return
            instruction, rest = thread.code
            match instruction:
                case lang.Assert(condition):
                    if self._test(thread, condition):
                        thread.code = rest
                    else:
                        self._stop(name, "crash")
                case lang.Fail():
                    self._stop(name, "fail")
                case lang.Raise():
                    thread.code = rest
                    self._throw(name, "crash", "BrokenPipeError")
                case lang.If(condition, then, otherwise):
                    thread.code = _push(then if self._test(thread, condition) else otherwise, rest)
                case lang.Repeat(times, body):
                    thread.code = _push(body * times, rest)
                case lang.Call(body):
                    thread.code = _push(body, rest)
                case lang.Guard(body, handler):
                    thread.code = _push(body, (_Catch(handler), rest))
                case lang.Finally(body, last):
                    thread.code = _push(body, (_Last(last), rest))
                case _Catch():
                    thread.code = rest
                case _Last(block):
                    thread.code = _push(block, rest)
                case _Unlock(mutex):
                    thread.code = (lang.Unlock(mutex), rest)
                case _Raise(kind, what):
                    thread.code = rest
                    self._throw(name, kind, what)
                case lang.Join(register) | lang.Detach(register) if not isinstance(
                    thread.registers.get(register), tuple
                ):
                    thread.code = rest
                case lang.Write(_, value) | lang.Send(_, value) if self._evaluate(thread, value) is None:
                    thread.code = rest
                    self._throw(name, "crash", "TypeError")
                case _:
                    return

    @staticmethod
    def _evaluate(thread: _Thread, expression: Expression) -> int | None:
        """The value, or None for a TypeError: plain None is not an expression of the language."""
        if isinstance(expression, int):
            return expression
        value = thread.registers.get(expression.register, 0)
        return value + expression.plus if isinstance(value, int) else None

    # -- visible operations ----------------------------------------------------------------------------------------

    def enabled(self) -> list[str]:
        return [name for name in self.names if name in self.threads and self._can_move(name)]

    def _can_move(self, name: str) -> bool:
        thread = self.threads[name]
        if thread.status != "running":
            return False
        assert thread.code is not None
        match thread.code[0]:
            case lang.Lock(mutex) | lang.With(mutex, _):
                return self.holder[mutex] is None
            case lang.Wait(semaphore):
                return self.credit[semaphore] > 0
            case lang.Receive(_, channel):
                return bool(self.channels[channel].queue) or self.channels[channel].ended
            case lang.Join(register):
                handle = thread.registers[register]
                assert isinstance(handle, tuple)
                return self._has_ended(handle[1])
            case lang.JoinThread(other):
                return self._has_ended(other)
        return True

    def _has_ended(self, name: str) -> bool:
        return self.threads[name].status == "done"

    def step(self, name: str) -> None:
        thread = self.threads[name]
        assert thread.code is not None
        instruction, thread.code = thread.code
        operation = self._execute(name, thread, instruction)
        self._record(Event(name, operation))
        if operation[0] == "spawn":
            self._settle(operation[1])
        self._settle(name)

    def _execute(self, name: str, thread: _Thread, instruction: Instruction) -> Operation:
        match instruction:
            case lang.Read(register, variable):
                if not self._freed(name, variable):
                    thread.registers[register] = self.values[variable]
                    thread.log += (self.values[variable],)
                return ("read", variable, 0)
            case lang.ReadSum(register, first, second):
                if not self._freed(name, first):
                    thread.code = (_ReadRest(register, self._number(first), second), thread.code)
                return ("read", first, 0)
            case _ReadRest(register, first_value, second):
                if not self._freed(name, second):
                    thread.registers[register] = first_value + self._number(second)
                    thread.log += (thread.registers[register],)
                return ("read", second, 0)
            case lang.Write(variable, expression):
                value = self._evaluate(thread, expression)
                if not self._freed(name, variable):
                    self.values[variable] = value
                return ("write", variable, 0)
            case lang.Publish(variable, register):
                if not self._freed(name, variable):
                    self.values[variable] = thread.registers.get(register)
                return ("write", variable, 0)
            case lang.Exchange(register, variable, old, new):
                if not self._freed(name, variable):
                    success = self.values[variable] == old
                    if success:
                        self.values[variable] = new
                    thread.registers[register] = int(success)
                    thread.log += (int(success),)
                    if not success:
                        return ("failed exchange", variable, 0)
                return ("exchange", variable, 0)
            case lang.FetchAdd(register, variable, delta):
                if not self._freed(name, variable):
                    before = self._number(variable)
                    self.values[variable] = before + delta
                    thread.registers[register] = before
                    thread.log += (before,)
                return ("exchange", variable, 0)
            case lang.Free(target):
                if not self._freed(name, target):
                    self.freed |= {target}
                return ("free", target, 0)
            case lang.Lock(mutex):
                self.holder[mutex] = name
                return ("lock", mutex, 0)
            case lang.With(mutex, body):
                self.holder[mutex] = name
                thread.code = _push(body, (_Unlock(mutex), thread.code))
                return ("lock", mutex, 0)
            case lang.Unlock(mutex):
                if self.holder[mutex] == name:
                    self.holder[mutex] = None
                else:
                    self._stop(name, "misuse")
                return ("unlock", mutex, 0)
            case lang.Wait(semaphore):
                self.credit[semaphore] -= 1
                return ("wait", semaphore, 0)
            case lang.Post(semaphore):
                self.credit[semaphore] += 1
                return ("post", semaphore, 0)
            case lang.Send(channel, expression):
                value = self._evaluate(thread, expression)
                pipe = self.channels[channel]
                if pipe.ended:
                    self._throw(name, "crash", "BrokenPipeError")
                    return ("send", channel, -1)
                pipe.sent += 1
                pipe.queue += ((pipe.sent, value),)
                return ("send", channel, pipe.sent)
            case lang.Receive(register, channel):
                pipe = self.channels[channel]
                number, item = pipe.queue[0] if pipe.queue else (-1, None)
                pipe.queue = pipe.queue[1:]
                thread.registers[register] = item
                thread.log += (item,)
                return ("receive", channel, number)
            case lang.Close(channel) | lang.Shutdown(channel):
                self.channels[channel].ended = True
                return ("close" if isinstance(instruction, lang.Close) else "shutdown", channel, 0)
            case lang.Spawn(register, child, body):
                self.threads[child] = _Thread(_push(body, None))
                thread.registers[register] = ("handle", child)
                return ("spawn", child, 0)
            case lang.Join(register) | lang.Detach(register):
                handle = thread.registers[register]
                assert isinstance(handle, tuple)
                if handle[1] in self.settled:
                    self._stop(name, "misuse")
                self.settled |= {handle[1]}
                return ("join" if isinstance(instruction, lang.Join) else "detach", handle[1], 1)
            case lang.JoinThread(other):
                return ("join", other, 0)
        raise AssertionError(f"not a visible operation: {instruction}")

    def _number(self, variable: str) -> int:
        value = self.values[variable]
        assert isinstance(value, int), "handles are not added"
        return value

    def _freed(self, name: str, variable: str) -> bool:
        if variable.split(".")[0] not in self.freed:
            return False
        self._stop(name, "use-after-free")
        return True

    # -- traces ----------------------------------------------------------------------------------------------------

    def _record(self, event: Event) -> None:
        clock = [0] * len(self.names)
        for other in self.names:
            past = self.history[other]
            for operation, then in reversed(past):
                if depends(Event(other, operation), event):
                    clock = [max(x, y) for x, y in zip(clock, then, strict=True)]
                    break
        me = self.names.index(event.thread)
        clock[me] = len(self.history[event.thread]) + 1
        self.history[event.thread] += ((event.operation, tuple(clock)),)
        self.events += (event,)

    def form(self) -> Form:
        return tuple(self.history[name] for name in self.names)

    def outcome(self) -> Outcome:
        """The end. Of what stopped a thread only the first counts (a dead process does nothing more); deadlock, leak,
        abandoned lock and check are judged only when nothing did.
        """
        findings = self.findings[:1]
        values = {n: FREED if n.split(".")[0] in self.freed else v for n, v in self.values.items()}
        if not findings:
            if any(thread.status == "running" for thread in self.threads.values()):
                findings += (("deadlock", ""),)
            else:
                spawned_now = [n for n in self.threads if n not in dict(self.program.threads)]
                findings += tuple(("leak", n) for n in spawned_now if n not in self.settled)
                findings += tuple(("abandoned", holder) for holder in self.holder.values() if holder is not None)
                if self.program.check is not None and values[self.program.check[0]] != self.program.check[1]:
                    findings += (("check", ""),)
        return Outcome(
            tuple(sorted(values.items())),
            tuple(sorted((n, t.log) for n, t in self.threads.items())),
            tuple(sorted((n, t.status) for n, t in self.threads.items())),
            tuple(sorted(findings)),
        )
