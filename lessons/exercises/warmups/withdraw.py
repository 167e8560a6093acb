# SPDX-License-Identifier: GPL-2.0-or-later
"""00, write: test and withdraw in one hold of the lock.

Judged on two customers of whom one is refused, on two who are both paid, and on three, of whom the last is paid only if
a refused one gives the lock back.
"""

from __future__ import annotations

from lessons.exercises.model import Exercise, Trial
from lessons.exercises.mounting import Place
from lessons.scenarios.warmups import Account, not_overdrawn, watch_account
from mini_qemu.sched import Mutex, Scenario, compare_exchange


def pays_nobody(account: Account, amount: int) -> None:
    return None


place = Place(pays_nobody, {"compare_exchange": compare_exchange, "Mutex": Mutex})


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


def two_of_three(account: Account) -> bool:
    wanted = "one of the two should have had 70 and Cid 30"
    assert account.balance == 0, f"{wanted}, but the balance is {account.balance}"
    return not_overdrawn(account)


def never_overdrawn(account: Account, _step: object) -> bool:
    """The balance is never below zero, not even for a moment."""
    return account.balance >= 0


RULES = {"never overdrawn": never_overdrawn}
TWO = Trial(
    Scenario(
        "two-withdraw-70", Account, {"Ann": ann, "Bob": bob}, one_of_two, watch_account, invariants=RULES, guarded=False
    ),
    "two people want 70 of 100",
)
BOTH = Trial(
    Scenario(
        "withdraw-70-and-30", Account, {"Ann": ann, "Cid": cid}, both, watch_account, invariants=RULES, guarded=False
    ),
    "one wants 70 and one 30 of 100",
)
THREE = Trial(
    Scenario(
        "three-customers",
        Account,
        {"Ann": ann, "Bob": bob, "Cid": cid},
        two_of_three,
        watch_account,
        invariants=RULES,
        guarded=False,
    ),
    "two want 70 of 100 and a third wants 30",
)

WITHDRAW = Exercise(
    name="warmups/withdraw",
    lesson="00_start_here",
    title="Fix the withdrawal",
    statement="Nobody may overdraw the account, and everybody who can be paid must be paid. If there is too little, the"
    " function returns and changes nothing.",
    why="The test and the withdrawal share one hold of the lock, so no other thread can come between them.",
    trials=(TWO, BOTH, THREE),
    mount=place.mount,
    hints=(
        "In which line does Ann still hold the lock, and in which does she act on what she saw?",
        "One `with account.lock:` is enough. Which lines must it contain?",
    ),
)


@WITHDRAW.starts_from(
    "Every access holds the lock, but you release it between the test and the withdrawal.",
    lambda o: o.says("balance is -40") and o.deeds.most("lock") == 2,
)
def withdraw(account, amount):
    with account.lock:
        enough = account.balance >= amount
    if enough:
        with account.lock:
            account.balance = account.balance - amount


@WITHDRAW.solved_by
def in_one_hold(account, amount):
    with account.lock:
        # the answer holds only as long as the lock is held: test and use in one hold
        if account.balance >= amount:
            account.balance = account.balance - amount


@WITHDRAW.refutes(
    "Nobody is overdrawn, because nobody is paid. A fix must also let the work be done.",
    lambda o: o.says("balance is 100") and not o.deeds.did("write", "balance"),
)
def nothing(account, amount):
    return


@WITHDRAW.refutes(
    "Without the lock two threads can read the same balance, and one withdrawal is lost or comes too late. A short line"
    " is not an atomic one.",
    lambda o: not o.deeds.did("lock") and o.deeds.did("write", "balance"),
)
def no_lock(account, amount):
    if account.balance >= amount:
        account.balance = account.balance - amount


@WITHDRAW.refutes(
    "The lock is free between your last test and the withdrawal, so the answer of the test may be out of date when you"
    " use it.",
    lambda o: o.says("balance is -40") and o.deeds.most("lock") > 2,
)
def test_twice(account, amount):
    with account.lock:
        enough = account.balance >= amount
    if enough:
        with account.lock:
            enough = account.balance >= amount
    if enough:
        with account.lock:
            account.balance = account.balance - amount


@WITHDRAW.refutes(
    "If there is too little, the function must simply return: it raises nothing, and its caller catches nothing.",
    lambda o: o.says("ValueError") or o.says("RuntimeError") or o.says("Exception:") or o.says("assertion failed"),
)
def raises(account, amount):
    with account.lock:
        if account.balance < amount:
            raise ValueError("not enough")
        account.balance = account.balance - amount


@WITHDRAW.refutes(
    "Between your two holds of the lock the balance can be below zero. A customer who comes then is refused, although"
    " there is enough, or gives back what it was paid. Test first, and withdraw in the same hold.",
    lambda o: o.deeds.breaks("never overdrawn") and not o.during(TWO) and o.deeds.most("lock", "lock") > 1,
)
def undoes_in_another_hold(account, amount):
    with account.lock:
        account.balance = account.balance - amount
    with account.lock:
        if account.balance < 0:
            account.balance = account.balance + amount


@WITHDRAW.refutes(
    "You withdraw more than once in one call. Test and withdraw once: `if`, not `while`.",
    lambda o: o.deeds.most("write", "balance") > 1 and not o.deeds.breaks("never overdrawn"),
)
def withdraws_all(account, amount):
    with account.lock:
        while account.balance >= amount:
            account.balance = account.balance - amount


@WITHDRAW.refutes(
    "You compute the new balance from a value that you read before you took this hold of the lock: a withdrawal in"
    " between is lost. Read, test and write in one hold.",
    lambda o: not o.during(TWO) and not o.always and o.deeds.did("write", "balance", holding="lock"),
)
def writes_what_it_read_before(account, amount):
    with account.lock:
        balance = account.balance
    if balance >= amount:
        with account.lock:
            account.balance = balance - amount


@WITHDRAW.refutes(
    "You test without the lock, so the answer may be out of date when you have taken it.",
    lambda o: o.deeds.first_without("lock", "read", "balance") and o.deeds.did("write", "balance", holding="lock"),
)
def tests_without_the_lock(account, amount):
    if account.balance >= amount:
        with account.lock:
            account.balance = account.balance - amount


@WITHDRAW.refutes(
    "You test under the lock and withdraw without it: in between, and during the withdrawal, the other one can come.",
    lambda o: o.deeds.did("lock", "lock") and o.deeds.holds_nothing_for("write", "balance"),
)
def withdraws_without_the_lock(account, amount):
    with account.lock:
        enough = account.balance >= amount
    if enough:
        account.balance = account.balance - amount


@WITHDRAW.refutes(
    "Somebody who wants exactly what is left must be paid, too: compare with `>=`.",
    lambda o: o.during(BOTH) and o.always and o.says("balance is 30"),
)
def keeps_something_back(account, amount):
    with account.lock:
        if account.balance > amount:
            account.balance = account.balance - amount


@WITHDRAW.refutes(
    "If there is too little, nothing is paid, not even a part. Here somebody got less than was asked for.",
    lambda o: o.during(TWO) and o.always and o.says("balance is 0"),
)
def pays_a_part(account, amount):
    with account.lock:
        account.balance = account.balance - min(amount, account.balance)


@WITHDRAW.refutes(
    "A lock that each call makes for itself excludes nobody. All customers must take the same lock, `account.lock`.",
    lambda o: o.deeds.did("lock") and not o.deeds.did("lock", "lock") and o.deeds.did("write", "balance"),
)
def lock_of_its_own(account, amount):
    own = Mutex("own")
    with own:
        if account.balance >= amount:
            account.balance = account.balance - amount


@WITHDRAW.accepts
def early_return_in_with(account, amount):
    with account.lock:
        if account.balance < amount:
            return
        account.balance = account.balance - amount


@WITHDRAW.accepts
def try_finally(account, amount):
    account.lock.lock()
    try:
        if account.balance >= amount:
            account.balance = account.balance - amount
    finally:
        account.lock.unlock()


@WITHDRAW.praises(
    "You test again under the lock that covers the withdrawal. The first test decides nothing; as a cheap way out it"
    " is a known pattern, double-checked locking.",
    lambda o: o.deeds.most("lock") == 2 and o.deeds.did("write", "balance"),
)
def tests_again(account, amount):
    with account.lock:
        if account.balance < amount:
            return
    with account.lock:
        if account.balance >= amount:
            account.balance = account.balance - amount


@WITHDRAW.praises(
    "No lock at all: `compare_exchange` withdraws only if the balance is still the one you tested, and you try again"
    " if it is not.",
    lambda o: o.deeds.did("cas", "balance"),
)
def compare_and_exchange(account, amount):
    while True:
        balance = account.balance
        if balance < amount:
            return
        if compare_exchange(account, "balance", balance, balance - amount):
            return


@WITHDRAW.accepts_but(
    "The balance is below zero for a moment. The lock hides that here; but a thread that reads the balance without"
    " the lock, a cash machine's display for example, can see an overdrawn account. Test first, then withdraw.",
    lambda o: o.deeds.breaks("never overdrawn"),
)
def subtracts_and_undoes(account, amount):
    with account.lock:
        account.balance = account.balance - amount
        if account.balance < 0:
            account.balance = account.balance + amount
