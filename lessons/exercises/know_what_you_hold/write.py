# SPDX-License-Identifier: GPL-2.0-or-later
"""04, write: the function that asks. The payload has no type; the tag beside it has."""

from __future__ import annotations

from lessons.exercises.know_what_you_hold.trials import ASKED, LOOKALIKE, OTHERS, SNAPSHOT, SUCCESS, TRIALS
from lessons.exercises.model import Exercise
from lessons.exercises.mounting import instead_of
from mini_qemu.io_channel import QIO_CHANNEL, QIOChannel
from mini_qemu.qom import object_ref

WRITE = Exercise(
    name="hold/write",
    lesson="04_know_what_you_hold",
    title="Write the function that asks",
    statement="Given a file, answer with the channel beneath it, or with None.",
    why="Upstream calls it `qemu_file_get_ioc`, and its callers must be ready for None.",
    trials=TRIALS,
    mount=instead_of("qemu_file.qemu_file_get_ioc"),
    hints=("The file carries a tag beside its payload.", "Two lines: ask the tag, then cast."),
)


@WRITE.starts_from(
    "A disk is not a channel, and the checked cast says so, by aborting.",
    lambda o: o.says("is not a QIOChannel"),
)
def channel_of(f):
    return QIO_CHANNEL(f.opaque)


@WRITE.solved_by
def asks_the_tag(f):
    # the payload has no type; the tag beside it has
    if not f.has_ioc:
        return None
    return QIO_CHANNEL(f.opaque)


@WRITE.refutes(
    "You ask how the file is read and written. That says nothing sure about what is beneath it: other files have other"
    " functions. The tag says it.",
    lambda o: o.during(OTHERS),
)
def by_its_functions(f):
    if f.ops.get_return_path is None:
        return None
    return QIO_CHANNEL(f.opaque)


@WRITE.refutes(
    "You insist on a channel. Loading a snapshot ends in the same clean-up, with a file that has none.",
    lambda o: o.during(SNAPSHOT) and o.deeds.touches("has_ioc") and o.says("assertion failed: f."),
)
def assert_it(f):
    assert f.has_ioc
    return QIO_CHANNEL(f.opaque)


@WRITE.refutes(
    "You change the tag. It was set where the payload was stored, by the one who knows; here you only ask it.",
    lambda o: o.deeds.did("write", "has_ioc", own=True),
)
def sets_the_tag(f):
    f.has_ioc = True
    return QIO_CHANNEL(f.opaque)


@WRITE.refutes(
    "You take a reference, and no caller gives it back: the channel is never freed. Hand out the pointer as it is.",
    lambda o: o.says("somebody still holds the channel") and o.deeds.did("cas", "ref"),
)
def takes_a_reference(f):
    if not f.has_ioc:
        return None
    ioc = QIO_CHANNEL(f.opaque)
    object_ref(ioc)
    return ioc


@WRITE.refutes(
    "You ask the tag, and what you return is neither the channel nor None. The caller wants to use the channel, and"
    " must see None if there is none.",
    lambda o: o.during(SUCCESS, ASKED)
    and o.deeds.touches("has_ioc")
    and not (o.says("is not a QIOChannel") or o.says("still lists")),
)
def false_for_none(f):
    return f.has_ioc and QIO_CHANNEL(f.opaque)


@WRITE.refutes(
    "You ask the tag, and your caller gets no channel, even where the tag says that there is one. Return the channel"
    " itself.",
    lambda o: o.says("still lists") and o.deeds.touches("has_ioc"),
)
def yes_or_no(f):
    return f.has_ioc


@WRITE.refutes(
    "No file has a channel now, so no channel is taken off the yank list: the end of every migration aborts.",
    lambda o: o.says("still lists"),
)
def never(f):
    return None


@WRITE.refutes(
    "You ask the tag, and then do the opposite of what it says.",
    lambda o: o.says("is not a QIOChannel") and o.deeds.touches("has_ioc"),
)
def the_wrong_way_round(f):
    if f.has_ioc:
        return None
    return QIO_CHANNEL(f.opaque)


@WRITE.refutes(
    "Without the cast nothing stops here, and you hand out a disk as a channel. In C its memory would be read as one.",
    lambda o: o.during(ASKED),
)
def as_it_is(f):
    return f.opaque


@WRITE.refutes(
    "You ask the payload for its type. In C it has none: the memory of a disk can look like a channel, and then you"
    " hand it out as one. Only the tag, set where the payload was stored, tells them apart.",
    lambda o: o.during(LOOKALIKE),
)
def by_type(f):
    return f.opaque if isinstance(f.opaque, QIOChannel) else None


@WRITE.accepts
def in_one_expression(f):
    return QIO_CHANNEL(f.opaque) if f.has_ioc else None


@WRITE.accepts
def without_the_cast(f):
    return f.opaque if f.has_ioc else None
