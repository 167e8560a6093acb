"""Programs with plain `threading`, each as one would write it: a bug, and the same without it."""

import queue
import threading
from concurrent.futures import ThreadPoolExecutor


def run(*targets):
    threads = [threading.Thread(target=target) for target in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class Account:
    def __init__(self):
        self.balance = 0
        self.lock = threading.Lock()

    def deposit(self):
        self.balance = self.balance + 1

    def deposit_locked(self):
        with self.lock:
            self.balance += 1


def lost_update():
    account = Account()
    run(account.deposit, account.deposit)
    assert account.balance == 2


def lost_update_fixed():
    account = Account()
    run(account.deposit_locked, account.deposit_locked)
    assert account.balance == 2


class Gate:
    def __init__(self):
        self.open = False
        self.cond = threading.Condition()

    def wait_unlocked(self):
        if not self.open:
            with self.cond:
                self.cond.wait()

    def wait(self):
        with self.cond:
            while not self.open:
                self.cond.wait()

    def release(self):
        with self.cond:
            self.open = True
            self.cond.notify()


def lost_notify():
    gate = Gate()
    run(gate.wait_unlocked, gate.release)


def lost_notify_fixed():
    gate = Gate()
    run(gate.wait, gate.release)


class Cache:
    def __init__(self):
        self.items = {}
        self.lock = threading.Lock()

    def get(self, key):
        if key not in self.items:
            self.items[key] = object()
        return self.items[key]

    def get_locked(self, key):
        with self.lock:
            return self.get(key)


def _sessions(get):
    seen = []
    run(lambda: seen.append(get("db")), lambda: seen.append(get("db")))
    assert len(set(map(id, seen))) == 1, "two sessions"


def check_then_fill():
    _sessions(Cache().get)


def check_then_fill_fixed():
    _sessions(Cache().get_locked)


class Bus:
    def __init__(self):
        self.subscribers = {"a": [], "b": []}
        self.lock = threading.Lock()

    def publish(self, x):
        for name in self.subscribers:
            self.subscribers[name].append(x)

    def publish_locked(self, x):
        with self.lock:
            boxes = list(self.subscribers.values())
        for box in boxes:
            box.append(x)

    def leave(self, name):
        with self.lock:
            del self.subscribers[name]


def changed_while_iterating():
    bus = Bus()
    run(lambda: bus.publish(1), lambda: bus.leave("b"))


def changed_while_iterating_fixed():
    bus = Bus()
    run(lambda: bus.publish_locked(1), lambda: bus.leave("b"))


def _pool(workers):
    with ThreadPoolExecutor(max_workers=workers) as pool:

        def outer():
            return pool.submit(lambda: 20).result() + 1

        assert pool.submit(outer).result() == 21


def waits_for_its_own_pool():
    _pool(1)


def waits_for_its_own_pool_fixed():
    _pool(2)


def _philosophers(second):
    left, right = threading.Lock(), threading.Lock()

    def eat(first, then):
        with first, then:
            pass

    run(lambda: eat(left, right), lambda: eat(*second(left, right)))


def _resize(collect):
    done = []

    def resize(picture):
        if picture == "broken":
            raise ValueError(picture)
        done.append(picture)

    with ThreadPoolExecutor(max_workers=1) as pool:
        collect(pool, resize, ["broken", "cat", "dog"])
    assert done == ["cat", "dog"], f"only {done}"


def map_drops_the_rest():
    """`map` cancels what has not begun as soon as one result raises."""

    def collect(pool, resize, pictures):
        try:
            list(pool.map(resize, pictures))
        except ValueError:
            pass

    _resize(collect)


def map_drops_the_rest_fixed():
    def collect(pool, resize, pictures):
        futures = [pool.submit(resize, picture) for picture in pictures]
        assert [future.exception() is None for future in futures] == [False, True, True]

    _resize(collect)


def lock_order():
    _philosophers(lambda left, right: (right, left))


def lock_order_fixed():
    _philosophers(lambda left, right: (left, right))


def test_then_get():
    jobs = queue.Queue()
    jobs.put("job")

    def worker():
        if not jobs.empty():
            jobs.get()

    run(worker, worker)


def test_then_get_fixed():
    jobs = queue.Queue()
    jobs.put("job")

    def worker():
        try:
            jobs.get_nowait()
        except queue.Empty:
            pass

    run(worker, worker)


hits = 0
hits_lock = threading.Lock()


def _hit():
    global hits
    hits += 1


def _hit_locked():
    with hits_lock:
        _hit()


def module_counter():
    run(_hit, _hit)
    assert hits == 2


def module_counter_fixed():
    run(_hit_locked, _hit_locked)
    assert hits == 2


def nonlocal_counter():
    n = 0

    def add():
        nonlocal n
        n += 1

    run(add, add)
    assert n == 2


def nonlocal_counter_fixed():
    n = 0
    lock = threading.Lock()

    def add():
        nonlocal n
        with lock:
            n += 1

    run(add, add)
    assert n == 2


class Buffer:
    def __init__(self, size, again):
        self.size, self.items, self.again = size, [], again
        self.lock = threading.Lock()
        self.changed = threading.Condition(self.lock)

    def put(self, item):
        with self.changed:
            self.until(lambda: len(self.items) < self.size)
            self.items.append(item)
            self.changed.notify_all()

    def get(self):
        with self.changed:
            self.until(lambda: self.items)
            item = self.items.pop(0)
            self.changed.notify_all()
            return item

    def until(self, ready):
        if self.again:
            while not ready():
                self.changed.wait()
        elif not ready():
            self.changed.wait()


def _buffer(again):
    buffer = Buffer(1, again)
    run(buffer.get, buffer.get, lambda: [buffer.put(i) for i in range(2)])


def bounded_buffer():
    _buffer(again=False)


def bounded_buffer_fixed():
    _buffer(again=True)
