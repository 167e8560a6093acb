# SPDX-License-Identifier: GPL-2.0-or-later
"""Register and unregister, every combination. No fix plays a part: this is what the predicate of patch 3 must
prevent.

A reader waits for a message that will not come; an operator yanks; then the channel is retired. Registered and taken
out once: fine. Not taken out: the list is not empty. Taken out but never registered: no such pair. Neither: yank
cannot reach the reader, who waits for ever. Registered twice and taken out once: not empty.
"""

from __future__ import annotations

from mini_qemu.io_channel import QIOChannel, qio_channel_read, qio_channel_socket_pair
from mini_qemu.monitor import qmp_yank
from mini_qemu.process import QemuProcess
from mini_qemu.sched import Scenario, Step, join
from mini_qemu.yank import (
    MIGRATION_YANK_INSTANCE,
    yank_register_function,
    yank_register_instance,
    yank_unregister_function,
    yank_unregister_instance,
)
from mini_qemu.yank_functions import migration_yank_iochannel

COMBINATIONS = ((1, 1), (1, 0), (0, 1), (0, 0), (2, 1))
"""How often registered, how often taken out."""


class Channel:
    def __init__(self, registered: int, unregistered: int) -> None:
        self.qemu = QemuProcess()
        self.ioc: QIOChannel = qio_channel_socket_pair(self.qemu, QemuProcess("peer"))[0]
        self.unregistered = unregistered
        yank_register_instance(self.qemu.yank, MIGRATION_YANK_INSTANCE)
        for _ in range(registered):
            yank_register_function(self.qemu.yank, MIGRATION_YANK_INSTANCE, migration_yank_iochannel, self.ioc)


def reader(c: Channel) -> None:
    qio_channel_read(c.ioc)


def oob(c: Channel) -> None:
    qmp_yank(c.qemu, [{"type": "migration"}])


def main(c: Channel) -> None:
    join("oob")
    for _ in range(c.unregistered):
        yank_unregister_function(c.qemu.yank, MIGRATION_YANK_INSTANCE, migration_yank_iochannel, c.ioc)
    yank_unregister_instance(c.qemu.yank, MIGRATION_YANK_INSTANCE)


def covered(c: Channel, step: Step) -> bool:
    """A yank reaches every thread that waits on a channel."""
    return "reader" not in step.blocked or functions(c) > 0


def listed_once(c: Channel, step: Step) -> bool:
    """A channel is listed at most once."""
    return functions(c) <= 1


def functions(c: Channel) -> int:
    return sum(len(entry.yankfns) for entry in c.qemu.yank.yank_instance_list)


def pairing(registered: int, unregistered: int) -> Scenario:
    def setup() -> Channel:
        return Channel(registered, unregistered)

    return Scenario(
        f"yank-pairing-{registered}-{unregistered}",
        setup=setup,
        threads={"reader": reader, "oob": oob, "main": main},
        watch=watch,
        invariants={"INV-YANK-COVER": covered, "INV-YANK-PAIR": listed_once},
        title=f"Registered {registered} times, taken out {unregistered} times",
        guarded=False,
    )


def watch(c: Channel) -> dict[str, object]:
    return {"instances": len(c.qemu.yank.yank_instance_list), "functions": functions(c)}
