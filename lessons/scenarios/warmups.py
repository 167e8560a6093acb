# SPDX-License-Identifier: GPL-2.0-or-later
"""Three races small enough to see whole, before any of QEMU: lost update, check-then-act, AB-BA.

Each comes in two versions, one that fails and one that cannot. They are the shapes that the five patches have in the
large: two threads that write from what they read, a test whose answer is stale when it is used, locks in two orders.
"""

from __future__ import annotations

from mini_qemu.sched import Mutex, Scenario, Shared

# ---- lost update


class Counter(Shared):
    value: int = 0

    def __init__(self) -> None:
        self.lock = Mutex()


def add(counter: Counter) -> None:
    counter.value = counter.value + 1


def add_locked(counter: Counter) -> None:
    with counter.lock:
        counter.value = counter.value + 1


def counted_two(counter: Counter) -> bool:
    assert counter.value == 2, f"two additions, and the value is {counter.value}"
    return True


def watch_counter(counter: Counter) -> dict[str, object]:
    return {"value": counter.value}


lost_update = Scenario(
    "lost-update",
    setup=Counter,
    threads={"A": add, "B": add},
    check=counted_two,
    watch=watch_counter,
    title="Two threads add one",
    guarded=False,
)
locked_update = Scenario(
    "locked-update",
    setup=Counter,
    threads={"A": add_locked, "B": add_locked},
    check=counted_two,
    watch=watch_counter,
    title="Two threads add one, under a lock",
    guarded=False,
)


# ---- check, then act


class Account(Shared):
    balance: int = 100

    def __init__(self) -> None:
        self.lock = Mutex()


def withdraw(account: Account, amount: int) -> None:
    """Every access holds the lock. The decision does not."""
    with account.lock:
        enough = account.balance >= amount
    if enough:
        with account.lock:
            account.balance = account.balance - amount


def withdraw_whole(account: Account, amount: int) -> None:
    with account.lock:
        if account.balance >= amount:
            account.balance = account.balance - amount


def not_overdrawn(account: Account) -> bool:
    assert account.balance >= 0, f"the balance is {account.balance}"
    return True


def watch_account(account: Account) -> dict[str, object]:
    return {"balance": account.balance}


check_then_act = Scenario(
    "check-then-act",
    setup=Account,
    threads={"Ann": (withdraw, 70), "Bob": (withdraw, 70)},
    check=not_overdrawn,
    watch=watch_account,
    title="Two people, one account, 100 in it",
    guarded=False,
)
check_and_act = Scenario(
    "check-and-act",
    setup=Account,
    threads={"Ann": (withdraw_whole, 70), "Bob": (withdraw_whole, 70)},
    check=not_overdrawn,
    watch=watch_account,
    title="The same, test and use in one hold of the lock",
    guarded=False,
)


# ---- two locks in two orders


class Bank:
    def __init__(self) -> None:
        self.left = Account()
        self.right = Account()


def to_the_right(bank: Bank) -> None:
    with bank.left.lock:
        with bank.right.lock:
            bank.left.balance = bank.left.balance - 10
            bank.right.balance = bank.right.balance + 10


def to_the_left(bank: Bank) -> None:
    with bank.right.lock:
        with bank.left.lock:
            bank.right.balance = bank.right.balance - 10
            bank.left.balance = bank.left.balance + 10


def to_the_left_in_order(bank: Bank) -> None:
    with bank.left.lock:
        with bank.right.lock:
            bank.right.balance = bank.right.balance - 10
            bank.left.balance = bank.left.balance + 10


def nothing_lost(bank: Bank) -> bool:
    return bank.left.balance + bank.right.balance == 200


def watch_bank(bank: Bank) -> dict[str, object]:
    return {"left": bank.left.balance, "right": bank.right.balance}


ab_ba = Scenario(
    "ab-ba",
    setup=Bank,
    threads={"A": to_the_right, "B": to_the_left},
    check=nothing_lost,
    watch=watch_bank,
    title="Two transfers, two locks, two orders",
    guarded=False,
)
ab_ab = Scenario(
    "ab-ab",
    setup=Bank,
    threads={"A": to_the_right, "B": to_the_left_in_order},
    check=nothing_lost,
    watch=watch_bank,
    title="Two transfers, two locks, one order",
    guarded=False,
)
