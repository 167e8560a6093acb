# SPDX-License-Identifier: GPL-2.0-or-later
"""01: the migrations that an answer must survive. Each rules out a fix that looks right.

One succeeds, one has no return path, one is refused by the destination; in two in a row the second has no return path;
with postcopy the thread is made though nobody asked for a return path; and one fails at home, while the destination
waits for more.
"""

from __future__ import annotations

from lessons.exercises.model import Trial
from lessons.scenarios.local_error import scenario as local_error
from lessons.scenarios.stage import (
    FOOTER,
    PING,
    PONG,
    SourceSide,
    destination,
    main_connects_then_cleans_up,
    watch_source,
)
from mini_qemu.channel import socket_outgoing_migration
from mini_qemu.io_channel import qio_channel_socket_pair
from mini_qemu.migration import qmp_migrate
from mini_qemu.process import main_loop_wait, qemu_mutex_lock_iothread, qemu_mutex_unlock_iothread
from mini_qemu.sched import Scenario

SHUT_1 = bytes.fromhex("0001 0004 00000001")
# the question in migration_completion and its join, as they are there
NO_JOIN = """
if fixes.join_created_thread:
    joinable = s.rp_state.rp_thread_created
else:
    joinable = s.rp_state.from_dst_file is not None
rp_error = False
if joinable:
    rp_error = await_return_path_close_on_source(s)
"""
LATER = ("lock_from_dst_file", "one_yank_predicate", "file_knows_channel", "explicit_unregister")


def completed(w: SourceSide) -> bool:
    assert w.ms.state == "completed", f"the destination was content, but the migration ends {w.ms.state}"
    return True


def refused(w: SourceSide) -> bool:
    assert w.ms.state == "failed", f"the destination refused the migration, but it ends {w.ms.state}"
    return True


def with_return_path() -> SourceSide:
    return SourceSide("return-path")


def with_postcopy() -> SourceSide:
    return SourceSide("postcopy-ram")


def refusing_destination(w: SourceSide) -> None:
    """As the destination, but its last word is SHUT(1): something here went wrong."""
    wire = w.peer_ioc.wire
    while True:
        message = wire.incoming.recv()
        if message is None:
            return
        if message.startswith(PING):
            wire.outgoing.send(PONG + message[5:9])
        if message.startswith(FOOTER) and b"globalstate" in message:
            wire.outgoing.send(SHUT_1)
            return


class TwoInARow(SourceSide):
    def __init__(self) -> None:
        super().__init__("return-path")
        self.second_ioc, self.second_peer_ioc = qio_channel_socket_pair(self.qemu, self.peer)


def main_migrates_twice(w: TwoInARow) -> None:
    """The second time somebody has switched the return path off."""
    main_connects_then_cleans_up(w)
    w.ms.capabilities = frozenset()
    error = qmp_migrate(w.ms)
    assert error is None, error
    qemu_mutex_lock_iothread(w.qemu)
    socket_outgoing_migration(w.ms, w.second_ioc)
    qemu_mutex_unlock_iothread(w.qemu)
    main_loop_wait(w.qemu)


END = {"main": main_connects_then_cleans_up, "destination": destination}
REFUSE = {"main": main_connects_then_cleans_up, "destination": refusing_destination}
TWO = {"main": main_migrates_twice, "destination": destination}

SUCCEEDS = Scenario("return-path-succeeds", with_return_path, END, completed, watch_source, guarded=False)
SUCCESS = Trial(SUCCEEDS, "a migration with a return path succeeds")
WITHOUT = Trial(
    Scenario(
        "no-return-path", SourceSide, {"main": main_connects_then_cleans_up}, completed, watch_source, guarded=False
    ),
    "a migration has no return path",
)
REFUSED = Trial(
    Scenario("return-path-refused", with_return_path, REFUSE, refused, watch_source, guarded=False),
    "the destination refuses the migration",
)
TWICE = Trial(
    Scenario("two-in-a-row", TwoInARow, TWO, completed, watch_source, guarded=False),
    "a second migration follows, without a return path",
)
POSTCOPY = Trial(
    Scenario("postcopy-never-started", with_postcopy, END, completed, watch_source, guarded=False),
    "postcopy is allowed and nobody asked for a return path, which it needs all the same",
)
ALL_PATCHES = Trial(SUCCEEDS, "the four later patches are in as well", LATER)
AT_HOME = Trial(local_error, "the source fails and the destination waits for more")
TRIALS = (SUCCESS, WITHOUT, REFUSED, TWICE, POSTCOPY, ALL_PATCHES)
