# SPDX-License-Identifier: GPL-2.0-or-later
"""A precopy without return path: one file, one reference, one thread to join. It ends well with every set of fixes.

It is here to catch repairs that forget it.
"""

from __future__ import annotations

from lessons.replace import edited
from lessons.scenarios.stage import without_return_path
from lessons.scenarios.story import Story, WrongFix

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

STORY = Story(without_return_path, "a precopy without return path", wrong_fixes=WRONG_FIXES)
STORIES = (STORY,)
