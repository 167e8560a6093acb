# SPDX-License-Identifier: GPL-2.0-or-later
"""An operator yanks in each state of a postcopy, on the source.

While it is active, both threads lose the line and pause. While it is paused, there is nothing to cut, and the yank
must find nothing: without patch 5 it can find a channel that is freed. Two states have no way out, and the series does
not give them one; both hang for ever, and no yank or cancel ends that.

*recover* (C.12, fixed in November 2023, f8c543e808): the migration thread waits for an acknowledgement that only the
return path thread can bring, and that one has lost its line and waits for the next recovery.
*the end* (C.18a, ended in September 2023 by ef796ee93b): everything is sent, the migration thread joins the return path
thread, and that one takes the dead line for a pause and waits for the migration thread. QEMU 7.2 does it, too.
"""

from __future__ import annotations

from lessons.scenarios.stage import (
    SHUT_0,
    Offstage,
    SourceSide,
    Wings,
    completes,
    main_starts_then_cleans_up,
    oob_yanks,
    oob_yanks_before_the_next_send,
    return_path,
    running,
    sends_once_more,
    source_scenario,
    start_return_path,
)
from lessons.scenarios.stage.recovery import RESUME, RESUME_ACK, live_migration, losing_its_line, resume
from lessons.scenarios.stage.recovery import destination as acknowledges_and_says_shut
from lessons.scenarios.story import Story
from mini_qemu.io_channel import qio_channel_read, qio_channel_write
from mini_qemu.migration import migration_detect_error, postcopy_do_resume
from mini_qemu.process import main_loop_wait


def in_postcopy() -> SourceSide:
    return running("postcopy-ram", state="postcopy-active")


def no_further_than_the_pause() -> SourceSide:
    w = in_postcopy()
    w.ms.postcopy_pause_sem = Wings()
    w.ms.postcopy_pause_rp_sem = Wings()
    return w


def sends_until_the_pause(w: SourceSide) -> None:
    try:
        while True:
            migration_detect_error(w.ms)
            sends_once_more(w)
    except Offstage:
        pass


def check_paused(w: SourceSide) -> None:
    assert w.ms.state == "postcopy-paused", f"the line was cut, and the migration is {w.ms.state}"


active = source_scenario(
    "yank-in-postcopy",
    "Yank while a postcopy sends",
    no_further_than_the_pause,
    {
        "live_migration": sends_until_the_pause,
        "return path": return_path,
        "oob": oob_yanks_before_the_next_send,
    },
    check=check_paused,
)


def check_completed(w: SourceSide) -> None:
    assert w.ms.state == "completed", f"the recovery went well, and the migration is {w.ms.state}"


def yanks_then_resumes(w: SourceSide) -> None:
    """Both threads sleep. An operator yanks what is no longer there, and then resumes."""
    start_return_path(w)
    w.paused.wait()
    w.parked.wait()
    oob_yanks(w)
    resume(w)
    main_loop_wait(w.qemu)


paused = source_scenario(
    "yank-while-paused",
    "Yank while a postcopy is paused",
    losing_its_line,
    {
        "main": yanks_then_resumes,
        "live_migration": live_migration,
        "destination": acknowledges_and_says_shut,
    },
    check=check_completed,
)


def recovering() -> SourceSide:
    """The second connection is there, and the state says so. A return path thread that pauses again leaves."""
    w = running("postcopy-ram", state="postcopy-recover")
    w.ms.postcopy_pause_rp_sem = Wings()
    return w


def shakes_hands(w: SourceSide) -> None:
    postcopy_do_resume(w.ms)


def answers(w: SourceSide) -> None:
    while True:
        message = qio_channel_read(w.peer_ioc)
        if message.startswith(RESUME):
            qio_channel_write(w.peer_ioc, RESUME_ACK)
            qio_channel_write(w.peer_ioc, SHUT_0)
        if not message:
            return


recover = source_scenario(
    "yank-in-recover",
    "Yank while a postcopy recovers",
    recovering,
    {"live_migration": shakes_hands, "return path": return_path, "destination": answers, "oob": oob_yanks},
)


def hears_everything_says_nothing(w: SourceSide) -> None:
    """The destination has everything, and hangs. The operator sees that nothing goes on, and yanks."""
    while True:
        message = qio_channel_read(w.peer_ioc)
        if message.endswith(b"\0"):
            oob_yanks(w)
        if not message:
            return


at_the_end = source_scenario(
    "yank-at-the-end-of-postcopy",
    "Yank when everything is sent",
    in_postcopy,
    {"main": (main_starts_then_cleans_up, completes), "destination": hears_everything_says_nothing},
)

STORIES = (
    Story(active, "yank while a postcopy sends"),
    Story(paused, "yank while a postcopy is paused, then resume", fixes=("explicit_unregister",)),
    Story(
        recover,
        "yank while a postcopy recovers: survives the series",
        later=("restart_return_path_thread", "kick_from_recover"),
    ),
    Story(
        at_the_end,
        "yank a postcopy whose destination never says SHUT: survives the series",
        later=("restart_return_path_thread",),
    ),
)
