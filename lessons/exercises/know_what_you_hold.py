# SPDX-License-Identifier: GPL-2.0-or-later
"""04: order the question and the cast, tag a file, write the function that asks; two questions about a box.

One thread, no race: a payload without a type. The answers are judged on loading a snapshot, whose file lies on a disk,
and on clean-ups of migrations, whose files lie on a connection that must be found.
"""

from __future__ import annotations

from functools import cache

from lessons.exercises.model import Exercise, Question, Trial, WrongAnswer, instead_of
from lessons.scenarios import cancel_cleanup, snapshot
from lessons.scenarios.precopy_no_return_path import scenario as without
from mini_qemu.fixes import fixes
from mini_qemu.qemu_file import QEMUFile, qemu_file_get_ioc
from mini_qemu.savevm import BlockDriverState, qemu_fopen_bdrv
from mini_qemu.sched import Result, Scenario, Shared, explore

LESSON = "04_know_what_you_hold"
ON = ("join_created_thread", "lock_from_dst_file", "one_yank_predicate", "file_knows_channel", "explicit_unregister")


class Disk:
    """Two files on a disk, one to read and one to write, and a question to each."""

    def __init__(self) -> None:
        self.read: QEMUFile = qemu_fopen_bdrv(BlockDriverState(b""), False)
        self.write: QEMUFile = qemu_fopen_bdrv(BlockDriverState(b""), True)


def asks(w: Disk) -> None:
    for f in (w.read, w.write):
        ioc = qemu_file_get_ioc(f)
        assert ioc is None, f"the file lies on a disk, and the answer is {ioc!r}"


def watch(w: Disk) -> dict[str, bool]:
    return {"read.has_ioc": w.read.has_ioc, "write.has_ioc": w.write.has_ioc}


ASKED = Scenario("ask-a-file-on-a-disk", Disk, {"main": asks}, watch=watch)
TRIALS = (
    Trial(snapshot.scenario, "a snapshot is loaded from a disk", ON),
    Trial(ASKED, "a file on a disk is asked for its channel", ON),
    Trial(without, "a migration succeeds", ON),
    Trial(cancel_cleanup.scenario, "a migration is cancelled", ON),
)

ORDER = Exercise(
    name="hold/order",
    lesson=LESSON,
    title="Order the question and the cast",
    statement="Find the channel of a file. In which order?",
    entry="qemu_file_get_ioc",
    starter="BAC",
    solution="ABC",
    why="Ask what it is before you treat it as something.",
    lines={
        "A": """
            if not f.has_ioc:
                return None
        """,
        "B": "ioc = QIO_CHANNEL(f.opaque)",
        "C": "return ioc",
    },
    frame="""def qemu_file_get_ioc(f):
    ...
""",
    trials=TRIALS,
    mount=instead_of("qemu_file.qemu_file_get_ioc"),
    wrong=(
        WrongAnswer(
            "return_first",
            "ACB",
            "C returns a channel that B has not looked for yet.",
            lambda o: o.source.index("C") < o.source.index("B"),
        ),
        WrongAnswer(
            "cast_first",
            "BAC",
            "B treats the payload as a channel before A has asked whether it is one.",
            lambda o: o.source.index("B") < o.source.index("A"),
        ),
    ),
    hints=("Which line is only right for some files?",),
)

FILL = Exercise(
    name="hold/fill",
    lesson=LESSON,
    title="Tag the file",
    statement="Open a file on a disk. Its third argument says whether a channel lies beneath it.",
    entry="open_on_disk",
    starter='''
def open_on_disk(bs, is_writable):
    ops = bdrv_write_ops if is_writable else bdrv_read_ops
    return qemu_fopen_ops(bs, ops, True)
''',
    solution='''
def open_on_disk(bs, is_writable):
    ops = bdrv_write_ops if is_writable else bdrv_read_ops
    # whoever puts the payload in knows what it is; nobody can find out later
    return qemu_fopen_ops(bs, ops, False)
''',
    why="The tag is set where the payload is put in: the only place where its type is known.",
    trials=TRIALS,
    mount=instead_of("savevm.qemu_fopen_bdrv"),
    wrong=(
        WrongAnswer(
            "when_writing",
            '''
def open_on_disk(bs, is_writable):
    ops = bdrv_write_ops if is_writable else bdrv_read_ops
    return qemu_fopen_ops(bs, ops, is_writable)
''',
            "A file that is written lies on the disk, too. The direction says nothing about what is beneath.",
            lambda o: ", is_writable)" in o.source.partition(":")[2],
        ),
        WrongAnswer(
            "when_reading",
            '''
def open_on_disk(bs, is_writable):
    ops = bdrv_write_ops if is_writable else bdrv_read_ops
    return qemu_fopen_ops(bs, ops, not is_writable)
''',
            "Reading or writing, beneath is a disk.",
            lambda o: "not is_writable" in o.source,
        ),
        WrongAnswer(
            "as_shipped",
            '''
def open_on_disk(bs, is_writable):
    ops = bdrv_write_ops if is_writable else bdrv_read_ops
    return qemu_fopen_ops(bs, ops, True)
''',
            "The tag says that a channel lies beneath, and it is a disk: the tag is believed, and the cast aborts.",
            lambda o: "True" in o.source,
        ),
    ),
    hints=("What is `bs`?",),
)

WRITE = Exercise(
    name="hold/write",
    lesson=LESSON,
    title="Write the function that asks",
    statement="Given a file, answer with the channel beneath it, or with None.",
    entry="channel_of",
    starter='''
def channel_of(f):
    return QIO_CHANNEL(f.opaque)
''',
    solution='''
def channel_of(f):
    # the payload has no type; the tag beside it has
    if not f.has_ioc:
        return None
    return QIO_CHANNEL(f.opaque)
''',
    why="Upstream calls it qemu_file_get_ioc, and its callers must be ready for None.",
    trials=TRIALS,
    mount=instead_of("qemu_file.qemu_file_get_ioc"),
    wrong=(
        WrongAnswer(
            "assert_it",
            '''
def channel_of(f):
    assert f.has_ioc
    return QIO_CHANNEL(f.opaque)
''',
            "You insist on a channel. Loading a snapshot ends in the same clean-up, with a file that has none.",
            lambda o: "assert" in o.source,
        ),
        WrongAnswer(
            "never",
            '''
def channel_of(f):
    return None
''',
            "No file has a channel now, so nobody is taken off the yank list: the end of every migration aborts.",
            lambda o: o.says("still lists"),
        ),
        WrongAnswer(
            "as_it_is",
            '''
def channel_of(f):
    return f.opaque
''',
            "Without the cast nothing stops here, and a disk goes out as a channel. In C its memory would be read"
            " as one.",
            lambda o: o.trial.scenario is ASKED,
        ),
        WrongAnswer(
            "as_shipped",
            '''
def channel_of(f):
    return QIO_CHANNEL(f.opaque)
''',
            "A disk is no channel, and the checked cast says so, by aborting.",
            lambda o: o.says("is not a QIOChannel"),
        ),
    ),
    hints=("The file carries a tag beside its payload.", "Two lines: ask the tag, then cast."),
)

EXERCISES = (ORDER, FILL, WRITE)

# ---- a prediction


@cache
def _five_without_four() -> Result:
    with fixes.only(*(name for name in ON if name != "file_knows_channel")):
        return explore(snapshot.scenario)


def _what_happens() -> str:
    found = _five_without_four()
    return "fine" if not found.failing else "always" if found.failing == found.runs else "sometimes"


# ---- another surface: a box


class Box(Shared):
    label: str = ""
    broken: bool = False

    def __init__(self, label: str = "") -> None:
        self.label = label


def unpack_glass(box: Box) -> None:
    """A box is turned over and shaken, unless it is labelled as glass."""
    if box.label != "glass":
        box.broken = True


def unlabelled() -> Box:
    return Box("")


def labelled() -> Box:
    return Box("glass")


def whole(box: Box) -> bool:
    return not box.broken


no_label = Scenario("no-label", unlabelled, {"helper": unpack_glass}, whole)
with_label = Scenario("with-label", labelled, {"helper": unpack_glass}, whole)


def _breaks(scenario: Scenario) -> str:
    return "yes" if explore(scenario).failing else "no"


def _who_labels() -> str:
    return "unpacker" if explore(with_label).failing else "packer"


QUESTIONS = (
    Question(
        "hold/five-without-four",
        LESSON,
        "All patches of the series are in but this one, which by itself changes nothing in what QEMU does. What"
        " happens when"
        " somebody loads a snapshot from a disk?",
        {
            "fine": "Nothing special: a snapshot is no migration",
            "sometimes": "It aborts if two threads meet badly",
            "always": "It aborts, every time",
        },
        _what_happens,
        "The last patch asks each file for its channel. A file on a disk has none, and without the tag it cannot"
        " say so.",
    ),
    Question(
        "hold/box",
        LESSON,
        "Boxes are unpacked by turning them over, except those labelled \"glass\". One box of glass came without a"
        " label. Is"
        " there a race that breaks it?",
        {"no": "Without a second person nothing can happen to it", "yes": "It breaks, and no race is needed"},
        lambda: _breaks(no_label),
        "It breaks each time. Who cannot see what is inside needs to be told.",
    ),
    Question(
        "hold/label",
        LESSON,
        "Who should put the label on?",
        {"packer": "Whoever packs the box", "unpacker": "Whoever unpacks it, by shaking it first"},
        _who_labels,
        "Only where the thing goes in is it known what it is. Labelled there, the box arrives whole.",
    ),
)
