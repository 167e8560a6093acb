# SPDX-License-Identifier: GPL-2.0-or-later
"""05, write: one register when the channel came, one unregister where it is retired."""

from __future__ import annotations

from lessons.exercises.model import Exercise
from lessons.exercises.mounting import called_from
from lessons.exercises.the_count_that_was_one.trials import TRIALS
from mini_qemu.qemu_file import qemu_fclose, qemu_file_get_ioc, qemu_file_shutdown
from mini_qemu.qom import object_ref, object_unref
from mini_qemu.yank_functions import (
    migration_ioc_register_yank,
    migration_ioc_unregister_yank,
    migration_ioc_unregister_yank_from_file,
)

WRITE = Exercise(
    name="count/write",
    lesson="05_the_count_that_was_one",
    title="Write the retirement",
    statement="The clean-up calls this with the file it has taken away. Retire it, so that nothing is left on the list"
    " and nothing is left open.",
    why="You register once when the channel comes and unregister once where it is retired. Nobody else is asked.",
    trials=TRIALS,
    mount=called_from(
        "migration.migrate_fd_cleanup",
        """
        if fixes.explicit_unregister:
            migration_ioc_unregister_yank_from_file(tmp)
        qemu_fclose(tmp)
        """,
        "retire(tmp)",
    ),
    hints=(
        "The patch view above shows the function that finds the channel of a file and takes it off the list.",
        "In which order? When is the channel surely alive?",
    ),
)


@WRITE.starts_from(
    "A close is only a close now. Nobody takes the entry out, and the instance goes with a list that is not empty.",
    lambda o: o.deeds.did("free") and o.says("still lists") and not o.deeds.did("write", "yankfns"),
)
def retire(f):
    qemu_fclose(f)


@WRITE.solved_by
def entry_then_file(f):
    # as long as this file is open it holds a reference, so the channel in the list is alive
    migration_ioc_unregister_yank_from_file(f)
    qemu_fclose(f)


@WRITE.refutes(
    "You use the file after you have closed it, and closing it frees it.",
    lambda o: o.says("QEMUFile") and "use-after-free" in o.kinds,
)
def close_first(f):
    qemu_fclose(f)
    migration_ioc_unregister_yank_from_file(f)


@WRITE.refutes(
    "You remember the channel and close the file before you take the entry out. Your close may be the last: then the"
    " list names a channel that is gone, a dangling pointer, until you unregister it.",
    lambda o: o.says("is finalised, and yank still lists it"),
)
def remembers_the_channel(f):
    ioc = qemu_file_get_ioc(f)
    qemu_fclose(f)
    migration_ioc_unregister_yank(ioc)


@WRITE.refutes(
    "You take a reference to the channel and do not give it back, so the connection is never freed. Each `object_ref`"
    " needs its `object_unref`.",
    lambda o: o.says("never given back") and o.deeds.did("free"),
)
def reference_kept(f):
    ioc = qemu_file_get_ioc(f)
    object_ref(ioc)
    migration_ioc_unregister_yank(ioc)
    qemu_fclose(f)


@WRITE.refutes(
    "You drop a reference that is not yours. Your file's close drops the one that it held; the other thread still uses"
    " the channel.",
    lambda o: o.says("QIOChannelSocket") and "use-after-free" in o.kinds and o.deeds.most("cas", "ref") > 1,
)
def drops_one_too_many(f):
    ioc = qemu_file_get_ioc(f)
    migration_ioc_unregister_yank(ioc)
    qemu_fclose(f)
    object_unref(ioc)


@WRITE.refutes(
    "You put the channel on the list once more. Retiring it takes the entry out.",
    lambda o: o.says("still lists") and o.deeds.did("write", "yankfns"),
)
def registers_again(f):
    migration_ioc_register_yank(qemu_file_get_ioc(f))
    qemu_fclose(f)


@WRITE.refutes(
    "The list is empty, but the file is never closed: the connection stays open for ever.",
    lambda o: o.says("never given back") or o.says("never closed"),
)
def never_closed(f):
    migration_ioc_unregister_yank_from_file(f)


@WRITE.refutes(
    "Put on the list once, taken out twice: the second time there is no such entry.",
    lambda o: o.says("does not list"),
)
def twice(f):
    migration_ioc_unregister_yank_from_file(f)
    migration_ioc_unregister_yank_from_file(f)
    qemu_fclose(f)


@WRITE.refutes(
    "The old question in a new place: on a cancel the other thread may still hold its reference, and then nobody takes"
    " the entry out.",
    lambda o: o.deeds.touches("ref"),
)
def count(f):
    ioc = qemu_file_get_ioc(f)
    if ioc.ref == 1:
        migration_ioc_unregister_yank(ioc)
    qemu_fclose(f)


@WRITE.refutes(
    "You retire nothing: the entry is still on the list when the instance goes.",
    lambda o: not o.deeds.calls or not any(o.deeds.calls),
)
def nothing(f):
    return


@WRITE.accepts
def by_hand(f):
    ioc = qemu_file_get_ioc(f)
    if ioc is not None:
        migration_ioc_unregister_yank(ioc)
    qemu_fclose(f)


@WRITE.accepts
def with_a_reference_of_its_own(f):
    ioc = qemu_file_get_ioc(f)
    object_ref(ioc)
    migration_ioc_unregister_yank(ioc)
    qemu_fclose(f)
    object_unref(ioc)


@WRITE.accepts
def shuts_down_too(f):
    migration_ioc_unregister_yank_from_file(f)
    qemu_file_shutdown(f)
    qemu_fclose(f)


@WRITE.accepts
def closes_in_any_case(f):
    try:
        migration_ioc_unregister_yank_from_file(f)
    finally:
        qemu_fclose(f)


@WRITE.accepts_but(
    "You take the payload for a channel without asking the tag (`has_ioc`). This file has a channel beneath it; one"
    " on a disk would not. Lesson 04's `qemu_file_get_ioc` asks.",
    lambda o: o.deeds.did("write", "yankfns") and not o.deeds.did("read", "has_ioc"),
)
def payload_as_it_is(f):
    migration_ioc_unregister_yank(f.opaque)
    qemu_fclose(f)
