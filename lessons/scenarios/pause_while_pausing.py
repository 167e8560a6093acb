# SPDX-License-Identifier: GPL-2.0-or-later
"""An operator's command while the postcopy pauses by itself: the file it means is being closed.

`migrate-pause` (C.3b) breaks a line that has just died.

The command runs in the monitor's own thread and looks at the state without a lock. On the source it then takes
qemu_file_lock, and uses the pointer without asking whether it is NULL: postcopy_pause has cleared it, and changes the
state only later. Fixed in September 2023 (7478fb0df9). On the destination there is no lock at all: the file may be gone
or freed. QEMU 10.0 still does that; we found it by reading the code, and nobody reported it.

`migrate-set-parameters` (C.3c) sets the bandwidth of a postcopy in the main thread: it asks whether there is a file,
asks whether the postcopy has begun, and only then uses the file, without the lock. We found this one by reading, too.
"""

from __future__ import annotations

from lessons.scenarios.stage import Offstage, SourceSide, Wings, source_scenario, yank_list
from lessons.scenarios.stage.both_ends import BothEnds, both_lose_their_line
from lessons.scenarios.stage.recovery import line_is_lost, pauses
from lessons.scenarios.story import Story
from mini_qemu.migration import migrate_params_apply
from mini_qemu.monitor import QmpError, qmp_migrate_pause
from mini_qemu.process import QemuProcess
from mini_qemu.savevm import postcopy_pause_incoming
from mini_qemu.sched import Scenario


def pause_command(qemu: QemuProcess) -> None:
    """That there is nothing to pause is a fair answer."""
    try:
        qmp_migrate_pause(qemu)
    except QmpError:
        pass


def oob_pauses(w: SourceSide) -> None:
    pause_command(w.qemu)


source = source_scenario(
    "pause-while-pausing",
    "migrate-pause while the source pauses",
    line_is_lost,
    {"live_migration": pauses, "oob": oob_pauses},
)


def sets_the_bandwidth(w: SourceSide) -> None:
    migrate_params_apply(w.ms, None, 1 << 20)


parameters = source_scenario(
    "set-parameters-while-pausing",
    "migrate-set-parameters while the source pauses",
    line_is_lost,
    {"main": sets_the_bandwidth, "live_migration": pauses},
)


def destination_loses_its_line() -> BothEnds:
    """The listen thread has seen that the line is dead. The source has gone, and with it its half of the process."""
    w = both_lose_their_line()
    w.mis.state = "postcopy-active"
    w.mis.postcopy_pause_sem_dst = Wings()
    return w


def destination_pauses(w: BothEnds) -> None:
    try:
        postcopy_pause_incoming(w.mis)
    except Offstage:
        pass


def oob_pauses_destination(w: BothEnds) -> None:
    pause_command(w.peer)


at_destination = Scenario(
    "pause-while-destination-pauses",
    setup=destination_loses_its_line,
    threads={"postcopy/listen": destination_pauses, "oob": oob_pauses_destination},
    watch=lambda w: {"state": w.mis.state, "yank list": yank_list(w.peer)},
    title="migrate-pause while the destination pauses",
    guarded=False,
)

STORIES = (
    Story(source, "migrate-pause while the source pauses: survives the series", later=("lock_to_dst_file",)),
    Story(parameters, "set the bandwidth while the source pauses: survives the series"),
    Story(at_destination, "migrate-pause while the destination pauses: survives the series"),
)
