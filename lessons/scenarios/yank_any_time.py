# SPDX-License-Identifier: GPL-2.0-or-later
"""An operator yanks at any time of a precopy, on the source: from set-up to clean-up, one story for each state.

Yank tells the migration nothing. Its threads find that reading and writing fail, and end. The pair must be in the
list as long as the channel lives, and out of it before the channel goes; finding no instance, or an instance with
nothing in it, is a fair answer. With patch 5 every state is safe but one: at the moment of completion the migration
thread tests and uses from_dst_file without the lock (2-D), and what a dying line does there, a yank does, too.
"""

from __future__ import annotations

from lessons.scenarios.cancel_cleanup import cleans_up
from lessons.scenarios.cancel_cleanup import setup as cancelled
from lessons.scenarios.invariants import SOURCE_RULES
from lessons.scenarios.stage import (
    Source,
    completes,
    main_connects_then_cleans_up,
    main_starts_then_cleans_up,
    oob_yanks,
    oob_yanks_before_the_next_send,
    return_path,
    running,
    sends_once_more,
    watch_source,
)
from lessons.scenarios.story import Story
from mini_qemu.migration import (
    MIG_THR_ERR_FATAL,
    migration_detect_error,
    migration_iteration_finish,
)
from mini_qemu.sched import Scenario

precopy = Scenario(
    "yank-during-precopy",
    setup=Source,
    threads={"main": main_connects_then_cleans_up, "oob": oob_yanks},
    watch=watch_source,
    invariants=SOURCE_RULES,
    title="Yank at any time of a precopy",
)


def sends_on(w: Source) -> None:
    """The migration thread, until it finds an error."""
    while migration_detect_error(w.ms) != MIG_THR_ERR_FATAL:
        sends_once_more(w)
    migration_iteration_finish(w.ms)


def check_failed(w: Source) -> None:
    assert w.ms.state == "failed", f"the line was cut, and the migration is {w.ms.state}"


active = Scenario(
    "yank-while-active",
    setup=running,
    threads={"main": (main_starts_then_cleans_up, sends_on), "oob": oob_yanks_before_the_next_send},
    check=check_failed,
    watch=watch_source,
    invariants=SOURCE_RULES,
    title="Yank while the migration sends",
)

completion = Scenario(
    "yank-during-completion",
    setup=running,
    threads={"main": (main_starts_then_cleans_up, completes), "oob": oob_yanks},
    watch=watch_source,
    invariants=SOURCE_RULES,
    title="Yank while the migration completes",
)


cleanup = Scenario(
    "yank-during-cleanup",
    setup=cancelled,
    threads={"main": cleans_up, "return path": return_path, "oob": oob_yanks},
    watch=watch_source,
    invariants=SOURCE_RULES,
    title="Yank while the source cleans up",
)

STORIES = (
    Story(precopy, "yank at any time of a precopy without return path"),
    Story(active, "yank while a precopy with a return path sends", patches=("explicit_unregister",)),
    Story(completion, "yank while a precopy completes: survives the series"),
    Story(cleanup, "yank while the source cleans up after a cancel", patches=("explicit_unregister",)),
)
