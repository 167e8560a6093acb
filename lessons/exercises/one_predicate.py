# SPDX-License-Identifier: GPL-2.0-or-later
"""03: order a channel's life, fill in the predicate, write the unregistering; the table; two questions at a library.

No race here, and the lesson says so. The answers are judged on sockets, on TLS, on a plain file that cannot be shut
down, and on a destination that hangs until an operator yanks: a predicate that says no to everything fails there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from types import FunctionType
from typing import Any

from lessons.exercises.model import Exercise, Place, Question, Trial, WrongAnswer, at_home, called_from, instead_of
from lessons.scenarios import hung_destination, tls
from lessons.scenarios.stage import Source, connects, main_connects_then_cleans_up, watch_source
from lessons.scenarios.yank_pairing import COMBINATIONS, pairing
from mini_qemu.fixes import history
from mini_qemu.io_channel import QIOChannel, QIOChannelFile, qio_channel_read, qio_channel_socket_pair
from mini_qemu.monitor import qmp_yank
from mini_qemu.process import QemuProcess, main_loop_wait
from mini_qemu.qemu_thread import QemuSemaphore
from mini_qemu.sched import Scenario, Shared, explore
from mini_qemu.yank import MIGRATION_YANK_INSTANCE, yank_register_instance, yank_unregister_instance
from mini_qemu.yank_functions import migration_ioc_register_yank, migration_ioc_unregister_yank

LESSON = "03_one_predicate"
ON = ("join_created_thread", "lock_from_dst_file", "one_yank_predicate")

# ---- what an answer must survive


def over_a_file() -> Source:
    """As with exec: a pipe to another program, which cannot be shut down."""
    w = Source()
    pipe: Any = QIOChannelFile(w.qemu, "pipe", w.ioc.wire)
    w.ioc = pipe
    return w


def main_looks_at_the_list(w: Source) -> None:
    connects(w)
    for entry in w.qemu.yank.yank_instance_list:
        for _, ioc in entry.yankfns:
            assert ioc.has_shutdown, f"{ioc.name} is on the list, but nobody can cut it"
    main_loop_wait(w.qemu)


def hung_over_tls() -> Source:
    w = Source("return-path")
    w.ms.tls_creds = True
    return w


def main_over_tls(w: Source) -> None:
    main_connects_then_cleans_up(w)  # the handshake
    main_loop_wait(w.qemu)


SOCKET = Scenario("over-a-socket", Source, {"main": main_connects_then_cleans_up}, watch=watch_source)
FILE = Scenario("over-a-pipe", over_a_file, {"main": main_looks_at_the_list}, watch=watch_source)
HUNG = Scenario(
    "hung-over-tls",
    hung_over_tls,
    {"main": main_over_tls, "destination": hung_destination.destination},
    hung_destination.check,
    watch_source,
)

# ---- the table


@dataclass(frozen=True)
class Combination:
    """A line of the table: how often registered, how often taken out. For RaceLab, in a wrong fix's place."""

    registered: int
    unregistered: int
    fails: str
    kinds: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        return f"registered_{self.registered}_taken_out_{self.unregistered}"

    @property
    def idea(self) -> str:
        words = {0: "never", 1: "once", 2: "twice"}
        return f"registered {words[self.registered]}, taken out {words[self.unregistered]}"

    @property
    def scenario(self) -> Scenario:
        return pairing(self.registered, self.unregistered)

    def applied(self) -> nullcontext[None]:
        return nullcontext()


WHY = {
    (1, 0): "The entry stays: the list is not empty when the instance goes. If nobody asked, it would name a"
    " channel that is gone.",
    (0, 1): "There is no such entry to take out.",
    (0, 0): "No abort. But the operator's yank cannot reach the reader, who waits for ever.",
    (2, 1): "The list does not look for doubles, so one entry stays.",
}
TABLE = tuple(Combination(*pair, WHY[pair]) for pair in COMBINATIONS if pair in WHY)

# ---- order the lines


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


def in_order(w: Life) -> None:
    yank_register_instance(w.yank, MIGRATION_YANK_INSTANCE)
    migration_ioc_register_yank(w.ioc)
    read_until_yanked(w)
    migration_ioc_unregister_yank(w.ioc)
    yank_unregister_instance(w.yank, MIGRATION_YANK_INSTANCE)


place = Place(in_order)


def main(w: Life) -> None:
    place.function(w)


def operator(w: Life) -> None:
    w.reading.wait()
    qmp_yank(w.qemu, [{"type": "migration"}])


def watch_life(w: Life) -> dict[str, object]:
    return {"yank list": [len(entry.yankfns) for entry in w.yank.yank_instance_list]}


@contextmanager
def living(answer: FunctionType) -> Iterator[None]:
    """The answer may use the names of this module."""
    with place.mount(at_home(answer, globals())):
        yield


ORDER = Exercise(
    name="one-predicate/order",
    lesson=LESSON,
    title="Order a channel's life",
    statement="In which order do these five happen, so that an operator can always cut the connection?",
    entry="life",
    starter="ACBED",
    solution="ABCDE",
    why="Like brackets: what was opened last is closed first, and while anybody can hang on the channel, it is listed.",
    lines={
        "A": "yank_register_instance(w.yank, MIGRATION_YANK_INSTANCE)",
        "B": "migration_ioc_register_yank(w.ioc)",
        "C": "read_until_yanked(w)",
        "D": "migration_ioc_unregister_yank(w.ioc)",
        "E": "yank_unregister_instance(w.yank, MIGRATION_YANK_INSTANCE)",
    },
    frame="""def life(w):
    ...
""",
    trials=(
        Trial(Scenario("a-life", Life, {"main": main, "operator": operator}, watch=watch_life), "an operator yanks"),
    ),
    mount=living,
    wrong=(
        WrongAnswer(
            "not_listed",
            "ACBDE",
            "While C hangs, the channel is not listed, so the operator cannot cut it.",
            lambda o: "deadlock" in o.kinds,
        ),
        WrongAnswer(
            "instance_missing",
            "BACDE",
            "B puts the channel on a list that A has not made yet, or D takes it off one that E has removed.",
            lambda o: o.says("there is no yank instance") or o.says("yank instance exists") or o.says("DeviceNotFound"),
        ),
        WrongAnswer(
            "never_put_there",
            "ADBCE",
            "D takes out what B has not put there yet.",
            lambda o: o.says("does not list"),
        ),
        WrongAnswer(
            "instance_first",
            "ABCED",
            "E asks that the list is empty, and D empties it.",
            lambda o: o.says("still lists"),
        ),
    ),
    hints=("Each of the first two lines has a partner.", "Where in between can somebody hang?"),
)

# ---- fill in the predicate

FILL = Exercise(
    name="one-predicate/fill",
    lesson=LESSON,
    title="Fill in the predicate",
    statement="Which channels belong on the list? All sites ask this function now.",
    entry="yank_supported",
    starter='''
def yank_supported(ioc):
    return isinstance(ioc, QIOChannelSocket)
''',
    solution='''
def yank_supported(ioc):
    # the same answer for the same channel, whoever asks and whenever
    return isinstance(ioc, QIOChannelSocket | QIOChannelTLS)
''',
    why="One function, one answer. (Upstream asks whether the channel can be shut down at all since 2024, and"
    " `ioc.has_shutdown` passes here as well.)",
    trials=(
        Trial(SOCKET, "a migration goes over a socket", ON),
        Trial(tls.scenario, "a migration goes over TLS", ON),
        Trial(hung_destination.scenario, "the destination hangs, and an operator yanks", ON),
        Trial(HUNG, "the destination hangs, over TLS, and an operator yanks", ON),
        Trial(FILE, "a migration goes through a pipe, which cannot be shut down", ON),
    ),
    mount=instead_of("yank_functions.migration_ioc_yank_supported"),
    wrong=(
        WrongAnswer(
            "all",
            '''
def yank_supported(ioc):
    return True
''',
            "A pipe cannot be shut down: it is listed now, and an operator who cuts it cuts nothing.",
            lambda o: o.trial.scenario is FILE,
        ),
        WrongAnswer(
            "none",
            '''
def yank_supported(ioc):
    return False
''',
            "Nothing is ever listed, so nothing aborts, and nobody can be rescued from a connection that hangs.",
            lambda o: o.trial.scenario is hung_destination.scenario and "TLS" not in o.source,
        ),
        WrongAnswer(
            "tls_only",
            '''
def yank_supported(ioc):
    return isinstance(ioc, QIOChannelTLS)
''',
            "Now plain sockets are forgotten: a connection without TLS that hangs cannot be cut.",
            lambda o: o.trial.scenario is hung_destination.scenario and "TLS" in o.source,
        ),
        WrongAnswer(
            "as_shipped",
            '''
def yank_supported(ioc):
    return isinstance(ioc, QIOChannelSocket)
''',
            "TLS is forgotten on both sides, so nothing aborts any more. But a TLS connection that hangs cannot be cut:"
            " both sides agree, and both are wrong.",
            lambda o: o.trial.scenario is HUNG,
        ),
    ),
    hints=("Which kinds of channel are there? See mini_qemu/io_channel.py.", "Which of them can be shut down?"),
)

# ---- write it

WRITE = Exercise(
    name="one-predicate/write",
    lesson=LESSON,
    title="Write the unregistering",
    statement="The last close calls this. It must take off the list what was put there, for every kind of channel.",
    entry="forget_channel",
    starter='''
def forget_channel(ioc):
    if isinstance(ioc, QIOChannelSocket):
        yank_unregister_function(ioc.process.yank, MIGRATION_YANK_INSTANCE, migration_yank_iochannel, ioc)
''',
    solution='''
def forget_channel(ioc):
    # asks the very function that the registering side asks
    migration_ioc_unregister_yank(ioc)
''',
    why="The question is asked in one place, so the two sides cannot drift apart again.",
    trials=tuple(
        Trial(scenario, f"a migration goes {words}", ON)
        for scenario, words in ((SOCKET, "over a socket"), (tls.scenario, "over TLS"), (FILE, "through a pipe"))
    ),
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
    wrong=(
        WrongAnswer(
            "always",
            '''
def forget_channel(ioc):
    yank_unregister_function(ioc.process.yank, MIGRATION_YANK_INSTANCE, migration_yank_iochannel, ioc)
''',
            "A pipe was never put on the list, and you take it off: there is no such entry.",
            lambda o: o.trial.scenario is FILE,
        ),
        WrongAnswer(
            "nothing",
            '''
def forget_channel(ioc):
    return
''',
            "Nothing is ever taken off the list.",
            lambda o: o.trial.scenario is SOCKET,
        ),
        WrongAnswer(
            "as_shipped",
            '''
def forget_channel(ioc):
    if isinstance(ioc, QIOChannelSocket):
        yank_unregister_function(ioc.process.yank, MIGRATION_YANK_INSTANCE, migration_yank_iochannel, ioc)
''',
            "This is June 2021: the other side puts TLS channels on the list, and this one does not know of them.",
            lambda o: o.trial.scenario is tls.scenario,
        ),
    ),
    hints=(
        "The patch view shows two small functions, one for each side, and the one that both ask.",
        "It is one line.",
    ),
)

EXERCISES = (ORDER, FILL, WRITE)

# ---- a prediction


@cache
def _june() -> str:
    with history.only():
        result = explore(tls.june_2021)
    return "none" if not result.failing else "all" if result.failing == result.runs else "some"


# ---- another surface: a library


class Library(Shared):
    films_are_lent: bool = True
    lent: int = 0

    def __init__(self, films: bool = True) -> None:
        self.films_are_lent = films


def lend_and_take_back(library: Library) -> None:
    """The desk that lends asks the note on the wall; so does, later, the desk that takes back."""
    if library.films_are_lent:
        library.lent = library.lent + 1
    if library.films_are_lent:
        library.lent = library.lent - 1


def lend_and_forget(library: Library) -> None:
    """The desk that takes back has a list of its own, and films are not on it."""
    if library.films_are_lent:
        library.lent = library.lent + 1


def change_the_note(library: Library) -> None:
    library.films_are_lent = False


def all_back(library: Library) -> bool:
    return library.lent == 0


two_lists = Scenario("two-lists", Library, {"desk": lend_and_forget}, all_back)
note_changes = Scenario("note-changes", Library, {"desk": lend_and_take_back, "boss": change_the_note}, all_back)


def _goes_wrong(scenario: Scenario) -> str:
    found = explore(scenario)
    return "never" if not found.failing else "always" if found.failing == found.runs else "sometimes"


QUESTIONS = (
    Question(
        "one-predicate/june",
        LESSON,
        "June 2021. The side that registers asks \"a socket, or TLS?\". The side that unregisters asks \"a"
        " socket?\". In how"
        " many of its interleavings does a migration over TLS abort at its end?",
        {"none": "In none: a TLS channel lies on a socket", "some": "In some, if threads meet badly", "all": "In all"},
        _june,
        "There is nothing to meet. Not every mistake in concurrent code is a race; this one fails each time, for"
        " whoever"
        " uses TLS.",
    ),
    Question(
        "one-predicate/two-lists",
        LESSON,
        "A library lends books and films. The desk that takes things back has a list of its own, and films are not"
        " on it. At"
        " closing time the books of the library must balance. After a film was lent and brought back, do they?",
        {"always": "They never do", "sometimes": "It depends on who is quicker", "never": "They always do"},
        lambda: _goes_wrong(two_lists),
        "It was put down by one rule and would be struck out by another.",
    ),
    Question(
        "one-predicate/note",
        LESSON,
        "Now both desks look at one note on the wall. The boss may take films off it during the day. Can the balance be"
        " wrong?",
        {"never": "No: there is only one note", "sometimes": "Yes, if the note changes between the two desks"},
        lambda: _goes_wrong(note_changes),
        "One place to ask is not enough. The answer must be the same both times.",
    ),
)
