# SPDX-License-Identifier: GPL-2.0-or-later
"""Cancel a postcopy. Four stories that survive the series, and a warm-up.

*cancel-before-pause*. The migration thread reads the state, finds its file in error, and calls postcopy_pause, which
asserts that the state is what its caller has read. A cancel in between changes the state: the assertion fails, and the
guest's memory is gone with the process. We found this by reading the code; nobody reported it. Since February 2025 a
postcopy cannot be cancelled (646119088f), which closes it. The warm-up begins where the cancel says so: six steps.

*cancel-while-pausing* (C.3a). Cancel copies `to_dst_file` when it begins, without the lock, and shuts the copy down
several steps later. The migration thread pauses in between: it takes the pointer away, closes the file and frees it.
Fixed in September 2023 (7478fb0df9).

*cancel-in-postcopy*. Cancel shuts the return path down before it says why. The return path thread takes that for a lost
line and goes to sleep until a resume; nobody will resume, and nobody can join it any more. Since September 2023 the
thread does not sleep (ef796ee93b).

*cancel-while-paused* (C.15). Both threads sleep until a resume. A cancel turns the state into cancelling and wakes
nobody; from then on a resume is refused, and so is another migration. No timing is needed: every run ends there. Since
February 2025 a postcopy cannot be cancelled (646119088f).
"""

from __future__ import annotations

from typing import Any

from lessons.scenarios.stage import (
    Curtain,
    Offstage,
    SourceSide,
    reap,
    running,
    sends_once_more,
    source_scenario,
    start_return_path,
)
from lessons.scenarios.stage.recovery import (
    acknowledges,
    check_recovered,
    line_is_lost,
    losing_its_line,
    pauses,
    recovers_then_joins,
    resume,
)
from lessons.scenarios.story import Story
from mini_qemu.migration import migrate_fd_cancel, migration_detect_error, migration_iteration_finish, qmp_migrate
from mini_qemu.migration_state import MIGRATION_STATUS_CANCELLING, migrate_set_state
from mini_qemu.monitor import QmpError, qmp_migrate_cancel
from mini_qemu.process import main_loop_wait
from mini_qemu.qemu_thread import QEMU_THREAD_JOINABLE, qemu_thread_create


def pauses_at_once() -> SourceSide:
    """The story ends where the pause has begun: before it takes the channel out of the yank list."""
    w = line_is_lost()
    yank: Any = w.qemu.yank
    yank.yank_lock = Curtain()
    return w


def operator_cancels(w: SourceSide) -> None:
    """That it cannot be done any more is a fair answer."""
    try:
        qmp_migrate_cancel(w.qemu)
    except QmpError:
        pass


before_pause = source_scenario(
    "cancel-before-pause",
    "Cancel just before a postcopy pauses",
    pauses_at_once,
    {"main": operator_cancels, "live_migration": pauses},
)


def says_that_it_is_cancelled(w: SourceSide) -> None:
    """The heart of migrate_fd_cancel; what comes before and after plays no part in this bug."""
    migrate_set_state(w.ms, w.ms.state, MIGRATION_STATUS_CANCELLING)


warm_up = source_scenario(
    "says-cancelling",
    "The state changes just before a postcopy pauses",
    pauses_at_once,
    {"main": says_that_it_is_cancelled, "live_migration": pauses},
)

pausing = source_scenario(
    "cancel-while-pausing",
    "Cancel while a postcopy pauses",
    line_is_lost,
    {"main": operator_cancels, "live_migration": pauses},
)


def active_postcopy() -> SourceSide:
    return running("postcopy-ram", state="postcopy-active")


def starts_then_cancels(w: SourceSide) -> None:
    """The source's main thread: starts both threads, cancels, cleans up, and joins the return path thread."""
    start_return_path(w)
    w.ms.thread = qemu_thread_create("live_migration", sends_on, w, QEMU_THREAD_JOINABLE)
    w.ms.migration_thread_running = True
    migrate_fd_cancel(w.ms)
    w.stalled.post()
    main_loop_wait(w.qemu)
    reap(w)


def sends_on(w: SourceSide) -> None:
    """The migration thread; it has something to send when the cancel has been said."""
    try:
        sends_once_more(w)
        migration_detect_error(w.ms)
        migration_iteration_finish(w.ms)
    except Offstage:
        pass


active = source_scenario(
    "cancel-in-postcopy", "Cancel while a postcopy sends", active_postcopy, {"main": starts_then_cancels}
)


def cancels_then_resumes(w: SourceSide) -> None:
    """The operator cancels a paused postcopy; as that does not end it, the next thing to try is a resume."""
    start_return_path(w)
    w.paused.wait()
    w.parked.wait()
    operator_cancels(w)
    if qmp_migrate(w.ms, resume=True) is None:
        resume(w)


paused = source_scenario(
    "cancel-while-paused",
    "Cancel a paused postcopy",
    losing_its_line,
    {"main": cancels_then_resumes, "live_migration": recovers_then_joins, "destination": acknowledges},
    check=check_recovered,
)

STORIES = (
    Story(before_pause, "cancel just before a postcopy pauses: survives the series", later=("no_cancel_in_postcopy",)),
    Story(
        pausing,
        "cancel while a postcopy pauses: survives the series",
        later=("lock_to_dst_file", "no_cancel_in_postcopy"),
    ),
    Story(active, "cancel while a postcopy sends: survives the series", later=("restart_return_path_thread",)),
    Story(paused, "cancel a postcopy that is paused: survives the series", later=("no_cancel_in_postcopy",)),
)
