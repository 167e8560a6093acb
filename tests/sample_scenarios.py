"""Small scenarios that show everything a player can draw: what the tests of the player and its neighbours look at."""

from __future__ import annotations

from mini_qemu.fixes import fixes
from mini_qemu.sched import Mutex, Scenario, Semaphore, Shared, join, spawn


class Counter(Shared):
    value: int = 0


def add(counter: Counter) -> None:
    counter.value = counter.value + 1


lost_update = Scenario("lost-update", Counter, {"A": add, "B": add}, check=lambda counter: counter.value == 2)


class Accounts(Shared):
    balance: int = 10

    def __init__(self) -> None:
        self.front = Mutex()
        self.back = Mutex()


def front_first(accounts: Accounts) -> None:
    with accounts.front, accounts.back:
        accounts.balance = accounts.balance - 1


def back_first(accounts: Accounts) -> None:
    with accounts.back, accounts.front:
        accounts.balance = accounts.balance - 2


ab_ba = Scenario("AB-BA", Accounts, {"A": front_first, "B": back_first})


class Door(Shared):
    """One thread opens, one goes through; the fix waits for the opener."""

    is_open: bool = False
    guests: int = 0

    def __init__(self) -> None:
        self.lock = Mutex()
        self.bell = Semaphore(0)


def opener(door: Door) -> None:
    with door.lock:
        door.is_open = True
    door.bell.post()


def guest(door: Door) -> None:
    if fixes.join_created_thread:
        door.bell.wait()
    else:
        # nobody has said that the door is open
        pass
    with door.lock:
        enter(door)


def enter(door: Door) -> None:
    assert door.is_open, "the door is shut"
    door.guests = door.guests + 1


def host(door: Door) -> None:
    handle = spawn("opener", opener, door)
    handle.join()
    join("guest")
    with door.lock:
        door.guests = door.guests - 1


door = Scenario(
    "door",
    Door,
    {"host": host, "guest": guest},
    watch=lambda door: {"door": door.is_open, "guests": door.guests},
    title="A guest at the door",
)
