"""Visited-state search takes two states for one only if nothing that follows can tell them apart."""

from __future__ import annotations

import functools
import importlib
from collections import deque
from collections.abc import Callable, Iterator

import pytest

from mini_qemu.sched import Mutex, Scenario, Shared, explain, explore, minimise, shortest_trace
from tests.mini_qemu.sched import published


class State(Shared):
    x: int = 0
    hit: bool = False

    def __init__(self) -> None:
        self.lock = Mutex()
        self.log: list[int] = []

    def rest(self) -> None:
        with self.lock:
            pass


class Thing(Shared):
    size: int = 0


class Other(Shared):
    size: int = 0


def flicker(s: State) -> None:
    """Nobody who waits for the lock can have seen x, unless he remembers it."""
    with s.lock:
        s.x = 1
        s.x = 0


def in_a_closure(s: State) -> None:
    def remember(x: int) -> Callable[[], int]:
        def told() -> int:
            return x

        return told

    told = remember(s.x)
    s.rest()
    s.hit = told() == 1


def in_a_default(s: State) -> None:
    def told(x: int = s.x) -> int:
        return x

    s.rest()
    s.hit = told() == 1


def in_a_partial(s: State) -> None:
    most = functools.partial(max, s.x)
    s.rest()
    s.hit = most(0) == 1


def in_a_bound_method(s: State) -> None:
    short, long = [0], [0, 0]
    size = long.__len__ if s.x else short.__len__
    del short, long
    s.rest()
    s.hit = size() == 2


def in_an_exception(s: State) -> None:
    try:
        try:
            raise ValueError(s.x)
        except ValueError:
            s.rest()
            raise
    except ValueError as error:
        s.hit = error.args[0] == 1


def which_of_two(s: State) -> None:
    first, second = Thing(), Thing()
    held = {first} if s.x else {second}
    line = deque([first] if s.x else [second])
    s.rest()
    s.hit = first in held and line[0] is first


def which_class(s: State) -> None:
    thing = Thing() if s.x else Other()
    s.rest()
    s.hit = isinstance(thing, Thing)


def which_number(s: State) -> None:
    number = 1 if s.x else True
    s.rest()
    s.hit = type(number) is int


def one_list_or_two(s: State) -> None:
    mine = s.log if s.x else []
    s.rest()
    mine.append(1)
    s.hit = s.log == [1]


def countdown(n: int) -> Iterator[int]:
    while n:
        n -= 1
        yield 0


def how_far_a_generator_is(s: State) -> None:
    turns = countdown(1 + s.x)
    s.rest()
    s.hit = len(list(turns)) == 2


@pytest.mark.parametrize(
    "body",
    [
        in_a_closure,
        in_a_default,
        in_a_partial,
        in_a_bound_method,
        in_an_exception,
        which_of_two,
        which_class,
        which_number,
        one_list_or_two,
        how_far_a_generator_is,
    ],
)
def test_what_a_thread_remembers_is_part_of_the_state(body: Callable[[State], None]) -> None:
    scenario = Scenario("remember", State, {"A": flicker, "B": body}, check=lambda s: not s.hit)
    exact, states = explore(scenario, "dpor"), explore(scenario, "states")
    assert exact.failing > 0
    assert (states.verdict, set(states.outcomes)) == (exact.verdict, set(exact.outcomes))


def test_a_loop_over_a_generator_is_no_livelock() -> None:
    def loops(s: State) -> None:
        for _ in countdown(3):
            s.x = 0

    assert explore(Scenario("loops", State, {"A": loops}), "states").verdict == "proved"


def makes(s: State, looks: bool) -> None:
    with s.lock:
        s.x = s.x + 1
        thing = Thing(size=s.x)
    s.rest()
    if looks:
        s.hit = thing.size == 2


def test_objects_of_two_threads_are_told_apart() -> None:
    """The thread that comes first makes the first object: its number says nothing about its owner."""
    scenario = Scenario("makes", State, {"A": (makes, True), "B": (makes, False)}, check=lambda s: not s.hit)
    assert explore(scenario, "states").verdict == "failed"


def test_a_counter_that_grows_for_ever_is_incomplete() -> None:
    def counts(s: State) -> None:
        while True:
            s.x += 1

    result = explore(Scenario("counts", State, {"A": counts}))
    assert (result.verdict, result.stopped_by, result.method) == ("incomplete", "limit_steps", "states")


class Pet(Shared):
    flag: bool = False
    other: bool = False
    stop: bool = False

    def __init__(self) -> None:
        self.lock = Mutex("lock")


def waits_for_flag(s: Pet) -> None:
    while not s.flag:
        pass
    s.other = True


def waits_for_other(s: Pet) -> None:
    while not s.other:
        pass
    s.flag = True


def first_politely(s: Pet) -> None:
    s.flag = True
    while s.other:
        pass
    s.flag = False


def second_politely(s: Pet) -> None:
    s.other = True
    while s.flag:
        pass
    s.other = False


def polls(s: Pet) -> None:
    while True:
        with s.lock:
            if s.stop:
                return


def stops(s: Pet) -> None:
    with s.lock:
        s.stop = True


def crashes(s: Pet) -> None:
    raise ValueError("broken")


@pytest.mark.parametrize(
    ("first", "second", "steps"),
    [
        (waits_for_flag, waits_for_flag, 2),  # nobody ever sets it
        (waits_for_flag, waits_for_other, 2),
        (first_politely, second_politely, 4),
    ],
)
def test_a_state_without_an_end_ahead_is_a_livelock(
    first: Callable[[Pet], None], second: Callable[[Pet], None], steps: int
) -> None:
    scenario = Scenario("pets", Pet, {"P": first, "Q": second})
    result = explore(scenario)
    assert (result.verdict, result.method, dict(result.findings)) == ("failed", "states", {"livelock": 1})
    trace = shortest_trace(scenario, result)
    assert len(trace.steps) == steps
    assert trace.finding is not None
    assert trace.finding.message == "P and Q can go round for ever: no end can be reached any more"
    assert "P and Q can go round for ever" in explain(scenario, result)


def test_polling_under_a_lock_is_no_livelock() -> None:
    result = explore(Scenario("poll", Pet, {"P": polls, "Q": stops}))
    assert (result.verdict, result.method) == ("proved", "states")


def test_a_crash_while_another_thread_goes_round_is_the_finding() -> None:
    scenario = Scenario("crash", Pet, {"P": waits_for_flag, "Q": crashes})
    result = explore(scenario)
    assert result.outcomes == {("crash", "ValueError: broken"): 1}
    assert "ValueError: broken" in explain(scenario, result)


def test_what_only_states_can_finish_is_minimised_too() -> None:
    def fails(s: Pet) -> None:
        while not s.flag:
            pass
        assert s.other

    def sets(s: Pet) -> None:
        s.flag = True
        s.other = True

    scenario = Scenario("late", Pet, {"P": fails, "Q": sets})
    result = explore(scenario)
    assert (result.method, dict(result.findings)) == ("states", {"crash": 1})
    assert minimise(scenario, result).startswith("v1:Q1 P2#")


LOOP = importlib.import_module("mini_qemu.sched.explore")  # the package's `explore` is the function


def test_auto_takes_turns(monkeypatch: pytest.MonkeyPatch):
    """Many interleavings of few states are proved by states, without waiting for DPOR's whole budget."""
    monkeypatch.setattr(LOOP, "FIRST_TURN", 50)
    few_states, few_classes = explore(published.locked_update(3, 3)), explore(published.philosophers(3))
    assert (few_states.verdict, few_states.method, few_states.stopped_by) == ("proved", "states", "")
    assert (few_classes.verdict, few_classes.method, few_classes.runs) == ("failed", "dpor", 7)


def test_auto_counts_on_where_it_has_found_a_failure(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(LOOP, "FIRST_TURN", 10)
    result = explore(published.lost_update(3))
    assert (result.method, result.runs, result.failing, result.stopped_by) == ("dpor", 36, 30, "")
    monkeypatch.setattr(LOOP, "BUDGET_RUNS", 25)
    result = explore(published.lost_update(3))
    assert (result.verdict, result.runs, result.stopped_by) == ("failed", 25, "limit_runs")


def test_auto_gives_up_where_neither_has_an_end(monkeypatch: pytest.MonkeyPatch):
    """A counter that grows for ever: no last state, no last step."""
    monkeypatch.setattr("mini_qemu.sched.states.LIMIT_STEPS", 100)

    def for_ever(cell: published.Cell) -> None:
        while True:
            cell.value = cell.value + 1

    result = explore(Scenario("for-ever", published.Cell, {"A": for_ever, "B": for_ever}))
    assert (result.verdict, result.stopped_by) == ("incomplete", "limit_steps")
