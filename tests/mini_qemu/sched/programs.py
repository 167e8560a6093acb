"""Random concurrent programs in the language of `language.py`: what the differential test feeds to engine and oracle.

Strategy: every program draws a small *vocabulary* (a few variables, perhaps a mutex, a semaphore, a channel, spawned
threads, an object to free), so that its threads meet on the same objects; then statements by weight, with the shapes
that matter planted on purpose: read-modify-write, check then act, balanced and unbalanced locks, AB-BA, producers and
consumers, asserts on a value just read, handles joined by somebody else. All randomness comes from the
`random.Random` given, so a seed is a program, and Hypothesis can drive it too. Left out: unbounded loops, values but
small numbers.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from tests.mini_qemu.sched.language import (
    Assert,
    Block,
    Call,
    Close,
    Condition,
    Detach,
    Exchange,
    Expression,
    Fail,
    FetchAdd,
    Finally,
    Free,
    Guard,
    If,
    Join,
    JoinThread,
    Lock,
    Number,
    Post,
    Program,
    Publish,
    Raise,
    Read,
    ReadSum,
    Receive,
    Repeat,
    Send,
    Shutdown,
    Spawn,
    Statement,
    Sum,
    Unlock,
    Wait,
    With,
    Write,
)

REGISTERS = ("r0", "r1")
SHARED_HANDLE = "o0.h"
FEATURES = ("mutex", "semaphore", "channel", "spawn", "free", "named join", "shape", "exchange", "crash", "publish")


@dataclass
class _Writer:
    """The state of writing one program: what it may name, and how many operations are left to spend."""

    rng: random.Random
    features: set[str]
    variables: list[str]
    mutexes: list[str]
    semaphores: list[str]
    channels: list[str]
    threads: list[str]
    budget: int = 0
    spawned: list[str] = field(default_factory=list)
    uses_handle: bool = False

    # -- values ----------------------------------------------------------------------------------------------------

    def variable(self) -> str:
        return self.rng.choice(self.variables)

    def register(self) -> str:
        return self.rng.choice(REGISTERS)

    def expression(self) -> Expression:
        return self.rng.choice((1, 2, Sum(self.register(), 1), Sum(self.register(), 0)))

    def condition(self) -> Condition:
        return Condition(self.register(), self.rng.random() < 0.6, self.rng.choice((0, 0, 1, 1, 2, None)))

    # -- statements ------------------------------------------------------------------------------------------------

    def block(self, depth: int, longest: int, name: str, in_guard: bool = False) -> Block:
        found: Block = ()
        for _ in range(self.rng.randint((longest + 1) // 2, longest)):
            if self.budget <= 0:
                break
            found += self.statements(depth, name, in_guard)
        return found

    def statements(self, depth: int, name: str, in_guard: bool) -> Block:
        kinds: list[tuple[str, int]] = [("read", 3), ("write", 4), ("update", 4), ("sum", 1)]
        for feature, choices in (
            ("exchange", [("exchange", 4), ("fetch add", 3)]),
            ("mutex", [("with", 6), ("lock", 1), ("unlock", 1), ("pair", 3), ("crossing", 3)]),
            ("semaphore", [("wait", 4), ("post", 5)]),
            ("channel", [("send", 5), ("receive", 4), ("close", 2), ("shutdown", 1)]),
            ("spawn", [("spawn", 5)]),
            ("free", [("free", 2)]),
            ("named join", [("join thread", 2)]),
            ("crash", [("assert", 4), ("fail", 1)]),
            ("shape", [("if", 4), ("repeat", 2), ("call", 2), ("guard", 2), ("finally", 2), ("raise", 1)]),
            ("publish", [("publish", 3), ("join published", 3)]),
        ):
            if feature in self.features:
                kinds += choices
        kind = self.rng.choices([k for k, _ in kinds], [w for _, w in kinds])[0]
        if kind in ("if", "repeat", "call", "guard", "finally", "with", "crossing", "pair"):
            return self.nested(kind, depth, name, in_guard)
        if kind in ("spawn", "publish", "join published"):
            return self.threading(kind, depth, name)
        self.budget -= 1
        return self.simple(kind, name)

    def simple(self, kind: str, name: str) -> Block:
        rng = self.rng
        if kind in ("update", "assert"):
            register, variable = self.register(), self.variable()
            self.budget -= kind == "update"
            if kind == "update":
                return (Read(register, variable), Write(variable, Sum(register, 1)))
            return (Read(register, variable), Assert(Condition(register, rng.random() < 0.5, rng.choice((0, 0, 1)))))
        if kind == "sum":
            self.budget -= 1
            return (ReadSum(self.register(), self.variable(), self.variable()),)
        if kind == "join thread":
            others = [t for t in self.threads if t != name or rng.random() < 0.1]
            return (JoinThread(rng.choice(others)),) if others else ()
        statement: Statement
        match kind:
            case "read":
                statement = Read(self.register(), self.variable())
            case "write":
                statement = Write(self.variable(), self.expression())
            case "exchange":
                statement = Exchange(self.register(), self.variable(), rng.choice((0, 0, 1)), rng.choice((1, 2)))
            case "fetch add":
                statement = FetchAdd(self.register(), self.variable(), rng.choice((1, 1, -1)))
            case "lock":
                statement = Lock(rng.choice(self.mutexes))
            case "unlock":
                statement = Unlock(rng.choice(self.mutexes))
            case "wait":
                statement = Wait(rng.choice(self.semaphores))
            case "post":
                statement = Post(rng.choice(self.semaphores))
            case "send":
                statement = Send(rng.choice(self.channels), self.expression())
            case "receive":
                statement = Receive(self.register(), rng.choice(self.channels))
            case "close":
                statement = Close(rng.choice(self.channels))
            case "shutdown":
                statement = Shutdown(rng.choice(self.channels))
            case "free":
                statement = Free(self.variable().split(".")[0])
            case _:
                statement = Raise() if kind == "raise" else Fail("given up")
                return (If(self.condition(), (statement,), ()),)
        return (statement,)

    def nested(self, kind: str, depth: int, name: str, in_guard: bool) -> Block:
        rng = self.rng
        if depth == 0:
            return ()
        inner = self.block(depth - 1, 2, name, in_guard or kind == "guard")
        if kind == "if":
            other = self.block(depth - 1, 1, name, in_guard) if rng.random() < 0.4 else ()
            return (If(self.condition(), inner, other),)
        if kind == "repeat":
            self.budget -= len(inner)
            return () if self.contains_spawn(inner) else (Repeat(2, inner),)
        if kind == "call":
            return inner if in_guard or self.contains_spawn(inner) else (Call(inner),)
        if kind == "guard":
            return (Guard(inner, self.block(depth - 1, 1, name, in_guard)),)
        if kind == "finally":
            return (Finally(inner, self.block(depth - 1, 1, name, in_guard)),)
        self.budget -= 2
        mutex = rng.choice(self.mutexes)
        if kind == "with":
            return (With(mutex, inner),)
        if kind == "pair":
            return (Lock(mutex), *inner, Unlock(mutex))
        self.budget -= 2
        second = next((m for m in self.mutexes if m != mutex or rng.random() < 0.1), mutex)
        return (Lock(mutex), Lock(second), *inner, Unlock(second), Unlock(mutex))

    @staticmethod
    def contains_spawn(block: Block) -> bool:
        return "Spawn(" in repr(block) or "Publish(" in repr(block)

    def threading(self, kind: str, depth: int, name: str) -> Block:
        rng = self.rng
        if kind == "join published":
            self.budget -= 2
            self.uses_handle = True
            return (Read("h9", SHARED_HANDLE), Join("h9"))
        if len(self.spawned) >= 2 or depth == 0:
            return ()
        child = f"S{len(self.spawned) + 1}"
        handle = f"h{len(self.spawned) + 1}"
        self.spawned.append(child)
        self.budget -= 1
        body = self.block(depth - 1, 2, child)
        start = Spawn(handle, child, body)
        between = self.block(0, 1, name)
        if kind == "publish":
            self.uses_handle = True
            self.budget -= 1
            last: Block = rng.choice([(), (), (Join(handle),), (Detach(handle),)])
            return (start, Publish(SHARED_HANDLE, handle), *between, *last)
        self.budget -= 1
        endings: list[Block] = [(Join(handle),), (Detach(handle),), (), (Join(handle), Join(handle))]
        ending = rng.choices(endings, weights=[6, 2, 1, 1])[0]
        return (start, *between, *ending)


def random_program(rng: random.Random, operations: int = 13) -> Program:
    """A program of two to four threads with about so many operations altogether."""
    count = rng.choice((2, 2, 2, 3, 3, 4))
    threads = [f"{letter}" for letter in "ABCD"[:count]]
    features = {f for f in FEATURES if rng.random() < 0.3}
    if "publish" in features:
        features.add("spawn")
    variables = ["o0.x", "o0.y", "o1.x"][: rng.choice((1, 1, 1, 2, 2, 3))]
    writer = _Writer(
        rng,
        features,
        variables,
        mutexes=["m0", "m1"][: rng.choice((1, 2, 2))] if "mutex" in features else [],
        semaphores=["s0"] if "semaphore" in features else [],
        channels=["c0", "c1"][: rng.choice((1, 1, 2))] if "channel" in features else [],
        threads=threads,
    )
    bodies: list[tuple[str, Block]] = []
    for name in threads:
        writer.budget = rng.randint((operations + 1) // (2 * count), 3 * operations // (2 * count))
        bodies.append((name, writer.block(2, 5, name)))
    initial: list[tuple[str, Number]] = [(v, 0) for v in variables]
    if writer.uses_handle:
        initial.append((SHARED_HANDLE, None))
    check = (rng.choice(variables), rng.choice((0, 1, 2, 2))) if rng.random() < 0.4 else None
    return Program(
        threads=tuple(bodies),
        variables=tuple(initial),
        mutexes=tuple(writer.mutexes),
        semaphores=tuple((s, rng.choice((0, 1, 1, 2))) for s in writer.semaphores),
        channels=tuple(writer.channels),
        check=check,
    )
