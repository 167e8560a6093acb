"""A primitive that the engine has never heard of: a class and its kinds of steps, in one place, are enough."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import pytest

from mini_qemu.sched import Mutex, Scenario, Shared, explain, explore, minimise, replay
from mini_qemu.sched.clerk import controlled_by, yields
from mini_qemu.sched.ops import operation
from mini_qemu.sched.primitives import Primitive


class Gate(Primitive):
    """Open or closed; `pass_` waits until it is open. A gate that is closed again stops those who come later."""

    def __init__(self, name: str = "") -> None:
        self._state = False
        super().__init__(name)

    def open(self) -> None: ...

    def close(self) -> None: ...

    def pass_(self) -> None: ...

    def is_open(self) -> bool: ...  # type: ignore[empty-body]


def _become(value: bool) -> Any:
    def act(world: Any, task: Any, op: Any) -> None:
        op[1]._state = value

    return act


OPEN = operation("open", "opens", act=_become(True))
SHUT = operation("shut", "closes", act=_become(False))
PASS = operation(
    "pass",
    "passes",
    opens=lambda state, thread, op: state,
    why=lambda name, state, thread, op: f"waits for {name}, which is closed",
    changes=False,
)
IS_OPEN = operation(
    "is_open",
    "looks at",
    act=lambda world, task, op: op[1]._state,
    changes=False,
    tell=lambda name, op, value, show: (show(value), f"looks at {name}: {'open' if value else 'closed'}"),
)
for method, kind in {"open": OPEN, "close": SHUT, "pass_": PASS, "is_open": IS_OPEN}.items():
    controlled_by(yields(kind))(vars(Gate)[method])


class Yard(Shared):
    gate: Gate
    lock: Mutex
    seen: int = 0

    def __init__(self) -> None:
        self.gate, self.lock = Gate("gate"), Mutex("lock")


def opens(s: Yard) -> None:
    s.gate.open()


def opens_for_a_while(s: Yard) -> None:
    s.gate.open()
    s.gate.close()


def passes(s: Yard) -> None:
    s.gate.pass_()


def looks(s: Yard) -> None:
    s.gate.is_open()


def scenario(**threads: Any) -> Scenario:
    return Scenario("gate", Yard, threads)


def brute_force(*programs: str) -> tuple[int, int]:
    """(classes, classes that end in a deadlock) of threads that make these steps: o(pen), s(hut), p(ass), l(ook)."""
    ends: Counter[frozenset[tuple[tuple[int, int], tuple[int, int]]]] = Counter()
    stuck = set()

    def conflict(a: str, b: str) -> bool:
        return a in "os" or b in "os"

    def go(done: list[tuple[int, int]], is_open: bool) -> None:
        at = [sum(1 for t, _ in done if t == k) for k in range(len(programs))]
        able = [k for k, p in enumerate(programs) if at[k] < len(p) and (p[at[k]] != "p" or is_open)]
        if not able:
            key = frozenset(
                (a, b)
                for a, b in itertools.combinations(done, 2)
                if a[0] != b[0] and conflict(programs[a[0]][a[1]], programs[b[0]][b[1]])
            )
            ends[key] += 1
            if any(at[k] < len(p) for k, p in enumerate(programs)):
                stuck.add(key)
        for k in able:
            step = programs[k][at[k]]
            go([*done, (k, at[k])], step == "o" or (is_open and step != "s"))

    go([], False)
    return len(ends), len(stuck)


STEPS = {"o": opens, "p": passes, "l": looks, "os": opens_for_a_while}


@pytest.mark.parametrize(
    "programs",
    [("o", "p"), ("os", "p"), ("os", "p", "p"), ("os", "o", "p"), ("os", "l", "p"), ("o", "l", "l"), ("p", "l")],
)
def test_counts_follow_from_the_table(programs: tuple[str, ...]) -> None:
    made = scenario(**{f"T{i}": STEPS[program] for i, program in enumerate(programs)})
    result = explore(made, "dpor")
    assert (result.classes, result.findings["deadlock"]) == brute_force(*programs)
    assert bool(explore(made, "states").findings["deadlock"]) == bool(result.findings["deadlock"])
    assert explore(made, "dfs").classes == result.classes


def test_it_is_told_like_any_other() -> None:
    made = scenario(A=opens_for_a_while, B=passes, C=looks)
    result = explore(made)
    assert result.outcomes.keys() == {("deadlock", "B waits for gate, which is closed")}
    shortest = minimise(made, result)
    trace = replay(made, shortest)
    assert [step.text for step in trace.steps if step.object == "gate"] == [
        "A opens gate",
        "A closes gate",
        "C looks at gate: closed",
    ]
    assert "B waits for gate, which is closed" in explain(made, result)
