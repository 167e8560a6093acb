# SPDX-License-Identifier: GPL-2.0-or-later
"""03, write: the unregistering asks what the registering asks. A copy of the question is a second question."""

from __future__ import annotations

from lessons.exercises.model import Exercise
from lessons.exercises.mounting import called_from
from lessons.exercises.one_predicate.trials import FILE, FORGOTTEN, LATER, NARROWED, SOCKET, TLS
from mini_qemu.io_channel import QIOChannelSocket, QIOChannelTLS
from mini_qemu.qom import object_unref
from mini_qemu.yank import MIGRATION_YANK_INSTANCE, yank_unregister_function
from mini_qemu.yank_functions import (
    migration_ioc_register_yank,
    migration_ioc_unregister_yank,
    migration_ioc_yank_supported,
    migration_yank_iochannel,
)

WRITE = Exercise(
    name="one-predicate/write",
    lesson="03_one_predicate",
    title="Write the unregistering",
    statement="The last close calls this. It must take off the list what was put there, for every kind of channel,"
    " those of the future included.",
    why="You ask in the one place where the registering side asks, so the two cannot drift apart again.",
    trials=(SOCKET, TLS, FILE, LATER, NARROWED, FORGOTTEN),
    mount=called_from(
        "qemu_file_channel.channel_close",
        """
        if fixes.one_yank_predicate:
            if last:
                migration_ioc_unregister_yank(ioc)
        else:
            if isinstance(ioc, yankable) and last:
                yank_unregister_function(ioc.process.yank, MIGRATION_YANK_INSTANCE, migration_yank_iochannel, ioc)
        """,
        """
        if last:
            forget_channel(ioc)
        """,
    ),
    hints=(
        "The patch view shows two small functions, one for each side, and the one that both ask.",
        "It is one line.",
    ),
)


@WRITE.starts_from(
    "The other side puts TLS channels on the list, and this one does not know of them: the list still names the channel"
    " when the instance goes.",
    lambda o: o.during(TLS) and o.says("still lists"),
)
def forget_channel(ioc):
    if isinstance(ioc, QIOChannelSocket):
        yank_unregister_function(ioc.process.yank, MIGRATION_YANK_INSTANCE, migration_yank_iochannel, ioc)


@WRITE.solved_by
def asks_the_same_question(ioc):
    # asks the very function that the registering side asks
    migration_ioc_unregister_yank(ioc)


@WRITE.refutes(
    "You never put a pipe on the list, and you take it off: there is no such entry.",
    lambda o: o.during(FILE),
)
def always(ioc):
    yank_unregister_function(ioc.process.yank, MIGRATION_YANK_INSTANCE, migration_yank_iochannel, ioc)


@WRITE.refutes(
    "You take the channel off twice: the second time there is no such entry.",
    lambda o: o.during(SOCKET, TLS) and o.says("does not list"),
)
def twice(ioc):
    migration_ioc_unregister_yank(ioc)
    migration_ioc_unregister_yank(ioc)


@WRITE.refutes(
    "You rewrite the list yourself, and with it what others have put there. Nothing checks that your channel was on it."
    " Take off one entry, and ask the question that the registering side asks.",
    lambda o: o.deeds.did("write", "yankfns", own=True),
)
def empties_the_list(ioc):
    for entry in ioc.process.yank.yank_instance_list:
        entry.yankfns = []


@WRITE.refutes(
    "You put the channel on the list once more, so one entry stays. This function only takes off.",
    lambda o: o.during(SOCKET) and o.says("still lists") and o.deeds.did("write", "yankfns"),
)
def registers_first(ioc):
    migration_ioc_register_yank(ioc)
    migration_ioc_unregister_yank(ioc)


@WRITE.refutes(
    "You drop a reference that is not yours: the close drops it. Only take the channel off the list.",
    lambda o: "use-after-free" in o.kinds and o.deeds.did("cas", "ref"),
)
def drops_a_reference(ioc):
    migration_ioc_unregister_yank(ioc)
    object_unref(ioc)


@WRITE.refutes("Nothing is ever taken off the list.", lambda o: o.during(SOCKET) and o.says("still lists"))
def nothing(ioc):
    return


@WRITE.refutes(
    "You have written down a second copy of the question. It is right today. When the registering side changes, yours"
    " stays behind: that is how this bug came about. Ask the function that it asks.",
    lambda o: o.during(LATER, NARROWED),
)
def the_missing_word(ioc):
    if isinstance(ioc, QIOChannelSocket | QIOChannelTLS):
        yank_unregister_function(ioc.process.yank, MIGRATION_YANK_INSTANCE, migration_yank_iochannel, ioc)


@WRITE.refutes(
    "You take off only what you find, so a channel that should have been listed and is not goes unnoticed. The strict"
    " list exists to make that mistake loud, and you have silenced it. Ask the question that the registering side"
    " asks.",
    lambda o: o.during(FORGOTTEN),
)
def only_if_listed(ioc):
    for entry in ioc.process.yank.yank_instance_list:
        for _, opaque in entry.yankfns:
            if opaque is ioc:
                yank_unregister_function(ioc.process.yank, MIGRATION_YANK_INSTANCE, migration_yank_iochannel, ioc)


@WRITE.accepts_but(
    "You ask whether this is the last reference, and only the last close calls you: the answer is always yes. Lesson 05"
    " shows what comes of deciding by a count.",
    lambda o: o.deeds.touches("ref"),
)
def if_it_is_the_last(ioc):
    if ioc.ref == 1:
        migration_ioc_unregister_yank(ioc)


@WRITE.accepts
def asks_the_predicate(ioc):
    if migration_ioc_yank_supported(ioc):
        yank_unregister_function(ioc.process.yank, MIGRATION_YANK_INSTANCE, migration_yank_iochannel, ioc)
