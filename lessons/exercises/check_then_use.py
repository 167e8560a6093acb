# SPDX-License-Identifier: GPL-2.0-or-later
"""02: order the release, fill in the question of the start, write the cancel; a prediction; two questions at a
wardrobe.

The cancel is judged where the return path ends meanwhile, where it goes to sleep, where the destination says nothing,
and where the two files lie on two channels: the last is the reviewers' objection to the first version of the patch.
"""

from __future__ import annotations

from functools import cache

from lessons.exercises.model import Exercise, Question, Trial, WrongAnswer, called_from, instead_of
from lessons.scenarios.cancel_vs_exit import scenario as ends
from lessons.scenarios.cancel_vs_exit import silent
from lessons.scenarios.cancel_vs_pause import scenario as sleeps
from lessons.scenarios.early_close import scenario as early
from lessons.scenarios.precopy_no_return_path import scenario as without
from lessons.scenarios.precopy_return_path import scenario as success
from lessons.scenarios.stage import Source, return_path, watch_source
from mini_qemu.io_channel import qio_channel_socket_pair
from mini_qemu.migration import migrate_fd_cancel
from mini_qemu.qemu_file_channel import qemu_fopen_channel_input, qemu_fopen_channel_output
from mini_qemu.qom import object_unref
from mini_qemu.sched import Mutex, Result, Scenario, Shared, explore
from mini_qemu.yank_functions import migration_ioc_register_yank

LESSON = "02_check_then_use"
ON = ("join_created_thread", "lock_from_dst_file")

# ---- what an answer must survive


class TwoChannels(Source):
    """A migration under way whose two directions lie on two channels."""

    def __init__(self) -> None:
        super().__init__("return-path")
        self.second, self.peer_second = qio_channel_socket_pair(self.qemu, self.peer)
        for ioc in (self.ioc, self.second):
            migration_ioc_register_yank(ioc)
        self.ms.to_dst_file = qemu_fopen_channel_output(self.ioc)
        self.ms.rp_state.from_dst_file = qemu_fopen_channel_input(self.second)
        for ioc in (self.ioc, self.second):
            object_unref(ioc)
        self.ms.state = "active"


def main_cancels(w: Source) -> None:
    migrate_fd_cancel(w.ms)


TWO_CHANNELS = Scenario(
    "cancel-two-channels",
    setup=TwoChannels,
    threads={"main": main_cancels, "return path": return_path},
    watch=watch_source,
    title="Cancel, with a channel for each direction",
)
ENDS = Trial(ends, "the return path thread ends meanwhile", ON)
SLEEPS = Trial(sleeps, "the return path thread goes to sleep because the line is dead", ON)

# ---- order the lines

ORDER = Exercise(
    name="check-then-use/order",
    lesson=LESSON,
    title="Order the release",
    statement="The thread lets go of its file, and others may be using it. In which order?",
    entry="migration_release_from_dst_file",
    starter="CBADE",
    solution="ACBED",
    why="Under the lock the pointer is taken away, so nobody new can find the file; and having got the lock means that"
    " nobody is using it. Then it is closed. (ACBDE passes here, too. It stays outside because closing may have to"
    " wait,"
    " and nobody should wait with this lock in hand.)",
    lines={
        "A": "ms.qemu_file_lock.lock()",
        "B": "ms.rp_state.from_dst_file = None",
        "C": "f = ms.rp_state.from_dst_file",
        "D": "qemu_fclose(f)",
        "E": "ms.qemu_file_lock.unlock()",
    },
    frame="""def migration_release_from_dst_file(ms):
    ...
""",
    trials=(ENDS, SLEEPS),
    mount=instead_of("migration.migration_release_from_dst_file"),
    wrong=(
        WrongAnswer(
            "unlock_first",
            "EACBD",
            "E lets go of a lock that A has not taken yet.",
            lambda o: o.source.index("E") < o.source.index("A"),
        ),
        WrongAnswer(
            "no_copy",
            "ABCED",
            "C copies the pointer after B has cleared it, or D needs the copy before it is there: nothing is"
            " closed, or the"
            " thread stops.",
            lambda o: o.source.index("B") < o.source.index("C") or o.source.index("D") < o.source.index("C"),
        ),
        WrongAnswer(
            "close_before_clear",
            "ACEDB",
            "The file is closed while the pointer still leads to it. Whoever takes the lock then finds it, and"
            " uses a freed"
            " file.",
            lambda o: o.source.index("D") < o.source.index("B"),
        ),
        WrongAnswer(
            "clear_after_unlock",
            "ACEBD",
            "The pointer is cleared without the lock, between another thread's test and its use. The lock must be held"
            " while B runs.",
            lambda o: o.source.index("E") < o.source.index("B"),
        ),
        WrongAnswer(
            "clear_before_lock",
            "CBAED",
            "The pointer is cleared before the lock is taken: just then another thread may stand between its test"
            " and its"
            " use.",
            lambda o: o.source.index("B") < o.source.index("A"),
        ),
    ),
    hints=(
        "Another thread takes the lock, tests the pointer, uses the file and lets go of the lock. Which of your"
        " lines must"
        " not run in between?",
        "The lock must be held while the pointer is cleared. When may the file be closed?",
    ),
)

# ---- fill in the question

FILL = Exercise(
    name="check-then-use/fill",
    lesson=LESSON,
    title="Fill in the question",
    statement="At its start the migration thread asks whether there is a return path. Replace the one line.",
    entry="return_path_wanted",
    starter='''
def return_path_wanted(s):
    return s.rp_state.from_dst_file is not None
''',
    solution='''
def return_path_wanted(s):
    # main decided this before it made the migration thread; what became of the file meanwhile does not matter
    return s.rp_state.rp_thread_created
''',
    why="Whether a return path was asked for is decided before this thread begins. The pointer may change at any time.",
    trials=(
        Trial(early, "the destination closes the return path at once", ON),
        Trial(without, "a migration has no return path", ON),
        Trial(success, "a migration with a return path succeeds", ON),
    ),
    mount=called_from(
        "migration.migration_thread",
        """
        if fixes.lock_from_dst_file:
            return_path = s.rp_state.rp_thread_created
        else:
            return_path = s.rp_state.from_dst_file is not None
        """,
        "return_path = return_path_wanted(s)",
    ),
    wrong=(
        WrongAnswer(
            "under_lock",
            '''
def return_path_wanted(s):
    with s.qemu_file_lock:
        return s.rp_state.from_dst_file is not None
''',
            "The reading is whole now, and comes too late all the same: the thread may have cleared the pointer"
            " before.",
            lambda o: "qemu_file_lock" in o.source,
        ),
        WrongAnswer(
            "never",
            '''
def return_path_wanted(s):
    return False
''',
            "Then the destination is never asked to open its side, although a return path was configured.",
            lambda o: o.trial.scenario is early and "from_dst_file" not in o.source,
        ),
        WrongAnswer(
            "as_shipped",
            '''
def return_path_wanted(s):
    return s.rp_state.from_dst_file is not None
''',
            "If the destination closes at once, the return path thread clears the pointer before this thread has"
            " looked:"
            " it never asks the destination for what was configured.",
            lambda o: o.trial.scenario is early,
        ),
    ),
    hints=(
        "When was it decided that there is a return path, and which field has said so ever since?",
        "You know the field from lesson 01.",
    ),
)

# ---- write the fix

WRITE = Exercise(
    name="check-then-use/write",
    lesson=LESSON,
    title="Write the cancel",
    statement="The return path thread releases its file under the lock. Now main must wake that thread, if it has"
    " a file,"
    " without ever using one that is gone.",
    entry="wake_return_path",
    starter='''
def wake_return_path(s):
    if s.rp_state.from_dst_file is not None:
        qemu_file_shutdown(s.rp_state.from_dst_file)
''',
    solution='''
def wake_return_path(s):
    # whoever clears the pointer needs this lock: as long as we hold it, the file we found stays
    with s.qemu_file_lock:
        if s.rp_state.from_dst_file is not None:
            qemu_file_shutdown(s.rp_state.from_dst_file)
''',
    why="Test and use stand in one hold of the lock that the other side needs in order to take the pointer away.",
    trials=(
        ENDS,
        SLEEPS,
        Trial(silent, "the destination says nothing", ON),
        Trial(TWO_CHANNELS, "each direction has a channel of its own", ON),
    ),
    mount=called_from(
        "migration.migrate_fd_cancel",
        """
        if fixes.lock_from_dst_file:
            with s.qemu_file_lock:
                if s.rp_state.from_dst_file is not None:
                    qemu_file_shutdown(s.rp_state.from_dst_file)
        else:
            if s.rp_state.from_dst_file is not None:
                qemu_file_shutdown(s.rp_state.from_dst_file)
        """,
        "wake_return_path(s)",
    ),
    wrong=(
        WrongAnswer(
            "other_file",
            '''
def wake_return_path(s):
    if s.to_dst_file is not None:
        qemu_file_shutdown(s.to_dst_file)
''',
            "You shut the other file down. That wakes the thread only if both lie on one channel; the reviewers"
            " said so of"
            " the first version of this patch.",
            lambda o: o.trial.scenario is TWO_CHANNELS and "to_dst_file" in o.source,
        ),
        WrongAnswer(
            "nothing",
            '''
def wake_return_path(s):
    return
''',
            "Nobody is woken: with a channel of its own the return path thread waits for the network for ever.",
            lambda o: o.trial.scenario is TWO_CHANNELS,
        ),
        WrongAnswer(
            "lock_for_the_test",
            '''
def wake_return_path(s):
    with s.qemu_file_lock:
        there = s.rp_state.from_dst_file is not None
    if there:
        qemu_file_shutdown(s.rp_state.from_dst_file)
''',
            "The lock is let go between the test and the use. What was true under the lock need not be true after it.",
            lambda o: "qemu_file_lock" in o.source and ("there" in o.source or o.source.count("from_dst_file") > 1),
        ),
        WrongAnswer(
            "copy_under_lock",
            '''
def wake_return_path(s):
    with s.qemu_file_lock:
        rp = s.rp_state.from_dst_file
    if rp is not None:
        qemu_file_shutdown(rp)
''',
            "Your copy of the pointer outlives the lock, and the file need not: it can be closed and freed before"
            " you use"
            " it.",
            lambda o: "qemu_file_lock" in o.source,
        ),
        WrongAnswer(
            "copy",
            '''
def wake_return_path(s):
    rp = s.rp_state.from_dst_file
    if rp is not None:
        qemu_file_shutdown(rp)
''',
            "Read once, there is no NULL any more. But the copy keeps nothing alive: you shut down a file that was"
            " freed.",
            lambda o: o.source.count("from_dst_file") == 1,
        ),
        WrongAnswer(
            "as_shipped",
            '''
def wake_return_path(s):
    if s.rp_state.from_dst_file is not None:
        qemu_file_shutdown(s.rp_state.from_dst_file)
''',
            "Between your test and your use the other thread can take the file away. It does so under qemu_file_lock.",
            lambda o: "from_dst_file" in o.source,
        ),
    ),
    hints=(
        "The other side clears the pointer under qemu_file_lock. What does that give you while you hold it?",
        "Both lines must stand inside one `with s.qemu_file_lock:`.",
    ),
)

EXERCISES = (ORDER, FILL, WRITE)

# ---- a prediction


@cache
def _unfixed() -> Result:
    return explore(ends)


def _what_is_used() -> str:
    kinds = _unfixed().findings
    null, freed = kinds["crash"], kinds["use-after-free"]
    return "safe" if not null + freed else "null" if null > freed else "freed"


# ---- another surface: a wardrobe


class Wardrobe(Shared):
    coat: str = "on hook 7"
    wrong: bool = False

    def __init__(self) -> None:
        self.counter = Mutex()


def owner(wardrobe: Wardrobe) -> None:
    wardrobe.coat = "gone"


def attendant(wardrobe: Wardrobe) -> None:
    """Has looked, and now goes and fetches."""
    seen = wardrobe.coat
    if seen == "on hook 7" and wardrobe.coat == "gone":
        wardrobe.wrong = True


def owner_at_the_counter(wardrobe: Wardrobe) -> None:
    with wardrobe.counter:
        wardrobe.coat = "gone"


def attendant_at_the_counter(wardrobe: Wardrobe) -> None:
    with wardrobe.counter:
        seen = wardrobe.coat
        if seen == "on hook 7" and wardrobe.coat == "gone":
            wardrobe.wrong = True


def nothing_wrong(wardrobe: Wardrobe) -> bool:
    return not wardrobe.wrong


one_look = Scenario("one-look", Wardrobe, {"owner": owner, "attendant": attendant}, nothing_wrong)
one_at_the_counter = Scenario(
    "one-at-the-counter",
    Wardrobe,
    {"owner": owner_at_the_counter, "attendant": attendant_at_the_counter},
    nothing_wrong,
)


def _goes_wrong(scenario: Scenario) -> str:
    return "yes" if explore(scenario).failing else "no"


QUESTIONS = (
    Question(
        "check-then-use/what",
        LESSON,
        "main tests from_dst_file, finds a file, and shuts it down; the return path thread may take the file away"
        " at any"
        " time. When it goes wrong, what does main use most often, over all interleavings?",
        {
            "safe": "It cannot go wrong: two lines are too quick for that",
            "null": "NULL: the pointer was cleared between the two lines",
            "freed": "A file that has been freed: main found it, and then it went",
        },
        _what_is_used,
        "NULL needs the thread to come exactly between test and use. A file found in time can be freed at any"
        " moment while"
        " main is still busy with it. Not the pointer is at stake but the life of what it points to.",
    ),
    Question(
        "check-then-use/wardrobe",
        LESSON,
        "An attendant looks once, carefully, and notes: the coat is on hook 7. Then the attendant goes to fetch"
        " it, while"
        " the owner may take it at any time. Can the attendant come to an empty hook?",
        {"no": "No: there was only one look, and the note does not change", "yes": "Yes"},
        lambda: _goes_wrong(one_look),
        "The note does not change. The coat does. A local copy of a pointer is such a note.",
    ),
    Question(
        "check-then-use/counter",
        LESSON,
        "Now looking and fetching happen while one stands at the counter, taking a coat does, too, and only one"
        " person fits"
        " there. Can it still happen?",
        {"no": "No", "yes": "Yes: the owner can still come between looking and fetching"},
        lambda: _goes_wrong(one_at_the_counter),
        "Both sides need the same place, and the attendant keeps it from the look to the coat.",
    ),
)
