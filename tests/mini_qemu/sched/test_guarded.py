"""A declared scenario is watched for what its threads share without saying so; and wrong words are not findings."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from collections.abc import Iterator
from typing import Any, ClassVar, Final

import pytest

from mini_qemu.sched import (
    Channel,
    InstrumentationError,
    Mutex,
    Scenario,
    Semaphore,
    Shared,
    compare_exchange,
    explore,
    minimise,
    replay,
    spawn,
)


def both(setup: Any, thread: Any, check: Any = None, **more: Any) -> Any:
    return explore(Scenario("both", setup, {"A": thread, "B": thread}, check=check), **more)


def adds(s: Any) -> None:
    s.n = s.n + 1


class Plain:
    def __init__(self) -> None:
        self.n = 0


class InInit(Shared):
    def __init__(self) -> None:
        self.n: int = 0


class Mixin:
    n: int = 0


class Mixed(Mixin, Shared):
    other: int = 0


class Fixed(Shared):
    n: Final[int] = 0


class OfClass(Shared):
    n: ClassVar[int] = 0


@dataclasses.dataclass
class Data(Shared):
    n: int = 0
    seen: tuple[int, ...] = dataclasses.field(default_factory=tuple)


class Behind(Shared):
    _n: int = 0

    @property
    def n(self) -> int:
        return self._n

    @n.setter
    def n(self, value: int) -> None:
        self._n = value


class Slotted(Shared):
    __slots__ = ("n",)

    def __init__(self) -> None:
        self.n = 0


@pytest.mark.parametrize("setup", [Plain, InInit, Mixed, Fixed, OfClass, Data, Behind, Slotted])
@pytest.mark.parametrize("method", ["dpor", "dfs"])
def test_what_two_threads_share_is_a_field_however_it_is_written(setup: Any, method: str) -> None:
    result = both(setup, adds, lambda s: s.n == 2, method=method)
    assert (result.verdict, result.classes, result.failing) == ("failed", 4, 2)


@pytest.mark.parametrize("setup", [Plain, Mixed, Data])
def test_states_sees_what_is_shared_too(setup: Any) -> None:
    assert both(setup, adds, lambda s: s.n == 2, method="states").findings["check"] == 1


def test_a_schedule_of_what_was_discovered_can_be_replayed() -> None:
    scenario = Scenario("plain", Plain, {"A": adds, "B": adds}, check=lambda s: s.n == 2)
    result = explore(scenario)
    assert result.discovered == ["Plain.n"]
    again = Scenario("plain", Plain, {"A": adds, "B": adds}, check=lambda s: s.n == 2)
    assert replay(again, minimise(scenario, result)).finding is not None


class Locked(Shared):
    m: Mutex
    n: int = 0

    def __init__(self) -> None:
        self.m = Mutex()


def replaces(s: Locked) -> None:
    s.m = Mutex()
    with s.m:
        s.n += 1


def test_a_lock_that_a_thread_replaces_is_shared() -> None:
    result = both(Locked, replaces, lambda s: s.n == 2)
    assert (result.verdict, result.discovered) == ("failed", ["Locked.m"])


def test_what_a_lock_protects_makes_no_steps() -> None:
    class Bank:
        def __init__(self) -> None:
            self.lock, self.n = threading.Lock(), {"a": 0}

    def moves(s: Bank) -> None:
        with s.lock:
            s.n["a"] += 1

    result = both(Bank, moves, lambda s: s.n == {"a": 2})
    assert (result.verdict, result.classes, result.discovered) == ("proved", 2, [])


def test_a_comprehension_and_a_lambda_run_under_control() -> None:
    class Cell(Shared):
        n: int = 0

    def thread(s: Cell) -> None:
        s.n = max([c.n for c in [s]], key=lambda n: n + s.n) + 1

    assert both(Cell, thread, lambda s: s.n == 2).verdict == "failed"


COUNT = 0


def counts(s: Plain) -> None:
    global COUNT
    COUNT += 1


def test_what_is_not_put_back_is_refused() -> None:
    with pytest.raises(InstrumentationError, match=r"test_guarded.py:\d+: the global COUNT is changed"):
        both(Plain, counts)


class Late(Shared):
    n: int = 0


def test_a_class_that_is_changed_later_is_refused() -> None:
    assert both(Late, adds).classes == 4
    Late.n = property(lambda self: 1)  # type: ignore[assignment, method-assign]
    with pytest.raises(TypeError, match="a property in its place hides it"):
        both(Late, adds)
    del Late.n
    assert both(Late, adds).classes == 4


class Things(Shared):
    flag: int = 0

    def __init__(self) -> None:
        self.mutex, self.semaphore, self.channel = Mutex(), Semaphore(), Channel()


def missing(s: Things) -> None:
    s.semaphore.signal()  # type: ignore[attr-defined]


def of_a_queue(s: Things) -> None:
    s.channel.get_nowait()  # type: ignore[attr-defined]


def swallowed(s: Things) -> None:
    try:
        s.mutex.locked()  # type: ignore[attr-defined]
    except Exception:
        pass


def too_many(s: Things) -> None:
    s.mutex.lock(False)  # type: ignore[call-arg]


def too_few(s: Things) -> None:
    compare_exchange(s, "flag", 0)  # type: ignore[call-arg]


def without_name(s: Things) -> None:
    spawn("child")  # type: ignore[call-arg]


@pytest.mark.parametrize("guarded", [True, False])
@pytest.mark.parametrize(
    ("thread", "says"),
    [
        (missing, "no attribute 'signal'; it has wait, post, acquire and release. post is what gives one"),
        (of_a_queue, "queue.Queue has that one"),
        (swallowed, "no attribute 'locked'"),
        (too_many, "takes 1 positional argument but 2 were given; it is called as lock"),
        (too_few, "it is called as compare_exchange"),
        (without_name, "it is called as spawn"),
    ],
)
def test_a_wrong_word_is_refused_with_a_hint(thread: Any, says: str, guarded: bool) -> None:
    with pytest.raises(InstrumentationError, match=rf"test_guarded.py:\d+: .*{says}"):
        explore(Scenario("words", Things, {"A": thread}, guarded=guarded))


def test_a_semaphore_has_pythons_words_too() -> None:
    def thread(s: Things) -> None:
        s.semaphore.release()
        s.semaphore.acquire()

    assert both(Things, thread).verdict == "proved"


def test_a_write_to_none_is_a_crash_in_every_run() -> None:
    class Linked:
        def __init__(self) -> None:
            self.next: Any = None

    def marks(s: Linked) -> None:
        s.next.seen = True

    scenario = Scenario("none", Linked, {"A": marks, "B": marks})
    for _ in range(2):
        assert dict(explore(scenario).findings) == {"crash": 1}


def test_an_attribute_of_a_function_is_shared() -> None:
    class Made:
        def __init__(self) -> None:
            def count() -> None: ...

            self.count: Any = count
            self.count.calls = 0

    def calls(s: Made) -> None:
        s.count.calls += 1

    result = both(Made, calls, lambda s: s.count.calls == 2)
    assert (result.verdict, result.classes, result.failing) == ("failed", 4, 2)


# ---------------------------------------------------------------- refusals stick


class Flag(Shared):
    n: int = 0


def by_hash(s: Flag) -> int:
    class Key:
        def __hash__(self) -> int:
            return s.n

    return len({Key(): 1})


def group(s: Flag) -> None:
    try:
        by_hash(s)
    except* BaseException:  # type: ignore[misc]
        pass
    s.n = 1


class Swallows:
    def __enter__(self) -> None:
        pass

    def __exit__(self, *exc: object) -> bool:
        return True


def by_exit(s: Flag) -> None:
    with Swallows():
        by_hash(s)
    s.n = 1


def by_continue(s: Flag) -> None:
    for _ in range(2):
        try:
            by_hash(s)
        finally:
            continue  # noqa: B012 - the point
    s.n = 1


def generates(s: Flag) -> Iterator[int]:
    try:
        yield 1
    finally:
        with contextlib.suppress(BaseException):
            by_hash(s)


def by_closing(s: Flag) -> None:
    made = generates(s)
    next(made)
    made.close()  # type: ignore[attr-defined]
    s.n = 1


@pytest.mark.filterwarnings("ignore::SyntaxWarning")
@pytest.mark.parametrize("thread", [group, by_exit, by_continue, by_closing])
def test_a_refusal_is_not_forgotten(thread: Any) -> None:
    with pytest.raises(InstrumentationError, match=r"called by Python or a library, .* reads Flag\.n"):
        explore(Scenario("sticks", Flag, {"A": thread}))


# ---------------------------------------------------------------- assertions


def caught(s: Flag) -> None:
    try:
        assert s.n == 5
    except AssertionError:
        s.n = 1


def through(s: Flag) -> None:
    with contextlib.suppress(AssertionError):
        assert s.n == 5, "no"
    s.n = 1


@pytest.mark.parametrize("thread", [caught, through])
@pytest.mark.parametrize("guarded", [True, False])
def test_an_assertion_that_the_program_catches_raises(thread: Any, guarded: bool) -> None:
    result = explore(Scenario("caught", Flag, {"A": thread}, check=lambda s: s.n == 1, guarded=guarded))
    assert result.verdict == "proved"


# ---------------------------------------------------------------- what a result says


def test_one_interleaving_is_explained() -> None:
    def nothing(s: Flag) -> None:
        pass

    assert "No two of its 2 threads touch the same thing" in str(both(Flag, nothing))


def test_a_result_shows_what_was_discovered_and_its_races() -> None:
    assert "Shared without synchronisation: Plain.n." in str(both(Plain, adds))
    assert "Race: Flag.n: A writes it in adds line" in str(both(Flag, adds))
