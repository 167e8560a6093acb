"""Small threaded programs as a student writes them, with the mistake in. None was written for the explorer."""

import contextlib
import enum
import functools
import logging
import queue
import threading
import time
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, as_completed, wait
from dataclasses import dataclass, field

log = logging.getLogger("students")


def run_all(threads):
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@dataclass
class Account:
    owner: str
    balance: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


def transfer(source, target, amount):
    with source.lock, target.lock:
        if source.balance < amount:
            raise ValueError("insufficient funds")
        source.balance -= amount
        target.balance += amount


def bank():
    accounts = {name: Account(name, 100) for name in ("ann", "bob")}
    run_all([
        threading.Thread(target=transfer, args=(accounts["ann"], accounts["bob"], 30)),
        threading.Thread(target=transfer, args=(accounts["bob"], accounts["ann"], 50)),
    ])
    assert sum(account.balance for account in accounts.values()) == 200


class Philosopher(threading.Thread):
    def __init__(self, name, left, right):
        super().__init__(name=name)
        self.left, self.right = left, right
        self.meals = 0

    def run(self):
        with self.left:
            time.sleep(0.01)
            with self.right:
                self.meals += 1
                print(f"{self.name} eats")


def philosophers():
    forks = [threading.RLock() for _ in range(3)]
    names = ["Kant", "Hume", "Mill"]
    table = [Philosopher(name, forks[i], forks[(i + 1) % 3]) for i, name in enumerate(names)]
    run_all(table)
    assert [p.meals for p in table] == [1, 1, 1]


class Mailbox:
    def __init__(self):
        self.cond = threading.Condition()
        self.mail = []
        self.closed = False

    def send(self, text):
        with self.cond:
            self.mail.append(text)
            self.cond.notify()

    def close(self):
        self.closed = True
        with self.cond:
            self.cond.notify()

    def receive(self):
        with self.cond:
            while not self.mail and not self.closed:
                self.cond.wait()
            return self.mail.pop(0) if self.mail else None


def mailbox():
    box = Mailbox()
    got = []

    def consumer():
        while (item := box.receive()) is not None:
            got.append(item)

    threads = [threading.Thread(target=consumer, name=f"consumer-{i}") for i in range(2)]
    for thread in threads:
        thread.start()
    box.send("hello")
    box.close()
    for thread in threads:
        thread.join()
    assert got == ["hello"], got


class ReadWriteLock:
    def __init__(self):
        self._readers = 0
        self._lock = threading.Lock()
        self._write = threading.Lock()

    def acquire_read(self):
        with self._lock:
            self._readers += 1
            if self._readers == 1:
                self._write.acquire()

    def release_read(self):
        self._readers -= 1
        if self._readers == 0:
            self._write.release()


def read_write():
    rw = ReadWriteLock()
    data = {"x": 1}
    seen = []

    def reader():
        rw.acquire_read()
        try:
            seen.append(data["x"])
        finally:
            rw.release_read()

    def writer():
        with rw._write:
            data["x"] = 2

    run_all([threading.Thread(target=target) for target in (reader, reader, writer)])


class ConnectionPool:
    def __init__(self, size):
        self.permits = threading.BoundedSemaphore(size)
        self.free = [f"connection {i}" for i in range(size)]

    def get(self):
        self.permits.acquire()
        return self.free.pop()

    def put(self, connection):
        self.permits.release()
        self.free.append(connection)


def semaphore_pool():
    pool = ConnectionPool(1)
    run_all([threading.Thread(target=lambda: pool.put(pool.get()), name=name) for name in "AB"])


def event_handoff():
    ready = threading.Event()
    result = {}

    def worker():
        ready.set()
        result["value"] = 42

    threading.Thread(target=worker, daemon=True).start()
    ready.wait()
    assert result["value"] == 42


def barrier_phases():
    barrier = threading.Barrier(2)
    grid = [0, 0]
    sums = [0, 0]

    def step(i):
        grid[i] = i + 1
        barrier.wait()
        sums[i] = sum(grid)
        grid[i] = 0

    run_all([threading.Thread(target=step, args=(i,)) for i in range(2)])
    assert sums == [3, 3], sums


def timer():
    hits = []
    alarm = threading.Timer(5.0, lambda: hits.append("timeout"))
    alarm.start()
    answer = threading.Thread(target=alarm.cancel)
    answer.start()
    answer.join()
    alarm.join()
    assert not hits, "answered, and timed out all the same"


def executor():
    counts = {}

    def count(word):
        counts[word] = counts.get(word, 0) + 1
        return word

    with ThreadPoolExecutor(max_workers=2) as pool:
        futures = [pool.submit(count, word) for word in ["a", "a"]]
        done = [future.result() for future in as_completed(futures)]
    assert sorted(done) == ["a", "a"]
    assert counts == {"a": 2}, counts


class Logger:
    _instance = None
    _lock = threading.Lock()

    def __new__(cls):
        if cls._instance is None:
            with cls._lock:
                cls._instance = super().__new__(cls)
                cls._instance.lines = []
        return cls._instance

    def log(self, text):
        self.lines.append(f"{threading.current_thread().name}: {text}")


def logger():
    run_all([threading.Thread(target=lambda: Logger().log("hi"), name=name) for name in ("A", "B")])
    assert len(Logger().lines) == 2, Logger().lines


def with_logging():
    n = [0]

    def work():
        log.info("working %s", n)
        n[0] += 1
        log.warning("done")

    run_all([threading.Thread(target=work) for _ in range(2)])
    assert n == [2], n


def synchronized(method):
    @functools.wraps(method)
    def inner(self, *args, **kwargs):
        with self._lock:
            return method(self, *args, **kwargs)

    return inner


class Stack:
    def __init__(self):
        self._lock = threading.RLock()
        self._items = [1]

    @property
    def empty(self):
        return not self._items

    @synchronized
    def pop(self):
        return self._items.pop()


def decorated_stack():
    stack = Stack()

    def taker():
        if not stack.empty:
            stack.pop()

    run_all([threading.Thread(target=taker, name=name) for name in ("x", "y")])


class Machine:
    class State(enum.Enum):
        IDLE = 0
        RUNNING = 1

    def __init__(self):
        self.state = self.State.IDLE
        self.starts = 0

    def start(self):
        if self.state is self.State.IDLE:
            self.state = self.State.RUNNING
            self.starts += 1


def machine():
    m = Machine()
    run_all([threading.Thread(target=m.start) for _ in range(2)])
    assert m.starts == 1, f"{m.starts} starts"


def first_completed():
    with ThreadPoolExecutor(2) as pool:
        futures = {pool.submit(lambda i=i: i) for i in range(2)}
        done, _pending = wait(futures, return_when=FIRST_COMPLETED)
        assert len(done) >= 1


def times_out():
    jobs = queue.Queue()
    thread = threading.Thread(target=jobs.put, args=("x",))
    thread.start()
    try:
        item = jobs.get(timeout=1)
    except queue.Empty:
        item = None
    thread.join()
    assert item == "x", "the time-out came first"


@contextlib.contextmanager
def locked(lock):
    lock.acquire()
    yield
    lock.release()


def forgets_finally():
    lock = threading.Lock()

    def work():
        with contextlib.suppress(KeyError), locked(lock):
            raise KeyError("x")

    run_all([threading.Thread(target=work) for _ in range(2)])


def polls():
    out = []
    thread = threading.Thread(target=out.append, args=(1,))
    thread.start()
    while thread.is_alive():
        time.sleep(0.1)


@functools.lru_cache
def square(x):
    return x * x


def cached():
    run_all([threading.Thread(target=square, args=(2,)) for _ in range(2)])


def enumerates():
    threading.Thread(target=print).start()
    for thread in threading.enumerate():
        thread.join()
