# SPDX-License-Identifier: GPL-2.0-or-later
"""A precopy without return path: one file, one reference, one thread to join. It ends well with every set of fixes.

It is here to catch repairs that forget it.
"""

from __future__ import annotations

from lessons.replace import edited
from lessons.scenarios.invariants import SOURCE_RULES
from lessons.scenarios.stage import Source, main_connects_then_cleans_up, watch_source
from lessons.scenarios.story import Story, WrongFix
from mini_qemu.sched import Scenario


def setup() -> Source:
    return Source()


scenario = Scenario(
    "precopy-no-return-path",
    setup=setup,
    threads={"main": main_connects_then_cleans_up},
    watch=watch_source,
    invariants=SOURCE_RULES,
    title="Without return path",
)

COMPLETION = "migration.migration_completion"
WRONG_FIXES = (
    WrongFix(
        "join_always",
        "Join unconditionally: there is always somebody.",
        {
            COMPLETION: edited(
                COMPLETION,
                "joinable = s.rp_state.from_dst_file is not None",
                "joinable = True",
                "join always",
            )
        },
        "Without return path there is no thread, and what is joined is not a handle.",
        frozenset({"crash"}),
    ),
)

STORY = Story(scenario, "a precopy without return path", wrong_fixes=WRONG_FIXES)
STORIES = (STORY,)
