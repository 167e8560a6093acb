# SPDX-License-Identifier: GPL-2.0-or-later
"""An operator yanks at any time of a precopy, on the source: from set-up to clean-up, one story for each state.

Yank tells the migration nothing. Its threads find that reading and writing fail, and end. The pair must be in the
list as long as the channel lives, and out of it before the channel goes; finding no instance, or an instance with
nothing in it, is a fair answer. With patch 5 every state is safe but one: at the moment of completion the migration
thread tests and uses from_dst_file without the lock (2-D), and what a dying line does there, a yank does, too.
"""

from __future__ import annotations

from lessons.scenarios.stage import (
    SourceSide,
    cancelled,
    cleans_up,
    completes,
    main_connects_then_cleans_up,
    main_starts_then_cleans_up,
    oob_yanks,
    oob_yanks_before_the_next_send,
    return_path,
    running,
    sends_once_more,
    source_scenario,
)
from lessons.scenarios.story import Story
from mini_qemu.migration import (
    MIG_THR_ERR_FATAL,
    migration_detect_error,
    migration_iteration_finish,
)

precopy = source_scenario(
    "yank-during-precopy",
    "Yank at any time of a precopy",
    SourceSide,
    {"main": main_connects_then_cleans_up, "oob": oob_yanks},
)


def sends_on(w: SourceSide) -> None:
    """The migration thread, until it finds an error."""
    while migration_detect_error(w.ms) != MIG_THR_ERR_FATAL:
        sends_once_more(w)
    migration_iteration_finish(w.ms)


def check_failed(w: SourceSide) -> None:
    assert w.ms.state == "failed", f"the line was cut, and the migration is {w.ms.state}"


active = source_scenario(
    "yank-while-active",
    "Yank while the migration sends",
    running,
    {"main": (main_starts_then_cleans_up, sends_on), "oob": oob_yanks_before_the_next_send},
    check=check_failed,
)

completion = source_scenario(
    "yank-during-completion",
    "Yank while the migration completes",
    running,
    {"main": (main_starts_then_cleans_up, completes), "oob": oob_yanks},
)


cleanup = source_scenario(
    "yank-during-cleanup",
    "Yank while the source cleans up",
    cancelled,
    {"main": cleans_up, "return path": return_path, "oob": oob_yanks},
)

STORIES = (
    Story(precopy, "yank at any time of a precopy without return path"),
    Story(active, "yank while a precopy with a return path sends", fixes=("explicit_unregister",)),
    Story(completion, "yank while a precopy completes: survives the series", later=("lock_in_await",)),
    Story(cleanup, "yank while the source cleans up after a cancel", fixes=("explicit_unregister",)),
)
