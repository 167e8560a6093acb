# SPDX-License-Identifier: GPL-2.0-or-later
"""02: where the cancel is judged, and where the start of the migration thread is.

The cancel: the return path ends meanwhile, goes to sleep, hears nothing, or lies on a channel of its own; the last is
what the reviewers said about the first version of the patch. The start: what the destination hears must be what was
asked for, no less and no more.
"""

from __future__ import annotations

from lessons.exercises.missing_join.trials import TwoInARow, main_migrates_twice, with_postcopy
from lessons.exercises.model import Trial
from lessons.functions import with_names
from lessons.replace import edited, replace
from lessons.scenarios.cancel_vs_exit import scenario as ends
from lessons.scenarios.cancel_vs_exit import silent
from lessons.scenarios.cancel_vs_pause import scenario as sleeps
from lessons.scenarios.early_close import OPEN_RETURN_PATH
from lessons.scenarios.early_close import scenario as early
from lessons.scenarios.precopy_return_path import scenario as success
from lessons.scenarios.stage import (
    FOOTER,
    PING,
    PONG,
    SHUT_0,
    SourceSide,
    destination,
    is_freed,
    main_connects_then_cleans_up,
    return_path,
    watch_source,
)
from mini_qemu.io_channel import qio_channel_read, qio_channel_socket_pair, qio_channel_write
from mini_qemu.migration import migrate_fd_cancel
from mini_qemu.qemu_file_channel import qemu_fopen_channel_input, qemu_fopen_channel_output
from mini_qemu.qom import object_unref
from mini_qemu.sched import Scenario, abort
from mini_qemu.yank_functions import migration_ioc_register_yank

ON = ("join_created_thread", "lock_from_dst_file")
SHUTDOWN = "qemu_file.qemu_file_shutdown"
NULL_STOPS = (
    "f.shutdown = True",
    """
    if f is None:
        abort("qemu_file_shutdown follows a null pointer")
    f.shutdown = True
    """,
)

# ---- the cancel


class TwoChannels(SourceSide):
    """A migration under way whose two directions lie on two channels."""

    def __init__(self) -> None:
        super().__init__("return-path")
        self.second, self.peer_second = qio_channel_socket_pair(self.qemu, self.peer)
        for ioc in (self.ioc, self.second):
            migration_ioc_register_yank(ioc)
        self.ms.to_dst_file = qemu_fopen_channel_output(self.ioc)
        self.ms.rp_state.from_dst_file = qemu_fopen_channel_input(self.second)
        for ioc in (self.ioc, self.second):
            object_unref(ioc)
        self.ms.state = "active"


def main_cancels(w: SourceSide) -> None:
    migrate_fd_cancel(w.ms)


def second_is_given_back(w: TwoChannels) -> bool:
    assert is_freed(w.second), "the return path thread has closed its file, and somebody still holds its channel"
    return True


TWO_CHANNELS = Trial(
    Scenario(
        "cancel-two-channels",
        setup=TwoChannels,
        threads={"main": main_cancels, "return path": return_path},
        check=second_is_given_back,
        watch=watch_source,
        title="Cancel, with a channel for each direction",
        guarded=False,
    ),
    "each direction has a channel of its own",
    ON,
)
ENDS = Trial(ends, "the return path thread ends meanwhile", ON)
# a shared field, the tag, is read when a file is asked for its channel: so asking one that is freed is noticed
# and where C follows a null pointer, everything stops: there is no exception to be caught
TAGGED = Trial(
    ends,
    "the return path thread ends meanwhile, and files carry a tag",
    (*ON, "file_knows_channel"),
    under=lambda: replace(SHUTDOWN, with_names(edited(SHUTDOWN, *NULL_STOPS), {"abort": abort})),
)
SLEEPS = Trial(sleeps, "the return path thread goes to sleep because the line is dead", ON)
SILENT = Trial(silent, "the destination says nothing", ON)

# ---- the start


def listens(w: SourceSide) -> None:
    while data := qio_channel_read(w.peer_ioc):
        w.heard += data


def listens_twice(w: TwoInARow) -> None:
    destination(w)
    while data := qio_channel_read(w.second_peer_ioc):
        w.heard += data


def asked_for_none(w: SourceSide) -> bool:
    assert OPEN_RETURN_PATH not in w.heard, "the stream asks for a return path, and there is none"
    return True


def says_shut_and_keeps_listening(w: SourceSide) -> None:
    """As the stage's destination, and remembers what it read."""
    while message := qio_channel_read(w.peer_ioc):
        w.heard += message
        if message.startswith(PING):
            qio_channel_write(w.peer_ioc, PONG + message[5:9])
        if message.startswith(FOOTER) and b"globalstate" in message:
            qio_channel_write(w.peer_ioc, SHUT_0)
            return


def asked_for_one(w: SourceSide) -> bool:
    assert OPEN_RETURN_PATH in w.heard, "there is a return path, and the stream does not ask for it"
    return True


POSTCOPY = Trial(
    Scenario(
        "postcopy-never-started",
        with_postcopy,
        {"main": main_connects_then_cleans_up, "destination": says_shut_and_keeps_listening},
        asked_for_one,
        watch_source,
        guarded=False,
    ),
    "postcopy is allowed and nobody asked for a return path, which it needs all the same",
    ON,
)
EARLY = Trial(early, "the destination closes the return path at once", ON)
WITHOUT = Trial(
    Scenario(
        "no-return-path",
        SourceSide,
        {"main": main_connects_then_cleans_up, "destination": listens},
        asked_for_none,
        watch_source,
        guarded=False,
    ),
    "a migration has no return path",
    ON,
)
TWICE = Trial(
    Scenario(
        "two-in-a-row",
        TwoInARow,
        {"main": main_migrates_twice, "destination": listens_twice},
        asked_for_none,
        watch_source,
        guarded=False,
    ),
    "a second migration follows, without a return path",
    ON,
)
SUCCESS = Trial(success, "a migration with a return path succeeds", ON)
