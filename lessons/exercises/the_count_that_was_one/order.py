# SPDX-License-Identifier: GPL-2.0-or-later
"""05, order: the entry while the channel is surely alive, then the file, then the instance."""

from __future__ import annotations

from lessons.exercises.model import OrderExercise, WrongAnswer, before
from lessons.exercises.mounting import instead_of
from lessons.exercises.the_count_that_was_one.trials import CANCEL
from mini_qemu.migration_state import MIGRATION_STATUS_CANCELLED, MIGRATION_STATUS_CANCELLING, migrate_set_state
from mini_qemu.process import qemu_bh_delete
from mini_qemu.qemu_file import qemu_fclose
from mini_qemu.yank import MIGRATION_YANK_INSTANCE, yank_unregister_instance
from mini_qemu.yank_functions import migration_ioc_unregister_yank_from_file

ORDER = OrderExercise(
    name="count/order",
    lesson="05_the_count_that_was_one",
    title="Order the clean-up",
    statement="The clean-up retires the connection. In which order?",
    why="First the entry, while the channel is surely alive; then the file. When the instance goes, the list is empty,"
    " no matter which thread is still closing.",
    trials=(CANCEL,),
    mount=instead_of("migration.migrate_fd_cleanup"),
    hints=(
        "The list names the channel without holding a reference. Until when may it do so?",
        "Which of the lines makes D's assertion true?",
    ),
    starter="ACBD",
    also_right={
        "ABDC": "The entry is out before the instance goes, and that is all the instance asks for. The file may be"
        " closed after it, because a close is only a close now."
    },
    misplaced=(
        WrongAnswer(
            "before_it_is_taken",
            "BACD",
            "B and C need `f`, and `f` gets its value in A.",
            lambda o: o.says("UnboundLocalError"),
        ),
        WrongAnswer(
            "instance_first",
            "ADBC",
            "D asserts that the list is empty, and it is B that takes the entry out.",
            before("D", "B"),
        ),
        WrongAnswer(
            "close_first",
            "ACBD",
            "B asks a file for its channel that C has already closed and freed.",
            before("C", "B"),
        ),
    ),
)


@ORDER.orders
def migrate_fd_cleanup(s):
    qemu_bh_delete(s.cleanup_bh)
    s.cleanup_bh = None
    with s.qemu_file_lock:  # A
        f = s.to_dst_file
        s.to_dst_file = None
    migration_ioc_unregister_yank_from_file(f)  # B
    qemu_fclose(f)  # C
    yank_unregister_instance(s.process.yank, MIGRATION_YANK_INSTANCE)  # D
    migrate_set_state(s, MIGRATION_STATUS_CANCELLING, MIGRATION_STATUS_CANCELLED)
