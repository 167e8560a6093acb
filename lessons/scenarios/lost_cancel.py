# SPDX-License-Identifier: GPL-2.0-or-later
"""A cancel that was accepted and is forgotten (C.16): the migration ends as failed.

A change of state names the state it starts from, so that two changes cannot both happen. The failing completion names
whatever the state is. If that is cancelling, the cancel is overwritten. Fixed in February 2025 (4a228bcc99).
"""

from __future__ import annotations

from lessons.scenarios.stage import SourceSide, completes, source_scenario, under_way
from lessons.scenarios.story import Story
from mini_qemu.migration import migrate_fd_cancel
from mini_qemu.migration_state import MIGRATION_STATUS_CANCELLED, MIGRATION_STATUS_CANCELLING
from mini_qemu.process import main_loop_wait


class Recorded(SourceSide):
    """`states` keeps what the state has been."""

    def __init__(self) -> None:
        super().__init__("return-path")
        self.states: list[str] = []
        vars(self.qemu)["migration_state_changed"] = self.states.append


def nothing_left_to_send() -> Recorded:
    """There is no return path in this story."""
    w = Recorded()
    under_way(w, "active")
    w.ms.rp_state.from_dst_file = None
    return w


def main(w: Recorded) -> None:
    migrate_fd_cancel(w.ms)
    main_loop_wait(w.qemu)


def check(w: Recorded) -> None:
    if MIGRATION_STATUS_CANCELLING in w.states:
        last = w.states[-1]
        assert last == MIGRATION_STATUS_CANCELLED, f"the cancel was accepted, and the migration is {last}"


scenario = source_scenario(
    "lost-cancel",
    "A cancel that is forgotten",
    nothing_left_to_send,
    {"main": main, "live_migration": completes},
    check=check,
)

STORY = Story(
    scenario, "cancel while the completion begins: survives the series", later=("keep_cancelling",)
)
STORIES = (STORY,)
