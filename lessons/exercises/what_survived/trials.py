# SPDX-License-Identifier: GPL-2.0-or-later
"""06: the ends of a return path thread, during a recovery and otherwise.

A recovery whose line is cut, one in which the destination talks nonsense or says SHUT, one that goes well, and a line
that is lost while nobody waits. A post that nobody waits for stays: the next recovery would take it for an answer.
(One that goes well can leave such a post, too, if the migration thread sees the new state first. Upstream as well.)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lessons.exercises.model import Trial
from lessons.scenarios.stage import (
    SHUT_0,
    SourceSide,
    Wings,
    hangs_up,
    oob_yanks,
    return_path,
    under_way,
    watch_source,
)
from lessons.scenarios.stage.recovery import RESUME, RESUME_ACK
from mini_qemu.fixes import fixes
from mini_qemu.io_channel import qio_channel_read, qio_channel_write
from mini_qemu.migration import postcopy_do_resume
from mini_qemu.sched import Scenario, join

ON = (*fixes.names, "kick_from_recover")
UNKNOWN = bytes.fromhex("0063 0000")


class Recovery(SourceSide):
    """The second connection is there. A return path thread that pauses once more has left the stage."""

    def __init__(self, state: str = "postcopy-recover") -> None:
        super().__init__("return-path", "postcopy-ram")
        under_way(self, state)
        self.ms.postcopy_pause_rp_sem = Wings()
        self.resumed = False  # the migration thread's


def shakes_hands(w: Recovery) -> None:
    w.resumed = postcopy_do_resume(w.ms)


def answers(w: Recovery, last: bytes) -> None:
    """The destination hears about the recovery, and says something."""
    while message := qio_channel_read(w.peer_ioc):
        if message.startswith(RESUME):
            qio_channel_write(w.peer_ioc, last)


def hears_nothing_more(w: Recovery) -> None:
    """And then the line holds, for the explorer's patience: the return path thread reads on."""
    join("live_migration")
    hangs_up(w)


def nobody_is_woken_in_vain(w: Recovery) -> bool:
    (posts,) = w.ms.rp_state.rp_sem.contents()
    assert posts == 0, "a post is left over, and the next recovery will take it for an answer"
    return True


def has_resumed(w: Recovery) -> bool:
    assert w.resumed, "the destination has acknowledged, and the migration does not go on"
    return True


def has_not_resumed(w: Recovery) -> bool:
    (posts,) = w.ms.rp_state.rp_sem.contents()
    assert posts <= 1, f"{posts} posts are left over, and only one thread waited"
    assert not w.resumed, "the destination has acknowledged nothing, and the migration goes on"
    return True


def recovery(name: str, last: bytes, check: Callable[[Recovery], bool], **more: Callable[[Recovery], None]) -> Scenario:
    threads: dict[str, Any] = {
        "live_migration": shakes_hands,
        "return path": return_path,
        "destination": (answers, last),
        **more,
    }
    return Scenario(name, Recovery, threads, check, watch_source, guarded=False)


def sending() -> Recovery:
    return Recovery("postcopy-active")


CUT = Trial(
    recovery("recovery-is-cut", RESUME_ACK + SHUT_0, lambda w: True, oob=oob_yanks),
    "somebody yanks during a recovery",
    ON,
)
NONSENSE = Trial(
    recovery("recovery-meets-nonsense", UNKNOWN, has_not_resumed, network=hears_nothing_more),
    "the destination answers a resume with nonsense",
    ON,
)
ENOUGH = Trial(
    recovery("recovery-meets-shut", SHUT_0, has_not_resumed, network=hears_nothing_more),
    "the destination answers a resume with SHUT",
    ON,
)
WELL = Trial(
    recovery("recovery-goes-well", RESUME_ACK + SHUT_0, has_resumed, network=hears_nothing_more),
    "a recovery goes well",
    ON,
)
SENDING = Trial(
    Scenario(
        "line-lost-while-sending",
        sending,
        {"return path": return_path, "network": hangs_up},
        nobody_is_woken_in_vain,
        watch_source,
        guarded=False,
    ),
    "the line is lost while nobody waits for an answer",
    ON,
)
TRIALS = (SENDING, CUT, NONSENSE, ENOUGH, WELL)
