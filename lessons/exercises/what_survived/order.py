# SPDX-License-Identifier: GPL-2.0-or-later
"""06, order: stop, wait, free. The join has moved into the clean-up, where every path comes along.

Judged also where the source fails by itself: there nobody else wakes the return path thread. Patch 5 is off, so that
the last close takes the channel off the yank list: with it, an early close happens to do no harm.
"""

from __future__ import annotations

from dataclasses import replace

from lessons.exercises.missing_join.trials import AT_HOME, NO_JOIN, SUCCESS, TWICE, WITHOUT
from lessons.exercises.model import OrderExercise, WrongAnswer, before
from lessons.exercises.mounting import instead_of, with_edits
from mini_qemu.process import qemu_bh_delete, qemu_mutex_lock_iothread, qemu_mutex_unlock_iothread
from mini_qemu.qemu_file import qemu_fclose, qemu_file_shutdown
from mini_qemu.qemu_thread import qemu_thread_join
from mini_qemu.yank import MIGRATION_YANK_INSTANCE, yank_unregister_instance

ON = ("join_created_thread", "lock_from_dst_file", "one_yank_predicate", "file_knows_channel")

ORDER = OrderExercise(
    name="survived/order",
    lesson="06_what_survived",
    title="Order the clean-up",
    statement="The join has moved into the clean-up, where every path comes along. In which order must these five"
    " happen?",
    why="Stop, wait, free: shut the file down, so that the thread wakes; wait until it has ended; only then close what"
    " it used, and only then assert that nothing is left.",
    trials=tuple(replace(trial, on=ON) for trial in (SUCCESS, AT_HOME, WITHOUT, TWICE)),
    mount=with_edits(
        instead_of("migration.migrate_fd_cleanup"),
        ("migration.migration_completion", NO_JOIN, "rp_error = False"),
    ),
    hints=(
        "Who uses the channel when the clean-up starts? Which line waits for that thread, and which one wakes it?",
        "C is an assertion about the list. Which line empties the list, and who else might?",
        "Stop, wait, free.",
    ),
    starter="ABCDE",
    misplaced=(
        WrongAnswer(
            "file_before_it_is_taken",
            "EABCD",
            "B and E use `f`, and `f` gets its value in A.",
            lambda o: o.says("UnboundLocalError"),
        ),
        WrongAnswer(
            "shut_down_what_is_closed",
            "ADBEC",
            "E shuts down a file that B has closed and freed.",
            lambda o: o.kinds == {"use-after-free"},
        ),
        WrongAnswer(
            "instance_before_close",
            "AEDCB",
            "C asserts that the yank list is empty, and it is B, the last close, that empties it.",
            before("C", "B"),
        ),
        WrongAnswer(
            "join_last",
            "AEBCD",
            "C asserts that the list is empty while the return path thread may still hold the channel. The join in D"
            " comes too late to help.",
            before("C", "D"),
        ),
        WrongAnswer(
            "close_before_join",
            "AEBDC",
            "Both threads can close at the same time. Then both read two references, so neither thinks it is the last,"
            " and nobody takes the channel off the list.",
            before("B", "D"),
        ),
        WrongAnswer(
            "wait_before_stop",
            "ADEBC",
            "D waits for a thread that nobody has woken. When the source fails by itself, main waits for the thread,"
            " the thread for the destination, and the destination for main. Stop first, then wait.",
            before("D", "E"),
        ),
    ),
)


@ORDER.orders
def migrate_fd_cleanup(s):
    qemu_bh_delete(s.cleanup_bh)
    s.cleanup_bh = None
    qemu_mutex_unlock_iothread(s.process)
    if s.migration_thread_running:
        qemu_thread_join(s.thread)
        s.migration_thread_running = False
    qemu_mutex_lock_iothread(s.process)
    with s.qemu_file_lock:  # A
        f = s.to_dst_file
        s.to_dst_file = None
    qemu_file_shutdown(f)  # E
    if s.rp_state.rp_thread_created:  # D
        qemu_thread_join(s.rp_state.rp_thread)
        s.rp_state.rp_thread_created = False
    qemu_fclose(f)  # B
    yank_unregister_instance(s.process.yank, MIGRATION_YANK_INSTANCE)  # C
