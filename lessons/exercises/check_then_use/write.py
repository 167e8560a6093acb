# SPDX-License-Identifier: GPL-2.0-or-later
"""02, write: the cancel. Test and use in one hold of the lock that the other side needs."""

from __future__ import annotations

from lessons.exercises.check_then_use.trials import ENDS, SILENT, SLEEPS, TAGGED, TWO_CHANNELS
from lessons.exercises.model import Exercise
from lessons.exercises.mounting import called_from
from mini_qemu.io_channel import qio_channel_shutdown
from mini_qemu.process import qemu_mutex_lock_iothread, qemu_mutex_unlock_iothread
from mini_qemu.qemu_file import qemu_fclose, qemu_file_get_ioc, qemu_file_shutdown
from mini_qemu.qemu_thread import qemu_thread_join
from mini_qemu.qom import object_ref, object_unref

WRITE = Exercise(
    name="check-then-use/write",
    lesson="02_check_then_use",
    title="Write the cancel",
    statement="The return path thread releases its file under the lock. Now main must wake that thread, if it has a"
    " file, without ever using one that is gone.",
    why="You test and use in one hold of the lock that the other side needs in order to take the pointer away.",
    trials=(ENDS, SLEEPS, SILENT, TWO_CHANNELS, TAGGED),
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
    hints=(
        "The other side clears the pointer under qemu_file_lock. What does that give you while you hold it?",
        "Put both lines inside one `with s.qemu_file_lock:`.",
    ),
)


@WRITE.starts_from(
    "Between your test and your use the other thread can take the file away. It does so under qemu_file_lock.",
    lambda o: o.deeds.most("read", "from_dst_file", own=True) > 1,
)
def wake_return_path(s):
    if s.rp_state.from_dst_file is not None:
        qemu_file_shutdown(s.rp_state.from_dst_file)


@WRITE.solved_by
def test_and_use_in_one_hold(s):
    # the thread that clears the pointer needs this lock: as long as we hold it, the file we found stays
    with s.qemu_file_lock:
        if s.rp_state.from_dst_file is not None:
            qemu_file_shutdown(s.rp_state.from_dst_file)


@WRITE.refutes(
    "You shut the other file down. That wakes the thread only if both lie on one channel: the reviewer's objection to"
    " the first version of this patch.",
    lambda o: o.during(TWO_CHANNELS) and o.deeds.touches("to_dst_file"),
)
def other_file(s):
    if s.to_dst_file is not None:
        qemu_file_shutdown(s.to_dst_file)


@WRITE.refutes(
    "You take a reference and do not give it back, so the channel is never freed. Each `object_ref` needs its"
    " `object_unref`.",
    lambda o: o.says("somebody still holds its channel"),
)
def reference_kept(s):
    ioc = None
    with s.qemu_file_lock:
        if s.rp_state.from_dst_file is not None:
            ioc = qemu_file_get_ioc(s.rp_state.from_dst_file)
            object_ref(ioc)
    if ioc is not None:
        qio_channel_shutdown(ioc)


@WRITE.refutes(
    "You join the thread here. This function only wakes it: it may have no thread to join, and a thread that needs"
    " your lock cannot end.",
    lambda o: o.says("join of a thread") or o.deeds.did("join"),
)
def joins_it(s):
    with s.qemu_file_lock:
        if s.rp_state.from_dst_file is not None:
            qemu_file_shutdown(s.rp_state.from_dst_file)
        qemu_thread_join(s.rp_state.rp_thread)


@WRITE.refutes(
    "Nobody is woken: with a channel of its own the return path thread waits for the network for ever.",
    lambda o: o.during(TWO_CHANNELS),
)
def nothing(s):
    return


@WRITE.refutes(
    "You take the pointer away yourself. The thread later releases its file, finds None there, and closes that. The"
    " pointer belongs to the thread: leave it, and use it only under the lock.",
    lambda o: o.deeds.did("write", "from_dst_file", own=True),
)
def main_takes_it_away(s):
    with s.qemu_file_lock:
        f = s.rp_state.from_dst_file
        s.rp_state.from_dst_file = None
    if f is not None:
        qemu_file_shutdown(f)


@WRITE.refutes(
    "You close the thread's file, and the thread is still reading from it. Shutting a file down only wakes its reader;"
    " closing it frees it.",
    lambda o: o.deeds.did("free"),
)
def closes_it(s):
    with s.qemu_file_lock:
        if s.rp_state.from_dst_file is not None:
            qemu_fclose(s.rp_state.from_dst_file)


@WRITE.refutes(
    "You hold a lock, and the thread that takes the file away never takes that one. Both sides must take the same lock:"
    " that thread takes qemu_file_lock.",
    lambda o: o.deeds.did("lock", own=False)
    and not o.deeds.did("lock", "qemu_file_lock")
    and not o.deeds.holds_nothing_for("read", "from_dst_file"),
)
def another_lock(s):
    qemu_mutex_lock_iothread(s.process)
    if s.rp_state.from_dst_file is not None:
        qemu_file_shutdown(s.rp_state.from_dst_file)
    qemu_mutex_unlock_iothread(s.process)


@WRITE.refutes(
    "You use the pointer without testing it: when the thread has released its file, there is nothing to shut down.",
    lambda o: o.says("None has no") and o.deeds.most("read", "from_dst_file", own=True) == 1,
)
def no_test(s):
    with s.qemu_file_lock:
        qemu_file_shutdown(s.rp_state.from_dst_file)


@WRITE.refutes(
    "When the thread has released its file you shut down None, and catch what comes of it. In C there is nothing to"
    " catch: a null pointer is followed, and QEMU stops. Test first.",
    lambda o: o.says("follows a null pointer"),
)
def catches_it(s):
    with s.qemu_file_lock:
        try:
            qemu_file_shutdown(s.rp_state.from_dst_file)
        except Exception:
            pass


@WRITE.refutes(
    "You hold the lock, and you use the pointer exactly when it is None: the test is the wrong way round.",
    lambda o: o.says("None has no")
    and not o.deeds.holds_nothing_for("read", "from_dst_file")
    and o.deeds.most("lock", "qemu_file_lock") == 1,
)
def turned_round(s):
    with s.qemu_file_lock:
        if s.rp_state.from_dst_file is None:
            qemu_file_shutdown(s.rp_state.from_dst_file)


@WRITE.refutes(
    "You test without the lock and use with it. Between the two the thread can take the file away.",
    lambda o: o.deeds.did("lock", "qemu_file_lock")
    and o.deeds.first_without("qemu_file_lock", "read", "from_dst_file"),
)
def lock_for_the_use(s):
    if s.rp_state.from_dst_file is not None:
        with s.qemu_file_lock:
            qemu_file_shutdown(s.rp_state.from_dst_file)


@WRITE.refutes(
    "You release the lock between the test and the use. What was true under the lock need not be true after it.",
    lambda o: o.deeds.did("lock", "qemu_file_lock") and o.deeds.most("read", "from_dst_file", own=True) > 1,
)
def lock_for_the_test(s):
    with s.qemu_file_lock:
        there = s.rp_state.from_dst_file is not None
    if there:
        qemu_file_shutdown(s.rp_state.from_dst_file)


@WRITE.refutes(
    "Your copy of the pointer outlives the lock, and the file need not: it can be closed and freed before you use it.",
    lambda o: o.deeds.did("lock", "qemu_file_lock") and o.deeds.most("read", "from_dst_file", own=True) == 1,
)
def copy_under_lock(s):
    with s.qemu_file_lock:
        rp = s.rp_state.from_dst_file
    if rp is not None:
        qemu_file_shutdown(rp)


@WRITE.refutes(
    "You find the file in time, and it is freed while you still use it. A copy of the pointer does not keep it alive,"
    " and after a free there is no error to be caught.",
    lambda o: o.deeds.most("read", "from_dst_file", own=True) == 1 and not o.deeds.did("lock", "qemu_file_lock"),
)
def copy(s):
    rp = s.rp_state.from_dst_file
    if rp is not None:
        qemu_file_shutdown(rp)


@WRITE.accepts
def copy_used_under_the_lock(s):
    with s.qemu_file_lock:
        rp = s.rp_state.from_dst_file
        if rp is not None:
            qemu_file_shutdown(rp)


@WRITE.accepts
def both_files(s):
    with s.qemu_file_lock:
        if s.rp_state.from_dst_file is not None:
            qemu_file_shutdown(s.rp_state.from_dst_file)
        if s.to_dst_file is not None:
            qemu_file_shutdown(s.to_dst_file)


@WRITE.accepts
def the_channel_beneath(s):
    with s.qemu_file_lock:
        if s.rp_state.from_dst_file is not None:
            qio_channel_shutdown(qemu_file_get_ioc(s.rp_state.from_dst_file))


@WRITE.accepts_but(
    "You take a second lock while you hold qemu_file_lock. Nobody takes the two the other way round today. On the day"
    " somebody does, the two wait for each other: a deadlock. Hold one lock at a time.",
    lambda o: o.deeds.did("lock", holding="qemu_file_lock"),
)
def second_lock_inside(s):
    with s.qemu_file_lock:
        qemu_mutex_lock_iothread(s.process)
        if s.rp_state.from_dst_file is not None:
            qemu_file_shutdown(s.rp_state.from_dst_file)
        qemu_mutex_unlock_iothread(s.process)


@WRITE.praises(
    "You take a reference under the lock and shut the channel down outside it. That is better than the solution: the"
    " lock is held for a moment only, and the reference keeps the channel alive.",
    lambda o: o.deeds.did("cas", "ref") and o.deeds.did("lock", "qemu_file_lock"),
)
def reference_then_outside(s):
    ioc = None
    with s.qemu_file_lock:
        if s.rp_state.from_dst_file is not None:
            ioc = qemu_file_get_ioc(s.rp_state.from_dst_file)
            object_ref(ioc)
    if ioc is not None:
        qio_channel_shutdown(ioc)
        object_unref(ioc)
