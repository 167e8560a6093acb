from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from lessons.scenarios import warmups
from mini_qemu.sched import explore, replay
from mini_qemu.sched.ordinary.program import Explorable
from tests.reliability.every_call import Work, calls, chosen, interrupted_at
from tests.reliability.interrupts import state

STORY = warmups.lost_update


def ordinary() -> None:
    """Two threads that lose an update: while it is explored, `threading` and this function have other code."""
    total = [0]

    def adds() -> None:
        seen = total[0]
        total[0] = seen + 1

    threads = [threading.Thread(target=adds) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert total[0] == 2


def replays(program: Explorable) -> Work:
    failure = explore(program).failure
    assert failure is not None
    return lambda: replay(program, failure.schedule)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # where Python can only report it
@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: lambda: explore(STORY), id="explore"),
        pytest.param(lambda: replays(STORY), id="replay"),
        pytest.param(lambda: lambda: explore(ordinary), id="explore a program"),
        pytest.param(lambda: lambda: explore(ordinary, "random", 2), id="explore a program at random"),
        pytest.param(lambda: replays(ordinary), id="replay a program"),
    ],
)
def test_an_interrupt_leaves_everything_as_it_was(make: Callable[[], Work]) -> None:
    work = make()
    counts = explore(STORY).classes, explore(ordinary).classes
    before, code = state(), ordinary.__code__
    for where, number in chosen(calls(work)):
        interrupted_at(work, number)
        assert state() == before, where
        assert ordinary.__code__ is code, where
        assert (explore(STORY).classes, explore(ordinary).classes) == counts, where


def test_a_call_is_found_and_interrupted() -> None:
    made: list[str] = []

    def one() -> None:
        made.append("one")

    def both() -> None:
        one()
        made.append("two")

    places = list(chosen(calls(both)))
    assert [where.partition(" at line")[0].replace(f"{__name__}.", "") for where, _ in places[-1:]] == [
        "test_a_call_is_found_and_interrupted.<locals>.one, "
        "called in test_a_call_is_found_and_interrupted.<locals>.both"
    ]
    made.clear()
    interrupted_at(both, places[-1][1])
    assert made == []
