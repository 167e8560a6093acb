# SPDX-License-Identifier: GPL-2.0-or-later
"""05: the prediction before the patch, and two questions about a light."""

from __future__ import annotations

from functools import cache

from lessons.exercises.know_what_you_hold.trials import ASKED, LOOKALIKE
from lessons.exercises.model import Question
from lessons.replace import replace
from lessons.scenarios import cancel_cleanup
from mini_qemu.fixes import fixes
from mini_qemu.io_channel import QIO_CHANNEL, QIOChannel
from mini_qemu.qemu_file import QEMUFile
from mini_qemu.sched import Result, Scenario, Shared, explore, fetch_add

LESSON = "05_the_count_that_was_one"


@cache
def _atomic() -> Result:
    wrong = next(w for w in cancel_cleanup.STORY.wrong_fixes if w.name == "atomic_last")
    return wrong.explore(cancel_cleanup.scenario)


def _what_suffices() -> str:
    if _atomic().failing:
        return "order"
    return "overlap" if explore(cancel_cleanup.scenario).failing else "no"


# ---- another surface: a light


class Room(Shared):
    inside: int = 2
    light: bool = True
    complaint: bool = False


def leave(room: Room) -> None:
    """Look around; whoever is alone turns off the light; then go."""
    if room.inside == 1:
        room.light = False
    fetch_add(room, "inside", -1)


def leave_counting(room: Room) -> None:
    """Count oneself out and look, in one step."""
    if fetch_add(room, "inside", -1) == 1:
        room.light = False


def caretaker(room: Room) -> None:
    """Comes when Ann has gone, and expects darkness."""
    if room.light:
        room.complaint = True


def leave_then_caretaker(room: Room) -> None:
    leave_counting(room)
    caretaker(room)


def dark(room: Room) -> bool:
    return not room.light


def no_complaint(room: Room) -> bool:
    return not room.complaint


last_one_out = Scenario("last-one-out", Room, {"Ann": leave, "Bob": leave}, dark)
caretaker_comes = Scenario("caretaker-comes", Room, {"Ann": leave_then_caretaker, "Bob": leave_counting}, no_complaint)


def _fails(scenario: Scenario) -> str:
    return "yes" if explore(scenario).failing else "no"


def by_tag(f: QEMUFile) -> QIOChannel | None:
    return QIO_CHANNEL(f.opaque) if f.has_ioc else None


def by_class(f: QEMUFile) -> QIOChannel | None:
    return f.opaque if isinstance(f.opaque, QIOChannel) else None


def by_cast(f: QEMUFile) -> QIOChannel | None:
    return QIO_CHANNEL(f.opaque)


def _who_can_tell() -> str:
    for key, function in {"payload": by_class, "cast": by_cast, "tag": by_tag}.items():
        with fixes.only(*ASKED.on), replace("qemu_file.qemu_file_get_ioc", function):
            if all(explore(trial.scenario).verdict == "proved" for trial in (ASKED, LOOKALIKE)):
                return key
    raise AssertionError("nobody can tell")


QUESTIONS = (
    Question(
        "count/what-suffices",
        LESSON,
        "Patches 1 to 4 are in. An operator cancels a migration with a return path. Each thread closes its file, and"
        " the one that reads a count of one takes the connection off the list. What suffices for an abort?",
        {
            "overlap": "Both closes overlap, so that both read two",
            "order": "The last close comes late",
            "no": "Nothing: there is always a last one",
        },
        _what_suffices,
        "It aborts even if test and drop are one atomic step. The last close is right about being the last, and comes"
        " after main has checked the list.",
        {
            "overlap": "That leads to an abort too. But it aborts even where the closes cannot overlap.",
            "no": "There is always a last one. Nobody says that it comes before main checks the list.",
        },
    ),
    Question(
        "count/light",
        LESSON,
        "Ann and Bob are in a room. Before you leave, you look around: if you are alone, you turn off the light. Then"
        " you go. Can the light stay on?",
        {"no": "No: one of them is the last", "yes": "Yes: both may look before one goes"},
        lambda: _fails(last_one_out),
        "Both look, both see two people, both go. Looking and leaving are two steps.",
        {"no": "One of them is the last to leave. Was that one alone when it looked?"},
    ),
    Question(
        "count/caretaker",
        LESSON,
        "Now looking and leaving are one step, and in the end the light is off for certain. A caretaker comes when Ann"
        " has left, and complains if the light is on. Can there be a complaint?",
        {"yes": "Yes: Ann need not be the last", "no": "No: the last one turns the light off"},
        lambda: _fails(caretaker_comes),
        "The last one does it, but nobody knows when. If somebody relies on it, somebody must be named to do it"
        " before.",
        {"no": "The last one does. Need that be Ann, and does the caretaker wait for Bob?"},
    ),
    Question(
        "count/earlier",
        LESSON,
        "From lesson 04: you hold a file and want the channel beneath it. Who can tell you whether there is one?",
        {
            "tag": "The tag that was set when the payload was stored",
            "payload": "The payload: you ask it for its class",
            "cast": "The checked cast: you try it and see",
        },
        _who_can_tell,
        "In C a payload has no type that you could ask for. The code that stored it knew, and wrote it down.",
        {
            "payload": "In C it cannot answer. The memory of a disk can look like a channel.",
            "cast": "You see indeed: it ends the process. A cast checks; it does not ask.",
        },
    ),
)
