# SPDX-License-Identifier: GPL-2.0-or-later
"""05: the prediction before the patch, the room once more, and a question about lesson 02."""

from __future__ import annotations

from lessons.exercises.model import Question
from lessons.scenarios import cancel_cleanup, cancel_vs_exit, twins
from mini_qemu.fixes import fixes
from mini_qemu.sched import explore

LESSON = "05_the_count_that_was_one"


def _what_suffices() -> str:
    (atomic,) = (one for one in cancel_cleanup.STORY.wrong_fixes if one.name == "atomic_last")
    if atomic.explore(cancel_cleanup.scenario).failing:
        return "late"
    return "overlap" if explore(cancel_cleanup.scenario).failing else "no"


def _does_the_lock_help() -> str:
    with fixes.only("lock_from_dst_file"):
        return "yes" if explore(cancel_vs_exit.scenario).failing else "no"


QUESTIONS = (
    Question(
        "count/what-suffices",
        LESSON,
        "Patches 1 to 4 are in. An operator cancels a migration with a return path. A thread that closes its file and"
        " reads a count of one takes the connection off the list. What is enough for an abort?",
        {
            "no": "Nothing: somebody is always last",
            "late": "It is enough that the last close comes late",
            "overlap": "Both closes must overlap, so that both read two",
        },
        _what_suffices,
        "Even with test and drop in one atomic step it aborts. The last close really is last, but main has already"
        " checked the list.",
        {
            "no": "Somebody may well be last. main does not wait for it before it checks the list.",
            "overlap": "That is one way, and the next scenario shows it. But one late close will do.",
        },
    ),
    Question(
        "count/light",
        LESSON,
        "The room again. Ann and Bob now count themselves out and look in one atomic step. Can the light stay on?",
        {"yes": "Yes", "no": "No, in no order"},
        lambda: "yes" if explore(twins.counting_out).failing else "no",
        "Exactly one of them counts down to zero. That is idea 2, fixed.",
        {"yes": "One step means that one of them comes first. The second one sees that nobody else is left."},
    ),
    Question(
        "count/caretaker",
        LESSON,
        "They still count in one step. A caretaker comes as soon as Ann has left, and complains if the light is on. Can"
        " there be a complaint?",
        {"yes": "Yes", "no": "No: the last one turns the light off"},
        lambda: "yes" if explore(twins.caretaker_comes).failing else "no",
        "The last one does turn it off. Nothing says when. If somebody relies on it, somebody must be named to do it"
        " first: that is idea 1.",
        {"no": "The light goes off in the end. The caretaker does not come in the end, but when Ann has left."},
    ),
    Question(
        "count/earlier",
        LESSON,
        "From lesson 02: the thread takes the pointer away under the lock and closes the file after releasing it. Can"
        " main, which tests and uses the file in one critical section, still touch a closed file?",
        {"yes": "Yes, the close is outside the lock", "no": "No"},
        _does_the_lock_help,
        "When the thread gets the lock, main is not using the file. Afterwards main cannot find it. That is the grace"
        " period.",
        {"yes": "By the time of the close, the thread has held the lock: main was done, and the pointer was gone."},
    ),
)
