# SPDX-License-Identifier: GPL-2.0-or-later
"""04: the prediction before the patch, and two questions about a box."""

from __future__ import annotations

from functools import cache

from lessons.exercises.know_what_you_hold.trials import ON
from lessons.exercises.model import Question
from lessons.exercises.one_predicate.trials import HUNG_TLS, narrowed
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


def _both_wrong() -> str:
    with fixes.only(*HUNG_TLS.on), narrowed():
        kinds = set(explore(HUNG_TLS.scenario).findings)
    return "abort" if "crash" in kinds else "stuck" if kinds else "fine"


QUESTIONS = (
    Question(
        "hold/five-without-four",
        LESSON,
        "All patches of the series are in but this one, which by itself changes nothing in what QEMU does. What happens"
        " when somebody loads a snapshot from a disk?",
        {
            "sometimes": "It aborts if two threads meet badly",
            "always": "It aborts, every time",
            "fine": "Nothing special: a snapshot is not a migration",
        },
        _what_happens,
        "The last patch asks each file for its channel. A file on a disk has none, and without the tag it cannot say"
        " so.",
        {
            "sometimes": "Only one thread takes part. It aborts each time or never.",
            "fine": "It is not. But loading it ends in the same clean-up as an incoming migration, which asks for the"
            " channel.",
        },
    ),
    Question(
        "hold/box",
        LESSON,
        "You unpack boxes by turning them over, except those labelled \"glass\". One box of glass came without a label."
        " Is a race needed to break it?",
        {"yes": "No: it breaks, every time", "no": "Yes: without a second person nothing can happen to it"},
        lambda: _breaks(no_label),
        "It breaks each time. If you cannot see what is inside, somebody has to tell you.",
        {"no": "One person is enough: the label is missing, so the box is turned over."},
    ),
    Question(
        "hold/label",
        LESSON,
        "Who should put the label on?",
        {"unpacker": "The person who unpacks the box, by shaking it first", "packer": "The person who packs the box"},
        _who_labels,
        "Only the one who packs the box knows what it is. Labelled there, it arrives whole.",
        {"unpacker": "Shaking it is what breaks the glass: asking the thing itself comes too late."},
    ),
    Question(
        "hold/earlier",
        LESSON,
        "From lesson 03: both sides ask one predicate, and it says no to TLS. The destination of a migration over TLS"
        " hangs. What happens?",
        {
            "abort": "The migration aborts at its end",
            "stuck": "An operator cannot cut the connection",
            "fine": "Nothing bad: both sides agree",
        },
        _both_wrong,
        "Both sides agree, and both are wrong: the connection is on no list, so nobody can cut it.",
        {
            "abort": "It would if the two sides disagreed. They agree, so the list is empty at the end.",
            "fine": "They agree that it is not listed. Then what does the operator's yank find?",
        },
    ),
)
