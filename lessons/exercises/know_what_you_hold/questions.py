# SPDX-License-Identifier: GPL-2.0-or-later
"""04: the prediction before the patch, the box once more, and a question about lesson 03."""

from __future__ import annotations

from lessons.exercises.know_what_you_hold.trials import ON
from lessons.exercises.model import Question
from lessons.scenarios import snapshot, tls, twins
from mini_qemu.fixes import fixes, history
from mini_qemu.sched import explore

LESSON = "04_know_what_you_hold"


def _what_happens() -> str:
    with fixes.only(*(name for name in ON if name != "file_knows_channel")):
        found = explore(snapshot.scenario)
    return "fine" if not found.failing else "always" if found.failing == found.runs else "sometimes"


def _tls_with_the_predicate() -> str:
    with history.only(), fixes.only("one_yank_predicate"):
        return "aborts" if explore(tls.june_2021).failing else "well"


QUESTIONS = (
    Question(
        "hold/five-without-four",
        LESSON,
        "All patches of the series are in but this one, which by itself changes nothing in what QEMU does. What happens"
        " when somebody loads a snapshot from a disk?",
        {
            "fine": "Nothing special: a snapshot is not a migration",
            "always": "It aborts, every time",
            "sometimes": "It aborts if two threads meet badly",
        },
        _what_happens,
        "The last patch asks each file for its channel. A file on a disk has none, and without the tag it"
        " cannot say so.",
        {
            "fine": "A snapshot is not a migration, but it ends in the same clean-up, and that asks for a channel.",
            "sometimes": "There is one thread. Nobody has to meet anybody.",
        },
    ),
    Question(
        "hold/label",
        LESSON,
        "The box again. Who should put the label on?",
        {"unpacker": "The one who unpacks the box, after shaking it", "packer": "The one who packs it"},
        lambda: "unpacker" if explore(twins.with_label).failing else "packer",
        "Only the packer knows what goes in. Labelled there, the glass arrives whole.",
        {"unpacker": "After shaking, the unpacker knows for certain. So does everyone who hears the noise."},
    ),
    Question(
        "hold/earlier",
        LESSON,
        'From lesson 03: one function now answers "can this channel be cut?" for every place that asks. Take the model'
        " back to before June 2021 and turn only that patch on. Does a migration over TLS still abort?",
        {"well": "No, it ends well", "aborts": "Yes, as before"},
        _tls_with_the_predicate,
        "Both sides now ask one function about one object, so they cannot disagree.",
        {"aborts": "Both sides now ask the same function about the same channel. What went on the list comes off it."},
    ),
)
