# SPDX-License-Identifier: GPL-2.0-or-later
"""08, order: the loop of every explorer. Who can move, pick one, let it move, write it down."""

from __future__ import annotations

from lessons.exercises.model import OrderExercise, Trial, WrongAnswer, before
from lessons.exercises.mounting import Place
from mini_qemu.sched import Scenario, Shared


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


def never_moves(w: Turns) -> None:
    return None


turns = Place(never_moves, {"who_can_move": who_can_move})


def schedule(w: Turns) -> None:
    turns.function(w)


def all_moved(w: Turns) -> bool:
    assert w.moved == "xxy", f"the threads moved in the order {w.moved or 'nobody'}, and xxy was wanted"
    return True


ORDER = OrderExercise(
    name="clean-runs/order",
    lesson="08_fifty_thousand_clean_runs",
    title="Order a scheduler",
    statement="The loop of every explorer: who can move, pick one, let it move, write it down.",
    why="With a random choice in B this loop is the random method, with priorities it is PCT, with a memory of what was"
    " tried it is the systematic one. Everything else in this course rests on it.",
    trials=(
        Trial(
            Scenario("three-steps", Turns, {"scheduler": schedule}, all_moved, guarded=False),
            "three steps are scheduled",
        ),
    ),
    mount=turns.mount,
    hints=("Which line needs what which other line finds out?",),
    starter="CABD",
    also_right={"ABDC": "C and D may swap: each needs only what B picked."},
    misplaced=(
        WrongAnswer("move_before_pick", "CABD", "C moves a thread that B has not picked yet.", before("C", "B")),
        WrongAnswer(
            "pick_before_look",
            "BACD",
            "B picks one of those that can move, and A has not looked yet who can.",
            before("B", "A"),
        ),
        WrongAnswer("write_before_pick", "ADBC", "D writes down who moved last time.", before("D", "B")),
    ),
)


@ORDER.orders
def take_turns(w):
    pick = ""
    can = []
    for _ in range(3):
        can = who_can_move(w)  # A
        pick = can[0]  # B
        w.left[pick] = w.left[pick] - 1  # C
        w.moved = w.moved + pick  # D
