# SPDX-License-Identifier: GPL-2.0-or-later
"""06: a prediction before each of the three stories, three evenings, and a question about lesson 01."""

from __future__ import annotations

from lessons.exercises.check_fix import unfixed
from lessons.exercises.model import Question
from lessons.scenarios import evening_twins as twins
from lessons.scenarios import local_error, precopy_return_path
from mini_qemu.sched import Scenario, explore

LESSON = "06_what_survived"


def _who_wakes_them() -> str:
    found = unfixed("cancel-while-paused")
    return "good" if not found.failing else "never" if found.failing == found.runs else "unlucky"


def _is_the_place_enough() -> str:
    (joins,) = (one for one in local_error.WRONG_FIXES if one.name == "join_in_cleanup")
    kinds = joins.explore(local_error.scenario).findings
    return "yes" if not kinds else "hangs" if "deadlock" in kinds else "freed"


def _whose_file() -> str:
    found = unfixed("hasty-resume")
    return "new" if any("None" in message for _, message in found.outcomes) else "own"


def _the_one_that_is_proved(ideas: dict[str, Scenario]) -> str:
    (proved,) = (name for name, scenario in ideas.items() if not explore(scenario).failing)
    return proved


def _may_the_thread_clear_it() -> str:
    (by_thread,) = (one for one in precopy_return_path.STORY.wrong_fixes if one.name == "flag_by_thread")
    return "no" if by_thread.explore(precopy_return_path.scenario).failing else "yes"


QUESTIONS = (
    Question(
        "survived/waker",
        LESSON,
        "A postcopy has lost its line. Both threads of the source sleep, each on a semaphore, until a resume posts it."
        " The operator gives up and cancels. When does the migration end?",
        {
            "good": "At once: the cancel wakes both threads",
            "unlucky": "Nearly always; it takes bad luck for the cancel to be missed",
            "never": "Never: both threads go on sleeping, whatever the timing",
        },
        _who_wakes_them,
        "The cancel shuts down the files, and a paused migration has none. It changes the state, and nobody posts. A"
        " resume is refused now, because the state is not paused any more.",
        {
            "good": "A cancel wakes threads that read from a file. These two wait for a semaphore.",
            "unlucky": "No luck is needed. Look for a post that a cancel makes: there is none.",
        },
    ),
    Question(
        "survived/place",
        LESSON,
        "On cancel and on failure nobody joins the return path thread. Suppose that the clean-up, where every migration"
        " comes along, joins it. A device on the source fails, while the destination is well. What happens?",
        {
            "hangs": "The clean-up can wait for ever",
            "freed": "The thread can use a file that is freed",
            "yes": "The migration fails, as it should, and no thread is left",
        },
        _is_the_place_enough,
        "The thread waits for the destination, which waits for more from the source, whose main loop waits for the"
        " thread. The place is right. Somebody has to stop the thread first.",
        {
            "freed": "Not before the join is over. But is it ever over?",
            "yes": "The join makes sure that no thread is left, once it returns. Who makes the thread end?",
        },
    ),
    Question(
        "survived/whose",
        LESSON,
        "A postcopy loses its line. The migration thread says that it is paused. The operator resumes with a new"
        " connection at once. The return path thread is late: it has yet to close its file, `from_dst_file`. Which file"
        " does it close?",
        {
            "own": "Its own: it closes what it has read from",
            "new": "Sometimes the new one: that is what the name stands for by then",
            "none": "None: the resume has taken the old file away",
        },
        _whose_file,
        "`from_dst_file` is a name that two threads share. By the time the thread uses it, it means the new file. The"
        " old one is never closed, and the thread comes back to find no file at all.",
        {
            "own": "It reads the shared name again before it closes. What has become of that name?",
            "none": "The resume puts a file there. It does not ask whether there is another one already.",
        },
    ),
    Question(
        "survived/hatch",
        LESSON,
        "The hatch again. Which change gets everybody home?",
        {
            "look": "The cook looks whether it is closed before waiting, not after",
            "early": "The boss calls the waiter first and says that it is closed afterwards",
            "both": "The boss calls the cook as well",
        },
        lambda: _the_one_that_is_proved(twins.hatch_ideas),
        "Two people can wait, each on something of their own, so closing has to call two.",
        {
            "look": "The boss can close after the look and before the wait. Then the cook waits, as before.",
            "early": "The cook can still be the one who waits, and is called by nobody.",
        },
    ),
    Question(
        "survived/museum",
        LESSON,
        "A museum closes. The guard rings a bell, waits until the visitors have left, and locks the door. Visitors"
        " leave when they hear the bell. In which order does the evening end well?",
        {
            "wait_ring_lock": "Wait, ring, lock",
            "ring_wait_lock": "Ring, wait, lock",
            "ring_lock_wait": "Ring, lock, wait",
        },
        lambda: _the_one_that_is_proved(twins.museum_evenings),
        "Stop, wait, free.",
        {
            "wait_ring_lock": "The visitors wait for the bell, and the guard waits for the visitors.",
            "ring_lock_wait": "A visitor who has heard the bell may still be on the way to the door.",
        },
    ),
    Question(
        "survived/hotel",
        LESSON,
        "Ann and Bob share room 7 in a hotel, and each of them checks out, to be sure. The desk serves one guest at a"
        " time. Can Carol, who arrives meanwhile, take the room and lose it again?",
        {
            "no": "No: only one person is at the desk at a time",
            "yes": "Yes: Bob comes after her, and checks out room 7",
        },
        lambda: "yes" if explore(twins.same_number).failing else "no",
        "The desk does one thing at a time, and the second thing is done to another guest: *room 7* is Carol by then."
        " A descriptor of a closed file is such a number, too.",
        {"no": "Ann checks out, Carol takes the room, Bob checks out of room 7."},
    ),
    Question(
        "survived/earlier",
        LESSON,
        "From lesson 01: main sets `rp_thread_created`, and the joiner clears it. May the thread clear it itself, as"
        " soon as it has nothing more to read?",
        {"yes": "Yes: it knows best when it is done", "no": "No: it has not ended yet, and nobody would join it"},
        _may_the_thread_clear_it,
        "Between clearing the flag and its end, the thread still closes its file. Only a join says that it has ended.",
        {"yes": "It is not done when it says so: it has yet to close its file."},
    ),
)
