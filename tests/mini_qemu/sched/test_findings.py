"""What a run can do wrong, each found and named, and none of them where it is not."""

from __future__ import annotations

import signal
import threading
from typing import Any

import pytest

from mini_qemu.sched import (
    Channel,
    DivergenceError,
    Mutex,
    Scenario,
    ScenarioError,
    SchedError,
    Semaphore,
    Shared,
    abort,
    compare_exchange,
    explain,
    explore,
    fail,
    fetch_add,
    free,
    join,
    replay,
    spawn,
)


class State(Shared):
    value: int = 0
    thing: Any = None
    lock: Mutex

    def __init__(self) -> None:
        self.lock = Mutex()
        self.second = Mutex()
        self.ready = Semaphore(0)
        self.line = Channel()


class Thing(Shared):
    size: int = 1


def nothing(s: State) -> None:
    s.value = 1


def run(*bodies: Any, **options: Any) -> Any:
    threads = dict(zip("ABC", bodies, strict=False))
    return explore(Scenario("finding", options.pop("setup", State), threads, **options))


def kinds(result: Any) -> dict[str, int]:
    assert result.verdict == ("failed" if result.failing else "proved")
    return dict(result.findings)


def test_failed_assertion_stops_on_the_spot_and_keeps_its_lock() -> None:
    def crash(s: State) -> None:
        with s.lock:
            assert s.value == 1, "too early"

    def other(s: State) -> None:
        with s.lock:
            s.value = 1

    result = run(crash, other)
    assert (result.runs, kinds(result)) == (2, {"crash": 1})
    assert result.failure.message == "assertion failed: s.value == 1 (too early)"
    trace = replay(Scenario("finding", State, {"A": crash, "B": other}), result.failure.schedule, strict=False)
    assert trace.finding is not None
    assert trace.finding.line == crash.__code__.co_firstlineno + 2
    assert trace.steps[-1].status["B"] == "blocked"
    assert trace.steps[-1].blocked["B"] == "waits for lock, held by A, which has crashed"


def test_exception_abort_fail() -> None:
    def raises(s: State) -> None:
        s.value = 1
        raise KeyError("gone")

    def aborts(s: State) -> None:
        abort("by hand")

    def fails(s: State) -> None:
        fail("must not happen")

    def exits(s: State) -> None:
        s.value = 1
        raise SystemExit(3)

    def adds_to_nothing(s: State) -> None:
        fetch_add(s, "thing", 1)

    assert run(raises).outcomes == {("crash", "KeyError: 'gone'"): 1}
    assert run(exits).outcomes == {("crash", "SystemExit: 3"): 1}
    assert list(run(adds_to_nothing).findings) == ["crash"]
    assert run(aborts).outcomes == {("crash", "by hand"): 1}
    assert run(fails).outcomes == {("fail", "must not happen"): 1}


def test_use_after_free_needs_the_free_first() -> None:
    def setup() -> State:
        s = State()
        s.thing = Thing()
        return s

    def user(s: State) -> None:
        thing = s.thing
        if thing is not None:
            thing.size = 2

    def freer(s: State) -> None:
        thing = s.thing
        s.thing = None
        free(thing)

    result = run(user, freer, setup=setup)
    assert kinds(result) == {"use-after-free": 1}
    assert "Thing.size is touched after the object was freed" in result.failure.message
    assert kinds(run(freer, freer, setup=lambda: setup()))["use-after-free"] > 0  # freed twice


def test_only_findings_that_can_come_first_count() -> None:
    def crash(s: State) -> None:
        s.value = 1
        abort("first")

    def after(s: State) -> None:
        if s.value == 1:
            abort("needs a process that is dead")

    def apart(s: State) -> None:
        s.lock.lock()
        abort("on its own")

    result = run(crash, after)
    assert (result.runs, result.outcomes) == (2, {("crash", "first"): 2})
    result = run(crash, apart)
    assert (result.runs, result.outcomes) == (1, {("crash", "first"): 1, ("crash", "on its own"): 1})
    scenario = Scenario("finding", State, {"A": crash, "B": apart})
    for failure in result.examples.values():
        found = replay(scenario, failure.schedule).finding
        assert found is not None
        assert found.message == failure.message


def test_items_and_ends_made_by_the_setup() -> None:
    def setup() -> State:
        s = State()
        s.line.send("x")
        s.line.send("y")
        s.line.close()
        s.ready.post()
        return s

    def takes(s: State) -> None:
        while s.line.recv() is not None:
            s.ready.wait()
            s.ready.post()

    assert (
        explore(Scenario("full", setup, {"A": takes, "B": takes}), "dpor").runs
        == explore(Scenario("full", setup, {"A": takes, "B": takes}), "dfs").runs
    )


def test_a_second_thread_of_the_same_name_is_numbered() -> None:
    def starts(s: State) -> None:
        for _ in range(2):
            spawn("child", nothing, s).join()

    scenario = Scenario("twice", State, {"A": starts})
    assert explore(scenario).verdict == "proved"
    assert replay(scenario, "v1:A1 child1 A2 'child 2'1 A1").threads == ["A", "child", "child 2"]


def test_constants_of_a_freed_object_can_still_be_read() -> None:
    def keeps(s: State) -> None:
        thing = Thing()
        free(thing)
        assert type(thing).__name__ == "Thing"
        thing.note = "a plain attribute"  # type: ignore[attr-defined]

    assert run(keeps).verdict == "proved"


def test_handlers_do_not_swallow_a_use_after_free() -> None:
    def careless(s: State) -> None:
        thing = Thing()
        free(thing)
        try:
            thing.size = 1
        except Exception:
            return

    assert kinds(run(careless)) == {"use-after-free": 1}


def test_deadlock_names_the_cycle() -> None:
    def one(s: State) -> None:
        with s.lock, s.second:
            pass

    def two(s: State) -> None:
        with s.second, s.lock:
            pass

    result = run(one, two)
    assert (result.runs, kinds(result)) == (3, {"deadlock": 1})
    assert result.failure.message == "A waits for second, held by B; B waits for lock, held by A"


def test_one_deadlock_has_one_message() -> None:
    """Whichever of the two was started first."""

    def waits(s: State) -> None:
        s.ready.wait()

    def starts(s: State, name: str) -> None:
        spawn(name, waits, s).detach()

    result = explore(Scenario("order", State, {"B": (starts, "b"), "A": (starts, "a")}))
    message = "a waits for ready, whose count is 0; b waits for ready, whose count is 0"
    assert result.outcomes == {("deadlock", message): result.runs}


def test_lost_wakeup_is_a_deadlock_at_once() -> None:
    def waiter(s: State) -> None:
        if s.value == 0:
            s.ready.wait()

    def waker(s: State) -> None:
        s.value = 1

    assert run(waiter, waker).outcomes == {("deadlock", "A waits for ready, whose count is 0"): 1}


def test_threads_blocked_behind_a_crash_are_no_deadlock() -> None:
    def crash(s: State) -> None:
        with s.lock:
            raise ValueError

    def holder(s: State) -> None:
        with s.lock:
            abort("stuck")

    def other(s: State) -> None:
        with s.lock:
            pass

    assert kinds(run(holder, other)) == {"crash": 2}
    assert kinds(run(crash, other)) == {"crash": 2}


def test_leaks() -> None:
    def forgets(s: State) -> None:
        spawn("child", nothing, s)

    def joins(s: State) -> None:
        spawn("child", nothing, s).join()

    def detaches(s: State) -> None:
        spawn("child", nothing, s).detach()

    assert run(forgets).outcomes == {("leak", "thread 'child' was never joined"): 1}
    assert kinds(run(joins)) == kinds(run(detaches)) == {}
    assert run(nothing, leaks=lambda s: ["a file is open"]).outcomes == {("leak", "a file is open"): 1}


def test_misuse() -> None:
    def unlocks(s: State) -> None:
        s.lock.unlock()

    def joins_twice(s: State) -> None:
        child = spawn("child", nothing, s)
        child.join()
        child.join()

    assert kinds(run(unlocks)) == kinds(run(joins_twice)) == {"misuse": 1}


def test_endless_loop_without_a_step() -> None:
    def spins(s: State) -> None:
        while True:
            pass

    assert kinds(run(spins, nothing)) == {"livelock": 1}


def spins(s: State) -> None:
    while s.value == 0:
        pass


def test_spinning_for_ever_is_a_livelock() -> None:
    result = explore(Scenario("spin", State, {"A": spins}))
    assert (result.verdict, result.method) == ("failed", "states")
    assert result.outcomes == {("livelock", "A can go round for ever: no end can be reached any more"): 1}


def test_spinning_until_somebody_helps_is_no_livelock() -> None:
    result = explore(Scenario("spin", State, {"A": spins, "B": nothing}), method="states")
    assert (result.verdict, result.findings) == ("proved", {})


def test_a_run_without_end_is_incomplete_not_passed() -> None:
    result = explore(Scenario("spin", State, {"A": spins, "B": nothing}), method="dpor")
    assert (result.verdict, result.stopped_by) == ("incomplete", "limit_steps")


def test_check_and_its_forms() -> None:
    def asserts(s: State) -> None:
        assert s.value == 2, "not two"

    assert run(nothing, check=lambda s: s.value == 1).verdict == "proved"
    assert run(nothing, check=lambda s: None).verdict == "proved"
    assert kinds(run(nothing, check=lambda s: s.value == 2)) == {"check": 1}
    assert run(nothing, check=asserts).outcomes == {("check", "not two"): 1}
    with pytest.raises(ScenarioError, match="check raised AttributeError"):
        run(nothing, check=lambda s: s.no_such_thing)


def test_channels() -> None:
    def sender(s: State) -> None:
        s.line.send("a")
        s.line.send("b")
        s.line.close()

    def receiver(s: State) -> None:
        got = [s.line.recv(), s.line.recv(), s.line.recv()]
        assert got == ["a", "b", None]

    def late(s: State) -> None:
        s.line.shutdown()
        try:
            s.line.send("c")
        except BrokenPipeError:
            s.value = 7

    assert (run(sender, receiver).runs, run(sender, receiver).verdict) == (1, "proved")
    assert run(late, check=lambda s: s.value == 7).verdict == "proved"
    assert kinds(run(receiver)) == {"deadlock": 1}


def test_atomics_and_join_by_name() -> None:
    def adds(s: State) -> None:
        fetch_add(s, "value", 1)

    def exchanges(s: State) -> None:
        if compare_exchange(s, "value", 0, 10):
            fetch_add(s, "value", 1)

    def waits(s: State) -> None:
        join("A")
        join("A")
        s.value = 5

    assert run(adds, adds, check=lambda s: s.value == 2).runs == 2
    assert run(exchanges, exchanges, check=lambda s: s.value == 11).verdict == "proved"
    assert run(nothing, waits, check=lambda s: s.value == 5).runs == 1


def test_races_are_suspects_beside_the_verdict() -> None:
    def locked(s: State) -> None:
        with s.lock:
            s.value += 1

    racy = run(nothing, nothing)
    assert racy.verdict == "proved"
    assert [race.variable for race in racy.races] == ["State.value"]
    assert run(locked, locked).races == []


def test_bad_scenarios_say_what_is_wrong() -> None:
    def broken() -> None:
        raise OSError("no disk")

    def clash(s: State) -> None:
        spawn("A", nothing, s)

    def unknown(s: State) -> None:
        join("nobody")

    def random(s: State, seen: list[int] = []) -> None:  # noqa: B006  (the point: state that outlives a run)
        seen.append(1)
        for _ in seen:
            s.value += 1

    for wrong, says in [
        (lambda: run(nothing, setup=broken), "setup raised OSError: no disk"),
        (lambda: run(clash), "two threads are called 'A'"),
        (lambda: run(unknown), "no thread 'nobody'; it has A"),
        (lambda: Scenario("x", State, {}), "has no threads"),
        (lambda: Scenario("x", State, {"A": 3}), "expected a function"),  # type: ignore[dict-item]
        (lambda: explore("x"), "wants a Scenario"),  # type: ignore[arg-type]
        (lambda: explore(Scenario("x", State, {"A": nothing}), method="magic"), "the methods are auto, dpor"),
        (lambda: run(lambda: None), "lambda"),
        (lambda: run(random, nothing), "a list is changed that was made before this run"),
    ]:
        with pytest.raises(SchedError, match=says):
            wrong()


GLOBAL = State()
LEFT_OVER: list[State] = []
TIMES = [0]


def test_what_does_not_begin_afresh_is_refused() -> None:
    def uses_global(s: State) -> None:
        with GLOBAL.lock:
            s.value = 1

    def reads_global(s: State) -> None:
        s.value = GLOBAL.value

    def once() -> State:
        if not LEFT_OVER:
            LEFT_OVER.append(State())
        return LEFT_OVER[0]

    def locked() -> State:
        s = State()
        s.lock.lock()
        return s

    def started() -> State:
        s = State()
        spawn("early", nothing, s)
        return s

    for method in ("dpor", "dfs", "states", "bounded", "random", "pct"):
        for body, setup, says in [
            (uses_global, State, "A uses a Mutex that was made neither in setup nor by a thread"),
            (reads_global, State, "A uses a State that was made neither in setup nor by a thread"),
            (nothing, once, "uses a State that was made before this run"),
            (nothing, locked, "setup leaves lock locked"),
            (nothing, started, "setup starts a thread"),
        ]:
            with pytest.raises(SchedError, match=says):
                explore(Scenario("afresh", setup, {"A": body, "B": body}), method)


def test_nondeterminism_is_told_with_expected_and_found() -> None:
    def counts(s: State) -> None:
        TIMES[0] += 1
        s.value = TIMES[0]

    def sometimes(s: State) -> None:
        TIMES[0] += 1
        s.value = 1
        if TIMES[0] % 3 == 0:
            s.thing = 1

    def setup() -> State:
        TIMES[0] += 1
        s = State()
        s.thing = TIMES[0]
        return s

    def check(s: State) -> bool:
        TIMES[0] += 1
        return TIMES[0] % 3 > 0

    place = f"in {counts.__qualname__} ({__file__}:{counts.__code__.co_firstlineno + 2})"
    for method in ("dpor", "dfs", "states", "bounded", "random", "pct"):
        for scenario, expected, found in [
            (
                Scenario("x", State, {"A": counts}, guarded=False),
                f"State.value (1) {place}",
                f"State.value (2) {place}",
            ),
            (Scenario("x", State, {"A": sometimes, "B": sometimes}, guarded=False), "step 2, B", "step 2, A"),
            (Scenario("x", setup, {"A": nothing}), "before step 1 State.thing is 1", "before step 1 State.thing is 2"),
            (Scenario("x", State, {"A": nothing}, check=check), "nothing more happens", "at the end check"),
        ]:
            TIMES[0] = 0
            with pytest.raises(DivergenceError, match="'x' is not deterministic") as told:
                explore(scenario, method)
            before, _, after = str(told.value).partition("; found: ")
            assert expected in before
            assert found in after


def test_names_and_arguments_are_checked() -> None:
    def waits_a_while(s: State) -> None:
        spawn("child", nothing, s).join(5)  # type: ignore[call-arg]

    def joins_by_name(s: State) -> None:
        child = spawn("child", nothing, s)
        join("child")
        child.detach()

    def frees_lock(s: State) -> None:
        free(s.lock)

    def generates(s: State) -> Any:
        yield s.value

    for body, says in [
        (waits_a_while, r"takes 1 positional argument but 2 were given; it is called as join\(self\)"),
        (joins_by_name, "joined by its handle"),
        (frees_lock, "only Shared objects can be freed, not a Mutex"),
        (generates, "cannot be instrumented"),
    ]:
        with pytest.raises(SchedError, match=says):
            run(body)
    with pytest.raises(ScenarioError, match="a thread is called 3, expected a text"):
        explore(Scenario("x", State, {3: nothing}))  # type: ignore[dict-item]


def test_limits_and_cancel_give_incomplete() -> None:
    def adds(s: State) -> None:
        for _ in range(4):
            s.value += 1

    scenario = Scenario("long", State, {"A": adds, "B": adds})
    assert explore(scenario, limit_runs=10).verdict == "incomplete"
    assert explore(scenario, progress=lambda runs, failing, fraction: True).stopped_by == "cancel"
    seen: list[float] = []
    explore(scenario, "dpor", limit_runs=2_000, progress=lambda runs, failing, fraction: seen.append(fraction))
    assert len(seen) > 10
    assert all(0 <= estimate < 1 for estimate in seen)
    assert seen[-1] > seen[0]
    small = Scenario("small", State, {"A": nothing, "B": nothing})
    assert explore(small, limit_runs=2).verdict == "proved"  # the limit was not in the way


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="needs a way to interrupt the main thread")
def test_an_interrupt_stops_and_says_incomplete() -> None:
    def adds(s: State) -> None:
        for _ in range(8):
            with s.lock:
                s.value += 1

    def interrupt(runs: int, failing: int, fraction: float) -> bool:
        if runs >= 256:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        return runs > 10_000

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background begins without it
    try:
        endless = Scenario("endless", State, {"A": adds, "B": adds, "C": adds})
        result = explore(endless, method="dpor", progress=interrupt)
    finally:
        signal.signal(signal.SIGINT, before)
    assert (result.verdict, result.stopped_by) == ("incomplete", "an interrupt")
    assert result.runs < 10_000
    assert explore(Scenario("after", State, {"A": nothing, "B": nothing})).verdict == "proved"


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not even this")


def uses_none(s: State) -> None:
    None.shutdown  # type: ignore[attr-defined]  # noqa: B018


def reads_beyond_the_end(s: State) -> None:
    [][s.value]


def raises_unspeakable(s: State) -> None:
    raise Unspeakable


def exits(s: State) -> None:
    raise SystemExit(3)


def raises_a_message_of_its_own(s: State) -> None:
    raise AttributeError("of my own")


@pytest.mark.parametrize(
    ("what", "message"),
    [
        (uses_none, "AttributeError: None has no attribute 'shutdown'"),
        (reads_beyond_the_end, "IndexError: list index out of range"),
        (raises_unspeakable, "Unspeakable, whose text cannot be made (RuntimeError)"),
        (exits, "SystemExit: 3"),
        (raises_a_message_of_its_own, "AttributeError: of my own"),
    ],
)
def test_a_crash_says_what_happened_in_the_same_words_everywhere(what: Any, message: str) -> None:
    assert run(what).outcomes == {("crash", message): 1}


def test_a_lock_held_by_a_thread_that_has_ended() -> None:
    def keeps(s: State) -> None:
        s.lock.lock()

    def gives_back(s: State) -> None:
        s.lock.lock()
        s.lock.unlock()

    assert run(keeps).outcomes == {("abandoned", "A has ended and still holds lock"): 1}
    assert run(gives_back).verdict == "proved"


class Stubborn:
    """Says nothing about itself."""

    def __repr__(self) -> str:
        raise RuntimeError("no text")

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no comparison")

    def __hash__(self) -> int:
        raise RuntimeError("no hash")


def keeps_a_stubborn_one(s: State) -> None:
    s.value = Stubborn()  # type: ignore[assignment]


def compares(s: State) -> None:
    if s.value == 0:
        s.value = 1


def test_a_value_that_says_nothing_about_itself_is_shown_all_the_same() -> None:
    scenario = Scenario("stubborn", State, {"A": keeps_a_stubborn_one, "B": compares})
    result = explore(scenario)
    assert result.outcomes == {("crash", "RuntimeError: no comparison"): 1}
    assert result.failure is not None
    shown = replay(scenario, result.failure.schedule)
    assert "a Stubborn, whose repr raises RuntimeError" in shown.steps[-1].state["value"]
    assert "Stubborn" in str(shown)
    assert explain(scenario, result)
