# SPDX-License-Identifier: GPL-2.0-or-later
"""09: the programs that use the pool under test. Ordinary Python: each makes a pool, and asserts what it promises.

`Pool` is whatever the exercise puts there. Each program is small, and looks at one promise: a result, an exception, a
close while work comes in, idle threads, two threads for one job, a job that waits for another, order of arrival.
"""

import threading


class Pool:
    """The pool under test takes this one's place."""

    def __init__(self, size):
        raise NotImplementedError

    def submit(self, function):
        raise NotImplementedError

    def result(self, job):
        raise NotImplementedError

    def shutdown(self):
        raise NotImplementedError


def answer():
    return 42


def one_result():
    pool = Pool(1)
    got = pool.result(pool.submit(answer))
    assert got == 42, f"the job returned 42, and result() said {got}"
    pool.shutdown()


class NoSuchReport(Exception):
    pass


def fails():
    raise NoSuchReport("no such report")


def an_exception():
    pool = Pool(1)
    bad, good = pool.submit(fails), pool.submit(answer)
    try:
        pool.result(bad)
    except NoSuchReport:
        pass
    else:
        raise AssertionError("the job raised NoSuchReport, and result() did not")
    got = pool.result(good)
    assert got == 42, f"a job after the one that raised returned 42, and result() said {got}"
    pool.shutdown()


def closing():
    pool = Pool(1)
    ran, accepted = [], []

    def client():
        try:
            pool.submit(lambda: ran.append("report"))
        except RuntimeError:
            return
        accepted.append("report")

    thread = threading.Thread(target=client, name="client")
    thread.start()
    pool.shutdown()
    thread.join()
    assert ran == accepted, f"accepted {accepted}, and ran {ran}"


def idle():
    pool = Pool(2)
    pool.shutdown()
    try:
        pool.submit(answer)
    except RuntimeError:
        pass
    else:
        raise AssertionError("submit() accepted a job after shutdown()")


def one_for_two():
    pool = Pool(2)
    ran = []
    pool.submit(lambda: ran.append("report"))
    pool.shutdown()
    assert ran == ["report"], f"shutdown() returned when the job had run {len(ran)} times"


def a_result_of_two():
    pool = Pool(2)
    got = pool.result(pool.submit(answer))
    assert got == 42, f"the job returned 42, and result() said {got}"
    pool.shutdown()


def one_waits_for_the_other():
    pool = Pool(2)
    go = threading.Event()
    pool.submit(go.wait)
    pool.submit(go.set)
    go.wait()
    pool.shutdown()


def many_for_one():
    pool = Pool(1)
    ran = []
    for number in range(2):
        pool.submit(lambda number=number: ran.append(number))
    pool.shutdown()
    assert ran == [0, 1], f"submitted 0, 1 to one thread, and it ran {ran}"
