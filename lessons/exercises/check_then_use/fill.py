# SPDX-License-Identifier: GPL-2.0-or-later
"""02, fill in: was a return path asked for? Decided before the thread began, so not by a pointer that changes."""

from __future__ import annotations

from lessons.exercises.check_then_use.trials import EARLY, POSTCOPY, SUCCESS, TWICE, WITHOUT
from lessons.exercises.model import Exercise
from lessons.exercises.mounting import called_from
from mini_qemu.migration_state import migrate_postcopy_ram, migrate_use_return_path
from mini_qemu.qemu_thread import qemu_thread_join

FILL = Exercise(
    name="check-then-use/fill",
    lesson="02_check_then_use",
    title="Fill in the question",
    statement="At its start the migration thread asks whether there is a return path. Replace the one line.",
    why="Main decided this before it made the migration thread. The pointer may change at any time; the flag does not.",
    trials=(EARLY, WITHOUT, SUCCESS, TWICE, POSTCOPY),
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
    hints=(
        "When was it decided that there is a return path, and which field has said so ever since?",
        "You know the field from lesson 01.",
    ),
)


@FILL.starts_from(
    "If the destination closes at once, the return path thread clears the pointer before this thread has looked. Then"
    " it never asks the destination for the return path that was configured.",
    lambda o: o.during(EARLY) and o.deeds.touches("from_dst_file"),
)
def return_path_wanted(s):
    return s.rp_state.from_dst_file is not None


@FILL.solved_by
def decided_by_main(s):
    # main decided this before it made the migration thread; what became of the file meanwhile does not matter
    return s.rp_state.rp_thread_created


@FILL.refutes(
    "The read is atomic now, and still too late: the thread may have cleared the pointer before.",
    lambda o: o.deeds.did("read", "from_dst_file", own=True, holding="qemu_file_lock"),
)
def under_lock(s):
    with s.qemu_file_lock:
        return s.rp_state.from_dst_file is not None


@FILL.refutes(
    "Your question changes what it asks about: you clear the flag, so nobody joins the thread at the end. Only read"
    " it.",
    lambda o: o.deeds.did("write", "rp_thread_created", own=True),
)
def clears_the_flag(s):
    wanted = s.rp_state.rp_thread_created
    s.rp_state.rp_thread_created = False
    return wanted


@FILL.refutes(
    "You join the return path thread before the migration has begun. Only answer the question.",
    lambda o: o.deeds.did("join"),
)
def joins_it(s):
    if s.rp_state.rp_thread_created:
        qemu_thread_join(s.rp_state.rp_thread)
    return s.rp_state.rp_thread_created


@FILL.refutes(
    "Then the destination is never asked to open its side, although a return path was configured.",
    lambda o: o.during(EARLY) and not o.deeds.touches("from_dst_file"),
)
def never(s):
    return False


@FILL.refutes(
    "You ask the destination for a return path that nobody configured: its answers have nowhere to go.",
    lambda o: o.during(WITHOUT),
)
def always(s):
    return True


@FILL.refutes(
    "The handle of the last migration's thread is still there when the next one begins. That one has no return path,"
    " and you ask the destination for it all the same.",
    lambda o: o.during(TWICE),
)
def handle(s):
    return s.rp_state.rp_thread is not None


@FILL.refutes(
    "You ask what the user asked for. With postcopy main makes a return path though nobody asked for one, and then the"
    " destination must be asked for it.",
    lambda o: o.during(POSTCOPY),
)
def capability(s):
    return migrate_use_return_path(s)


@FILL.accepts
def what_was_configured(s):
    return migrate_postcopy_ram(s) or migrate_use_return_path(s)
