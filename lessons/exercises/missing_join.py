# SPDX-License-Identifier: GPL-2.0-or-later
"""01: order the clean-up, fill in the question, write the fix; two predictions; two questions in another kitchen.

The answers are judged on a migration that succeeds, one that has no return path, one that the destination refuses, and
two in a row, of which the second has no return path: each rules out a repair that looks right.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from types import FunctionType

from lessons.exercises.model import Exercise, Question, Trial, WrongAnswer, called_from
from lessons.replace import edited, replace
from lessons.scenarios.precopy_return_path import scenario as success
from lessons.scenarios.stage import (
    FOOTER,
    PING,
    PONG,
    Source,
    destination,
    main_connects_then_cleans_up,
    watch_source,
)
from mini_qemu.channel import socket_outgoing_migration
from mini_qemu.io_channel import qio_channel_socket_pair
from mini_qemu.migration import qmp_migrate
from mini_qemu.process import main_loop_wait, qemu_mutex_lock_iothread, qemu_mutex_unlock_iothread
from mini_qemu.sched import Mutex, Result, Scenario, Shared, explore

LESSON = "01_missing_join"
SHUT_1 = bytes.fromhex("0001 0004 00000001")

# ---- what an answer must survive


def completed(w: Source) -> bool:
    assert w.ms.state == "completed", f"the destination was content, but the migration ends {w.ms.state}"
    return True


def refused(w: Source) -> bool:
    assert w.ms.state == "failed", f"the destination refused the migration, but it ends {w.ms.state}"
    return True


def with_return_path() -> Source:
    return Source("return-path")


def refusing_destination(w: Source) -> None:
    """As the destination, but its last word is SHUT(1): something here went wrong."""
    wire = w.peer_ioc.wire
    while True:
        message = wire.incoming.recv()
        if message is None:
            return
        if message.startswith(PING):
            wire.outgoing.send(PONG + message[5:9])
        if message.startswith(FOOTER) and b"globalstate" in message:
            wire.outgoing.send(SHUT_1)
            return


class TwoInARow(Source):
    def __init__(self) -> None:
        super().__init__("return-path")
        self.second_ioc, self.second_peer_ioc = qio_channel_socket_pair(self.qemu, self.peer)


def main_migrates_twice(w: TwoInARow) -> None:
    """The second time somebody has switched the return path off."""
    main_connects_then_cleans_up(w)
    w.ms.capabilities = frozenset()
    error = qmp_migrate(w.ms)
    assert error is None, error
    qemu_mutex_lock_iothread(w.qemu)
    socket_outgoing_migration(w.ms, w.second_ioc)
    qemu_mutex_unlock_iothread(w.qemu)
    main_loop_wait(w.qemu)


def scenarios() -> tuple[Scenario, ...]:
    end = {"main": main_connects_then_cleans_up, "destination": destination}
    refuse = {"main": main_connects_then_cleans_up, "destination": refusing_destination}
    twice = {"main": main_migrates_twice, "destination": destination}
    return (
        Scenario("return-path-succeeds", with_return_path, end, completed, watch_source),
        Scenario("no-return-path", Source, {"main": main_connects_then_cleans_up}, completed, watch_source),
        Scenario("return-path-refused", with_return_path, refuse, refused, watch_source),
        Scenario("two-in-a-row", TwoInARow, twice, completed, watch_source),
    )


SUCCEEDS, WITHOUT, REFUSED, TWICE = scenarios()
LATER = ("lock_from_dst_file", "one_yank_predicate", "file_knows_channel", "explicit_unregister")
SUCCESS = Trial(SUCCEEDS, "a migration with a return path succeeds")
TRIALS = (
    SUCCESS,
    Trial(WITHOUT, "a migration has no return path"),
    Trial(REFUSED, "the destination refuses the migration"),
    Trial(TWICE, "a second migration follows, without a return path"),
    Trial(SUCCEEDS, "the four later patches are in as well", LATER),
)

# ---- order the lines

NO_JOIN = """
if fixes.join_created_thread:
    joinable = s.rp_state.rp_thread_created
else:
    joinable = s.rp_state.from_dst_file is not None
rp_error = False
if joinable:
    rp_error = await_return_path_close_on_source(s)
"""


@contextmanager
def joined_in_the_cleanup(answer: FunctionType) -> Iterator[None]:
    """Nobody joins in migration_completion; the answer is migrate_fd_cleanup."""
    completion = edited("migration.migration_completion", NO_JOIN, "rp_error = False", "no join here")
    with ExitStack() as stack:
        stack.enter_context(replace("migration.migration_completion", completion))
        stack.enter_context(replace("migration.migrate_fd_cleanup", answer))
        yield


ORDER = Exercise(
    name="missing-join/order",
    lesson=LESSON,
    title="Order the clean-up",
    statement="Suppose the join moves into the clean-up. In which order must these four happen?",
    entry="migrate_fd_cleanup",
    starter="",
    solution="DABC",
    why="First wait for the thread that still uses the channel, then close, and only then ask that nothing is left."
    " (DABC and ADBC are both right: taking the pointer away harms nobody.)",
    lines={
        "A": """
            with s.qemu_file_lock:
                f = s.to_dst_file
                s.to_dst_file = None
        """,
        "B": "qemu_fclose(f)",
        "C": "yank_unregister_instance(s.process.yank, MIGRATION_YANK_INSTANCE)",
        "D": "qemu_thread_join(s.rp_state.rp_thread)",
    },
    frame="""def migrate_fd_cleanup(s):
    qemu_bh_delete(s.cleanup_bh)
    s.cleanup_bh = None
    qemu_mutex_unlock_iothread(s.process)
    qemu_thread_join(s.thread)
    qemu_mutex_lock_iothread(s.process)
    ...
""",
    trials=(SUCCESS,),
    mount=joined_in_the_cleanup,
    wrong=(
        WrongAnswer(
            "file_before_it_is_taken",
            "DBAC",
            "B closes `f`, and `f` gets its value in A.",
            lambda o: o.source.index("B") < o.source.index("A"),
        ),
        WrongAnswer(
            "instance_before_close",
            "DACB",
            "C asks that the yank list is empty, and it is B, the last close, that empties it.",
            lambda o: o.source.index("C") < o.source.index("B"),
        ),
        WrongAnswer(
            "join_last",
            "ABCD",
            "C asks that the list is empty while the return path thread may still hold the channel: the join in D comes"
            " too late to help.",
            lambda o: o.source.index("C") < o.source.index("D"),
        ),
        WrongAnswer(
            "close_before_join",
            "ABDC",
            "Both threads can close at the same time: both read two references, so neither thinks it is the last, and"
            " nobody takes the channel out of the list.",
            lambda o: o.source.index("B") < o.source.index("D"),
        ),
    ),
    hints=(
        "Who uses the channel when the clean-up starts? Which line waits for that?",
        "C is an assertion about the list. Which line empties the list, and who else might?",
    ),
)

# ---- fill in the question

FILL = Exercise(
    name="missing-join/fill",
    lesson=LESSON,
    title="Fill in the question",
    statement="Replace the one line, so that it says whether there is a return path thread to join.",
    entry="thread_to_join",
    starter='''
def thread_to_join(s):
    return s.rp_state.from_dst_file is not None
''',
    solution='''
def thread_to_join(s):
    # set where the thread is made, cleared where it is joined: the thread itself never touches it
    return s.rp_state.rp_thread_created
''',
    why="The flag says what the question means. Its only writers are the thread that creates and the one that joins, so"
    " it needs no lock.",
    trials=TRIALS,
    mount=called_from(
        "migration.migration_completion",
        """
        if fixes.join_created_thread:
            joinable = s.rp_state.rp_thread_created
        else:
            joinable = s.rp_state.from_dst_file is not None
        """,
        "joinable = thread_to_join(s)",
    ),
    wrong=(
        WrongAnswer(
            "always",
            '''
def thread_to_join(s):
    return True
''',
            "A migration without a return path has no such thread, and yours joins it all the same.",
            lambda o: o.trial.scenario is WITHOUT,
        ),
        WrongAnswer(
            "handle",
            '''
def thread_to_join(s):
    return s.rp_state.rp_thread is not None
''',
            "The handle of the last migration is still there when the next one begins: its thread is joined a second"
            " time.",
            lambda o: o.trial.scenario is TWICE,
        ),
        WrongAnswer(
            "never",
            '''
def thread_to_join(s):
    return False
''',
            "Nobody joins now. The assertion fires whenever the return path thread is late, and its handle is lost when"
            " it is not.",
            lambda o: "from_dst_file" not in o.source and o.trial.scenario is SUCCEEDS,
        ),
        WrongAnswer(
            "under_lock",
            '''
def thread_to_join(s):
    with s.qemu_file_lock:
        return s.rp_state.from_dst_file is not None
''',
            "The lock makes the reading whole, not its meaning right: an empty pointer does not say that the thread is"
            " gone.",
            lambda o: "qemu_file_lock" in o.source,
        ),
        WrongAnswer(
            "twice",
            '''
def thread_to_join(s):
    if s.rp_state.from_dst_file is not None:
        return True
    return s.rp_state.from_dst_file is not None
''',
            "Looking twice asks the wrong question twice. The pointer is cleared before the thread has ended.",
            lambda o: o.source.count("from_dst_file") > 1,
        ),
        WrongAnswer(
            "as_shipped",
            '''
def thread_to_join(s):
    return s.rp_state.from_dst_file is not None
''',
            "This asks whether there is a file. The thread clears the pointer to it before it has ended.",
            lambda o: "from_dst_file" in o.source,
        ),
    ),
    hints=(
        "Whom does the answer depend on? It must not be the thread that is to be joined.",
        "Look at ReturnPathState: which field is written by main and by the joiner only?",
    ),
)

# ---- write the fix

WRITE = Exercise(
    name="missing-join/write",
    lesson=LESSON,
    title="Write the fix",
    statement="The migration thread calls this when everything is sent. It must leave no return path thread behind, and"
    " say whether the return path reported an error.",
    entry="finish_return_path",
    starter='''
def finish_return_path(s):
    if s.rp_state.from_dst_file is None:
        return False
    qemu_thread_join(s.rp_state.rp_thread)
    return s.rp_state.error
''',
    solution='''
def finish_return_path(s):
    # is there a thread that nobody has joined yet? Not: is its file still there?
    if not s.rp_state.rp_thread_created:
        return False
    qemu_thread_join(s.rp_state.rp_thread)
    # joined once: the next migration may have no return path
    s.rp_state.rp_thread_created = False
    return s.rp_state.error
''',
    why="This is the joiner's half of the patch: test the flag, join, clear the flag. Upstream does the last two in"
    " await_return_path_close_on_source.",
    trials=TRIALS,
    mount=called_from("migration.migration_completion", NO_JOIN, "rp_error = finish_return_path(s)"),
    wrong=(
        WrongAnswer(
            "error_not_heard",
            '''
def finish_return_path(s):
    if s.rp_state.rp_thread_created:
        qemu_thread_join(s.rp_state.rp_thread)
        s.rp_state.rp_thread_created = False
    return False
''',
            "The destination said that it refuses, and your function did not pass that on: the migration is called"
            " completed.",
            lambda o: o.trial.scenario is REFUSED and o.result.failing == o.result.runs,
        ),
        WrongAnswer(
            "error_before_join",
            '''
def finish_return_path(s):
    if not s.rp_state.rp_thread_created:
        return False
    error = s.rp_state.error
    qemu_thread_join(s.rp_state.rp_thread)
    s.rp_state.rp_thread_created = False
    return error
''',
            "The error is read before the thread that sets it has ended. Read it after the join.",
            lambda o: o.trial.scenario is REFUSED and o.result.failing < o.result.runs,
        ),
        WrongAnswer(
            "no_test",
            '''
def finish_return_path(s):
    qemu_thread_join(s.rp_state.rp_thread)
    return s.rp_state.error
''',
            "A migration without a return path has no such thread, and yours joins it all the same.",
            lambda o: o.trial.scenario is WITHOUT,
        ),
        WrongAnswer(
            "flag_not_cleared",
            '''
def finish_return_path(s):
    if not s.rp_state.rp_thread_created:
        return False
    qemu_thread_join(s.rp_state.rp_thread)
    return s.rp_state.error
''',
            "The flag still says yes when the next migration begins, so the old thread is joined a second time. Whoever"
            " joins clears the flag.",
            lambda o: o.trial.scenario is TWICE,
        ),
        WrongAnswer(
            "join_under_lock",
            '''
def finish_return_path(s):
    with s.qemu_file_lock:
        if not s.rp_state.rp_thread_created:
            return False
        qemu_thread_join(s.rp_state.rp_thread)
        s.rp_state.rp_thread_created = False
        return s.rp_state.error
''',
            "You join while you hold qemu_file_lock, and with patch 2 the thread needs that lock to let go of its file:"
            " each waits for the other. Never wait for a thread with a lock in hand.",
            lambda o: "deadlock" in o.kinds and "join" in o.source,
        ),
        WrongAnswer(
            "nothing",
            '''
def finish_return_path(s):
    return
''',
            "Nobody joins: the assertion fires whenever the return path thread is late, and its handle is lost when it"
            " is not.",
            lambda o: "join" not in o.source and o.trial.scenario is SUCCEEDS and "deadlock" not in o.kinds,
        ),
        WrongAnswer(
            "pointer_under_lock",
            '''
def finish_return_path(s):
    with s.qemu_file_lock:
        there = s.rp_state.from_dst_file is not None
    if not there:
        return False
    qemu_thread_join(s.rp_state.rp_thread)
    return s.rp_state.error
''',
            "The lock makes the reading whole, not its meaning right: an empty pointer does not say that the thread is"
            " gone.",
            lambda o: "qemu_file_lock" in o.source and "from_dst_file" in o.source,
        ),
        WrongAnswer(
            "as_shipped",
            '''
def finish_return_path(s):
    if s.rp_state.from_dst_file is None:
        return False
    qemu_thread_join(s.rp_state.rp_thread)
    return s.rp_state.error
''',
            "The test is still about the file. The thread clears that pointer before it has ended.",
            lambda o: "from_dst_file" in o.source,
        ),
    ),
    hints=(
        "Start from the question of the exercise before: which field says that there is a thread to join?",
        "After the join there is none any more. Who says so, and where?",
        "The destination's verdict is in s.rp_state.error, and only complete once the thread has ended.",
    ),
)

EXERCISES = (ORDER, FILL, WRITE)

# ---- predictions


@cache
def _unfixed() -> Result:
    return explore(success)


def _how_many_fail() -> str:
    share = _unfixed().failing / _unfixed().runs
    return "none" if not share else "few" if share < 0.1 else "some" if share <= 0.9 else "most"


# ---- another surface: a kitchen


class Kitchen(Shared):
    pan: str = "on the stove"
    locked: bool = False
    locked_in: bool = False

    def __init__(self) -> None:
        self.key = Mutex()


def cook(kitchen: Kitchen) -> None:
    """Hangs the pan up, and then still has to leave."""
    kitchen.pan = "on its hook"
    if kitchen.locked:
        kitchen.locked_in = True


def waiter(kitchen: Kitchen) -> None:
    if kitchen.pan == "on its hook":
        kitchen.locked = True


def cook_with_key(kitchen: Kitchen) -> None:
    with kitchen.key:
        kitchen.pan = "on its hook"
    if kitchen.locked:
        kitchen.locked_in = True


def waiter_with_key(kitchen: Kitchen) -> None:
    with kitchen.key:
        if kitchen.pan == "on its hook":
            kitchen.locked = True


def nobody_locked_in(kitchen: Kitchen) -> bool:
    return not kitchen.locked_in


closing_time = Scenario("closing-time", Kitchen, {"cook": cook, "waiter": waiter}, nobody_locked_in)
closing_time_with_key = Scenario(
    "closing-time-with-key", Kitchen, {"cook": cook_with_key, "waiter": waiter_with_key}, nobody_locked_in
)


def _locked_in(scenario: Scenario) -> str:
    return "yes" if explore(scenario).failing else "no"


QUESTIONS = (
    Question(
        "missing-join/how-many",
        LESSON,
        "A migration with a return path succeeds, in the code of early July 2021. In how many of its interleavings does"
        " something go wrong, an abort or a thread that nobody ever joins?",
        {
            "none": "In none: everything has been sent, and the destination is content",
            "few": "In a few: less than one in ten",
            "some": "In some: between one in ten and nine in ten",
            "most": "In most: more than nine in ten",
        },
        _how_many_fail,
        "Interleavings are not equally likely. The bug stayed unseen because real machines nearly always run the few"
        " that look harmless.",
    ),
    Question(
        "missing-join/kitchen",
        LESSON,
        "A cook hangs up the pan and then leaves. The waiter looks: if the pan hangs on its hook, the cook has gone"
        " home, and the waiter locks the door. Can the cook be locked in?",
        {"no": "No: the pan is hung up at the very end", "yes": "Yes"},
        lambda: _locked_in(closing_time),
        "The pan says that the cooking is over, not that the cook is gone. Hanging it up is the last thing but one.",
    ),
    Question(
        "missing-join/kitchen-key",
        LESSON,
        "Now both need the one kitchen key: the cook to hang up the pan, the waiter to look at it and to lock the door."
        " Is the cook safe?",
        {"no": "Yes: looking and locking are in one hold of the key", "yes": "No, still not"},
        lambda: _locked_in(closing_time_with_key),
        "Nothing can come between looking and locking any more. But the pan still does not say where the cook is. What"
        " helps is to wait until the cook says good-bye: a join.",
    ),
)
