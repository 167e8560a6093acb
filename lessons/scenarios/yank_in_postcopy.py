# SPDX-License-Identifier: GPL-2.0-or-later
"""An operator yanks in each state of a postcopy, on the source.

While it is active, both threads lose the line and pause. While it is paused, there is nothing to cut, and the yank
must find nothing: without patch 5 it can find a channel that is freed. Two states have no way out, and the series does
not give them one; both hang for ever, whoever yanks or cancels afterwards.

*recover* (C.12, fixed in November 2023, f8c543e808): the migration thread waits for an acknowledgement that only the
return path thread can bring, and that one has lost its line and waits for the next recovery.
*the end* (C.18a, ended in September 2023 by ef796ee93b): everything is sent, the migration thread joins the return path
thread, and that one takes the dead line for a pause and waits for the migration thread. QEMU 7.2 does it, too.
"""

from __future__ import annotations

from lessons.scenarios.invariants import SOURCE_RULES
from lessons.scenarios.recovery import RESUME, RESUME_ACK, live_migration, resume
from lessons.scenarios.recovery import destination as acknowledges_and_says_shut
from lessons.scenarios.recovery import setup as losing_its_line
from lessons.scenarios.stage import (
    SHUT_0,
    Offstage,
    Source,
    Wings,
    completes,
    main_starts_then_cleans_up,
    oob_yanks,
    oob_yanks_before_the_next_send,
    return_path,
    running,
    sends_once_more,
    start_return_path,
    watch_source,
)
from lessons.scenarios.story import Story
from mini_qemu.io_channel import qio_channel_read, qio_channel_write
from mini_qemu.migration import migration_detect_error, postcopy_do_resume
from mini_qemu.sched import Scenario


def in_postcopy() -> Source:
    return running("postcopy-ram", state="postcopy-active")


def no_further_than_the_pause() -> Source:
    w = in_postcopy()
    w.ms.postcopy_pause_sem = Wings()
    w.ms.postcopy_pause_rp_sem = Wings()
    return w


def sends_until_the_pause(w: Source) -> None:
    try:
        while True:
            migration_detect_error(w.ms)
            sends_once_more(w)
    except Offstage:
        pass


def check_paused(w: Source) -> None:
    assert w.ms.state == "postcopy-paused", f"the line was cut, and the migration is {w.ms.state}"


active = Scenario(
    "yank-in-postcopy",
    setup=no_further_than_the_pause,
    threads={
        "live_migration": sends_until_the_pause,
        "return path": return_path,
        "oob": oob_yanks_before_the_next_send,
    },
    check=check_paused,
    watch=watch_source,
    invariants=SOURCE_RULES,
    title="Yank while a postcopy sends",
)


def check_completed(w: Source) -> None:
    assert w.ms.state == "completed", f"the recovery went well, and the migration is {w.ms.state}"


def yanks_then_resumes(w: Source) -> None:
    """Both threads sleep. An operator yanks what is no longer there, and then resumes."""
    start_return_path(w)
    w.paused.wait()
    w.parked.wait()
    oob_yanks(w)
    resume(w)


paused = Scenario(
    "yank-while-paused",
    setup=losing_its_line,
    threads={
        "main": yanks_then_resumes,
        "live_migration": live_migration,
        "destination": acknowledges_and_says_shut,
    },
    check=check_completed,
    watch=watch_source,
    invariants=SOURCE_RULES,
    title="Yank while a postcopy is paused",
)


def recovering() -> Source:
    """The second connection is there, and the state says so. A return path thread that pauses again leaves."""
    w = running("postcopy-ram", state="postcopy-recover")
    w.ms.postcopy_pause_rp_sem = Wings()
    return w


def shakes_hands(w: Source) -> None:
    postcopy_do_resume(w.ms)


def answers(w: Source) -> None:
    while True:
        message = qio_channel_read(w.peer_ioc)
        if message.startswith(RESUME):
            qio_channel_write(w.peer_ioc, RESUME_ACK)
            qio_channel_write(w.peer_ioc, SHUT_0)
        if not message:
            return


recover = Scenario(
    "yank-in-recover",
    setup=recovering,
    threads={"live_migration": shakes_hands, "return path": return_path, "destination": answers, "oob": oob_yanks},
    watch=watch_source,
    invariants=SOURCE_RULES,
    title="Yank while a postcopy recovers",
)


def hears_everything_says_nothing(w: Source) -> None:
    """The destination has everything, and hangs. The operator sees that nothing goes on, and yanks."""
    while True:
        message = qio_channel_read(w.peer_ioc)
        if message.endswith(b"\0"):
            oob_yanks(w)
        if not message:
            return


at_the_end = Scenario(
    "yank-at-the-end-of-postcopy",
    setup=in_postcopy,
    threads={"main": (main_starts_then_cleans_up, completes), "destination": hears_everything_says_nothing},
    watch=watch_source,
    invariants=SOURCE_RULES,
    title="Yank when everything is sent",
)

STORIES = (
    Story(active, "yank while a postcopy sends"),
    Story(paused, "yank while a postcopy is paused, then resume", patches=("explicit_unregister",)),
    Story(recover, "yank while a postcopy recovers: survives the series"),
    Story(at_the_end, "yank a postcopy whose destination never says SHUT: survives the series"),
)
