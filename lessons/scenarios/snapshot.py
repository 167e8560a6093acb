# SPDX-License-Identifier: GPL-2.0-or-later
"""Why patch 4 is there: load_snapshot, the other user of migration_incoming_state_destroy.

The stream comes from a disk. With patch 5 the clean-up asks for the channel beneath the file; a file that does not
know whether it has one (no patch 4) casts a block device to a channel. One thread, no race.
"""

from __future__ import annotations

from lessons.scenarios.story import Story
from mini_qemu.process import QemuProcess
from mini_qemu.qemu_file import qemu_fclose
from mini_qemu.ram import RAMBlock
from mini_qemu.savevm import (
    BlockDriverState,
    load_snapshot,
    machine_init,
    qemu_fopen_bdrv,
    qemu_savevm_state_complete_precopy,
    qemu_savevm_state_header,
    qemu_savevm_state_setup,
)
from mini_qemu.sched import Scenario


class Machine:
    """A machine, and a disk on which a snapshot of it lies."""

    def __init__(self) -> None:
        self.qemu = QemuProcess()
        machine_init(self.qemu, RAMBlock("ram", 1))
        self.disk = BlockDriverState(b"")
        f = qemu_fopen_bdrv(self.disk, True)
        qemu_savevm_state_header(f)
        qemu_savevm_state_setup(self.qemu, f)
        qemu_savevm_state_complete_precopy(self.qemu, f, False)
        qemu_fclose(f)
        self.loaded = False


def main(w: Machine) -> None:
    w.loaded = load_snapshot(w.qemu, w.disk)


def check(w: Machine) -> bool:
    return w.loaded


def watch(w: Machine) -> dict[str, object]:
    return {"yank instances": len(w.qemu.yank.yank_instance_list)}


scenario = Scenario(
    "load-snapshot",
    setup=Machine,
    threads={"main": main},
    check=check,
    watch=watch,
    title="Load a snapshot",
    guarded=False,
)

STORY = Story(
    scenario, "load a snapshot; patch 5 needs patch 4 here", fixes=("file_knows_channel",), on=("explicit_unregister",)
)
STORIES = (STORY,)
