# ruff: noqa: E741, SIM115, S, B018
"""Programs that cannot be explored, or that end in another way than by their last line; and words used in passing."""

import asyncio
import os
import queue
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import BrokenExecutor, Future, ThreadPoolExecutor, as_completed


def run(*ts):
    t = [threading.Thread(target=x) for x in ts]
    for x in t:
        x.start()
    for x in t:
        x.join()


def sock():
    s = socket.socket()
    s.connect(("localhost", 1))


def proc():
    subprocess.run(["true"])


def clock():
    end = time.monotonic() + 1
    while time.monotonic() < end:
        pass


def rnd():
    if random.random() < 0.5:
        raise ValueError


def spins():
    while True:
        pass


def prints():
    print("hello")
    run(lambda: print("x"))


def opens():
    open("/etc/passwd").read()


def sysexit():
    sys.exit(3)


def never():
    threading.Lock().acquire()
    l = threading.Lock()
    l.acquire()
    l.acquire()


def condnolock():
    threading.Condition().wait()


def noconv():
    t = threading.Thread(target=lambda: 1 / 0)
    t.start()
    t.join()


def unjoined():
    t = threading.Thread(target=lambda: None)
    t.start()


def daemon():
    q = queue.Queue()

    def w():
        while True:
            q.get()
            q.task_done()

    threading.Thread(target=w, daemon=True).start()
    q.put(1)
    q.put(2)
    q.join()


def timer():
    out = []
    t = threading.Timer(5, lambda: out.append(1))
    t.start()
    t.cancel()
    t.join()
    assert out == []


def local():
    l = threading.local()
    out = []

    def f(x):
        l.x = x
        out.append(l.x)

    run(lambda: f(1), lambda: f(2))
    assert sorted(out) == [1, 2]


def barrier():
    b = threading.Barrier(2)
    out = []

    def f():
        b.wait()
        out.append(1)

    run(f, f)
    assert len(out) == 2


def sem():
    s = threading.BoundedSemaphore(1)
    s.release()


def cname():
    out = []

    def f():
        out.append(threading.current_thread().name)

    run(f)
    assert out == ["Thread-1 (f)"], out
    assert threading.current_thread().name == "MainThread"


def alive():
    out = []
    t = threading.Thread(target=lambda: None)
    t.start()
    out.append(t.is_alive())
    t.join()
    assert not t.is_alive()
    assert out == [True]


def evtimeout():
    e = threading.Event()
    out = []

    def w():
        out.append(e.wait(1))

    run(w, e.set)
    assert out == [True]


def cvtimeout():
    c = threading.Condition()
    out = []

    def w():
        with c:
            out.append(c.wait(1))

    def n():
        with c:
            c.notify()

    run(w, n)
    assert out == [True]


def rlock():
    r = threading.RLock()
    out = []

    def f():
        with r:
            with r:
                out.append(1)

    run(f, f)
    assert len(out) == 2


def notify_one_of_two():
    c = threading.Condition()
    ready = []

    def w(i):
        with c:
            while not ready:
                c.wait()
            ready.pop()

    def n():
        with c:
            ready.append(1)
            ready.append(1)
            c.notify()

    run(lambda: w(1), lambda: w(2), n)


def pool_left_open():
    out = []
    pool = ThreadPoolExecutor(2)
    pool.submit(out.append, 1)
    pool.submit(out.append, 2)


def pool_that_never_ends():
    ThreadPoolExecutor(1).submit(threading.Event().wait)


def job_exits():
    with ThreadPoolExecutor(1) as pool:
        assert isinstance(pool.submit(sys.exit, 3).exception(), SystemExit)
        pool.submit(sys.exit, 4).result()


def starts_two_workers():
    started = []
    with ThreadPoolExecutor(2, initializer=started.append, initargs=(1,)) as pool:
        pool.submit(int)
        pool.submit(int)
    assert len(started) == 2


def pool_that_cannot_start():
    def connect():
        raise OSError("no database")

    pool = ThreadPoolExecutor(1, initializer=connect)
    future = pool.submit(int)
    assert isinstance(future.exception(), BrokenExecutor)
    pool.submit(int)


def one_after_the_other():
    gate, early, seen = threading.Event(), Future(), []
    early.set_result("early")
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(gate.wait)
        second = pool.submit(first.result)
        for future in as_completed([second, first, early]):
            gate.set()
            seen.append(future)
    assert seen == [early, first, second]


def finished_before():
    with ThreadPoolExecutor(1) as pool:
        futures = [pool.submit(int), pool.submit(int)]
    assert list(as_completed(futures)) == futures, "those that are done already come in any order"


def callback_holds_up_nobody():
    lock = threading.Lock()

    def logs(future):
        with lock:
            pass

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(int)
        future.add_done_callback(logs)
        with lock:
            assert list(as_completed([future])) == [future]


def waits_for_what_was_dropped():
    with ThreadPoolExecutor(1) as pool:
        futures = [pool.submit(int), pool.submit(int)]
        pool.shutdown(wait=False, cancel_futures=True)
        list(as_completed(futures))


def asks_in_the_action():
    seen = []
    b = threading.Barrier(2, action=lambda: seen.append((b.n_waiting, b.broken)))
    run(b.wait, b.wait)
    assert seen == [(2, False)]


class Stoppable(threading.Thread):
    def __init__(self):
        super().__init__()
        self._stop = threading.Event()

    def run(self):
        self._stop.wait()


READY_MADE = threading.Thread(target=print, name="ready-made")


def starts_what_the_module_made():
    READY_MADE.start()


def takes_a_name():
    thread = Stoppable()
    thread.start()
    thread._stop.set()
    thread.join()


def empties_by_hand():
    q = queue.Queue()
    with q.mutex:
        q.queue.clear()


def asyn():
    async def f():
        pass

    asyncio.run(f())


def environ():
    os.environ["MINI_QEMU"] = "1"


def signals():
    signal.signal(signal.SIGINT, lambda number, frame: None)


def typed():
    input()


def writes_out():
    sys.stdout.write("nothing\n")
    run(lambda: sys.stderr.write("nothing\n"))


def never_runs():
    yield run(lambda: 1 / 0)


def nested(n):
    time.sleep(0)
    return 0 if n == 0 else 1 + nested(n - 1)


def calls_itself():
    counted = []

    def calls():
        counted.append(1)
        calls()

    run(calls, calls)


def deep():
    run(lambda: nested(150))


def without_end():
    run(lambda: nested(-1))
