# SPDX-License-Identifier: GPL-2.0-or-later
"""Cancel a postcopy. Two stories that survive the series.

*cancel-while-pausing* (C.3a). Cancel copies `to_dst_file` when it begins, without the lock, and shuts the copy down
several steps later. The migration thread pauses in between: it takes the pointer away, closes the file and frees it.
Fixed in September 2023 (7478fb0df9).

*cancel-while-paused* (C.15). Both threads sleep until a resume. A cancel turns the state into cancelling and wakes
nobody; from then on a resume is refused, and so is another migration. No timing is needed: every run ends there. Since
February 2025 a postcopy cannot be cancelled (646119088f).
"""

from __future__ import annotations

from lessons.scenarios.stage import Offstage, SourceSide, Wings, hangs_up, running, source_scenario, start_return_path
from lessons.scenarios.stage.recovery import destination, live_migration, losing_its_line, resume
from lessons.scenarios.story import Story
from mini_qemu.io_channel import EIO
from mini_qemu.migration import migrate_fd_cancel, migration_detect_error, qmp_migrate
from mini_qemu.monitor import QmpError, qmp_migrate_cancel
from mini_qemu.qemu_file import qemu_file_set_error


def line_is_lost() -> SourceSide:
    """The migration thread has seen that the line is dead. There is no return path in this story."""
    w = running("postcopy-ram", state="postcopy-active")
    w.ms.rp_state.from_dst_file = None
    w.ms.postcopy_pause_sem = Wings()  # nobody resumes: the thread's part ends where it goes to sleep
    hangs_up(w)
    qemu_file_set_error(w.ms.to_dst_file, -EIO)
    return w


def pauses(w: SourceSide) -> None:
    try:
        migration_detect_error(w.ms)
    except Offstage:
        pass


def cancels(w: SourceSide) -> None:
    migrate_fd_cancel(w.ms)


pausing = source_scenario(
    "cancel-while-pausing",
    "Cancel while a postcopy pauses",
    line_is_lost,
    {"main": cancels, "live_migration": pauses},
)


def cancels_then_resumes(w: SourceSide) -> None:
    """The operator cancels a paused postcopy; as that does not end it, the next thing to try is a resume."""
    start_return_path(w)
    w.paused.wait()
    w.parked.wait()
    try:
        qmp_migrate_cancel(w.qemu)
    except QmpError:
        pass
    if qmp_migrate(w.ms, resume=True) is None:
        resume(w)


paused = source_scenario(
    "cancel-while-paused",
    "Cancel a paused postcopy",
    losing_its_line,
    {"main": cancels_then_resumes, "live_migration": live_migration, "destination": destination},
)

STORIES = (
    Story(pausing, "cancel while a postcopy pauses: survives the series", later=("lock_to_dst_file",)),
    Story(paused, "cancel a postcopy that is paused: survives the series", later=("no_cancel_in_postcopy",)),
)
