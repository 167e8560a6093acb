"""Schedules as text, strict replay, traces, the learner as scheduler: same schedule, same trace."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mini_qemu.sched import (
    Channel,
    DivergenceError,
    Manual,
    Mutex,
    NothingFailed,
    Scenario,
    ScenarioError,
    ScheduleError,
    Shared,
    Step,
    explain,
    explore,
    format_schedule,
    minimise,
    parse_schedule,
    replay,
    spawn,
)
from tests.mini_qemu.sched import published

LOST = published.lost_update(2)


@given(st.lists(st.sampled_from(["A", "main", "return path", "T1", "it's", "a\\b", "live_migration", "#1", "x y'z"])))
def test_text_round_trip(threads: list[str]) -> None:
    assert parse_schedule(format_schedule(threads, "0123ab")) == (threads, "0123ab")
    assert parse_schedule(format_schedule(threads)) == (threads, "")


def test_text_is_short() -> None:
    assert format_schedule(["A", "B", "B", "A"], "3f9c1e") == "v1:A1 B2 A1#3f9c1e"
    assert format_schedule(["main", "return path", "return path"]) == "v1:main1 'return path'2"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("A1 B2", "is not a schedule"),
        ("v1:A", "cannot be read at 'A'"),
        ("v1:A1,B2", "cannot be read at 'A1,B2'"),
        ("v1:A0", "0 steps in a row"),
        ("v2:A1", "version v2"),
        ("v1:A1#12", "not six hexadecimal digits"),
        (7, "a schedule is a text"),
    ],
)
def test_malformed(text: Any, says: str) -> None:
    with pytest.raises(ScheduleError, match=says):
        replay(LOST, text)


def test_every_failure_replays_to_itself() -> None:
    for scenario in [LOST, published.lost_update(3), published.philosophers(4)]:
        result = explore(scenario)
        assert result.failure is not None
        trace = replay(scenario, result.failure.schedule)
        assert trace.schedule == result.failure.schedule
        assert trace.finding is not None
        assert trace.finding.kind == result.failure.kind


def test_a_hundred_replays_are_one() -> None:
    schedule = explore(published.philosophers(3)).failure
    assert schedule is not None
    traces = {json.dumps(replay(published.philosophers(3), schedule.schedule).to_dict()) for _ in range(100)}
    assert len(traces) == 1


def test_same_counts_and_schedules_whatever_the_hash_seed() -> None:
    program = (
        "from tests.mini_qemu.sched import published as p; from mini_qemu.sched import *\n"
        "for s in (p.lost_update(3), p.philosophers(3), p.lastzero(4)):\n"
        "    r = explore(s)\n"
        "    print(r, r.races, r.failure and (r.failure.schedule, str(replay(s, r.failure.schedule))))"
    )
    root = Path(__file__).parents[3]
    said = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=root,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "4711")
    }
    assert len(said) == 1


class Pair(Shared):
    x: int = 0
    y: int = 0
    lock: Mutex

    def __init__(self) -> None:
        self.lock = Mutex()


def left(s: Pair) -> None:
    with s.lock:
        s.x = 1


def right(s: Pair) -> None:
    with s.lock:
        s.y = s.x


PAIR = Scenario("pair", Pair, {"L": left, "R": right})


def test_divergence_names_step_expected_and_found() -> None:
    for schedule, says in [
        ("v1:L1 R1", "step 2: the schedule asks for R, but R waits for lock, held by L"),
        ("v1:L9", "step 4: the schedule asks for L, but L has ended"),
        ("v1:Q1", "step 1: the schedule asks for thread 'Q', but there are only L, R"),
    ]:
        with pytest.raises(DivergenceError, match=says):
            replay(PAIR, schedule)


def test_stale_schedule_is_refused() -> None:
    with pytest.raises(ScheduleError, match="recorded for other code"):
        replay(PAIR, "v1:L1#000000")
    assert len(replay(PAIR, "v1:L1#000000", strict=False).steps) == 1


def test_comments_do_not_make_a_schedule_stale(tmp_path: Path) -> None:
    prints = []
    for number, change in enumerate(["", "  # a remark", " + 1"]):
        file = tmp_path / f"{number}.py"
        file.write_text(
            "from mini_qemu.sched import *\nclass S(Shared):\n    v: int = 0\n"
            f"def f(s):\n    s.v = 1{change}\nSCENARIO = Scenario('s', S, {{'A': f}})\n"
        )
        spec = importlib.util.spec_from_file_location("program", file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        prints.append(module.SCENARIO.fingerprint)
    assert prints[0] == prints[1] != prints[2]


def test_trace_says_who_stands_where_and_why() -> None:
    trace = replay(PAIR, "v1:L2")
    step = trace.steps[-1]
    assert (step.thread, step.op, step.object, step.field, step.value) == ("L", "write", "Pair", "x", "1")
    assert step.text == "L writes x = 1"
    assert step.state == {"x": "1", "y": "0"}
    assert step.changed == ["x"]
    assert step.locks == {"lock": "L"}
    assert step.status == {"L": "ready", "R": "blocked"}
    assert step.blocked == {"R": "waits for lock, held by L since step 1"}
    assert step.where["R"] == ("right", right.__code__.co_firstlineno + 1)
    assert replay(PAIR, "v1:L3").steps[-1].woke == ["R"]
    assert trace.threads == ["L", "R"]
    assert repr(trace) == "pair: 2 steps, not finished."


def test_what_a_closed_channel_refuses_is_not_told_as_sent() -> None:
    def late(line: Channel) -> None:
        line.close()
        with contextlib.suppress(BrokenPipeError):
            line.send("news")

    trace = replay(Scenario("late", lambda: Channel("the line"), {"A": late}), "v1:A2")
    assert trace.steps[-1].text == "A finds the line closed and sends nothing"


def half_way(counter: Any, step: Step) -> bool:
    """A thread that has read the counter writes before another reads."""
    return not (step.op == "read" and step.thread == "B" and counter.value == 0)


def test_a_trace_says_which_step_breaks_a_rule_first() -> None:
    scenario = dataclasses.replace(LOST, invariants={"one at a time": half_way})
    (rule,) = replay(scenario, "v1:A1 B2 A1").invariants
    assert (rule.name, rule.broken) == ("one at a time", 2)
    assert rule.meaning == "A thread that has read the counter writes before another reads."
    assert replay(scenario, "v1:A2 B2").invariants[0].broken == 0
    assert explore(scenario).runs == explore(LOST).runs


def test_a_rule_that_raises_is_named() -> None:
    scenario = dataclasses.replace(LOST, invariants={"wrong": lambda counter, step: counter.valu})
    with pytest.raises(ScenarioError, match=r"invariant 'wrong' raised AttributeError: .* after step 1; expected a"):
        replay(scenario, "v1:A1")


def test_columns() -> None:
    trace = replay(PAIR, "v1:L3 R4")
    text = str(trace).splitlines()
    assert text[0].split() == ["L", "R"]
    right = text[0].index("R")
    assert text[3][:right].split() == ["2", str(trace.steps[1].line), "writes", "x", "=", "1"]
    assert text[6][right:].endswith("reads x: 1")
    assert not text[6][4:right].strip()


def test_manual() -> None:
    game = Manual(PAIR)
    assert game.choices() == ["L", "R"]
    game.step("L")
    assert game.choices() == ["L"]
    with pytest.raises(DivergenceError, match="R waits for lock, held by L"):
        game.step("R")
    game.undo()
    game.undo()  # nothing left to undo
    assert (game.choices(), game.schedule.split("#")[0]) == (["L", "R"], "v1:")
    for _ in range(3):
        game.step("L")
    for _ in range(4):
        game.step("R")
    assert (game.finished, game.findings) == (True, [])
    assert len(game.reset().steps) == 0
    broken = Manual(LOST, explore(LOST).failure.schedule)  # type: ignore[union-attr]
    assert [finding.kind for finding in broken.findings] == ["check"]


def test_minimise_gives_the_fewest_preemptions_then_steps() -> None:
    scenario = published.lost_update(3)
    random = explore(scenario, method="random", seed=3)
    assert random.failure is not None
    shortest = minimise(scenario, random.failure)
    threads, _ = parse_schedule(shortest)
    assert threads == ["T1", "T2", "T2", "T1", "T3", "T3"] or len(set(threads)) == 3
    # by brute force: no schedule without a preemption fails, and this one has one
    assert explore(scenario, method="bounded", preemptions=0).failing == 0
    assert sum(a != b for a, b in itertools.pairwise(threads)) == 3
    assert minimise(scenario, explore(scenario)) == shortest


def test_a_deadlock_can_be_minimised_from_its_schedule() -> None:
    scenario = published.philosophers(3)
    result = explore(scenario)
    assert result.failure is not None
    assert minimise(scenario, result.failure.schedule) == minimise(scenario, result)


def test_minimise_knows_who_could_have_gone_on() -> None:
    """A join waits for its thread and a detach for nobody, whatever else happened before them in the run."""

    def child(s: Pair) -> None:
        s.y = 1

    def starts(s: Pair) -> None:
        s.x = spawn("child", child, s)  # type: ignore[assignment]

    def joins(s: Any) -> None:
        if s.x:
            s.x.join()

    def detaches(s: Any) -> None:
        if s.x:
            s.x.detach()

    scenario = Scenario("twice", Pair, {"A": starts, "B": joins, "C": detaches})
    late = next(f for f in explore(scenario).examples.values() if "is detached although" in f.message)
    assert parse_schedule(minimise(scenario, late))[0] == [*"AABB", "child", *"BCCC"]


def test_minimise_gives_the_simplest_of_a_kind() -> None:
    """One assertion needs a preemption, the other does not; the check needs neither of them to fail."""

    def writer(s: Pair) -> None:
        s.x = 1
        s.y = 1

    def reader(s: Pair) -> None:
        assert s.y == s.x, "half done"
        assert s.y == 0, "all done"

    scenario = Scenario("kinds", Pair, {"W": writer, "R": reader}, check=lambda s: s.x == 0)
    kinds = explore(scenario).findings
    assert set(kinds) == {"crash", "check"}
    assert replay(scenario, minimise(scenario, kind="crash")).finding.message.endswith("(all done)")  # type: ignore[union-attr]
    assert replay(scenario, minimise(scenario, kind="check")).finding.kind == "check"  # type: ignore[union-attr]
    with pytest.raises(NothingFailed, match="no interleaving ends in a deadlock"):
        minimise(scenario, kind="deadlock")
    fine = Scenario("fine", Pair, {"W": writer})
    with pytest.raises(NothingFailed, match="nothing to minimise: fine: proved"):
        minimise(fine)
    with pytest.raises(NothingFailed, match="ends without a finding"):
        minimise(fine, "v1:W2")


def test_minimise_drops_what_a_crash_does_not_need() -> None:
    def reader(s: Pair) -> None:
        seen = s.x
        assert seen == 0

    def writer(s: Pair) -> None:
        for _ in range(5):
            s.y = s.y + 1
        s.x = 1

    def bystander(s: Pair) -> None:
        s.y = 9

    scenario = Scenario("drop", Pair, {"R": reader, "W": writer, "B": bystander})
    threads, _ = parse_schedule(minimise(scenario))
    assert threads.count("B") == 0
    assert threads == ["W"] * 11 + ["R"]


def test_minimise_lets_a_thread_end_where_that_saves_a_preemption() -> None:
    def writer(s: Pair) -> None:
        s.x = 1
        s.y = 1

    def reader(s: Pair) -> None:
        assert s.x == 0

    threads, _ = parse_schedule(minimise(Scenario("end", Pair, {"W": writer, "R": reader})))
    assert threads == ["W", "W", "R"]


def test_explain_tells_who_read_before_who_wrote() -> None:
    said = explain(LOST, explore(LOST))
    assert "read value (0)" in said
    assert "before" in said
    assert "from what it had read" in said
    assert "At the end the check fails" in said
    assert explain(LOST, explore(LOST)) == said
    proved = published.locked_update(2)
    assert "Nothing to explain" in explain(proved, explore(proved))


def test_methods_agree_on_what_can_go_wrong() -> None:
    for scenario in [LOST, published.lost_update(3), published.philosophers(3), published.locked_update(2)]:
        dpor, dfs, states = (explore(scenario, method=m) for m in ("dpor", "dfs", "states"))
        assert (dpor.runs, dpor.failing, set(dpor.outcomes)) == (dfs.runs, dfs.failing, set(dfs.outcomes))
        assert set(states.outcomes) == set(dpor.outcomes)
        assert states.verdict == dpor.verdict
        assert states.states is not None
        assert "states, all of them visited" in repr(states)


def test_random_methods_keep_to_their_seed_and_prove_nothing() -> None:
    scenario = published.locked_update(3)
    for method in ("random", "pct", "bounded"):
        one, two = (explore(scenario, method=method, seed=5, limit_runs=50) for _ in range(2))
        assert one == two or (one.runs, one.failing) == (two.runs, two.failing)
        assert one.verdict == "incomplete"
        assert "proves nothing" in repr(one)
