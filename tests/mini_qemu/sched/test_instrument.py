"""Instrumented code means what it says in plain Python, and what cannot be controlled is refused by name and line."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from mini_qemu.sched import InstrumentationError, Mutex, Scenario, SchedError, Shared, explore, join, replay, spawn


class Box(Shared):
    value: Any = 0
    other: Any = 0
    lock: Mutex

    def __init__(self) -> None:
        self.lock = Mutex()
        self.log: list[Any] = []

    def bump(self, by: int = 1) -> int:
        self.value += by
        return self.value  # type: ignore[no-any-return]

    def twin(self) -> Box:
        return Box.make(self.value)

    @classmethod
    def make(cls, value: Any) -> Box:
        box = Box()
        box.value = value
        return box


class Louder(Box):
    __secret = 5

    def bump(self, by: int = 1) -> int:
        return super().bump(by + self.__secret)


def alone(body: Callable[..., Any], *args: Any) -> Any:
    """The state after `body` ran as the only thread, and nothing was found wrong."""
    kept = []

    def setup() -> Box:
        kept.append(Louder())
        return kept[-1]

    result = explore(Scenario("alone", setup, {"A": (body, *args)}, guarded=False))
    assert (result.verdict, result.runs) == ("proved", 1), result
    return kept[-1]


def targets(s: Box) -> None:
    s.value, (local, s.other) = 1, (2, 3)
    s.log.append(local)
    for s.value in range(4):
        pass
    s.value = s.other = s.value + s.other


def augmented(s: Box) -> None:
    s.value += 2
    s.value *= 5
    s.log += [s.value]
    s.log[0] -= 1


def control_flow(s: Box) -> str:
    while True:
        try:
            s.value += 1
            if s.value < 3:
                continue
            if s.value == 3:
                raise ValueError(f"at {s.value}")
        except ValueError as error:
            s.log.append(str(error))
        else:
            break
        finally:
            s.other += 1
    return "done"


class Manager:
    def __init__(self, s: Box, swallow: bool) -> None:
        self.s, self.swallow = s, swallow

    def __enter__(self) -> str:
        self.s.log.append("in")
        return "entered"

    def __exit__(self, kind: Any, error: Any, traceback: Any) -> bool:
        self.s.value += 1
        self.s.log.append(kind.__name__ if kind else None)
        return self.swallow


def with_statements(s: Box) -> None:
    with s.lock, Manager(s, True) as s.other:
        raise KeyError("swallowed")
    with Manager(s, False):
        pass
    try:
        with Manager(s, False):
            raise KeyError("passed on")
    except KeyError:
        s.log.append("seen")
    for _ in range(2):
        with s.lock:
            continue
    with s.lock:
        return


def closures(s: Box) -> None:
    total = 0

    def add(by: int = 2, *, twice: bool = False) -> int:
        nonlocal total
        total += by * (2 if twice else 1)
        s.value = total
        return s.value  # type: ignore[no-any-return]

    def recurse(n: int) -> int:
        return add() + recurse(n - 1) if n else 0

    s.other = recurse(3) + add(twice=True) + functools.partial(add, 10)()


def methods(s: Box) -> None:
    s.bump()
    Box.bump(s, by=3)
    s.other = getattr(s, "value") + len([s.value, *(1 for _ in range(2))])  # noqa: B009  (the call is what is tested)
    setattr(s, "value", s.value if isinstance(s, Louder) else None)  # noqa: B010


def countdown(s: Box, n: int) -> None:
    s.value += n
    if n:
        countdown(s, n - 1)


def own_names(s: Box) -> None:
    countdown(s, 3)
    s.other = s.twin().value + Box.make(4).twin().value


def called_by_others(s: Box) -> None:
    @functools.lru_cache
    def double(n: int) -> int:
        return 2 * n

    def negative(n: int, by: int = s.value) -> int:
        return by - n

    made = []
    for number in range(3):

        def closed(n: int = 0) -> int:
            return number + n  # noqa: B023  (the last one: that is what is tested)

        made.append(closed)
    s.value = [double(4), *sorted([1, 2], key=negative), *map(negative, [1]), negative(5)]
    s.other = [f() for f in made] + [made[0](1)]


def nothing_to_enter(s: Box) -> None:
    try:
        with s.value:
            s.other = "entered"
    except TypeError as error:
        s.log.append(str(error))


def comprehensions(s: Box) -> None:
    def double(values: Any) -> list[int]:
        s.other = 1
        return [2 * value for value in values]

    s.value = (1, 2)
    s.log = [n for n, _ in dict.fromkeys(double(s.value)).items() for _ in range(2)]
    s.other = sum(n for n in s.value) + len({n: n for n in double(s.value)}) + s.other


def test_the_iterable_of_a_comprehension_is_ordinary_code() -> None:
    s = alone(comprehensions)
    assert (s.log, s.other) == ([2, 2, 4, 4], 3 + 2 + 1)


def test_targets() -> None:
    s = alone(targets)
    assert (s.value, s.other, s.log) == (6, 6, [2])


def test_augmented_assignment() -> None:
    s = alone(augmented)
    assert (s.value, s.log) == (10, [9])


def test_control_flow() -> None:
    s = alone(control_flow)
    assert (s.value, s.other, s.log) == (4, 4, ["at 3"])


def test_with_is_pep_343() -> None:
    s = alone(with_statements)
    assert s.other == "entered"
    assert s.value == 3
    assert s.log == ["in", "KeyError", "in", None, "in", "KeyError", "seen"]


def test_nested_functions_closures_and_partials() -> None:
    s = alone(closures)
    assert (s.value, s.other) == (20, 2 + 4 + 6 + 10 + 20)


def test_functions_and_classes_find_themselves_by_name() -> None:
    s = alone(own_names)
    assert (s.value, s.other) == (6, 6 + 4)


def test_nested_functions_are_functions_to_their_callers() -> None:
    s = alone(called_by_others)
    assert (s.value, s.other) == ([8, 2, 1, -1, -5], [2, 2, 2, 3])


def test_with_on_something_else_raises_what_python_raises() -> None:
    assert "context manager protocol" in alone(nothing_to_enter).log[0]


def test_methods_super_and_private_names() -> None:
    s = alone(methods)
    assert (s.value, s.other) == (1 + 5 + 3, 9 + 3)


def test_a_closure_of_the_scenario_keeps_its_cells() -> None:
    amount = 7

    def body(s: Box) -> None:
        s.value = amount

    assert alone(body).value == 7
    amount = 8
    assert alone(body).value == 8


def test_same_name_in_another_class_is_no_step() -> None:
    class Plain:
        value = 0

    def body(s: Box) -> None:
        p = Plain()
        p.value = p.value + 1
        s.value = p.value

    kept = Scenario("plain", Box, {"A": body})
    assert [step.text for step in replay(kept, "v1:A1").steps] == ["A writes value = 1"]


def test_a_field_declared_later_is_seen_by_functions_that_ran_before() -> None:
    def body(s: Any) -> None:
        s.brand_new = s.brand_new + 1

    class Before:
        brand_new = 0

    assert explore(Scenario("before", Before, {"A": body, "B": body}, guarded=False)).runs == 1

    class After(Shared):
        brand_new: int = 0

    assert explore(Scenario("after", After, {"A": body, "B": body}, guarded=False)).runs == 4


def test_lines_are_those_of_the_file() -> None:
    step = replay(Scenario("lines", Box, {"A": augmented}), "v1:A1").steps[0]
    first = augmented.__code__.co_firstlineno
    assert (step.line, step.function) == (first + 1, "augmented")
    assert step.file == __file__


# ---------------------------------------------------------------- refusals


def comprehension(s: Box) -> Any:
    return [s.value for _ in range(2)]


def nested_key(s: Box) -> Any:
    def size(box: Box) -> Any:
        return box.value

    return sorted([s], key=size)


def passed_lambda(s: Box) -> Any:
    return sorted([s], key=lambda box: box.value)


def mapped(s: Box) -> Any:
    return list(map(Box.bump, [s]))


def generator(s: Box) -> Any:
    yield s.value


def uses_generator(s: Box) -> None:
    for _ in generator(s):
        pass


async def coroutine(s: Box) -> None:
    s.value = 1


def sleeps(s: Box) -> None:
    time.sleep(1)


def real_lock(s: Box) -> None:
    with NATIVE_LOCK:
        s.value = 1


def real_thread(s: Box) -> None:
    threading.Thread(target=targets, args=(s,)).start()


def asks(s: Box) -> None:
    s.value = input()


def writes_global(s: Box) -> None:
    global NATIVE_LOCK
    NATIVE_LOCK = s.lock


NATIVE_LOCK: Any = threading.Lock()


class Computed(Shared):
    value: int = 0

    @property
    def double(self) -> int:
        return self.value * 2


def uses_property(s: Any) -> int:
    return Computed().double


@pytest.mark.parametrize(
    ("body", "offset", "says"),
    [
        (comprehension, 1, "comprehension"),
        (nested_key, 2, "(nested_key.<locals>.size)"),
        (passed_lambda, 1, "lambda"),
        (mapped, None, "does not control"),
        (uses_generator, None, "generator"),
        (sleeps, 1, "time.sleep"),
        (real_lock, 1, "use mini_qemu.sched.Mutex"),
        (real_thread, 1, "threading.Thread"),
        (asks, 1, "input"),
        (writes_global, 1, "global NATIVE_LOCK"),
        (uses_property, None, "property"),
        (coroutine, None, "cannot be instrumented"),
    ],
)
def test_refused_with_file_line_and_reason(body: Any, offset: int | None, says: str) -> None:
    with pytest.raises(InstrumentationError) as refused:
        explore(Scenario("refused", Box, {"A": body}, guarded=False))
    message = str(refused.value)
    assert says in message
    assert "\n" not in message
    if offset is not None:
        assert f"{__file__}:{body.__code__.co_firstlineno + offset}:" in message


def test_outer_variable_is_refused() -> None:
    count = 0

    def body(s: Box) -> None:
        nonlocal count
        count += 1

    with pytest.raises(InstrumentationError, match="variable count of an enclosing function"):
        explore(Scenario("outer", Box, {"A": body}, guarded=False))


def test_code_without_source_is_refused() -> None:
    scope: dict[str, Any] = {"__name__": __name__}
    exec("def hidden(s):\n    s.value = 1", scope)
    with pytest.raises(InstrumentationError, match="source of hidden is not available"):
        explore(Scenario("hidden", Box, {"A": scope["hidden"]}, guarded=False))


def test_after_a_refusal_everything_works_again() -> None:
    with pytest.raises(SchedError):
        explore(Scenario("refused", Box, {"A": comprehension}, guarded=False))
    box = Box()
    box.value += 1  # plain access is native again
    assert box.value == 1
    assert alone(targets).value == 6


def test_native_mode_runs_the_same_functions_on_real_threads() -> None:
    def child(s: Box) -> None:
        for _ in range(100):
            with s.lock:
                s.value += 1

    box = Box()
    handles = [spawn(f"child {i}", child, box) for i in range(3)]
    for handle in handles:
        handle.join()
    assert box.value == 300
    with pytest.raises(RuntimeError, match="joined or detached before"):
        handles[0].join()
    join("child 0")  # has ended: nothing to wait for
