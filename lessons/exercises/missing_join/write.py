# SPDX-License-Identifier: GPL-2.0-or-later
"""01, write: the joiner's half of the patch. Test the flag, join, clear the flag, hand on the error."""

from __future__ import annotations

from lessons.exercises.missing_join.trials import NO_JOIN, POSTCOPY, REFUSED, SUCCESS, TRIALS, TWICE, WITHOUT
from lessons.exercises.model import Exercise
from lessons.exercises.mounting import called_from
from mini_qemu.migration import await_return_path_close_on_source
from mini_qemu.migration_state import migrate_use_return_path
from mini_qemu.process import qemu_mutex_lock_iothread, qemu_mutex_unlock_iothread
from mini_qemu.qemu_file import qemu_fclose, qemu_file_shutdown
from mini_qemu.qemu_thread import qemu_thread_join

WRITE = Exercise(
    name="missing-join/write",
    lesson="01_missing_join",
    title="Write the fix",
    statement="The migration thread calls this when everything is sent. It must leave no return path thread behind, and"
    " say whether the return path reported an error.",
    why="This is the joiner's half of the patch: test the flag, join, clear the flag. Upstream does the last two in"
    " `await_return_path_close_on_source`.",
    trials=TRIALS,
    mount=called_from("migration.migration_completion", NO_JOIN, "rp_error = finish_return_path(s)"),
    equivalent={
        "swap statements 2 and 3 in line 1: def finish_return_path(s):": "nobody asks for the flag during the join",
        "return None in line 4: return False": "the caller only asks whether it is true",
    },
    hints=(
        "Start from the question of the exercise before: which field says that there is a thread to join?",
        "After the join there is none any more. Who says so, and where?",
        "The destination's verdict is in s.rp_state.error, and only complete once the thread has ended.",
    ),
)


@WRITE.starts_from(
    "The test is still about the file. The thread clears that pointer before it has ended.",
    lambda o: o.deeds.touches("from_dst_file"),
)
def finish_return_path(s):
    if s.rp_state.from_dst_file is None:
        return False
    qemu_thread_join(s.rp_state.rp_thread)
    return s.rp_state.error


@WRITE.solved_by
def joins_what_was_made(s):
    # is there a thread that nobody has joined yet? Not: is its file still there?
    if not s.rp_state.rp_thread_created:
        return False
    qemu_thread_join(s.rp_state.rp_thread)
    # joined once: the next migration may have no return path
    s.rp_state.rp_thread_created = False
    return s.rp_state.error


@WRITE.refutes(
    "The destination said that it refuses, and your function did not pass that on: the migration counts as completed.",
    lambda o: o.during(REFUSED) and o.always,
)
def error_not_heard(s):
    if s.rp_state.rp_thread_created:
        qemu_thread_join(s.rp_state.rp_thread)
        s.rp_state.rp_thread_created = False
    return False


@WRITE.refutes(
    "You read the error before the thread that sets it has ended. Read it after the join.",
    lambda o: o.during(REFUSED) and not o.always,
)
def error_before_join(s):
    if not s.rp_state.rp_thread_created:
        return False
    error = s.rp_state.error
    qemu_thread_join(s.rp_state.rp_thread)
    s.rp_state.rp_thread_created = False
    return error


@WRITE.refutes(
    "A migration without a return path has no such thread, and yours joins it all the same.",
    lambda o: o.during(WITHOUT) and not o.says("the migration ends failed"),
)
def no_test(s):
    qemu_thread_join(s.rp_state.rp_thread)
    return s.rp_state.error


@WRITE.refutes(
    "You join the thread twice. After the first join its handle is used up: join once, and then clear the flag.",
    lambda o: o.during(SUCCESS) and o.says("joined or detached before") and o.deeds.did("join"),
)
def joins_twice(s):
    if not s.rp_state.rp_thread_created:
        return False
    qemu_thread_join(s.rp_state.rp_thread)
    qemu_thread_join(s.rp_state.rp_thread)
    s.rp_state.rp_thread_created = False
    return s.rp_state.error


@WRITE.refutes(
    "You ask for the handle and clear the flag. The handle is still there when the next migration begins, so the old"
    " thread is joined a second time. Clear what you ask for.",
    lambda o: o.during(TWICE) and o.deeds.did("write", "rp_thread_created"),
)
def asks_for_one_and_clears_the_other(s):
    if s.rp_state.rp_thread is None:
        return False
    qemu_thread_join(s.rp_state.rp_thread)
    s.rp_state.rp_thread_created = False
    return s.rp_state.error


@WRITE.refutes(
    "You close the thread's file, and the thread still uses it. It closes its file itself: only wait for it.",
    lambda o: o.deeds.did("free") or (o.deeds.touches("from_dst_file") and o.says("None has no attribute 'ops'")),
)
def closes_its_file(s):
    if not s.rp_state.rp_thread_created:
        return False
    qemu_fclose(s.rp_state.from_dst_file)
    qemu_thread_join(s.rp_state.rp_thread)
    s.rp_state.rp_thread_created = False
    return s.rp_state.error


@WRITE.refutes(
    "The flag still says yes when the next migration begins, so the old thread is joined a second time. Clear the flag"
    " where you join.",
    lambda o: o.during(TWICE),
)
def flag_not_cleared(s):
    if not s.rp_state.rp_thread_created:
        return False
    qemu_thread_join(s.rp_state.rp_thread)
    return s.rp_state.error


@WRITE.refutes(
    "You ask what the user asked for. The thread is also made for postcopy, for which nobody has to ask for a return"
    " path: yours is not joined there.",
    lambda o: o.during(POSTCOPY),
)
def capability(s):
    if not migrate_use_return_path(s):
        return False
    qemu_thread_join(s.rp_state.rp_thread)
    s.rp_state.rp_thread_created = False
    return s.rp_state.error


@WRITE.refutes(
    "You join while you hold qemu_file_lock. With patch 2 the thread needs that lock to release its file: each waits"
    " for the other. Never wait for a thread with a lock in hand.",
    lambda o: "deadlock" in o.kinds and not o.during(SUCCESS),
)
def join_under_lock(s):
    with s.qemu_file_lock:
        if not s.rp_state.rp_thread_created:
            return False
        qemu_thread_join(s.rp_state.rp_thread)
        s.rp_state.rp_thread_created = False
        return s.rp_state.error


@WRITE.refutes(
    "The destination was content, and you cut its line before it could say so: the migration ends as failed. Here the"
    " thread ends by itself, so wait for it and cut nothing.",
    lambda o: o.says("the destination was content") and o.deeds.did("write", "shutdown"),
)
def shuts_down_first(s):
    if not s.rp_state.rp_thread_created:
        return False
    qemu_file_shutdown(s.to_dst_file)
    qemu_thread_join(s.rp_state.rp_thread)
    s.rp_state.rp_thread_created = False
    return s.rp_state.error


@WRITE.refutes(
    "You report an error, and there was none: the migration counts as failed. Pass on `s.rp_state.error`, or False if"
    " there is no thread.",
    lambda o: o.says("the destination was content, but the migration ends failed")
    and (o.deeds.did("join") or o.during(WITHOUT)),
)
def reports_an_error(s):
    if not s.rp_state.rp_thread_created:
        return True
    qemu_thread_join(s.rp_state.rp_thread)
    s.rp_state.rp_thread_created = False
    return s.rp_state.error


@WRITE.refutes(
    "Nobody joins: the assertion fires whenever the return path thread is late, and its handle leaks when it is not.",
    lambda o: o.during(SUCCESS)
    and not o.deeds.touches("from_dst_file")
    and not o.deeds.did("join")
    and not {"misuse", "deadlock"} & o.kinds,
)
def nothing(s):
    return


@WRITE.refutes(
    "The lock makes the read atomic. The question is still the wrong one: an empty pointer does not say that the thread"
    " is gone.",
    lambda o: o.deeds.did("read", "from_dst_file", own=True, holding="qemu_file_lock"),
)
def pointer_under_lock(s):
    with s.qemu_file_lock:
        there = s.rp_state.from_dst_file is not None
    if not there:
        return False
    qemu_thread_join(s.rp_state.rp_thread)
    return s.rp_state.error


@WRITE.accepts
def with_upstreams_helper(s):
    if s.rp_state.rp_thread_created:
        return await_return_path_close_on_source(s)
    return False


@WRITE.accepts
def flag_cleared_before_the_join(s):
    if not s.rp_state.rp_thread_created:
        return False
    s.rp_state.rp_thread_created = False
    qemu_thread_join(s.rp_state.rp_thread)
    return s.rp_state.error


@WRITE.accepts
def handle_as_the_flag(s):
    if s.rp_state.rp_thread is None:
        return False
    qemu_thread_join(s.rp_state.rp_thread)
    s.rp_state.rp_thread = None
    return s.rp_state.error


@WRITE.accepts_but(
    "You wait for a thread with a lock in hand. Here it does not need that lock. But everybody else who does waits with"
    " you; if you hold the BQL, the main loop stands still, and no monitor command is answered. Never wait with a"
    " lock in hand.",
    lambda o: o.deeds.waits_with_a_lock("join"),
)
def join_with_the_bql(s):
    qemu_mutex_lock_iothread(s.process)
    error = False
    if s.rp_state.rp_thread_created:
        qemu_thread_join(s.rp_state.rp_thread)
        s.rp_state.rp_thread_created = False
        error = s.rp_state.error
    qemu_mutex_unlock_iothread(s.process)
    return error
