# SPDX-License-Identifier: GPL-2.0-or-later
"""05: the ends of migrations after which nothing may be left, neither on the list nor open.

A cancel, a success without and with a return path, and two closers while an operator yanks.
"""

from __future__ import annotations

from lessons.exercises.model import Trial
from lessons.scenarios.precopy_return_path import scenario as success
from lessons.scenarios.stage import (
    SourceSide,
    cancelled,
    cleans_up,
    is_freed,
    main_connects_then_cleans_up,
    return_path,
    watch_source,
)
from lessons.scenarios.two_closers import scenario as two_closers
from mini_qemu.sched import Scenario

ON = ("join_created_thread", "lock_from_dst_file", "one_yank_predicate", "file_knows_channel", "explicit_unregister")


def all_gone(w: SourceSide) -> bool:
    assert is_freed(w.ioc), "the migration is over, but the connection was never given back"
    return True


def cancelled_and_watched() -> SourceSide:
    w = cancelled()
    vars(w)["out"] = w.ms.to_dst_file
    return w


def closed_and_gone(w: SourceSide) -> bool:
    assert is_freed(vars(w)["out"]), "the migration is over, but the file was never closed"
    return all_gone(w)


CANCEL = Trial(
    Scenario(
        "cancelled",
        setup=cancelled_and_watched,
        threads={"main": cleans_up, "return path": return_path},
        check=closed_and_gone,
        watch=watch_source,
        guarded=False,
    ),
    "a migration with a return path is cancelled",
    ON,
)
WITHOUT = Trial(
    Scenario("completed", SourceSide, {"main": main_connects_then_cleans_up}, all_gone, watch_source, guarded=False),
    "a migration without a return path succeeds",
    ON,
)
SUCCESS = Trial(success, "a migration with a return path succeeds", ON)
TWO_CLOSERS = Trial(two_closers, "a postcopy loses its line and somebody yanks", ON)
TRIALS = (CANCEL, WITHOUT, SUCCESS, TWO_CLOSERS)
