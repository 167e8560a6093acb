"""Which attributes are shared variables, however they are written; and refusals that a program cannot swallow."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest

from mini_qemu.sched import InstrumentationError, Mutex, Scenario, Shared, explore


def verdict(setup: Any, thread: Any, check: Any) -> tuple[str, int, int]:
    result = explore(Scenario("fields", setup, {"A": thread, "B": thread}, check=check))
    return result.verdict, result.runs, result.failing


class Account(Shared):
    _balance: int = 0

    def deposit(self) -> None:
        self._balance += 1


def deposits(s: Account) -> None:
    s.deposit()


def test_a_private_field_is_shared() -> None:
    assert verdict(Account, deposits, lambda s: s._balance == 2) == ("failed", 4, 2)


def test_another_default_in_a_subclass_is_the_same_field() -> None:
    class Rich(Account):
        _balance = 10

    assert verdict(Rich, deposits, lambda s: s._balance == 12) == ("failed", 4, 2)


class Lazy(Shared):
    lock: Mutex | None = None  # a text here, as in every module that postpones its annotations
    n: int = 0


def makes_its_lock_late(s: Lazy) -> None:
    if s.lock is None:
        s.lock = Mutex()
    with s.lock:
        s.n = s.n + 1


def test_a_lock_made_late_is_a_variable() -> None:
    found = verdict(Lazy, makes_its_lock_late, lambda s: s.n == 2)
    assert found[0] == "failed"
    assert found[1] > 2


def test_what_goes_past_a_field_is_refused_at_the_class() -> None:
    with pytest.raises(TypeError, match=r"Deep._balance hides a shared field of a base by a property"):

        class Deep(Account):
            @property
            def _balance(self) -> int:  # type: ignore[override]
                return 1

    with pytest.raises(TypeError, match="Careful defines __setattr__"):

        class Careful(Shared):
            def __setattr__(self, name: str, value: Any) -> None:
                object.__setattr__(self, name, value)

    with pytest.raises(TypeError, match="the engine's own"):

        class Odd(Shared):
            _v: int = 0  # type: ignore[assignment]


class Cell(Shared):
    n: int = 0


def bare(s: Cell) -> None:
    try:
        top = max(c.n for c in [s])
    except:  # noqa: E722 - the point
        top = 0
    s.n = top


def suppressed(s: Cell) -> None:
    with contextlib.suppress(BaseException):
        max(c.n for c in [s])


def left_by_return(s: Cell) -> int:
    try:
        return max(c.n for c in [s])
    finally:
        return 0  # noqa: B012, SIM107 - the point


class Closes:
    def __init__(self, cell: Cell) -> None:
        self.cell = cell

    def __del__(self) -> None:
        self.cell.n = 1


def dropped(s: Cell) -> None:
    thing = Closes(s)
    del thing
    s.n = 2


@pytest.mark.filterwarnings("ignore::SyntaxWarning")
@pytest.mark.parametrize("thread", [bare, suppressed, left_by_return])
def test_a_refusal_cannot_be_swallowed(thread: Any) -> None:
    with pytest.raises(InstrumentationError, match=r"Cell.n is read in code the explorer does not control"):
        explore(Scenario("swallow", Cell, {"A": thread}, guarded=False))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_refusal_in_a_destructor_is_not_lost() -> None:
    with pytest.raises(InstrumentationError, match=r"Cell.n is written in code the explorer does not control"):
        explore(Scenario("dropped", Cell, {"A": dropped}, guarded=False))
