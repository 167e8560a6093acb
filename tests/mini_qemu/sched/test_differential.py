"""Engine against oracle on random programs: the acceptance gate of the explorer.

Small programs by Hypothesis in every test run; 2,000 seeded ones under the `slow` mark; `python -m
tests.mini_qemu.sched.differential 20000` for the long run.
"""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.mini_qemu.sched.differential import differences, report, try_many
from tests.mini_qemu.sched.language import FetchAdd, Join, Program, Read, ReadSum, Spawn, Sum, Write
from tests.mini_qemu.sched.oracle import TooLarge, classes
from tests.mini_qemu.sched.programs import random_program

PHASES = [Phase.explicit, Phase.generate]  # no shrinking: `report` does that, and knows what a program is
HEALTHY = [HealthCheck.too_slow, HealthCheck.data_too_large]


@settings(max_examples=80, deadline=None, derandomize=True, phases=PHASES, suppress_health_check=HEALTHY)
@given(st.randoms(use_true_random=False))
def test_small_random_programs(rng: random.Random) -> None:
    program = random_program(rng, operations=8)
    try:
        census = classes(program, limit=400)
    except TooLarge:
        return
    found = differences(program, census)
    assert not found, report(program, found)


def test_half_an_expression_is_part_of_the_state() -> None:
    """What was read before the `+` is in no variable while the other operand is read."""
    program = Program(
        threads=(
            ("A", (ReadSum("r0", "s.x", "s.zero"), Write("s.y", Sum("r0", 0)))),
            ("B", (Write("s.x", 1), Write("s.x", 0))),
        ),
        variables=(("s.x", 0), ("s.y", 0), ("s.zero", 0)),
    )
    assert not differences(program, classes(program))


def test_old_races_are_reversed_in_every_run() -> None:
    """Reversing a race only in the run that first has it misses one of these twelve classes."""
    spawning = (Spawn("h1", "S", (Read("r0", "s.h"),)), Write("s.h", 1), Join("h1"))
    updating = (FetchAdd("r0", "s.x", 0), Write("s.x", Sum("r0", 0)))
    program = Program(
        threads=(("A", (Read("r0", "s.h"),)), ("B", (Read("r0", "s.x"),)), ("C", spawning), ("D", updating)),
        variables=(("s.h", 0), ("s.x", 0)),
    )
    census = classes(program)
    assert census.classes == 12
    assert not differences(program, census)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(8))
def test_eight_hundred_random_programs(part: int) -> None:
    tally = try_many(itertools.count(part * 1_000_000), programs=100)
    assert not tally.wrong, "\n\n".join([str(tally), *tally.wrong])
    assert tally.programs == 100
