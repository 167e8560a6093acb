"""What main looks at before it starts its threads, and when it has joined them: nobody is there to change it."""

import copy
import dataclasses
import threading
from dataclasses import dataclass


def run(*functions):
    threads = [threading.Thread(target=f) for f in functions]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


class Account:
    def __init__(self, balance=0):
        self.balance = balance
        self.lock = threading.Lock()

    def __repr__(self):
        with self.lock:
            return f"Account({self.balance})"

    def add(self):
        self.balance += 1

    def add_locked(self):
        with self.lock:
            self.balance += 1

    def take(self):
        self.balance -= 1
        if self.balance < 0:
            raise ValueError("overdrawn", self)


@dataclass
class Point:
    x: int = 0

    def move(self):
        self.x += 1


def fails_object_in_an_assertion():
    account = Account()
    run(account.add, account.add)
    assert account.balance == 2, account


def proved_object_in_an_assertion():
    account = Account()
    run(account.add_locked, account.add_locked)
    assert account.balance == 2, account
    assert [repr(account)] == ["Account(2)"]


def fails_list_of_objects_in_an_error():
    accounts = [Account()]
    run(accounts[0].add, accounts[0].add)
    if accounts[0].balance != 2:
        raise ValueError(f"accounts: {accounts}")


def fails_object_in_an_error_of_a_thread():
    account = Account(1)
    run(account.take, account.take)


def fails_dataclass_equal():
    point = Point()
    run(point.move, point.move)
    assert point == Point(2)


def fails_dataclass_printed():
    point = Point()
    print(point)
    run(point.move, point.move)
    print(point, f"{point!r}")
    assert point.x == 2


def fails_dataclass_as_dict():
    point = Point()
    run(point.move, point.move)
    assert dataclasses.asdict(point) == vars(point) == {"x": 2}


def fails_dataclass_copied():
    point = Point()
    run(point.move, point.move)
    assert copy.deepcopy(point).x == 2


def fails_dataclass_matched():
    point = Point()
    run(point.move, point.move)
    match point:
        case Point(x=2):
            pass
        case _:
            raise AssertionError(point)


def proved_lists_in_a_dict_shown():
    groups = {"a": [1]}
    run(lambda: groups["a"].append(2), lambda: groups["a"].append(3))
    assert str(groups) in ("{'a': [1, 2, 3]}", "{'a': [1, 3, 2]}")


def fails_what_a_joined_thread_joined():
    point = Point()
    run(lambda: run(point.move, point.move))
    assert point == Point(2)


def refused_thread_that_still_runs():
    point = Point()
    thread = threading.Thread(target=point.move)
    thread.start()
    print(f"{point}")
    thread.join()


def refused_thread_that_nobody_joined():
    point = Point()
    threads = [threading.Thread(target=point.move) for _ in range(2)]
    for thread in threads:
        thread.start()
    threads[0].join()
    while threads[1].is_alive():
        pass
    assert point == Point(2)
