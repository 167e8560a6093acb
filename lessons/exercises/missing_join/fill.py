# SPDX-License-Identifier: GPL-2.0-or-later
"""01, fill in: is there a return path thread to join? The flag of the one who made it, not the pointer of the"
" thread."""

from __future__ import annotations

from lessons.exercises.missing_join.trials import POSTCOPY, SUCCESS, TRIALS, TWICE, WITHOUT
from lessons.exercises.model import Exercise
from lessons.exercises.mounting import called_from
from mini_qemu.migration_state import migrate_use_return_path
from mini_qemu.process import qemu_mutex_lock_iothread, qemu_mutex_unlock_iothread
from mini_qemu.qemu_thread import qemu_thread_join

FILL = Exercise(
    name="missing-join/fill",
    lesson="01_missing_join",
    title="Fill in the question",
    statement="Replace the one line, so that it says whether there is a return path thread to join.",
    why="The flag answers the question that you ask. Only the thread that creates and the one that joins write it, so"
    " it needs no lock.",
    trials=TRIALS,
    mount=called_from(
        "migration.migration_completion",
        """
        if fixes.join_created_thread:
            joinable = s.rp_state.rp_thread_created
        else:
            joinable = s.rp_state.from_dst_file is not None
        """,
        "joinable = thread_to_join(s)",
    ),
    hints=(
        "On whom does the answer depend? It must not be the thread that is to be joined.",
        "Look at ReturnPathState: which field do only main and the joining thread write?",
    ),
)


@FILL.starts_from(
    "This asks whether there is a file. The thread clears the pointer to it before it has ended.",
    lambda o: o.deeds.touches("from_dst_file"),
)
def thread_to_join(s):
    return s.rp_state.from_dst_file is not None


@FILL.solved_by
def flag_of_the_maker(s):
    # set where the thread is made, cleared where it is joined: the thread itself never touches it
    return s.rp_state.rp_thread_created


@FILL.refutes(
    "You join the thread here, and then your caller joins it once more. Only answer the question: is there a thread to"
    " join?",
    lambda o: o.deeds.did("join"),
)
def joins_it(s):
    if s.rp_state.rp_thread_created:
        qemu_thread_join(s.rp_state.rp_thread)
    return s.rp_state.rp_thread_created


@FILL.refutes(
    "Your question changes what it asks about: you set the flag, so it says yes where main has made no thread. Only"
    " read it.",
    lambda o: o.during(WITHOUT) and o.deeds.did("write", "rp_thread_created", own=True),
)
def sets_the_flag(s):
    s.rp_state.rp_thread_created = True
    return s.rp_state.rp_thread_created


@FILL.refutes(
    "A migration without a return path has no such thread, and yours joins it all the same.",
    lambda o: o.during(WITHOUT),
)
def always(s):
    return True


@FILL.refutes(
    "The handle of the last migration is still there when the next one begins: its thread is joined a second time.",
    lambda o: o.during(TWICE),
)
def handle(s):
    return s.rp_state.rp_thread is not None


@FILL.refutes(
    "You ask what the user asked for. The thread is also made for postcopy, for which nobody has to ask for a return"
    " path: yours is not joined there.",
    lambda o: o.during(POSTCOPY),
)
def capability(s):
    return migrate_use_return_path(s)


@FILL.refutes(
    "Nobody joins now. The assertion fires whenever the return path thread is late, and its handle leaks when it is"
    " not.",
    lambda o: o.during(SUCCESS) and not any(map(o.deeds.touches, ("rp_thread_created", "from_dst_file"))),
)
def never(s):
    return False


@FILL.refutes(
    "You read the right field, and your answer is no where it says yes: nobody joins the thread.",
    lambda o: o.during(SUCCESS) and o.deeds.touches("rp_thread_created") and not o.deeds.touches("from_dst_file"),
)
def turned_round(s):
    return not s.rp_state.rp_thread_created


@FILL.refutes(
    "The lock makes the read atomic. The question is still the wrong one: an empty pointer does not say that the thread"
    " is gone.",
    lambda o: o.deeds.did("read", "from_dst_file", own=True, holding="qemu_file_lock"),
)
def under_lock(s):
    with s.qemu_file_lock:
        return s.rp_state.from_dst_file is not None


@FILL.refutes(
    "No lock helps here, not even the big one: the thread clears the pointer before it has ended, and an empty pointer"
    " does not say that the thread is gone.",
    lambda o: o.deeds.did("read", "from_dst_file", own=True, holding="BQL"),
)
def under_the_big_lock(s):
    qemu_mutex_lock_iothread(s.process)
    there = s.rp_state.from_dst_file is not None
    qemu_mutex_unlock_iothread(s.process)
    return there


@FILL.refutes(
    "Looking twice asks the wrong question twice. The pointer is cleared before the thread has ended.",
    lambda o: o.deeds.most("read", "from_dst_file", own=True) > 1,
)
def twice(s):
    if s.rp_state.from_dst_file is not None:
        return True
    return s.rp_state.from_dst_file is not None


@FILL.accepts
def as_a_truth_value(s):
    return bool(s.rp_state.rp_thread_created)


@FILL.accepts
def flag_or_pointer(s):
    return s.rp_state.rp_thread_created or s.rp_state.from_dst_file is not None


@FILL.accepts_but(
    "A question should not change what it asks about. Here the next one who asks gets another answer. Clear the flag"
    " where the thread is joined.",
    lambda o: o.deeds.did("write", "rp_thread_created", own=True),
)
def clears_what_it_asks_for(s):
    created = s.rp_state.rp_thread_created
    s.rp_state.rp_thread_created = False
    return created


@FILL.accepts_but(
    "The lock protects nothing here: the thread that you ask about never writes this flag. A lock that no other thread"
    " takes for the same data only costs.",
    lambda o: o.deeds.did("read", "rp_thread_created", own=True, holding="qemu_file_lock"),
)
def flag_under_lock(s):
    with s.qemu_file_lock:
        return s.rp_state.rp_thread_created
