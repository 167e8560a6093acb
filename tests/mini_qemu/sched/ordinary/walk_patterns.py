# ruff: noqa
"""Patterns as engineers and teachers write them, with their mistakes, named by what is right."""

import contextlib
import enum
import functools
import itertools
import queue
import threading
import time
import typing
from collections import defaultdict, deque
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from queue import Empty, Queue
from threading import Barrier, Condition, Event, Lock, RLock, Semaphore, Thread, Timer
from typing import Callable


def run(*functions):
    threads = [threading.Thread(target=f, name="ABCDEF"[i]) for i, f in enumerate(functions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class TokenBucket:
    def __init__(self, rate, capacity, clock):
        self.rate, self.capacity, self.clock = (rate, capacity, clock)
        self.tokens = capacity
        self.last = clock()
        self.lock = Lock()

    def allow(self):
        with self.lock:
            now = self.clock()
            self.tokens = min(self.capacity, self.tokens + (now - self.last) * self.rate)
            self.last = now
            if self.tokens >= 1:
                self.tokens -= 1
                return True
            return False

    def allow_racy(self):
        if self.tokens >= 1:
            self.tokens -= 1
            return True
        return False


def _bucket(method):
    ticks = itertools.count()
    b = TokenBucket(0, 1, lambda: next(ticks))
    ok = []
    run(lambda: ok.append(getattr(b, method)()), lambda: ok.append(getattr(b, method)()))
    assert ok.count(True) == 1, ok


def proved_bucket():
    _bucket("allow")


def fails_bucket():
    _bucket("allow_racy")


class Window:
    def __init__(self, n):
        self.n, self.calls, self.lock = (n, deque(), Lock())

    def __call__(self, fn):

        @functools.wraps(fn)
        def wrapper(*a, **k):
            with self.lock:
                if len(self.calls) >= self.n:
                    raise RuntimeError("too many calls")
                self.calls.append(fn.__name__)
            return fn(*a, **k)

        return wrapper


def fails_window():
    limit = Window(1)

    @limit
    def hello(x):
        return x

    run(lambda: hello(1), lambda: hello(2))


class RW:
    def __init__(self):
        self._cond = Condition(Lock())
        self._readers = 0

    @contextlib.contextmanager
    def read(self):
        with self._cond:
            self._readers += 1
        try:
            yield
        finally:
            with self._cond:
                self._readers -= 1
                if self._readers == 0:
                    self._cond.notify_all()

    @contextlib.contextmanager
    def write(self):
        with self._cond:
            while self._readers > 0:
                self._cond.wait()
            yield


def proved_rw():
    rw, d, seen = (RW(), {"a": 0, "b": 0}, [])

    def reader():
        with rw.read():
            seen.append(d["a"] == d["b"])

    def writer():
        with rw.write():
            d["a"] += 1
            d["b"] += 1

    run(reader, writer, reader)
    assert all(seen)


class RWBad(RW):
    @contextlib.contextmanager
    def write(self):
        with self._cond:
            while self._readers > 0:
                self._cond.wait()
        yield


def fails_rw():
    rw, d, seen = (RWBad(), {"a": 0, "b": 0}, [])

    def reader():
        with rw.read():
            seen.append(d["a"] == d["b"])

    def writer():
        with rw.write():
            d["a"] += 1
            d["b"] += 1

    run(reader, writer)
    assert all(seen)


class Config:
    _inst = None
    _lock = Lock()

    @classmethod
    def get(cls):
        if cls._inst is None:
            with cls._lock:
                if cls._inst is None:
                    cls._inst = cls()
        return cls._inst


class ConfigBad:
    _inst = None
    _lock = Lock()

    def __init__(self):
        self.values = None

    @classmethod
    def get(cls):
        if cls._inst is None:
            with cls._lock:
                if cls._inst is None:
                    cls._inst = cls()
                    cls._inst.values = {"a": 1}
        return cls._inst


def proved_dcl():
    got = []
    run(lambda: got.append(Config.get()), lambda: got.append(Config.get()))
    assert got[0] is got[1]


def fails_dcl():
    run(lambda: ConfigBad.get().values["a"], lambda: ConfigBad.get().values["a"])


class Meta(type):
    _instances = {}
    _lock = Lock()

    def __call__(cls, *a, **k):
        with cls._lock:
            if cls not in cls._instances:
                cls._instances[cls] = super().__call__(*a, **k)
        return cls._instances[cls]


class Named(metaclass=Meta):
    def __init__(self, name):
        self.name = name


def proved_meta():
    got = []
    run(lambda: got.append(Named("a")), lambda: got.append(Named("b")))
    assert got[0] is got[1]


_registry = {}


_reg_lock = threading.RLock()


_numbers = itertools.count(1)


def register(name):
    with _reg_lock:
        if name in _registry:
            return _registry[name]
        _registry[name] = next(_numbers)
        return _registry[name]


def proved_registry():
    got = []
    run(lambda: got.append(register("a")), lambda: got.append(register("a")))
    assert got == [1, 1]


def _table(n, eat):
    forks = [Lock() for _ in range(n)]
    run(*[functools.partial(eat, i, forks[i], forks[(i + 1) % n]) for i in range(n)])


def proved_dining_waiter():
    waiter = Semaphore(2)

    def eat(i, l, r):
        with waiter, l, r:
            pass

    _table(3, eat)


def proved_dining_timeout():

    def eat(i, l, r):
        while True:
            l.acquire()
            if r.acquire(timeout=0.1):
                r.release()
                l.release()
                break
            l.release()

    _table(2, eat)


class Account:
    def __init__(self, b):
        self.b, self.lock = (b, Lock())


def proved_transfer_by_id():
    x, y = (Account(10), Account(10))

    def transfer(a, b, n):
        first, second = sorted((a, b), key=id)
        with first.lock, second.lock:
            a.b -= n
            b.b += n

    run(lambda: transfer(x, y, 1), lambda: transfer(y, x, 2))
    assert x.b + y.b == 20


def fails_transfer_to_self():
    x = Account(10)

    def transfer(a, b, n):
        first, second = sorted((a, b), key=id)
        with first.lock, second.lock:
            a.b -= n
            b.b += n

    run(lambda: transfer(x, x, 1))


class WorkerPool:
    def __init__(self, n, fn):
        self.tasks: Queue = Queue()
        self.results: Queue = Queue()
        self.fn = fn
        self.threads = [Thread(target=self._work, name=f"worker-{i}", daemon=True) for i in range(n)]
        for t in self.threads:
            t.start()

    def _work(self):
        while True:
            task = self.tasks.get()
            try:
                if task is None:
                    return
                self.results.put(self.fn(task))
            except Exception as e:
                self.results.put(e)
            finally:
                self.tasks.task_done()

    def submit(self, x):
        self.tasks.put(x)

    def close(self):
        for _ in self.threads:
            self.tasks.put(None)
        for t in self.threads:
            t.join()

    def close_bad(self):
        self.tasks.put(None)
        for t in self.threads:
            t.join()


def fails_pool_one_pill():
    p = WorkerPool(2, lambda x: x)
    p.submit(1)
    p.close_bad()


def proved_pool_join_daemon():
    p = WorkerPool(2, lambda x: x * 2)
    for i in range(2):
        p.submit(i)
    p.tasks.join()
    assert sorted((p.results.get_nowait() for _ in range(2))) == [0, 2]


def proved_reput_pill():
    q = Queue()
    out = []

    def consumer():
        while True:
            x = q.get()
            if x is None:
                q.put(None)
                break
            out.append(x)

    def producer():
        q.put(1)
        q.put(None)

    run(producer, consumer, consumer)
    assert out == [1]
    assert q.get() is None


def fails_two_producers_one_pill():
    q = Queue()
    out = []

    def consumer():
        for x in iter(q.get, None):
            out.append(x)

    def producer(i):
        q.put(i)
        q.put(None)

    run(lambda: producer(1), lambda: producer(2), consumer)
    assert sorted(out) == [1, 2]


class Topic:
    def __init__(self):
        self._subs: list[Callable] = []
        self._lock = Lock()

    def subscribe(self, fn):
        with self._lock:
            self._subs.append(fn)
        return lambda: self.unsubscribe(fn)

    def unsubscribe(self, fn):
        with self._lock:
            self._subs.remove(fn)

    def publish(self, msg):
        with self._lock:
            subs = self._subs[:]
        for s in subs:
            s(msg)

    def publish_locked(self, msg):
        with self._lock:
            for s in self._subs:
                s(msg)


def proved_pubsub():
    t, got = (Topic(), [])
    off = t.subscribe(got.append)
    run(lambda: t.publish(1), lambda: t.publish(2))
    off()
    t.publish(3)
    assert sorted(got) == [1, 2]


def fails_pubsub_unsub_in_callback():
    t = Topic()
    off = None

    def cb(msg):
        off()

    off = t.subscribe(cb)
    run(lambda: t.publish_locked(1))


def fails_pubsub_after_unsubscribe():
    t, got, closed = (Topic(), [], Event())

    def cb(msg):
        assert not closed.is_set()
        got.append(msg)

    off = t.subscribe(cb)

    def close():
        off()
        closed.set()

    run(lambda: t.publish(1), close)


def fails_notify_one_two_waiters():
    c, ready = (Condition(), [])

    def w():
        with c:
            c.wait_for(lambda: ready)

    def n():
        with c:
            ready.append(1)
            c.notify(1)

    run(w, w, n)


def proved_countdown_latch():

    class Latch:
        def __init__(self, n):
            self.n, self.c = (n, Condition())

        def down(self):
            with self.c:
                self.n -= 1
                if self.n <= 0:
                    self.c.notify_all()

        def wait(self):
            with self.c:
                while self.n > 0:
                    self.c.wait()

    l, out = (Latch(2), [])

    def w():
        out.append(1)
        l.down()

    def main():
        l.wait()
        assert len(out) == 2

    run(w, w, main)


def fails_event_as_autoreset():
    e, n = (Event(), [0])

    def w():
        e.wait()
        e.clear()
        n[0] += 1

    def s():
        e.set()
        e.set()

    run(w, w, s)


def proved_odd_even():
    c, state, out = (Condition(), {"n": 1}, [])

    def p(parity):
        while True:
            with c:
                c.wait_for(lambda: state["n"] % 2 == parity or state["n"] > 3)
                if state["n"] > 3:
                    return
                out.append(state["n"])
                state["n"] += 1
                c.notify_all()

    run(lambda: p(0), lambda: p(1))
    assert out == [1, 2, 3]


def fails_cyclic_barrier_handmade():

    class B:
        def __init__(self, n):
            self.n, self.count, self.c = (n, 0, Condition())

        def wait(self):
            with self.c:
                self.count += 1
                if self.count == self.n:
                    self.count = 0
                    self.c.notify_all()
                else:
                    self.c.wait_for(lambda: self.count == 0)

    b = B(2)

    def f():
        b.wait()
        b.wait()

    run(f, f)


class ResultThread(Thread):
    def __init__(self, target, args=()):
        super().__init__(target=target, args=args)
        self.result, self.error = (None, None)

    def run(self):
        try:
            self.result = self._target(*self._args)
        except BaseException as e:
            self.error = e

    def join(self, timeout=None):
        super().join(timeout)
        if self.error:
            raise self.error
        return self.result


def proved_result_thread():
    ts = [ResultThread(pow, (2, i)) for i in range(2)]
    for t in ts:
        t.start()
    assert [t.join() for t in ts] == [1, 2]


def fails_debounce():
    calls = []

    class Debounce:
        def __init__(self, fn):
            self.fn, self.t, self.lock = (fn, None, Lock())

        def __call__(self, x):
            with self.lock:
                if self.t is not None:
                    self.t.cancel()
                self.t = Timer(0.3, self.fn, args=[x])
                self.t.start()

    d = Debounce(calls.append)
    d(1)
    d(2)
    d.t.join()
    assert calls == [2]


class Service:
    def __init__(self):
        self.q, self.stop_event, self.done = (Queue(), Event(), [])
        self.t = Thread(target=self._loop)

    def start(self):
        self.t.start()

    def submit(self, x):
        if self.stop_event.is_set():
            raise RuntimeError("stopped")
        self.q.put(x)

    def _loop(self):
        while not self.stop_event.is_set() or not self.q.empty():
            try:
                x = self.q.get(timeout=0.1)
            except Empty:
                continue
            self.done.append(x)

    def stop(self):
        self.stop_event.set()
        self.t.join()


def proved_service():
    s = Service()
    s.start()
    s.submit(1)
    s.stop()
    assert s.done == [1]


def fails_service_late_submit():
    s = Service()
    s.start()
    accepted = []

    def client():
        try:
            s.submit(1)
            accepted.append(1)
        except RuntimeError:
            pass

    t = Thread(target=client)
    t.start()
    s.stop()
    t.join()
    assert s.done == accepted


class Memo:
    def __init__(self, fn):
        self.fn, self.cache, self.locks, self.lock = (fn, {}, {}, Lock())

    def __call__(self, k):
        with self.lock:
            lk = self.locks.setdefault(k, Lock())
        with lk:
            if k not in self.cache:
                self.cache[k] = self.fn(k)
            return self.cache[k]


def proved_memo():
    calls = []
    m = Memo(lambda k: calls.append(k) or k * 2)
    out = []
    run(lambda: out.append(m(2)), lambda: out.append(m(2)))
    assert out == [4, 4] and calls == [2]


class MemoFutures:
    def __init__(self, fn):
        self.fn, self.cache, self.lock = (fn, {}, Lock())

    def __call__(self, k):
        with self.lock:
            f = self.cache.get(k)
            mine = f is None
            if mine:
                f = self.cache[k] = Future()
        if mine:
            try:
                f.set_result(self.fn(k))
            except Exception as e:
                f.set_exception(e)
        return f.result()


def proved_memo_futures():
    calls = []
    m = MemoFutures(lambda k: calls.append(k) or k * 2)
    out = []
    run(lambda: out.append(m(2)), lambda: out.append(m(2)))
    assert out == [4, 4] and calls == [2]


class Pool:
    def __init__(self, n):
        self.q = queue.LifoQueue()
        for i in range(n):
            self.q.put(f"c{i}")

    @contextlib.contextmanager
    def conn(self):
        c = self.q.get()
        try:
            yield c
        finally:
            self.q.put(c)


def fails_connpool_nested():
    p = Pool(2)

    def f():
        with p.conn():
            with p.conn():
                pass

    run(f, f)


def synchronized(lock_name="_lock"):

    def deco(m):

        @functools.wraps(m)
        def w(self, *a, **k):
            with getattr(self, lock_name):
                return m(self, *a, **k)

        return w

    return deco


class Acc:
    def __init__(self):
        self._lock, self.n = (RLock(), 0)

    @synchronized()
    def inc(self):
        self.n += 1

    @synchronized()
    def twice(self):
        self.inc()
        self.inc()

    @property
    def value(self):
        return self.n


def proved_monitor():
    a = Acc()
    run(a.twice, a.inc)
    assert a.value == 3


@contextlib.contextmanager
def acquire_timeout(lock, t):
    got = lock.acquire(timeout=t)
    try:
        yield got
    finally:
        if got:
            lock.release()


def proved_acquire_timeout():
    l, n, miss = (Lock(), [0], [])

    def f():
        with acquire_timeout(l, 1) as got:
            if got:
                n[0] += 1
            else:
                miss.append(1)

    run(f, f)
    assert n[0] + len(miss) == 2


def fails_mapreduce_shared():
    total = defaultdict(int)

    def mapper(s):
        for w in s.split():
            total[w] += 1

    with ThreadPoolExecutor(2) as ex:
        list(ex.map(mapper, ["b", "b"]))
    assert total["b"] == 2


def fails_retry_two():
    tries = itertools.count()

    def flaky():
        if next(tries) < 2:
            raise OSError
        return "ok"

    def retry(fn, n):
        for i in range(n):
            try:
                return fn()
            except OSError as e:
                err = e
        raise err

    with ThreadPoolExecutor(2) as ex:
        fs = [ex.submit(retry, flaky, 2) for _ in range(2)]
        assert [f.result() for f in fs] == ["ok", "ok"]


def proved_cancel_all_on_first_error():

    def job(i):
        if i == 0:
            raise KeyError(i)
        return i

    with ThreadPoolExecutor(1) as ex:
        fs = [ex.submit(job, i) for i in range(2)]
        done, rest = wait(fs, return_when=FIRST_EXCEPTION)
        for f in rest:
            f.cancel()
    assert fs[0].exception() and (fs[1].cancelled() or fs[1].result() == 1)


def proved_event_per_request():

    class Req:
        def __init__(self, x):
            self.x, self.ev, self.res = (x, Event(), None)

    q = Queue()

    def server():
        while (r := q.get()) is not None:
            r.res = r.x + 1
            r.ev.set()

    t = Thread(target=server)
    t.start()

    def call(x):
        r = Req(x)
        q.put(r)
        r.ev.wait()
        return r.res

    assert [call(1), call(2)] == [2, 3]
    q.put(None)
    t.join()


def fails_event_before_result():

    class Req:
        def __init__(self, x):
            self.x, self.ev, self.res = (x, Event(), None)

    q = Queue()

    def server():
        while (r := q.get()) is not None:
            r.ev.set()
            r.res = r.x + 1

    t = Thread(target=server)
    t.start()
    r = Req(1)
    q.put(r)
    r.ev.wait()
    assert r.res == 2
    q.put(None)
    t.join()


class Actor(Thread):
    def __init__(self):
        super().__init__(daemon=True)
        self.inbox, self.state = (Queue(), 0)

    def run(self):
        for msg, reply in iter(self.inbox.get, None):
            match msg:
                case ["add", int(n)]:
                    self.state += n
                case "get":
                    reply.put(self.state)

    def send(self, m):
        self.inbox.put((m, None))

    def ask(self, m):
        r = Queue(1)
        self.inbox.put((m, r))
        return r.get()


def proved_actor():
    a = Actor()
    a.start()
    run(lambda: a.send(("add", 1)), lambda: a.send(("add", 2)))
    assert a.ask("get") == 3
    a.inbox.put(None)
    a.join()


def fails_actor_before():
    a = Actor()
    a.start()
    t = Thread(target=lambda: a.send(("add", 1)))
    t.start()
    assert a.ask("get") == 1


def fails_ticket():
    seats, sold = ([3], [])
    lock = Lock()

    def buy(n):
        if seats[0] >= n:
            with lock:
                seats[0] -= n
                sold.append(n)

    run(lambda: buy(2), lambda: buy(2))
    assert seats[0] >= 0


def fails_daemon_holds_lock():
    lock = Lock()

    def hold():
        with lock:
            Event().wait()

    t = Thread(target=hold, daemon=True)
    t.start()
    with lock:
        pass


def fails_join_in_lock():
    lock = Lock()

    def w():
        with lock:
            pass

    t = Thread(target=w)
    with lock:
        t.start()
        t.join()


def fails_timer_callback_lock():
    lock = Lock()

    def fire():
        with lock:
            pass

    t = Timer(1, fire)
    t.start()
    with lock:
        t.cancel()
        t.join()


def fails_nested_cond_wait():
    outer, c = (Lock(), Condition())
    ok = []

    def w():
        with outer:
            with c:
                while not ok:
                    c.wait()

    def n():
        with outer:
            with c:
                ok.append(1)
                c.notify()

    run(w, n)


def fails_lock_cond_reentrant():

    class Q:
        def __init__(self):
            self.items, self.c = ([], Condition(Lock()))

        def put(self, x):
            with self.c:
                self.items.append(x)
                self._notify()

        def _notify(self):
            with self.c:
                self.c.notify()

        def get(self):
            with self.c:
                while not self.items:
                    self.c.wait()
                return self.items.pop(0)

    q, got = (Q(), [])
    run(lambda: got.append(q.get()), lambda: q.put(1))


def fails_early_return():
    l = Lock()

    def f(x):
        l.acquire()
        if x:
            return
        l.release()

    run(lambda: f(0), lambda: f(1))


def proved_parallel_merge_sort():

    def sort(a):
        if len(a) <= 1:
            return a
        m, res = (len(a) // 2, {})
        ts = [Thread(target=lambda k=k, p=p: res.__setitem__(k, sort(p))) for k, p in (("l", a[:m]), ("r", a[m:]))]
        for t in ts:
            t.start()
        for t in ts:
            t.join()
        l, r, out = (res["l"], res["r"], [])
        while l and r:
            out.append(l.pop(0) if l[0] < r[0] else r.pop(0))
        return out + l + r

    assert sort([3, 1, 2]) == [1, 2, 3]


def proved_pipeline():
    a, b, out = (Queue(1), Queue(1), [])

    def src():
        for i in range(2):
            a.put(i)
        a.put(None)

    def mid():
        while (x := a.get()) is not None:
            b.put(x * 10)
        b.put(None)

    def snk():
        while (x := b.get()) is not None:
            out.append(x)

    run(src, mid, snk)
    assert out == [0, 10]


def proved_peterson():
    flag, turn, n = ([False, False], [0], [0])

    def p(i):
        flag[i] = True
        turn[0] = 1 - i
        while flag[1 - i] and turn[0] == 1 - i:
            pass
        n[0] += 1
        flag[i] = False

    run(lambda: p(0), lambda: p(1))
    assert n == [2]


BAR = Barrier(2)


LOCAL = threading.local()


COND = Condition(Lock())


def proved_module_many():
    out = []

    def f(i):
        LOCAL.x = i
        BAR.wait()
        with COND:
            out.append(LOCAL.x)
            COND.notify_all()

    run(lambda: f(1), lambda: f(2))
    assert sorted(out) == [1, 2]


def one_at_a_time(fn):
    lock = Lock()

    @functools.wraps(fn)
    def w(*a, **k):
        with lock:
            return fn(*a, **k)

    return w


grand_total = 0


@one_at_a_time
def add_up(n):
    global grand_total
    grand_total += n


def proved_module_sync():
    run(lambda: add_up(1), lambda: add_up(2))
    assert grand_total == 3


class Color(enum.Enum):
    RED = "r"

    def __init__(self, v):
        self.lock = Lock()
        self.n = 0


def proved_enum_lock():

    def f():
        with Color.RED.lock:
            Color.RED.n += 1

    run(f, f)
    assert Color.RED.n == 2


class Mixin:
    def __init__(self, *a, **k):
        super().__init__(*a, **k)
        self.stop_ev = Event()

    def stop(self):
        self.stop_ev.set()


class Ticker(Mixin, Thread):
    def __init__(self):
        super().__init__(name="Ticker")
        self.ticks = 0

    def run(self):
        while not self.stop_ev.wait(0.1):
            self.ticks = 1


def proved_mixin_thread():
    w = Ticker()
    w.start()
    w.stop()
    w.join()
    assert w.ticks in (0, 1)


@dataclass
class Job:
    id: int
    done: Event = field(default_factory=Event)
    result: typing.Optional[int] = None
    lock: Lock = field(default_factory=Lock, repr=False, compare=False)


def proved_dataclass_job():
    j = Job(1)

    def w():
        with j.lock:
            j.result = j.id * 2
        j.done.set()

    Thread(target=w).start()
    j.done.wait()
    assert j.result == 2


class Guarded:
    def __init__(self, v):
        self._v, self._l = (v, Lock())

    def __enter__(self):
        self._l.acquire()
        return self._v

    def __exit__(self, *e):
        self._l.release()
        return False


def fails_guarded_leak():
    g = Guarded([0])

    def f():
        with g as l:
            pass
        l[0] += 1

    run(f, f)
    with g as l:
        assert l == [2]


def fails_observer_removed_while_iterating():
    obs = [1, 2, 3]
    seen = []

    def fire():
        for o in obs:
            seen.append(o)

    def rem():
        obs.remove(1)

    run(fire, rem)
    assert 3 in seen and 2 in seen


def proved_bool_flag_once():
    started, lock, n = (False, Lock(), [0])

    def start():
        nonlocal started
        with lock:
            if started:
                return
            started = True
        n[0] += 1

    run(start, start)
    assert n == [1]
