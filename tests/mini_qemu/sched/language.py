"""A tiny language of concurrent programs: what the oracle interprets and the translator turns into Python.

It mirrors nothing; it exists so that one random program can be given to two machines that share no code: the oracle
(`interpreter.py`, `oracle.py`) and, written out as Python by `translate.py`, the engine. Strategy: frozen dataclasses
only, so that a program can be compared, printed and shrunk. One statement is at most one visible operation; `With`,
`Guard`, `Finally`, `If`, `Repeat` and `Call` give structure. Left out on purpose: unbounded loops (an enumeration of
every interleaving must end) and threads spawned twice under one name.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from typing import TypeAlias

Number: TypeAlias = int | None


@dataclass(frozen=True)
class Sum:
    """`register + plus`; adding to None (a receive that found the end) is a TypeError, as in Python."""

    register: str
    plus: int


@dataclass(frozen=True)
class Condition:
    """`register == value`, or `register != value` when not `equal`."""

    register: str
    equal: bool
    value: Number


Expression: TypeAlias = int | Sum


@dataclass(frozen=True)
class Read:
    register: str
    variable: str


@dataclass(frozen=True)
class ReadSum:
    """`register = first + second`: two steps, and half an expression in between."""

    register: str
    first: str
    second: str


@dataclass(frozen=True)
class Write:
    variable: str
    value: Expression


@dataclass(frozen=True)
class Exchange:
    """compare_exchange: one step, for the dependence relation a write, or a read if it fails."""

    register: str
    variable: str
    old: int
    new: int


@dataclass(frozen=True)
class FetchAdd:
    """fetch_add: one step, a write for the dependence relation; values are numbers."""

    register: str
    variable: str
    delta: int


@dataclass(frozen=True)
class Free:
    """Frees an object: conflicts with every access to any of its fields, which crash afterwards."""

    object: str


@dataclass(frozen=True)
class Lock:
    mutex: str


@dataclass(frozen=True)
class Unlock:
    mutex: str


@dataclass(frozen=True)
class Wait:
    semaphore: str


@dataclass(frozen=True)
class Post:
    semaphore: str


@dataclass(frozen=True)
class Send:
    channel: str
    value: Expression


@dataclass(frozen=True)
class Receive:
    register: str
    channel: str


@dataclass(frozen=True)
class Close:
    channel: str


@dataclass(frozen=True)
class Shutdown:
    channel: str


@dataclass(frozen=True)
class Spawn:
    """Starts a thread; its handle goes to the register (registers of handles start as None)."""

    register: str
    name: str
    body: Block


@dataclass(frozen=True)
class Publish:
    """Writes the handle in a register to a shared variable."""

    variable: str
    register: str


@dataclass(frozen=True)
class Join:
    """Joins the handle in the register; nothing happens when there is none."""

    register: str


@dataclass(frozen=True)
class Detach:
    """Gives the thread up for good: the handle is no leak any more. A step that conflicts with joins of the handle."""

    register: str


@dataclass(frozen=True)
class JoinThread:
    """Waits for one of the scenario's own threads, by name."""

    thread: str


@dataclass(frozen=True)
class Assert:
    condition: Condition


@dataclass(frozen=True)
class Fail:
    message: str


@dataclass(frozen=True)
class Raise:
    """raise BrokenPipeError: what a failed send raises, but not a step."""


@dataclass(frozen=True)
class If:
    condition: Condition
    then: Block
    otherwise: Block


@dataclass(frozen=True)
class Repeat:
    times: int
    body: Block


@dataclass(frozen=True)
class Call:
    """The body in a function of its own, which takes the registers and returns them."""

    body: Block


@dataclass(frozen=True)
class With:
    mutex: str
    body: Block


@dataclass(frozen=True)
class Guard:
    """try: body / except BrokenPipeError: handler."""

    body: Block
    handler: Block


@dataclass(frozen=True)
class Finally:
    body: Block
    last: Block


Statement: TypeAlias = (
    Read
    | ReadSum
    | Write
    | Exchange
    | FetchAdd
    | Free
    | Lock
    | Unlock
    | Wait
    | Post
    | Send
    | Receive
    | Close
    | Shutdown
    | Spawn
    | Publish
    | Join
    | Detach
    | JoinThread
    | Assert
    | Fail
    | Raise
    | If
    | Repeat
    | Call
    | With
    | Guard
    | Finally
)
Block: TypeAlias = tuple[Statement, ...]


@dataclass(frozen=True)
class Program:
    """Variables are named `object.field`; the check, when given, is `variable == value` at the end."""

    threads: tuple[tuple[str, Block], ...]
    variables: tuple[tuple[str, Number], ...] = ()
    mutexes: tuple[str, ...] = ()
    semaphores: tuple[tuple[str, int], ...] = ()
    channels: tuple[str, ...] = ()
    check: tuple[str, int] | None = None


def blocks(statement: Statement) -> list[tuple[str, Block]]:
    """The blocks a statement contains, by field name."""
    found: list[tuple[str, Block]] = []
    for field in fields(statement):
        value = getattr(statement, field.name)
        if isinstance(value, tuple):
            found.append((field.name, value))
    return found


def all_statements(block: Block) -> list[Statement]:
    """Every statement of a block, those inside others included."""
    found: list[Statement] = []
    for statement in block:
        found.append(statement)
        for _, inner in blocks(statement):
            found.extend(all_statements(inner))
    return found


def size(program: Program) -> int:
    return sum(len(all_statements(body)) for _, body in program.threads)


def spawned(program: Program) -> list[str]:
    """Names of the threads the program may spawn, in textual order."""
    return [s.name for _, body in program.threads for s in all_statements(body) if isinstance(s, Spawn)]


def show(program: Program) -> str:
    """The program as text: compact enough for a failure report, and valid Python to paste into a test."""

    def text(value: object) -> str:
        if is_dataclass(value) and not isinstance(value, type):
            return f"{type(value).__name__}({', '.join(text(getattr(value, f.name)) for f in fields(value))})"
        if isinstance(value, tuple):
            return f"({', '.join(text(v) for v in value)}{',' if len(value) == 1 else ''})"
        return repr(value)

    lines = ["Program("]
    lines += ["    threads=("] + [f"        ({name!r}, {text(body)})," for name, body in program.threads] + ["    ),"]
    for field in fields(program)[1:]:
        value = getattr(program, field.name)
        if value:
            lines.append(f"    {field.name}={text(value)},")
    return "\n".join([*lines, ")"])
