# SPDX-License-Identifier: GPL-2.0-or-later
"""05: order the retirement, take the question out of the close, write the retirement; two questions about a light.

The answers are judged on a cancel, on a migration that succeeds with and without return path, and on two closers while
an operator yanks; and at the end the connection must be gone.
"""

from __future__ import annotations

from functools import cache

from lessons.exercises.model import Exercise, Question, Trial, WrongAnswer, called_from, instead_of
from lessons.scenarios import cancel_cleanup
from lessons.scenarios.precopy_return_path import scenario as success
from lessons.scenarios.stage import Source, is_freed, main_connects_then_cleans_up, return_path, watch_source
from lessons.scenarios.two_closers import scenario as two_closers
from mini_qemu.sched import Result, Scenario, Shared, explore, fetch_add

LESSON = "05_the_count_that_was_one"
ON = ("join_created_thread", "lock_from_dst_file", "one_yank_predicate", "file_knows_channel", "explicit_unregister")
BEFORE = ON[:4]


def all_gone(w: Source) -> bool:
    assert is_freed(w.ioc), "the migration is over, but the connection was never given back"
    return True


CANCELLED = Scenario(
    "cancelled",
    setup=cancel_cleanup.setup,
    threads={"main": cancel_cleanup.cleans_up, "return path": return_path},
    check=all_gone,
    watch=watch_source,
)
WITHOUT = Scenario("completed", Source, {"main": main_connects_then_cleans_up}, all_gone, watch_source)
CANCEL = Trial(CANCELLED, "a migration with a return path is cancelled", ON)
TRIALS = (
    CANCEL,
    Trial(WITHOUT, "a migration without a return path succeeds", ON),
    Trial(success, "a migration with a return path succeeds", ON),
    Trial(two_closers, "a postcopy loses its line and somebody yanks", ON),
)

# ---- order the lines

ORDER = Exercise(
    name="count/order",
    lesson=LESSON,
    title="Order the clean-up",
    statement="The clean-up retires the connection. In which order?",
    entry="migrate_fd_cleanup",
    starter="ACBD",
    solution="ABCD",
    why="First the entry, while the channel is surely alive; then the file. When the instance goes, the list is empty,"
    " whoever else is still closing. (ABDC is right, too: the entry is out before the instance goes.)",
    lines={
        "A": """
            with s.qemu_file_lock:
                f = s.to_dst_file
                s.to_dst_file = None
        """,
        "B": "migration_ioc_unregister_yank_from_file(f)",
        "C": "qemu_fclose(f)",
        "D": "yank_unregister_instance(s.process.yank, MIGRATION_YANK_INSTANCE)",
    },
    frame="""def migrate_fd_cleanup(s):
    qemu_bh_delete(s.cleanup_bh)
    s.cleanup_bh = None
    ...
    migrate_set_state(s, MIGRATION_STATUS_CANCELLING, MIGRATION_STATUS_CANCELLED)
""",
    trials=(CANCEL,),
    mount=instead_of("migration.migrate_fd_cleanup"),
    wrong=(
        WrongAnswer(
            "before_it_is_taken",
            "BACD",
            "B and C need `f`, and `f` gets its value in A.",
            lambda o: o.source.index("A") > min(o.source.index("B"), o.source.index("C")),
        ),
        WrongAnswer(
            "close_first",
            "ACBD",
            "B asks a file for its channel that C has already closed and freed.",
            lambda o: o.source.index("C") < o.source.index("B"),
        ),
        WrongAnswer(
            "instance_first",
            "ADBC",
            "D asks that the list is empty, and it is B that takes the entry out.",
            lambda o: o.source.index("D") < o.source.index("B"),
        ),
    ),
    hints=(
        "The list names the channel without holding a reference. Until when may it do so?",
        "Which of the lines makes D's assertion true?",
    ),
)

# ---- fill in the question

FILL = Exercise(
    name="count/fill",
    lesson=LESSON,
    title="Take the question out",
    statement="The clean-up takes the entry out now. What should a close say when it is asked whether it has to?",
    entry="close_takes_it_out",
    starter='''
def close_takes_it_out(ioc):
    return ioc.ref == 1
''',
    solution='''
def close_takes_it_out(ioc):
    # one owner takes it out, at one place: a close is only a close
    return False
''',
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
    wrong=(
        WrongAnswer(
            "always",
            '''
def close_takes_it_out(ioc):
    return True
''',
            "Every close takes the entry out, and the clean-up has done so already: there is no such entry any more.",
            lambda o: "ref" not in o.source,
        ),
        WrongAnswer(
            "two",
            '''
def close_takes_it_out(ioc):
    return ioc.ref == 2
''',
            "Two is as good a guess as one. The entry has an owner now; whoever else takes it out finds nothing there.",
            lambda o: "2" in o.source,
        ),
        WrongAnswer(
            "as_shipped",
            '''
def close_takes_it_out(ioc):
    return ioc.ref == 1
''',
            "The last to close finds the count at one and takes out an entry that the clean-up has taken out"
            " before: there"
            " is no such entry.",
            lambda o: "1" in o.source,
        ),
    ),
    hints=("How often was the entry put on the list? How often may it be taken out?", "Who does it now?"),
)

# ---- write the fix

WRITE = Exercise(
    name="count/write",
    lesson=LESSON,
    title="Write the retirement",
    statement="The clean-up calls this with the file it has taken away. Retire it, so that nothing is left on the"
    " list and"
    " nothing is left open.",
    entry="retire",
    starter='''
def retire(f):
    qemu_fclose(f)
''',
    solution='''
def retire(f):
    # as long as this file is open it holds a reference, so the channel in the list is alive
    migration_ioc_unregister_yank_from_file(f)
    qemu_fclose(f)
''',
    why="One register when the channel came, one unregister where it is retired, and no question about anybody else.",
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
    wrong=(
        WrongAnswer(
            "close_first",
            '''
def retire(f):
    qemu_fclose(f)
    migration_ioc_unregister_yank_from_file(f)
''',
            "Your first line frees the file, and your second one asks it for its channel.",
            lambda o: "use-after-free" in o.kinds,
        ),
        WrongAnswer(
            "never_closed",
            '''
def retire(f):
    migration_ioc_unregister_yank_from_file(f)
''',
            "The list is empty, but the file is never closed: the connection stays for ever.",
            lambda o: o.says("never given back"),
        ),
        WrongAnswer(
            "twice",
            '''
def retire(f):
    migration_ioc_unregister_yank_from_file(f)
    migration_ioc_unregister_yank_from_file(f)
    qemu_fclose(f)
''',
            "Put on the list once, taken out twice: the second time there is no such entry.",
            lambda o: o.says("does not list"),
        ),
        WrongAnswer(
            "count",
            '''
def retire(f):
    ioc = qemu_file_get_ioc(f)
    if ioc.ref == 1:
        migration_ioc_unregister_yank(ioc)
    qemu_fclose(f)
''',
            "The old question in a new place: on a cancel the other thread may still hold its reference, and then"
            " nobody"
            " takes the entry out.",
            lambda o: "ref" in o.source,
        ),
        WrongAnswer(
            "nothing",
            '''
def retire(f):
    return
''',
            "Nothing is retired: the entry is still on the list when the instance goes.",
            lambda o: "qemu_fclose" not in o.source,
        ),
        WrongAnswer(
            "as_shipped",
            '''
def retire(f):
    qemu_fclose(f)
''',
            "A close is only a close now. Nobody takes the entry out, and the instance goes with a list that is"
            " not empty.",
            lambda o: "unregister" not in o.source,
        ),
    ),
    hints=(
        "The patch view above shows the function that finds the channel of a file and takes it off the list.",
        "In which order? When is the channel surely alive?",
    ),
)

EXERCISES = (ORDER, FILL, WRITE)

# ---- a prediction


@cache
def _atomic() -> Result:
    wrong = next(w for w in cancel_cleanup.STORY.wrong_fixes if w.name == "atomic_last")
    return wrong.explore(cancel_cleanup.scenario)


def _what_suffices() -> str:
    if _atomic().failing:
        return "order"
    return "overlap" if explore(cancel_cleanup.scenario).failing else "no"


# ---- another surface: a light


class Room(Shared):
    inside: int = 2
    light: bool = True
    complaint: bool = False


def leave(room: Room) -> None:
    """Look around; whoever is alone turns off the light; then go."""
    if room.inside == 1:
        room.light = False
    fetch_add(room, "inside", -1)


def leave_counting(room: Room) -> None:
    """Count oneself out and look, in one step."""
    if fetch_add(room, "inside", -1) == 1:
        room.light = False


def caretaker(room: Room) -> None:
    """Comes when Ann has gone, and expects darkness."""
    if room.light:
        room.complaint = True


def leave_then_caretaker(room: Room) -> None:
    leave_counting(room)
    caretaker(room)


def dark(room: Room) -> bool:
    return not room.light


def no_complaint(room: Room) -> bool:
    return not room.complaint


last_one_out = Scenario("last-one-out", Room, {"Ann": leave, "Bob": leave}, dark)
caretaker_comes = Scenario("caretaker-comes", Room, {"Ann": leave_then_caretaker, "Bob": leave_counting}, no_complaint)


def _goes_wrong(scenario: Scenario) -> str:
    return "yes" if explore(scenario).failing else "no"


QUESTIONS = (
    Question(
        "count/what-suffices",
        LESSON,
        "Patches 1 to 4 are in. An operator cancels a migration with a return path. Whoever closes its file and reads a"
        " count of one takes the connection off the list. What suffices for an abort?",
        {
            "no": "Nothing: somebody is always the last",
            "overlap": "Both closes must overlap, so that both read two",
            "order": "No overlap is needed: it suffices that the last close comes late",
        },
        _what_suffices,
        "Even with test and drop in one atomic step it aborts: the last close is right about being the last, and"
        " comes after"
        " the list was asked for.",
    ),
    Question(
        "count/light",
        LESSON,
        "Ann and Bob are in a room. Who leaves looks around first: alone? Then the light is turned off, and one"
        " goes. Can the"
        " light stay on?",
        {"no": "No: one of them is the last", "yes": "Yes"},
        lambda: _goes_wrong(last_one_out),
        "Both look, both see two people, both go. Looking and leaving are two steps.",
    ),
    Question(
        "count/caretaker",
        LESSON,
        "Now looking and leaving are one step, and the light goes off for certain, in the end. A caretaker comes"
        " when Ann has"
        " left, and complains if the light is on. Can there be a complaint?",
        {"no": "No: the last one turns the light off", "yes": "Yes"},
        lambda: _goes_wrong(caretaker_comes),
        "That the last one does it says nothing about when. If somebody relies on it being done, somebody must be"
        " named to do"
        " it before.",
    ),
)
