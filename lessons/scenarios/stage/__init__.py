# SPDX-License-Identifier: GPL-2.0-or-later
"""What most stories need. A set-up runs before the threads start, in a fixed order, so it costs no interleavings.

`source`: a source, its threads, somebody at the other end. `props`: what is put in place of a piece of the miniature.
`watched`: what a story shows. `rules`: what is asked after each step. `scenarios`: all of that as a scenario.
Two larger set-ups are imported by name: `stage.recovery` and `stage.both_ends`.
"""

from __future__ import annotations

from lessons.scenarios.stage.props import (
    Bell,
    Curtain,
    Late,
    Offstage,
    Stalling,
    Wings,
)
from lessons.scenarios.stage.rules import (
    SOURCE_RULES,
)
from lessons.scenarios.stage.scenarios import (
    source_scenario,
    without_return_path,
)
from lessons.scenarios.stage.source import (
    FOOTER,
    PING,
    PONG,
    SHUT_0,
    SourceSide,
    cancelled,
    cleans_up,
    completes,
    connects,
    created_return_path,
    destination,
    hangs_up,
    main_connects_then_cleans_up,
    main_starts_then_cleans_up,
    oob_yanks,
    oob_yanks_before_the_next_send,
    reap,
    return_path,
    running,
    says_shut,
    sends_once_more,
    stall,
    start_return_path,
    tell,
    under_way,
    yank,
)
from lessons.scenarios.stage.watched import (
    Word,
    is_freed,
    is_listed,
    pointer,
    references,
    watch_source,
    yank_list,
)
from mini_qemu.sched import control

__all__ = [
    "FOOTER",
    "PING",
    "PONG",
    "SHUT_0",
    "SOURCE_RULES",
    "Bell",
    "Curtain",
    "Late",
    "Offstage",
    "SourceSide",
    "Stalling",
    "Wings",
    "Word",
    "cancelled",
    "cleans_up",
    "completes",
    "connects",
    "created_return_path",
    "destination",
    "hangs_up",
    "is_freed",
    "is_listed",
    "main_connects_then_cleans_up",
    "main_starts_then_cleans_up",
    "oob_yanks",
    "oob_yanks_before_the_next_send",
    "pointer",
    "reap",
    "references",
    "return_path",
    "running",
    "says_shut",
    "sends_once_more",
    "source_scenario",
    "stall",
    "start_return_path",
    "tell",
    "under_way",
    "watch_source",
    "without_return_path",
    "yank",
    "yank_list",
]

control("lessons.scenarios")
