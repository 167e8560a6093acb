"""Writes a program of `language.py` out as ordinary Python and wraps it into a `Scenario` for the engine.

Strategy: every program becomes one module of generated source, registered in `linecache` so that `inspect.getsource`
finds it, and executed; the engine then instruments it as it would a learner's functions. Bodies of spawned threads
are module functions or closures, `Call` blocks are functions or methods, in turn, so that all of these are exercised.
What a run did is observed from outside, without steps: threads log the values they got in plain lists, and every call
of `setup` files the world of the run before. Left out: final values of semaphores and queues, which have no public
names.
"""

from __future__ import annotations

import itertools
import linecache
import sys
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, TypeAlias

from mini_qemu.sched import Handle, Scenario, UseAfterFree
from tests.mini_qemu.sched import language as lang
from tests.mini_qemu.sched.interpreter import FREED
from tests.mini_qemu.sched.language import Block, Condition, Expression, Program

Values: TypeAlias = tuple[tuple[str, object], ...]
Logs: TypeAlias = tuple[tuple[str, tuple[object, ...]], ...]

_numbers = itertools.count(1)


class _Source:
    """The text of one generated module, under construction."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.functions: list[str] = []
        self.methods: list[str] = []
        self.calls = itertools.count(1)
        self.spawns = itertools.count(1)
        everything = [s for _, body in program.threads for s in lang.all_statements(body)]
        named = [getattr(s, "register", None) for s in everything]
        self.handles = sorted({"h1", *(r for r in named if r is not None and r.startswith("h"))})
        self.registers = ["r0", "r1", *self.handles]

    def text(self) -> str:
        for name, body in self.program.threads:
            self.functions.append(self.thread(name, f"thread_{name}(w)", body, 0))
        lines = [
            "from mini_qemu.sched import (Channel, Mutex, Semaphore, Shared,",
            "                             compare_exchange, fail, fetch_add, free, join, spawn)",
            "",
            "",
        ]
        objects: dict[str, list[tuple[str, lang.Number]]] = {}
        for variable, value in self.program.variables:
            owner, name = variable.split(".")
            objects.setdefault(owner, []).append((name, value))
        for owner, entries in objects.items():
            lines += [f"class {owner.upper()}(Shared):", *(f"    {n}: object = {v!r}" for n, v in entries), "", ""]
        lines += ["class World:", "    started = False", "", *"\n".join(self.methods).splitlines(), "", ""]
        lines += ["def make():", "    w = World()"]
        lines += [f"    w.{owner} = {owner.upper()}()" for owner in objects]
        lines += [f"    w.{name} = Mutex()" for name in self.program.mutexes]
        lines += [f"    w.{name} = Semaphore({n})" for name, n in self.program.semaphores]
        lines += [f"    w.{name} = Channel()" for name in self.program.channels]
        names = [name for name, _ in self.program.threads] + lang.spawned(self.program)
        lines += [f"    w.logs = {{{', '.join(f'{n!r}: []' for n in names)}}}", "    return w", "", ""]
        return "\n".join(lines) + "\n\n\n".join(self.functions) + "\n"

    def thread(self, name: str, signature: str, body: Block, indent: int) -> str:
        pad = " " * 4 * indent
        lines = [f"{pad}def {signature}:", f"{pad}    w.started = True", f"{pad}    r0 = r1 = 0"]
        lines.append(f"{pad}    {' = '.join(self.handles)} = None")
        return "\n".join(lines + self.block(name, body, indent + 1))

    def block(self, name: str, body: Block, indent: int) -> list[str]:
        lines = [line for statement in body for line in self.statement(name, statement)]
        return [" " * 4 * indent + line for line in lines or ["pass"]]

    @staticmethod
    def expression(value: Expression) -> str:
        return str(value) if isinstance(value, int) else f"{value.register} + {value.plus}"

    @staticmethod
    def condition(condition: Condition) -> str:
        return f"{condition.register} {'==' if condition.equal else '!='} {condition.value}"

    def statement(self, name: str, statement: lang.Statement) -> list[str]:
        logged = f"w.logs[{name!r}].append"
        match statement:
            case lang.Read(register, variable):
                shown = f"show_handle({register})" if register.startswith("h") else register
                return [f"{register} = w.{variable}", f"{logged}({shown})"]
            case lang.ReadSum(register, first, second):
                return [f"{register} = w.{first} + w.{second}", f"{logged}({register})"]
            case lang.Write(variable, value):
                return [f"w.{variable} = {self.expression(value)}"]
            case lang.Exchange(register, variable, old, new):
                owner, entry = variable.split(".")
                exchange = f'compare_exchange(w.{owner}, "{entry}", {old}, {new})'
                return [f"{register} = int({exchange})", f"{logged}({register})"]
            case lang.FetchAdd(register, variable, delta):
                owner, entry = variable.split(".")
                return [f'{register} = fetch_add(w.{owner}, "{entry}", {delta})', f"{logged}({register})"]
            case lang.Free(target):
                return [f"free(w.{target})"]
            case lang.Lock(mutex):
                return [f"w.{mutex}.lock()"]
            case lang.Unlock(mutex):
                return [f"w.{mutex}.unlock()"]
            case lang.Wait(semaphore):
                return [f"w.{semaphore}.wait()"]
            case lang.Post(semaphore):
                return [f"w.{semaphore}.post()"]
            case lang.Send(channel, value):
                return [f"w.{channel}.send({self.expression(value)})"]
            case lang.Receive(register, channel):
                return [f"{register} = w.{channel}.recv()", f"{logged}({register})"]
            case lang.Close(channel):
                return [f"w.{channel}.close()"]
            case lang.Shutdown(channel):
                return [f"w.{channel}.shutdown()"]
            case lang.Spawn(register, child, body):
                if next(self.spawns) % 2:
                    self.functions.append(self.thread(child, f"thread_{child}(w)", body, 0))
                    return [f'{register} = spawn("{child}", thread_{child}, w)']
                inner = self.thread(child, f"thread_{child}()", body, 0).splitlines()
                return [*inner, f'{register} = spawn("{child}", thread_{child})']
            case lang.Publish(variable, register):
                return [f"w.{variable} = {register}"]
            case lang.Join(register):
                return [f"if {register} is not None:", f"    {register}.join()"]
            case lang.Detach(register):
                return [f"if {register} is not None:", f"    {register}.detach()"]
            case lang.JoinThread(other):
                return [f'join("{other}")']
            case lang.Assert(condition):
                return [f"assert {self.condition(condition)}"]
            case lang.Fail(message):
                return [f'fail("{message}")']
            case lang.Raise():
                return ["raise BrokenPipeError('raised')"]
            case lang.Repeat(times, body):
                return [f"for _ in range({times}):", *self.block(name, body, 1)]
            case lang.If(condition, then, otherwise):
                lines = [f"if {self.condition(condition)}:", *self.block(name, then, 1)]
                return [*lines, "else:", *self.block(name, otherwise, 1)] if otherwise else lines
            case lang.With(mutex, body):
                return [f"with w.{mutex}:", *self.block(name, body, 1)]
            case lang.Guard(body, handler):
                lines = ["try:", *self.block(name, body, 1)]
                return [*lines, "except BrokenPipeError:", *self.block(name, handler, 1)]
            case lang.Finally(body, last):
                return ["try:", *self.block(name, body, 1), "finally:", *self.block(name, last, 1)]
            case lang.Call(body):
                return [self.call(name, body)]
        raise AssertionError(f"no translation for {statement}")

    def call(self, name: str, body: Block) -> str:
        number = next(self.calls)
        arguments = ", ".join(self.registers)
        own = number % 2 == 1
        head = f"def call_{number}({'w' if own else 'self'}, {arguments}):"
        lines = [head] + ([] if own else ["    w = self"])
        lines += [*self.block(name, body, 1), f"    return {arguments}"]
        if own:
            self.functions.append("\n".join(lines))
            return f"{arguments} = call_{number}(w, {arguments})"
        self.methods.append("\n".join("    " + line for line in lines))
        return f"{arguments} = w.call_{number}({arguments})"


def show_handle(value: object) -> object:
    """A value as the oracle has it: a handle is known by the name of its thread."""
    return ("handle", value.name) if isinstance(value, Handle) else value


@dataclass
class Translated:
    """A program as the engine sees it, with what its runs were seen to do."""

    program: Program
    source: str
    filename: str
    scenario: Scenario
    module: ModuleType
    ends: list[tuple[Values, Logs]] = field(default_factory=list)
    """End of every run the engine made, in order, however it ended (call `finish` after the last)."""
    checked: set[Values] = field(default_factory=set)
    """Values that `check` was shown: the ends of runs that the engine takes for complete and in good order."""
    world: Any = None

    def finish(self) -> None:
        """Files the run in progress."""
        if self.world is not None and self.world.started:
            logs = tuple(sorted((n, tuple(log)) for n, log in self.world.logs.items()))
            self.ends.append((self.values(), logs))
        self.world = None

    def values(self) -> Values:
        found: list[tuple[str, object]] = []
        for variable, _ in self.program.variables:
            owner, name = variable.split(".")
            try:
                value = getattr(getattr(self.world, owner), name)
            except UseAfterFree:
                value = FREED
            found.append((variable, show_handle(value)))
        return tuple(sorted(found))

    def forget(self) -> None:
        """Drops the generated module and its source."""
        sys.modules.pop(self.module.__name__, None)
        linecache.cache.pop(self.filename, None)


def translate(program: Program) -> Translated:
    """The program as a `Scenario` of instrumentable functions."""
    number = next(_numbers)
    name = f"generated_program_{number}"
    filename = f"<generated program {number}>"
    source = _Source(program).text()
    module = ModuleType(name)
    module.__file__ = filename
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    sys.modules[name] = module
    namespace: dict[str, Any] = module.__dict__
    namespace["show_handle"] = show_handle
    exec(compile(source, filename, "exec"), namespace)

    def setup() -> Any:
        translated.finish()
        translated.world = namespace["make"]()
        return translated.world

    def check(world: Any) -> bool:
        assert world is translated.world
        values = translated.values()
        translated.checked.add(values)
        return program.check is None or dict(values).get(program.check[0]) == program.check[1]

    threads = {thread: namespace[f"thread_{thread}"] for thread, _ in program.threads}
    scenario = Scenario(name, setup=setup, threads=threads, check=check, guarded=False)
    translated = Translated(program, source, filename, scenario, module)
    return translated
