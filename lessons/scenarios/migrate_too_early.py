# SPDX-License-Identifier: GPL-2.0-or-later
"""A new `migrate` while the old one is failed but not cleaned up (C.18h, j, k).

The state says failed as soon as the migration thread has given up; the clean-up runs later, in a bottom half. An
operator who asks in between and tries again gets an error, because the yank instance is still there, but by then the
state has been made ready: the old bottom half finds nothing of what it has to clean up, and crashes. Reported upstream
in December 2025; in January 2026 the registration came first (7e71439243), so that a refused `migrate` changes nothing.
"""

from __future__ import annotations

from lessons.scenarios.stage import SourceSide, running, source_scenario
from lessons.scenarios.story import Story
from mini_qemu.io_channel import EIO
from mini_qemu.migration import migration_detect_error, migration_iteration_finish, qmp_migrate
from mini_qemu.process import main_loop_wait, qemu_mutex_lock_iothread, qemu_mutex_unlock_iothread
from mini_qemu.qemu_file import qemu_file_set_error


def line_is_lost() -> SourceSide:
    """A precopy without return path that has lost its line."""
    w = running()
    w.ms.rp_state.from_dst_file = None
    qemu_file_set_error(w.ms.to_dst_file, -EIO)
    return w


def live_migration(w: SourceSide) -> None:
    migration_detect_error(w.ms)
    migration_iteration_finish(w.ms)


def tries_again(w: SourceSide) -> None:
    """An error is a fair answer: the old migration runs, or is not cleaned up. Then the old one's bottom half."""
    qemu_mutex_lock_iothread(w.qemu)
    error = qmp_migrate(w.ms)
    assert error is not None
    qemu_mutex_unlock_iothread(w.qemu)
    main_loop_wait(w.qemu)


def check(w: SourceSide) -> None:
    assert w.ms.state == "failed", f"one migration has failed, none has begun, and the state is {w.ms.state}"


scenario = source_scenario(
    "migrate-too-early",
    "Migrate again before the clean-up",
    line_is_lost,
    {"main": tries_again, "live_migration": live_migration},
    check=check,
)

STORY = Story(
    scenario,
    "migrate again before the failed one is cleaned up: survives the series",
    later=("register_before_setup",),
)
STORIES = (STORY,)
