# SPDX-License-Identifier: GPL-2.0-or-later
"""Patch 3's question must be put to the channel: `fd:` gives a pipe today and a socket tomorrow.

Two channels come by the same transport, one after the other. The first cannot be cut, the second can; on the second a
reader hangs, and an operator yanks. An answer that is remembered for the transport is the wrong one for one of them,
and both sides agree on it, so nothing aborts. Upstream later kept the answer in a flag of each owner, and removed
the flag in 2024, because it had to be kept in step by hand: the second wrong fix forgets it on one path.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lessons.replace import edited
from lessons.scenarios.stage import SourceSide, oob_yanks, watch_source, yank_list
from lessons.scenarios.stage.recovery import PATIENT_OPERATOR, losing_its_line
from lessons.scenarios.story import Story, WrongFix
from mini_qemu.io_channel import QIOChannel, QIOChannelFile, QIOChannelSocket, QIOChannelTLS, Wire, qio_channel_read
from mini_qemu.process import QemuProcess
from mini_qemu.qemu_thread import Channel, QemuSemaphore
from mini_qemu.sched import Scenario, join
from mini_qemu.yank import MIGRATION_YANK_INSTANCE, yank_unregister_instance
from mini_qemu.yank_functions import migration_ioc_register_yank, migration_ioc_unregister_yank


class Remembering(QemuProcess):
    """A process with room for what the wrong fix remembers: transport -> whether its channels can be yanked."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: dict[str, bool] = {}


class ByFd(SourceSide):
    """Each channel that `fd:` gives to this source, in the order in which they come."""

    def __init__(self) -> None:
        super().__init__()
        qemu = Remembering()
        qemu.yank = self.qemu.yank
        self.pipe = QIOChannelFile(qemu, "pipe", Wire(Channel("the pipe"), Channel("the pipe")))
        self.socket = QIOChannelSocket(qemu, "socket", 7, self.ioc.wire)
        self.connected = QemuSemaphore(name="connected")


def migrates_twice(w: ByFd) -> None:
    migration_ioc_register_yank(w.pipe)
    migration_ioc_unregister_yank(w.pipe)
    migration_ioc_register_yank(w.socket)
    w.connected.post()
    join("reader")
    migration_ioc_unregister_yank(w.socket)
    yank_unregister_instance(w.qemu.yank, MIGRATION_YANK_INSTANCE)


def reader(w: ByFd) -> None:
    qio_channel_read(w.socket)


def oob(w: ByFd) -> None:
    w.connected.wait()
    oob_yanks(w)


def watch(w: ByFd) -> Mapping[str, Any]:
    return {"yank list": yank_list(w.qemu)}


scenario = Scenario(
    "fd-transport",
    setup=ByFd,
    threads={"main": migrates_twice, "reader": reader, "oob": oob},
    watch=watch,
    title="A pipe, then a socket",
    guarded=False,
)


def by_transport(ioc: QIOChannel) -> bool:
    assert isinstance(ioc.process, Remembering)
    return ioc.process.answers.setdefault("fd", isinstance(ioc, QIOChannelSocket | QIOChannelTLS))


def with_a_flag() -> SourceSide:
    """The first channel has been registered, and its owner remembers that."""
    w = losing_its_line()
    w.ms.registered_yank = True  # type: ignore[attr-defined]  # a field that only the wrong fixes have
    return w


recovers_with_a_flag = Scenario(
    "stale-flag",
    setup=with_a_flag,
    threads=PATIENT_OPERATOR,
    watch=watch_source,
    title="The flag that stayed",
    guarded=False,
)

CONNECT = "channel.migration_channel_connect"
CLEANUP = "migration.migrate_fd_cleanup"
WRONG_FIXES = (
    WrongFix(
        "by_transport",
        "Ask once for each transport, and remember the answer.",
        {"yank_functions.migration_ioc_yank_supported": by_transport},
        "A pipe came by the transport first. Now a socket comes the same way, both sides agree that it cannot be cut,"
        " and the operator's yank does not reach the reader.",
        frozenset({"deadlock"}),
    ),
    WrongFix(
        "flag_of_the_owner",
        "Let each owner keep a flag: registered or not.",
        {
            CONNECT: edited(
                CONNECT,
                "migration_ioc_register_yank(ioc)",
                """
                if not s.registered_yank:
                    migration_ioc_register_yank(ioc)
                    s.registered_yank = True
                """,
                "a flag",
            ),
            CLEANUP: edited(
                CLEANUP,
                "migration_ioc_unregister_yank_from_file(tmp)",
                """
                if s.registered_yank:
                    migration_ioc_unregister_yank_from_file(tmp)
                    s.registered_yank = False
                """,
                "a flag",
            ),
        },
        "The pause takes the channel out and forgets the flag. So the next connection is never listed, and its"
        " clean-up finds no such pair.",
        frozenset({"crash"}),
        on=("one_yank_predicate", "explicit_unregister"),
        scenario=recovers_with_a_flag,
    ),
)

STORY = Story(scenario, "`fd:` gives a pipe first, then a socket", wrong_fixes=WRONG_FIXES)
STORIES = (STORY,)
