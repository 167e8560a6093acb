# SPDX-License-Identifier: GPL-2.0-or-later
"""08, write: what PCT promises. The right thread last, and each change on the right step."""

from __future__ import annotations

from lessons.exercises.clean_runs.arithmetic import Asked, close, said, watch_answers
from lessons.exercises.model import Exercise, Trial
from lessons.exercises.mounting import Place
from mini_qemu.sched import Scenario

PROBLEMS = ((4, 100, 2), (3, 10, 3), (5, 20, 1))  # threads, steps, depth
promise = Place(lambda threads, steps, depth: 0.0)


def promised_by_pct(threads: int, steps: int, depth: int) -> float:
    return float(1 / (threads * steps ** (depth - 1)))


def asks_promise(w: Asked) -> None:
    for threads, steps, depth in PROBLEMS:
        w.answers = (*w.answers, promise.function(threads, steps, depth))


def right_promise(w: Asked) -> bool:
    for (threads, steps, depth), given in zip(PROBLEMS, w.answers, strict=True):
        wanted = promised_by_pct(threads, steps, depth)
        about = f"for {threads} threads, {steps} steps and depth {depth}"
        assert close(given, wanted), f"{about} you say {given}, and it is 1/{round(1 / wanted)}"
    return True


WRITE = Exercise(
    name="clean-runs/write",
    lesson="08_fifty_thousand_clean_runs",
    title="Write PCT's promise",
    statement="PCT gives each of n threads a random priority, and lowers priorities at d - 1 random steps out of k. How"
    " likely is one run to find a bug of depth d, at least?",
    why="It falls with the depth of the bug, not with the number of interleavings. That is PCT's whole idea.",
    trials=(
        Trial(
            Scenario("a-promise", Asked, {"question": asks_promise}, right_promise, watch_answers, guarded=False),
            "three programs are asked about",
        ),
    ),
    mount=promise.mount,
    hints=("How likely is it that one given thread gets the lowest priority?", "And one given step, out of k?"),
)


@WRITE.starts_from(
    "That falls with the number of threads as an exponent: the chance to hit one order among all. PCT needs only the"
    " few changes that matter.",
    said(*(1 / k**n for n, k, d in PROBLEMS)),
)
def promised(threads, steps, depth):
    return 1 / steps**threads


@WRITE.solved_by
def last_thread_and_changes(threads, steps, depth):
    # the right thread must come last: 1 in n; and each change must fall on the right step: 1 in k, d - 1 times
    return 1 / (threads * steps ** (depth - 1))


@WRITE.refutes(
    "One factor too many: a bug of depth 1 needs the right thread first, and no change at all.",
    said(*(1 / (n * k**d) for n, k, d in PROBLEMS)),
)
def one_too_many(threads, steps, depth):
    return 1 / (threads * steps**depth)


@WRITE.refutes(
    "The right thread must have the lowest priority: one chance in the number of threads.",
    said(*(1 / k ** (d - 1) for n, k, d in PROBLEMS)),
)
def no_threads(threads, steps, depth):
    return 1 / steps ** (depth - 1)


@WRITE.refutes(
    "One run hits each of the d - 1 changes, so their chances multiply: steps to the power d - 1, not times d - 1.",
    said(*(1 / (n * k * (d - 1)) if d > 1 else 0.0 for n, k, d in PROBLEMS[:2])),
)
def times_instead_of_power(threads, steps, depth):
    return 1 / (threads * max(1, steps * (depth - 1)))


@WRITE.accepts
def with_a_loop(threads, steps, depth):
    chance = 1 / threads
    for _ in range(depth - 1):
        chance /= steps
    return chance
