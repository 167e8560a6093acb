# SPDX-License-Identifier: GPL-2.0-or-later
"""00: two predictions before two races, and a first exercise, to see how answers are graded."""

from __future__ import annotations

from functools import cache

from lessons.exercises.model import Exercise, Place, Question, Trial, WrongAnswer
from lessons.scenarios.warmups import (
    Account,
    check_then_act,
    lost_update,
    not_overdrawn,
    watch_account,
    withdraw,
)
from mini_qemu.sched import Result, Scenario, explore

LESSON = "00_start_here"

# ---- the exercise

place = Place(withdraw)


def ann(account: Account) -> None:
    place.function(account, 70)


def bob(account: Account) -> None:
    place.function(account, 70)


def cid(account: Account) -> None:
    place.function(account, 30)


def one_of_two(account: Account) -> bool:
    assert account.balance == 30, f"one of the two should have had 70, but the balance is {account.balance}"
    return not_overdrawn(account)


def both(account: Account) -> bool:
    assert account.balance == 0, f"there was enough for both, but the balance is {account.balance}"
    return not_overdrawn(account)


WITHDRAW = Exercise(
    name="warmups/withdraw",
    lesson=LESSON,
    title="Mend the withdrawal",
    statement="Nobody may overdraw the account, and whoever can be paid must be paid.",
    entry="withdraw",
    starter='''
def withdraw(account, amount):
    with account.lock:
        enough = account.balance >= amount
    if enough:
        with account.lock:
            account.balance = account.balance - amount
''',
    solution='''
def withdraw(account, amount):
    with account.lock:
        # the answer holds only as long as the lock is held: test and use in one hold
        if account.balance >= amount:
            account.balance = account.balance - amount
''',
    why="The test and what is done because of it stand in one hold of the lock, so nothing can come between.",
    trials=(
        Trial(
            Scenario("two-withdraw-70", Account, {"Ann": ann, "Bob": bob}, check=one_of_two, watch=watch_account),
            "two people want 70 of 100",
        ),
        Trial(
            Scenario("withdraw-70-and-30", Account, {"Ann": ann, "Cid": cid}, check=both, watch=watch_account),
            "one wants 70 and one 30 of 100",
        ),
    ),
    mount=place.mount,
    wrong=(
        WrongAnswer(
            "nested",
            '''
def withdraw(account, amount):
    with account.lock:
        enough = account.balance >= amount
        if enough:
            with account.lock:
                account.balance = account.balance - amount
''',
            "Your thread asks for a lock that it holds already: it waits for itself. Take the lock once.",
            lambda o: "deadlock" in o.kinds,
        ),
        WrongAnswer(
            "nothing",
            '''
def withdraw(account, amount):
    return
''',
            "Nobody is overdrawn, because nobody is paid. A fix must also let the work be done.",
            lambda o: o.says("balance is 100") and "check" in o.kinds,
        ),
        WrongAnswer(
            "no_lock",
            '''
def withdraw(account, amount):
    if account.balance >= amount:
        account.balance = account.balance - amount
''',
            "Without the lock two threads can read the same balance, and one withdrawal is lost. A short line is not an"
            " atomic one.",
            lambda o: "lock" not in o.source and bool(o.kinds),
        ),
        WrongAnswer(
            "test_twice",
            '''
def withdraw(account, amount):
    with account.lock:
        enough = account.balance >= amount
    if enough:
        with account.lock:
            enough = account.balance >= amount
    if enough:
        with account.lock:
            account.balance = account.balance - amount
''',
            "Between your last test and the withdrawal the lock is free, so the answer can be stale when it is used.",
            lambda o: o.source.count("with account.lock") > 2,
        ),
        WrongAnswer(
            "as_shipped",
            '''
def withdraw(account, amount):
    with account.lock:
        enough = account.balance >= amount
    if enough:
        with account.lock:
            account.balance = account.balance - amount
''',
            "Every access holds the lock, but the lock is let go between the test and the withdrawal.",
            lambda o: o.says("balance is -40"),
        ),
    ),
    hints=(
        "In which line does Ann still hold the lock, and in which does she act on what she saw?",
        "One `with account.lock:` is enough. What must stand inside it?",
    ),
)

EXERCISES = (WITHDRAW,)

# ---- the predictions


@cache
def _explored(name: str) -> Result:
    return explore({s.name: s for s in (lost_update, check_then_act)}[name])


def _how_many_updates() -> str:
    runs = _explored("lost-update").runs
    return str(runs) if runs in (2, 4, 6) else "other"


def _does_it_fail(name: str) -> str:
    return "yes" if _explored(name).failing else "no"


QUESTIONS = (
    Question(
        "warmups/lost-update",
        LESSON,
        "Two threads run `counter.value = counter.value + 1`, once each. Orders in which no read or write is seen"
        " differently count as one. How many different interleavings are there?",
        {"2": "2: A first, or B first", "4": "4", "6": "6", "other": "another number"},
        _how_many_updates,
        "The line is two steps, a read and a write. Two steps each can be mixed in six ways, but swapping two reads"
        " changes nothing, and the explorer counts such twins once.",
    ),
    Question(
        "warmups/check-then-act",
        LESSON,
        "Ann and Bob withdraw 70 each from an account of 100. Every single access to the balance holds the lock. Can"
        " the account be overdrawn?",
        {"no": "No: the balance is only touched under the lock", "yes": "Yes"},
        lambda: _does_it_fail("check-then-act"),
        "A lock protects what happens while it is held, not the lines it stands around. The answer of the test is used"
        " after the lock was let go.",
    ),
)
