# SPDX-License-Identifier: GPL-2.0-or-later
"""04: a payload without a type. One thread, no race.

Answers are judged on loading a snapshot, whose file lies on a disk, on clean-ups of migrations, whose files lie on a
connection that must be found, and on a disk whose memory looks like a channel: in C a payload has no type to ask.
"""

from __future__ import annotations

from typing import Any

from lessons.exercises.model import Trial
from lessons.scenarios import cancel_cleanup, snapshot
from lessons.scenarios.stage import SourceSide, is_freed, main_connects_then_cleans_up, watch_source
from mini_qemu.io_channel import QIOChannelSocket, Wire
from mini_qemu.process import QemuProcess
from mini_qemu.qemu_file import QEMUFile, QEMUFileOps, qemu_file_get_ioc, qemu_fopen_ops
from mini_qemu.qemu_thread import Channel
from mini_qemu.savevm import BlockDriverState, buffer_output_ops, qemu_fopen_bdrv
from mini_qemu.sched import Scenario

ON = ("join_created_thread", "lock_from_dst_file", "one_yank_predicate", "file_knows_channel", "explicit_unregister")


class Disk:
    """Two files on a disk, one to read and one to write, and a question to each."""

    def __init__(self) -> None:
        self.read: QEMUFile = qemu_fopen_bdrv(BlockDriverState(b""), False)
        self.write: QEMUFile = qemu_fopen_bdrv(BlockDriverState(b""), True)


class OtherFiles:
    """A file in memory, and one on a channel without a way back: functions that no other file has."""

    def __init__(self) -> None:
        self.memory: QEMUFile = qemu_fopen_ops(bytearray(), buffer_output_ops, False)
        self.one_way: QEMUFile = qemu_fopen_ops(a_channel("one way"), QEMUFileOps(), True)


def a_channel(name: str) -> QIOChannelSocket:
    return QIOChannelSocket(QemuProcess(), name, 7, Wire(Channel("no line"), Channel("no line")))


class DiskLikeAChannel(Disk):
    """Read as a channel, the disk's memory is one: the bytes happen to look like it."""

    def __init__(self) -> None:
        super().__init__()
        memory: Any = a_channel("the memory of a disk")
        self.read = qemu_fopen_bdrv(memory, False)
        self.write = qemu_fopen_bdrv(memory, True)


def asks(w: Disk) -> None:
    for f in (w.read, w.write):
        ioc = qemu_file_get_ioc(f)
        assert ioc is None, f"the file lies on a disk, and the answer is {ioc!r}"


def asks_others(w: OtherFiles) -> None:
    ioc = qemu_file_get_ioc(w.memory)
    assert ioc is None, f"the file lies in memory, and the answer is {ioc!r}"
    ioc = qemu_file_get_ioc(w.one_way)
    assert ioc is w.one_way.opaque, f"the file lies on a channel, and the answer is {ioc!r}"


def given_back(w: SourceSide) -> bool:
    assert is_freed(w.ioc), "the migration is over, and somebody still holds the channel"
    return True


def watch(w: Disk) -> dict[str, object]:
    """The tags; an answer may have opened no file at all."""
    files = {"read": w.read, "write": w.write}
    return {f"{name}.has_ioc": f.has_ioc if isinstance(f, QEMUFile) else None for name, f in files.items()}


SNAPSHOT = Trial(snapshot.scenario, "a snapshot is loaded from a disk", ON)
ASKED = Trial(
    Scenario("ask-a-file-on-a-disk", Disk, {"main": asks}, watch=watch, guarded=False),
    "a file on a disk is asked for its channel",
    ON,
)
LOOKALIKE = Trial(
    Scenario("ask-a-disk-that-looks-like-a-channel", DiskLikeAChannel, {"main": asks}, watch=watch, guarded=False),
    "the memory of the disk happens to look like a channel",
    ON,
)
OTHERS = Trial(
    Scenario("ask-other-files", OtherFiles, {"main": asks_others}, guarded=False),
    "a file in memory is asked, and one on a channel without a way back",
    ON,
)
SUCCESS = Trial(
    Scenario(
        "precopy-no-return-path",
        SourceSide,
        {"main": main_connects_then_cleans_up},
        given_back,
        watch_source,
        guarded=False,
    ),
    "a migration succeeds",
    ON,
)
CANCEL = Trial(cancel_cleanup.scenario, "a migration is cancelled", ON)
TRIALS = (SNAPSHOT, SUCCESS, ASKED, LOOKALIKE, OTHERS, CANCEL)
