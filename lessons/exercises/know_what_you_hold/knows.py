# SPDX-License-Identifier: GPL-2.0-or-later
"""04: what each place knows of a file, from the one that opens it to the one that asks for its channel; and a box. For
Asked."""

from __future__ import annotations

from lessons.player.asked import Place
from lessons.scenarios import twins

KNOWS, ASKS = "knows, and opens", "holds, and asks"

KNOWN = (
    Place(
        "savevm.qemu_fopen_bdrv",
        "return qemu_fopen_ops(bs, bdrv_read_ops",
        KNOWS,
        holds="bs",
        question="what lies beneath the file?",
        answer="bs",
    ),
    Place(
        "qemu_file.qemu_fopen_ops",
        "return QEMUFile(opaque, ops, has_ioc)",
        KNOWS,
        holds="'a pointer without a type'",
        question="does the caller say that there is a channel?",
        answer="has_ioc",
    ),
    Place(
        "migration_incoming.migration_incoming_state_destroy",
        "migration_ioc_unregister_yank_from_file",
        ASKS,
        holds="mis.from_src_file",
        question="which channel comes off the yank list?",
        answer="'(it cannot say)'",
    ),
    Place(
        "qemu_file.qemu_file_get_ioc",
        "ioc = QIO_CHANNEL(f.opaque)",
        ASKS,
        holds="f",
        question="`QIO_CHANNEL(f.opaque)`, whatever that is?",
        answer="QIO_CHANNEL(f.opaque)",
    ),
    Place(
        "qemu_file.qemu_file_get_ioc",
        "ioc = f.opaque if f.has_ioc",
        ASKS,
        holds="f",
        question="does the tag `f.has_ioc` say that there is one?",
        answer="f.has_ioc",
    ),
    Place(
        "yank_functions.migration_ioc_unregister_yank_from_file",
        "if ioc is not None",
        ASKS,
        holds="ioc",
        question="is there a channel to take off the list?",
        answer="ioc is not None",
    ),
)

BOX = (Place(twins.unpack, "if box.label", "the helper", "'a box'", "what does the label say?", "box.label or None"),)
