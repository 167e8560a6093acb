# SPDX-License-Identifier: GPL-2.0-or-later
"""05, fill in: the close no longer asks whether it is the last. One owner takes the entry out, at one place."""

from __future__ import annotations

from lessons.exercises.model import Exercise
from lessons.exercises.mounting import called_from
from lessons.exercises.the_count_that_was_one.trials import TRIALS
from mini_qemu.qom import object_unref

FILL = Exercise(
    name="count/fill",
    lesson="05_the_count_that_was_one",
    title="Take the question out",
    statement="The clean-up takes the entry out now. What should a close answer when it is asked whether it has to?",
    why="Nobody asks the count any more, so it does not matter how many references there are and who closes last.",
    trials=TRIALS,
    mount=called_from(
        "qemu_file_channel.channel_close",
        """
        if fixes.explicit_unregister:
            last = False
        else:
            last = ioc.ref == 1
        """,
        "last = close_takes_it_out(ioc)",
    ),
    equivalent={
        "drop statement 1 (return False) in line 1: def close_takes_it_out(ioc):": "None is not true either",
        "return None in line 3: return False": "the caller only asks whether it is true",
    },
    hints=("How often was the entry put on the list? How often may it be taken out?", "Who does it now?"),
)


@FILL.starts_from(
    "The last to close finds the count at one and takes out an entry that the clean-up has taken out before: there is"
    " no such entry.",
    lambda o: o.deeds.last_read("ref") == "1",
)
def close_takes_it_out(ioc):
    return ioc.ref == 1


@FILL.solved_by
def a_close_is_only_a_close(ioc):
    # one owner takes it out, at one place: a close is only a close
    return False


@FILL.refutes(
    "You look at the list first. Between your look and the removal the clean-up takes the entry out: check, then act,"
    " once more.",
    lambda o: o.deeds.did("read", "yankfns", own=True),
)
def if_listed(ioc):
    for entry in ioc.process.yank.yank_instance_list:
        for _, opaque in entry.yankfns:
            if opaque is ioc:
                return True
    return False


@FILL.refutes(
    "You drop a reference that is not yours: the close drops it. Answer the question, and leave the count alone.",
    lambda o: o.deeds.did("cas", "ref"),
)
def drops_a_reference(ioc):
    object_unref(ioc)
    return False


@FILL.refutes(
    "Every close takes the entry out, and the clean-up has done so already: there is no such entry any more.",
    lambda o: not o.deeds.touches("ref"),
)
def always(ioc):
    return True


@FILL.refutes(
    "Two is as arbitrary as one. The entry has an owner now; anybody else who takes it out finds nothing there.",
    lambda o: o.deeds.last_read("ref") not in ("", "1"),
)
def two(ioc):
    return ioc.ref == 2


@FILL.accepts_but(
    "The count plays no part any more, so do not ask it. A question whose answer is never yes only hides that the"
    " clean-up owns the entry.",
    lambda o: o.deeds.touches("ref"),
)
def never_zero(ioc):
    return ioc.ref == 0
