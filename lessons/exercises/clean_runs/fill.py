# SPDX-License-Identifier: GPL-2.0-or-later
"""08, fill in: the largest probability with which a series of clean runs is not yet surprising."""

from __future__ import annotations

import math

from lessons.exercises.clean_runs.arithmetic import Asked, close, said, watch_answers
from lessons.exercises.model import Exercise, Trial
from lessons.exercises.mounting import Place
from mini_qemu.sched import Scenario

SERIES = (10_000, 200)  # lengths that are asked for
likely = Place(lambda runs: 1.0, {"math": math})


def bound(runs: int) -> float:
    return float(1 - 0.05 ** (1 / runs))


def asks_likely(w: Asked) -> None:
    for runs in SERIES:
        w.answers = (*w.answers, likely.function(runs))


def right_bound(w: Asked) -> bool:
    for runs, given in zip(SERIES, w.answers, strict=True):
        wanted = bound(runs)
        assert close(given, wanted, 0.05), f"for {runs:,} clean runs you say {given}, and it is {wanted:.3g}"
    return True


FILL = Exercise(
    name="clean-runs/fill",
    lesson="08_fifty_thousand_clean_runs",
    title="Fill in the arithmetic",
    statement="The bug strikes with probability p in each run. How large can p be if a clean series still has a chance"
    " of 5 %?",
    why="For many runs this is close to 3 / runs: the rule of three.",
    trials=(
        Trial(
            Scenario("clean-runs", Asked, {"question": asks_likely}, right_bound, watch_answers, guarded=False),
            "10,000 runs were clean, or 200",
        ),
    ),
    mount=likely.mount,
    hints=("All runs are clean with probability (1 - p) ** runs.", "Set that to 0.05 and solve for p."),
)


@FILL.starts_from("That would say that what nobody has seen cannot happen.", said(0.0, 0.0))
def largest_p(runs):
    return 0.0


@FILL.solved_by
def solved_for_p(runs):
    # (1 - p) ** runs == 0.05, solved for p
    return 1 - 0.05 ** (1 / runs)


@FILL.refutes(
    "With p = 1 / runs the chance of a clean series is about 37 %: no surprise at all. p can be larger.",
    said(*(1 / runs for runs in SERIES)),
)
def one_over_runs(runs):
    return 1 / runs


@FILL.refutes(
    "With this p, 95 % of all such series are clean. You solved for 95 %, not for 5 %.",
    said(*(1 - 0.95 ** (1 / runs) for runs in SERIES)),
)
def the_wrong_end(runs):
    return 1 - 0.95 ** (1 / runs)


@FILL.refutes(
    "You divide the 5 % among the runs. But 5 % is the chance that all of them are clean, a product: (1 - p) ** runs.",
    said(*(0.05 / runs for runs in SERIES)),
)
def a_share_of_five_percent(runs):
    return 0.05 / runs


@FILL.refutes(
    "That is the right number as a percentage. A probability lies between 0 and 1: leave out the factor 100.",
    said(*(100 * bound(runs) for runs in SERIES)),
)
def in_percent(runs):
    return 100 * (1 - 0.05 ** (1 / runs))


@FILL.refutes(
    "You return p of a clean series, not p of one run: 0.05 ** (1 / runs) is the chance that one run is clean. The bug"
    " strikes with what is left of 1.",
    said(*(0.05 ** (1 / runs) for runs in SERIES), within=1e-9),
)
def chance_of_one_clean_run(runs):
    return 0.05 ** (1 / runs)


@FILL.accepts
def rule_of_three(runs):
    return 3 / runs


@FILL.accepts
def with_logarithms(runs):
    return -math.expm1(math.log(0.05) / runs)


@FILL.accepts
def by_bisection(runs):
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if (1 - middle) ** runs > 0.05:
            low = middle
        else:
            high = middle
    return low
