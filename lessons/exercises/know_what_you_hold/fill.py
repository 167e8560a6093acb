# SPDX-License-Identifier: GPL-2.0-or-later
"""04, fill in: the tag, set where the payload is stored, the only place where its type is known."""

from __future__ import annotations

from lessons.exercises.know_what_you_hold.trials import ASKED, LOOKALIKE, SNAPSHOT, TRIALS
from lessons.exercises.model import Exercise, Outcome, When
from lessons.exercises.mounting import instead_of
from mini_qemu.io_channel import QIOChannel
from mini_qemu.qemu_file import qemu_fopen_ops
from mini_qemu.savevm import bdrv_read_ops, bdrv_write_ops

FILL = Exercise(
    name="hold/fill",
    lesson="04_know_what_you_hold",
    title="Tag the file",
    statement="Open a file on a disk. Its third argument says whether a channel lies beneath it.",
    why="You set the tag where the payload is stored: the only place where its type is known.",
    trials=(ASKED, *TRIALS),
    mount=instead_of("savevm.qemu_fopen_bdrv"),
    hints=("What is `bs`?",),
)


def tags(read: bool, write: bool) -> When:
    """The tags that the answer gave to a file to read and to one to write."""

    def when(o: Outcome) -> bool:
        shown = [o.deeds.shown(f"{way}.has_ioc") not in ("False", "None", "0", "") for way in ("read", "write")]
        return o.during(ASKED) and o.says("lies on a disk") and shown == [read, write]

    return when


@FILL.starts_from(
    "The tag says that a channel lies beneath, and it is a disk. The tag is believed, and the cast aborts.",
    tags(read=True, write=True),
)
def open_on_disk(bs, is_writable):
    ops = bdrv_write_ops if is_writable else bdrv_read_ops
    return qemu_fopen_ops(bs, ops, True)


@FILL.solved_by
def not_a_channel(bs, is_writable):
    ops = bdrv_write_ops if is_writable else bdrv_read_ops
    # the code that stores the payload knows what it is; nobody can find out later
    return qemu_fopen_ops(bs, ops, False)


@FILL.refutes(
    "A file that is written lies on the disk, too. The direction says nothing about what is beneath.",
    tags(read=False, write=True),
)
def when_writing(bs, is_writable):
    ops = bdrv_write_ops if is_writable else bdrv_read_ops
    return qemu_fopen_ops(bs, ops, is_writable)


@FILL.refutes("Beneath is a disk, whether you read or write.", tags(read=True, write=False))
def when_reading(bs, is_writable):
    ops = bdrv_write_ops if is_writable else bdrv_read_ops
    return qemu_fopen_ops(bs, ops, not is_writable)


@FILL.refutes(
    "You return no file, at least in one of the two directions. Open one to read and one to write.",
    lambda o: o.says("None has no attribute 'has_ioc'"),
)
def only_to_read(bs, is_writable):
    if not is_writable:
        return qemu_fopen_ops(bs, bdrv_read_ops, False)


@FILL.refutes(
    "The tag is right, and the functions do not fit the direction: a file to write needs `bdrv_write_ops`, one to read"
    " `bdrv_read_ops`.",
    lambda o: o.during(SNAPSHOT) and not o.says("is not a QIOChannel"),
)
def functions_swapped(bs, is_writable):
    ops = bdrv_read_ops if is_writable else bdrv_write_ops
    return qemu_fopen_ops(bs, ops, False)


@FILL.accepts
def positional_branches(bs, is_writable):
    if is_writable:
        return qemu_fopen_ops(bs, bdrv_write_ops, False)
    return qemu_fopen_ops(bs, bdrv_read_ops, False)


@FILL.refutes(
    "You ask the payload what it is. In C it cannot answer: the memory of a disk can look like a channel. You know what"
    " you store here, so write it down.",
    lambda o: o.during(LOOKALIKE),
)
def by_type(bs, is_writable):
    ops = bdrv_write_ops if is_writable else bdrv_read_ops
    return qemu_fopen_ops(bs, ops, isinstance(bs, QIOChannel))
