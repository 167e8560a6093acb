"""The oracle against closed forms and against itself: no engine involved.

The numbers are those of the literature (Abdulla et al., POPL 2014) and of small combinatorics; each is obtained here by
enumeration only, so that the same numbers in `test_published.py` come from two sides.
"""

from __future__ import annotations

import random
from math import comb, factorial

import pytest

from tests.mini_qemu.sched.language import (
    Assert,
    Block,
    Close,
    Condition,
    Detach,
    Exchange,
    Fail,
    Finally,
    Free,
    Guard,
    If,
    Join,
    JoinThread,
    Lock,
    Post,
    Program,
    Read,
    Receive,
    Repeat,
    Send,
    Shutdown,
    Spawn,
    Sum,
    Unlock,
    Wait,
    With,
    Write,
)
from tests.mini_qemu.sched.oracle import Census, TooLarge, classes, every_interleaving
from tests.mini_qemu.sched.programs import random_program

INCREMENT: Block = (Read("r0", "s.value"), Write("s.value", Sum("r0", 1)))


def counting(threads: int, body: Block, check: int | None = None) -> Program:
    return Program(
        threads=tuple((name, body) for name in "ABCD"[:threads]),
        variables=(("s.value", 0),),
        mutexes=("m",),
        check=None if check is None else ("s.value", check),
    )


def philosophers(n: int, ordered: bool = False) -> Program:
    def forks(i: int) -> tuple[str, str]:
        pair = [i, (i + 1) % n]
        first, second = sorted(pair) if ordered else pair
        return f"fork{first}", f"fork{second}"

    threads = []
    for i in range(n):
        first, second = forks(i)
        threads.append((f"P{i}", (Lock(first), Lock(second), Unlock(second), Unlock(first))))
    return Program(threads=tuple(threads), mutexes=tuple(f"fork{i}" for i in range(n)))


def readers(n: int) -> Program:
    writer: Block = (Write("s.x", 1),)
    return Program(
        threads=(("W", writer), *((f"R{i}", (Read("r0", f"s.own{i}"), Read("r0", "s.x"))) for i in range(n))),
        variables=(("s.x", 0), *((f"s.own{i}", 0) for i in range(n))),
    )


def lastzero(n: int) -> Program:
    reader: Block = ()
    for i in range(n + 1):
        reader = (Read("r0", f"a{i}.v"), If(Condition("r0", False, 0), reader, ()))
    writers = tuple((f"W{j}", (Read("r0", f"a{j - 1}.v"), Write(f"a{j}.v", Sum("r0", 1)))) for j in range(1, n + 1))
    return Program(threads=(("R", reader), *writers), variables=tuple((f"a{i}.v", 0) for i in range(n + 1)))


@pytest.mark.parametrize(("threads", "expected", "failing"), [(2, 4, 2), (3, 36, 30), (4, 576, 552)])
def test_lost_update(threads: int, expected: int, failing: int) -> None:
    census = classes(counting(threads, INCREMENT, check=threads))
    assert (census.classes, census.failing) == (expected, failing)
    assert census.interleavings == factorial(2 * threads) // 2**threads


def test_locked_update() -> None:
    census = classes(counting(3, (With("m", INCREMENT),), check=3))
    assert (census.classes, census.failing) == (6, 0)


def test_locked_update_with_rounds_is_multinomial() -> None:
    census = classes(counting(2, (Repeat(3, (With("m", INCREMENT),)),), check=6))
    assert (census.classes, census.failing) == (comb(6, 3), 0)


@pytest.mark.parametrize("n", [2, 3, 4])
def test_philosophers(n: int) -> None:
    census = classes(philosophers(n))
    assert (census.classes, census.findings) == (2**n - 1, {"deadlock": 1})
    census = classes(philosophers(n, ordered=True))
    assert (census.classes, census.failing) == (2**n - 2, 0)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_readers_and_last_zero(n: int) -> None:
    assert classes(readers(n)).classes == 2**n
    assert classes(lastzero(n)).classes == (n + 3) * 2**n // 4


def test_sends_and_receives_commute() -> None:
    stream: Block = (Send("c", 1), Send("c", 2), Send("c", 3))
    take: Block = (Receive("r0", "c"), Receive("r0", "c"), Receive("r0", "c"))
    census = every_interleaving(Program(threads=(("A", stream), ("B", take)), channels=("c",)))
    assert (census.classes, census.interleavings) == (1, 5)  # Catalan(3) interleavings, one story


def test_the_end_of_a_channel() -> None:
    taker: Block = (Receive("r0", "c"), Receive("r1", "c"))
    census = both(Program(threads=(("A", (Send("c", 7), Close("c"))), ("B", taker)), channels=("c",)))
    assert [dict(o.logs)["B"] for o in census.outcomes.values()] == [(7, None)]
    census = both(Program(threads=(("A", (Send("c", 7),)), ("B", (Shutdown("c"),))), channels=("c",)))
    assert (census.classes, census.findings) == (2, {"crash": 1})
    caught: Block = (Guard((Send("c", 7),), (Write("s.x", 1),)),)
    census = both(Program(threads=(("A", caught), ("B", (Shutdown("c"),))), channels=("c",), variables=(("s.x", 0),)))
    assert (census.classes, census.failing) == (2, 0)


def test_semaphore_counts() -> None:
    census = both(Program(threads=(("A", (Wait("s"), Post("s"))), ("B", (Wait("s"),))), semaphores=(("s", 1),)))
    assert (census.classes, census.findings) == (2, {"deadlock": 1})


def test_join_comes_after_the_last_step() -> None:
    child: Block = (Write("s.x", 1),)
    census = both(
        Program(
            threads=(("A", (Spawn("h", "T", child), Read("r0", "s.x"), Join("h"), Read("r1", "s.x"))),),
            variables=(("s.x", 0),),
        )
    )
    assert sorted(dict(o.logs)["A"] for o in census.outcomes.values()) == [(0, 1), (1, 1)]
    assert census.failing == 0


def test_handles_are_accounted_for() -> None:
    child: Block = (Write("s.x", 1),)

    def kinds(*after: Join | Detach) -> dict[str, int]:
        body: Block = (Spawn("h", "T", child), *after)
        return both(Program(threads=(("A", body),), variables=(("s.x", 0),))).findings

    assert kinds() == {"leak": 1}
    assert kinds(Detach("h")) == {}
    assert kinds(Join("h")) == {}
    assert kinds(Join("h"), Join("h")) == {"misuse": 1}


def test_joining_each_other_is_a_deadlock() -> None:
    census = both(Program(threads=(("A", (JoinThread("B"),)), ("B", (JoinThread("A"),)))))
    assert census.findings == {"deadlock": 1}


def test_free_conflicts_with_every_access() -> None:
    program = Program(threads=(("A", (Free("o"),)), ("B", (Read("r0", "o.x"),))), variables=(("o.x", 0),))
    assert (both(program).classes, both(program).findings) == (2, {"use-after-free": 1})


def test_an_assert_keeps_its_locks_and_an_exception_gives_them_back() -> None:
    asserts: Block = (With("m", (Read("r0", "s.x"), Assert(Condition("r0", True, 1)))),)
    raises: Block = (With("m", (Receive("r0", "c"), Write("s.x", Sum("r0", 1)))),)
    other: Block = (With("m", (Write("s.x", 2),)),)
    for body, finishes in ((asserts, 1), (raises, 2)):
        census = both(
            Program(
                threads=(("A", body), ("B", other), ("C", (Close("c"),))),
                variables=(("s.x", 0),),
                mutexes=("m",),
                channels=("c",),
            )
        )
        done = [dict(o.status)["B"] == "done" for o in census.outcomes.values()]
        assert (len(done), sum(done)) == (2, finishes)


def test_finally_runs_for_exceptions_only() -> None:
    raises: Block = (Finally((Close("c"), Send("c", 1)), (Write("s.x", 2),)),)
    fails: Block = (Finally((Close("c"), Fail("no")), (Write("s.x", 2),)),)
    for body, final, kind in ((raises, 2, "crash"), (fails, 0, "fail")):
        census = both(Program(threads=(("A", body),), variables=(("s.x", 0),), channels=("c",)))
        assert [(dict(o.values)["s.x"], *o.kinds) for o in census.outcomes.values()] == [(final, kind)]


def test_a_failed_exchange_is_a_read() -> None:
    never: Block = (Exchange("r0", "s.x", 9, 1),)
    assert both(Program(threads=(("A", never), ("B", never)), variables=(("s.x", 0),))).classes == 1
    once: Block = (Exchange("r0", "s.x", 0, 1),)
    assert both(Program(threads=(("A", once), ("B", once)), variables=(("s.x", 0),))).classes == 2
    three = both(Program(threads=(("A", once), ("B", once), ("C", once)), variables=(("s.x", 0),)))
    assert three.classes == 3, "which of them succeeds; the two that fail commute"


def test_the_limit_is_an_error() -> None:
    with pytest.raises(TooLarge):
        classes(counting(3, INCREMENT), limit=10)


def both(program: Program) -> Census:
    """The census, found in two ways."""
    census = classes(program)
    plain = every_interleaving(program)
    assert (census.outcomes, census.interleavings) == (plain.outcomes, plain.interleavings)
    return census


def test_both_enumerations_agree() -> None:
    """On the first 100 random programs that are small enough to run every schedule of."""
    compared = 0
    for seed in range(1_000):
        program = random_program(random.Random(seed), operations=7)
        try:
            small = classes(program, limit=1_000).interleavings <= 2_000
        except TooLarge:
            continue
        if small:
            both(program)
            compared += 1
        if compared == 100:
            return
    raise AssertionError("the generator no longer makes small programs")
