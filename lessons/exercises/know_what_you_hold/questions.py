# SPDX-License-Identifier: GPL-2.0-or-later
"""04: the prediction before the patch, and two questions about a box."""

from __future__ import annotations

from functools import cache

from lessons.exercises.know_what_you_hold.trials import ON
from lessons.exercises.model import Question
from lessons.scenarios import snapshot
from mini_qemu.fixes import fixes
from mini_qemu.sched import Result, Scenario, Shared, explore

LESSON = "04_know_what_you_hold"


@cache
def _five_without_four() -> Result:
    with fixes.only(*(name for name in ON if name != "file_knows_channel")):
        return explore(snapshot.scenario)


def _what_happens() -> str:
    found = _five_without_four()
    return "fine" if not found.failing else "always" if found.failing == found.runs else "sometimes"


# ---- another surface: a box


class Box(Shared):
    label: str = ""
    broken: bool = False

    def __init__(self, label: str = "") -> None:
        self.label = label


def unpack_glass(box: Box) -> None:
    """A box is turned over and shaken, unless it is labelled as glass."""
    if box.label != "glass":
        box.broken = True


def unlabelled() -> Box:
    return Box("")


def labelled() -> Box:
    return Box("glass")


def whole(box: Box) -> bool:
    return not box.broken


no_label = Scenario("no-label", unlabelled, {"helper": unpack_glass}, whole)
with_label = Scenario("with-label", labelled, {"helper": unpack_glass}, whole)


def _breaks(scenario: Scenario) -> str:
    return "yes" if explore(scenario).failing else "no"


def _who_labels() -> str:
    return "unpacker" if explore(with_label).failing else "packer"


QUESTIONS = (
    Question(
        "hold/five-without-four",
        LESSON,
        "All patches of the series are in but this one, which by itself changes nothing in what QEMU does. What"
        " happens when"
        " somebody loads a snapshot from a disk?",
        {
            "fine": "Nothing special: a snapshot is no migration",
            "sometimes": "It aborts if two threads meet badly",
            "always": "It aborts, every time",
        },
        _what_happens,
        "The last patch asks each file for its channel. A file on a disk has none, and without the tag it cannot"
        " say so.",
    ),
    Question(
        "hold/box",
        LESSON,
        "Boxes are unpacked by turning them over, except those labelled \"glass\". One box of glass came without a"
        " label. Is"
        " there a race that breaks it?",
        {"no": "Without a second person nothing can happen to it", "yes": "It breaks, and no race is needed"},
        lambda: _breaks(no_label),
        "It breaks each time. Who cannot see what is inside needs to be told.",
    ),
    Question(
        "hold/label",
        LESSON,
        "Who should put the label on?",
        {"packer": "Whoever packs the box", "unpacker": "Whoever unpacks it, by shaking it first"},
        _who_labels,
        "Only where the thing goes in is it known what it is. Labelled there, the box arrives whole.",
    ),
)
