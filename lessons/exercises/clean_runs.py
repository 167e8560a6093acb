# SPDX-License-Identifier: GPL-2.0-or-later
"""08: order the methods by what they can say, fill in the arithmetic of clean runs, write PCT's promise; questions.

The answers are plain arithmetic; they are graded like all others, by a scenario that asks them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import FunctionType

from lessons.exercises.model import Exercise, Place, Question, Trial, WrongAnswer, at_home
from lessons.scenarios.precopy_return_path import scenario as crash
from mini_qemu.sched import Result, Scenario, Shared, explore

LESSON = "08_fifty_thousand_clean_runs"
RUNS = 50_000
DICE = 500


class Asked(Shared):
    answer: float = 0.0


# ---- order the lines: a hand-made random scheduler


class Turns(Shared):
    moved: str = ""

    def __init__(self) -> None:
        self.left = {"x": 2, "y": 1}


def who_can_move(w: Turns) -> list[str]:
    can = []
    for name in w.left:
        if w.left[name]:
            can.append(name)
    return can


def take_turns(w: Turns) -> None:
    """Three steps of two threads, the next one picked among those that can move."""
    for _ in range(3):
        can = who_can_move(w)
        pick = can[0]
        w.left[pick] -= 1
        w.moved = w.moved + pick


turns = Place(take_turns)


def schedule(w: Turns) -> None:
    turns.function(w)


def all_moved(w: Turns) -> bool:
    assert w.moved == "xxy", f"the threads moved in the order {w.moved or 'nobody'}, and xxy was wanted"
    return True


@contextmanager
def scheduling(answer: FunctionType) -> Iterator[None]:
    """The answer may use the names of this module."""
    with turns.mount(at_home(answer, globals())):
        yield


ORDER = Exercise(
    name="clean-runs/order",
    lesson=LESSON,
    title="Order a scheduler",
    statement="The loop of every explorer: who can move, pick one, let it move, write it down.",
    entry="take_turns",
    starter="CABD",
    solution="ABCD",
    why="This loop with a dice in B is the random method, with priorities PCT, with a memory of what was tried the"
    " systematic one. Everything else in this course stands on it.",
    lines={
        "A": "can = who_can_move(w)",
        "B": "pick = can[0]",
        "C": "w.left[pick] = w.left[pick] - 1",
        "D": "w.moved = w.moved + pick",
    },
    frame="""def take_turns(w):
    pick = ""
    can = []
    for _ in range(3):
        ...
""",
    trials=(Trial(Scenario("three-steps", Turns, {"scheduler": schedule}, all_moved), "three steps are scheduled"),),
    mount=scheduling,
    wrong=(
        WrongAnswer(
            "move_before_pick",
            "CABD",
            "C moves a thread that B has not picked yet.",
            lambda o: o.source.index("C") < o.source.index("B"),
        ),
        WrongAnswer(
            "pick_before_look",
            "BACD",
            "B picks among those that can move, and A has not looked yet who can.",
            lambda o: o.source.index("B") < o.source.index("A"),
        ),
        WrongAnswer(
            "write_before_pick",
            "ADBC",
            "D writes down who moved last time.",
            lambda o: o.source.index("D") < o.source.index("B"),
        ),
    ),
    hints=("Which line needs what which other line finds out?",),
)

# ---- fill in the arithmetic

likely = Place(lambda runs: 1.0)


def asks_likely(w: Asked) -> None:
    w.answer = likely.function(10_000)


def right_bound(w: Asked) -> bool:
    wanted = 1 - 0.05 ** (1 / 10_000)
    given = w.answer
    assert math.isclose(given, wanted, rel_tol=0.05), f"for 10,000 clean runs you say {given}, and it is {wanted:.3g}"
    return True


FILL = Exercise(
    name="clean-runs/fill",
    lesson=LESSON,
    title="Fill in the arithmetic",
    statement="The bug strikes with probability p in each run. With which p is a series of clean runs just not yet"
    " surprising, that is, has a chance of 5 %?",
    entry="largest_p",
    starter='''
def largest_p(runs):
    return 0.0
''',
    solution='''
def largest_p(runs):
    # (1 - p) ** runs == 0.05, solved for p
    return 1 - 0.05 ** (1 / runs)
''',
    why="For many runs this is close to 3 / runs: the rule of three.",
    trials=(Trial(Scenario("clean-runs", Asked, {"question": asks_likely}, right_bound), "10,000 runs were clean"),),
    mount=likely.mount,
    wrong=(
        WrongAnswer(
            "never",
            '''
def largest_p(runs):
    return 0.0
''',
            "That would say that what was not seen cannot happen.",
            lambda o: o.says("you say 0.0,") or o.says("you say 0,"),
        ),
        WrongAnswer(
            "one_over_runs",
            '''
def largest_p(runs):
    return 1 / runs
''',
            "With p = 1 / runs the chance of seeing nothing at all is about 37 %: not surprising at all. p can be"
            " larger.",
            lambda o: o.says("you say 0.0001,"),
        ),
        WrongAnswer(
            "the_wrong_end",
            '''
def largest_p(runs):
    return 1 - 0.95 ** (1 / runs)
''',
            "With this p there is a chance of 95 % to see nothing: the smallest p that may surprise, not the largest.",
            lambda o: o.says("you say 5.1"),
        ),
    ),
    hints=("All runs are clean with probability (1 - p) ** runs.", "Set that to 0.05 and solve for p."),
)

# ---- write PCT's promise

promise = Place(lambda threads, steps, depth: 0.0)


def asks_promise(w: Asked) -> None:
    w.answer = promise.function(4, 100, 2)
    other = promise.function(3, 10, 3)
    assert math.isclose(other, 1 / 300), f"for 3 threads, 10 steps and depth 3 you say {other}, and it is 1/300"


def right_promise(w: Asked) -> bool:
    assert math.isclose(w.answer, 1 / 400), f"for 4 threads, 100 steps and depth 2 you say {w.answer}, and it is 1/400"
    return True


WRITE = Exercise(
    name="clean-runs/write",
    lesson=LESSON,
    title="Write PCT's promise",
    statement="PCT gives each of n threads a random priority, and lowers priorities at d - 1 random steps out of k. How"
    " likely is one run to find a bug of depth d, at least?",
    entry="promised",
    starter='''
def promised(threads, steps, depth):
    return 1 / steps**threads
''',
    solution='''
def promised(threads, steps, depth):
    # the right thread must come last: 1 in n; and each change must fall on the right step: 1 in k, d - 1 times
    return 1 / (threads * steps ** (depth - 1))
''',
    why="It falls with the depth of the bug, not with the number of interleavings. That is PCT's whole idea.",
    trials=(Trial(Scenario("a-promise", Asked, {"question": asks_promise}, right_promise), "you are asked"),),
    mount=promise.mount,
    wrong=(
        WrongAnswer(
            "all_orders",
            '''
def promised(threads, steps, depth):
    return 1 / steps**threads
''',
            "That falls with the number of threads as an exponent: the chance to hit one order among all. PCT"
            " needs only the"
            " few changes that matter.",
            lambda o: o.says("1e-06") or "**threads" in o.source.replace(" ", ""),
        ),
        WrongAnswer(
            "one_too_many",
            '''
def promised(threads, steps, depth):
    return 1 / (threads * steps**depth)
''',
            "One factor too many: a bug of depth 1 needs the right thread first, and no change at all.",
            lambda o: "depth-1" not in o.source.replace(" ", "") and "steps**depth" in o.source.replace(" ", ""),
        ),
        WrongAnswer(
            "no_threads",
            '''
def promised(threads, steps, depth):
    return 1 / steps ** (depth - 1)
''',
            "The right thread must have the lowest priority: that is one in the number of threads.",
            lambda o: "threads" not in o.source.partition(":")[2],
        ),
    ),
    hints=("How likely is it that one given thread gets the lowest priority?", "And one given step, out of k?"),
)

EXERCISES = (ORDER, FILL, WRITE)

# ---- questions


@cache
def _everything() -> Result:
    return explore(crash)


@cache
def _sampled() -> Result:
    return explore(crash, "random", limit_runs=DICE)


def _bound() -> str:
    p = 1 - 0.05 ** (1 / RUNS)
    return min({"zero": 0.0, "one": 1 / RUNS, "three": 3 / RUNS}.items(), key=lambda item: abs(item[1] - p))[0]


def _does_random_see_the_crash() -> str:
    return "yes" if _sampled().findings["crash"] else "no"


def _does_a_proof_carry_over() -> str:
    with_return_path = _everything().verdict
    return "yes" if with_return_path == "proved" else "no"


QUESTIONS = (
    Question(
        "clean-runs/bound",
        LESSON,
        "A test ran 50 000 times without a failure. How often may the bug still strike, so that this is not"
        " surprising (a"
        " chance of 5 %)?",
        {"zero": "Never: it is gone", "one": "Once in 50 000 runs", "three": "About three times in 50 000 runs"},
        _bound,
        "Clean runs bound the probability, at about 3 divided by their number. They never bring it to zero; and"
        " they speak of"
        " the machines they ran on.",
    ),
    Question(
        "clean-runs/random",
        LESSON,
        f"A random scheduler picks the next thread by dice, in {DICE} runs. Does it see the crash of lesson 01, the"
        " one that was reported?",
        {"yes": "Yes, more than once", "no": "No, not once"},
        _does_random_see_the_crash,
        "The crash needs two threads held up at the right places for a long time. Dice that are thrown at each"
        " step hold"
        " nobody up for long.",
    ),
    Question(
        "clean-runs/proof",
        LESSON,
        "A scenario without return path is proved: all its interleavings were run, none fails. Is a migration with"
        " a return"
        " path safe, then, in the same code?",
        {"yes": "Yes: proved is proved", "no": "No"},
        _does_a_proof_carry_over,
        "A proof is about one scenario. The return path thread was not in it.",
    ),
)
