# SPDX-License-Identifier: GPL-2.0-or-later
"""03, order: a channel's life, like brackets; while anybody can hang on it, it is listed."""

from __future__ import annotations

from lessons.exercises.model import OrderExercise, Trial, WrongAnswer, before
from lessons.exercises.mounting import Place
from mini_qemu.io_channel import QIOChannel, qio_channel_read, qio_channel_socket_pair
from mini_qemu.monitor import qmp_yank
from mini_qemu.process import QemuProcess
from mini_qemu.qemu_thread import QemuSemaphore
from mini_qemu.sched import Scenario
from mini_qemu.yank import MIGRATION_YANK_INSTANCE, yank_register_instance, yank_unregister_instance
from mini_qemu.yank_functions import migration_ioc_register_yank, migration_ioc_unregister_yank


class Life:
    def __init__(self) -> None:
        self.qemu = QemuProcess()
        self.yank = self.qemu.yank
        self.ioc: QIOChannel = qio_channel_socket_pair(self.qemu, QemuProcess("peer"))[0]
        self.reading = QemuSemaphore(name="reading")


def read_until_yanked(w: Life) -> None:
    """A read that nobody answers. The operator sees that it takes too long."""
    w.reading.post()
    qio_channel_read(w.ioc)


def never_begun(w: Life) -> None:
    return None


place = Place(never_begun, {"read_until_yanked": read_until_yanked})


def main(w: Life) -> None:
    place.function(w)


def operator(w: Life) -> None:
    w.reading.wait()
    qmp_yank(w.qemu, [{"type": "migration"}])


def watch_life(w: Life) -> dict[str, object]:
    return {"yank list": [len(entry.yankfns) for entry in w.yank.yank_instance_list]}


ORDER = OrderExercise(
    name="one-predicate/order",
    lesson="03_one_predicate",
    title="Order a channel's life",
    statement="In which order do these five happen, so that an operator can always cut the connection?",
    why="Like brackets: what you open last you close first; and while anybody can hang on the channel, it is listed.",
    trials=(
        Trial(
            Scenario("a-life", Life, {"main": main, "operator": operator}, watch=watch_life, guarded=False),
            "an operator yanks",
        ),
    ),
    mount=place.mount,
    hints=("Each of the first two lines has a partner.", "In which line can somebody hang?"),
    starter="ACBED",
    misplaced=(
        # a thread that hangs in C has got that far; of the others, the first that is out of place fails
        WrongAnswer(
            "not_listed",
            "ACBDE",
            "While C hangs, the channel is not listed, so the operator cannot cut it.",
            lambda o: o.says("waits for an item on the line") or o.found_in("operator"),
        ),
        WrongAnswer(
            "not_made_yet",
            "BACDE",
            "B puts the channel on a list that A has not made yet.",
            before("B", "A", "D", "E"),
        ),
        WrongAnswer(
            "taken_off_before_made",
            "DABCE",
            "D takes the channel off a list that A has not made yet.",
            before("D", "A", "B", "E"),
        ),
        WrongAnswer(
            "removed_before_made",
            "EABCD",
            "E removes a list that A has not made yet.",
            before("E", "A", "B", "D"),
        ),
        WrongAnswer(
            "never_put_there",
            "ADBCE",
            "D takes off what B has not put there yet.",
            before("D", "B", "E"),
        ),
        WrongAnswer(
            "taken_off_after_removed",
            "AEDBC",
            "D takes the channel off a list that E has removed.",
            before("D", "B"),
        ),
        WrongAnswer(
            "list_gone",
            "AEBCD",
            "B puts the channel on a list that E has removed.",
            before("E", "B"),
        ),
        WrongAnswer(
            "instance_first",
            "ABCED",
            "E asserts that the list is empty, and it is D that empties it.",
            before("E", "D"),
        ),
    ),
)


@ORDER.orders
def life(w):
    yank_register_instance(w.yank, MIGRATION_YANK_INSTANCE)  # A
    migration_ioc_register_yank(w.ioc)  # B
    read_until_yanked(w)  # C
    migration_ioc_unregister_yank(w.ioc)  # D
    yank_unregister_instance(w.yank, MIGRATION_YANK_INSTANCE)  # E
