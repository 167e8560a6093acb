# ruff: noqa
"""Programs over the words of `threading`, `queue` and `concurrent.futures`, named by what is right."""

import _thread
import asyncio
import concurrent.futures as cf
import queue
import threading
import time
from concurrent.futures import (
    FIRST_COMPLETED,
    Future,
    ThreadPoolExecutor,
    as_completed,
    wait,
)
from threading import (
    Barrier,
    BoundedSemaphore,
    Condition,
    Event,
    Lock,
    RLock,
    Semaphore,
    Thread,
    Timer,
    current_thread,
    local,
)


def run(*functions):
    threads = [threading.Thread(target=f, name="ABCDEF"[i]) for i, f in enumerate(functions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class Box:
    def __init__(s):
        s.n = 0


def proved_thread_kwargs():
    out = []
    t = Thread(target=lambda a, *, k: out.append(a + k), args=(1,), kwargs={"k": 2}, name="w", daemon=True)
    t.start()
    t.join()
    assert out == [3] and t.name == "w" and t.daemon


def proved_thread_join_timeout():
    t = Thread(target=lambda: None)
    t.start()
    t.join(0.1)
    t.join()
    assert not t.is_alive()


def fails_thread_join_timeout():
    out = []
    t = Thread(target=lambda: out.append(1))
    t.start()
    t.join(timeout=0.5)
    assert out


def fails_start_twice():
    t = Thread(target=lambda: None)
    t.start()
    t.start()


def fails_join_before_start():
    t = Thread(target=lambda: None)
    t.join()


def fails_join_self():

    def f():
        current_thread().join()

    t = Thread(target=f)
    t.start()
    t.join()


def proved_join_self_caught():
    out = []

    def f():
        try:
            current_thread().join()
        except RuntimeError as e:
            out.append(str(e))

    t = Thread(target=f)
    t.start()
    t.join()
    assert out == ["cannot join current thread"]


def proved_subclass_result():

    class W(Thread):
        def __init__(s, x):
            super().__init__(daemon=False)
            s.x = x
            s.r = None

        def run(s):
            s.r = s.x * 2

    ws = [W(i) for i in range(2)]
    [w.start() for w in ws]
    [w.join() for w in ws]
    assert [w.r for w in ws] == [0, 2]


def fails_subclass_forgets_init():

    class W(Thread):
        def __init__(s, x):
            s.x = x

        def run(s):
            pass

    W(1).start()


def proved_thread_ids():
    ids = []

    def f():
        ids.append(threading.get_ident())
        assert current_thread().ident == threading.get_ident()

    run(f, f)
    assert len(set(ids)) == 2


def proved_native_id():

    def f():
        assert threading.get_native_id() is not None

    run(f)


def proved_main_thread():

    def f():
        assert current_thread() is not threading.main_thread() and threading.main_thread().name == "MainThread"

    run(f)
    assert threading.current_thread() is threading.main_thread()


def refused_enumerate():
    e = Event()
    t = Thread(target=e.wait)
    t.start()
    assert t in threading.enumerate()
    e.set()
    t.join()
    assert threading.enumerate() == [threading.main_thread()]


def refused_excepthook():
    seen = []
    old = threading.excepthook
    threading.excepthook = lambda args: seen.append(args.exc_type)
    t = Thread(target=lambda: 1 / 0)
    t.start()
    t.join()
    threading.excepthook = old
    assert seen == [ZeroDivisionError]


def fails_thread_exception():
    run(lambda: [][0])


def proved_sysexit_in_thread():
    import sys

    run(lambda: sys.exit(1))


def proved_setname():
    t = Thread(target=lambda: None)
    t.name = "abc"
    t.setName("d") if hasattr(t, "setName") else None
    t.start()
    t.join()
    assert t.name in ("abc", "d")


def proved_daemon_leftover():
    q = queue.Queue()

    def f():
        while True:
            q.get()

    t = Thread(target=f, daemon=True)
    t.start()
    q.put(1)


def fails_nondaemon_leftover():
    q = queue.Queue()

    def f():
        while True:
            q.get()

    t = Thread(target=f)
    t.start()
    q.put(1)


def proved_thread_made_by_thread():
    out = []

    def outer():
        t = Thread(target=lambda: out.append(1))
        t.start()
        t.join()

    run(outer)
    assert out == [1]


def fails_thread_list_race():
    ts = []

    def spawn():
        t = Thread(target=lambda: None)
        ts.append(t)
        t.start()

    s = Thread(target=spawn)
    s.start()
    for t in ts:
        t.join()
    s.join()


def fails_is_alive_flag():
    out = []
    t = Thread(target=lambda: out.append(1))
    t.start()
    if t.is_alive():
        assert not out
    t.join()


def proved_lock_api():
    l = Lock()
    assert (
        l.acquire()
        and l.locked()
        and (not l.acquire(False))
        and (not l.acquire(blocking=False))
        and (not l.acquire(timeout=0.1))
    )
    l.release()
    assert not l.locked()


def fails_release_unlocked():
    Lock().release()


def proved_release_by_other():
    l = Lock()
    l.acquire()
    t = Thread(target=l.release)
    t.start()
    l.acquire()
    t.join()


def fails_lock_leak():
    l = Lock()

    def f():
        l.acquire()

    run(f, f)


def fails_trylock_gives_up():
    l = Lock()
    b = Box()

    def f():
        if l.acquire(blocking=False):
            try:
                b.n += 1
            finally:
                l.release()

    run(f, f)
    assert b.n == 2


def proved_lock_timeout_handled():
    l = Lock()
    b = Box()
    missed = []

    def f():
        if l.acquire(timeout=1):
            try:
                b.n += 1
            finally:
                l.release()
        else:
            missed.append(1)

    run(f, f)
    assert b.n + len(missed) == 2


def fails_lock_timeout():
    l = Lock()
    b = Box()

    def f():
        if l.acquire(timeout=1):
            b.n += 1
            l.release()

    run(f, f)
    assert b.n == 2


def fails_lock_negative_timeout():
    Lock().acquire(timeout=-5)


def fails_locked_check():
    l = Lock()
    b = Box()

    def f():
        if not l.locked():
            l.acquire()
            b.n += 1
            l.release()

    run(f, f)
    assert b.n == 2


def proved_allocate_lock():
    l = _thread.allocate_lock()
    b = Box()

    def f():
        with l:
            b.n += 1

    run(f, f)
    assert b.n == 2


def refused_start_new_thread():
    done = Lock()
    done.acquire()
    _thread.start_new_thread(lambda: done.release(), ())
    done.acquire()


def proved_rlock_nested():
    l = RLock()
    b = Box()

    def inner():
        with l:
            b.n += 1

    def f():
        with l:
            inner()

    run(f, f)
    assert b.n == 2


def fails_rlock_release_other():
    l = RLock()
    l.acquire()
    run(l.release)


def fails_rlock_unbalanced():
    l = RLock()

    def f():
        l.acquire()
        l.acquire()
        l.release()

    run(f, f)


def fails_lock_not_reentrant():
    l = Lock()

    def f():
        with l:
            with l:
                pass

    run(f)


def proved_cond_wait_for():
    c = Condition()
    b = Box()

    def w():
        with c:
            assert c.wait_for(lambda: b.n == 1)

    def n():
        with c:
            b.n = 1
            c.notify_all()

    run(w, n)


def fails_cond_if():
    c = Condition()
    items = []

    def take():
        with c:
            if not items:
                c.wait()
            items.pop()

    def put():
        with c:
            items.append(1)
            c.notify_all()

    run(take, take, put)


def fails_cond_notify_without_lock():
    c = Condition()
    run(lambda: c.notify())


def fails_cond_wrong_waiter():
    c = Condition()
    slots = []

    def put():
        with c:
            while slots:
                c.wait()
            slots.append(1)
            c.notify()

    def get():
        with c:
            while not slots:
                c.wait()
            slots.pop()
            c.notify()

    run(get, get, put, put)


def fails_cond_wait_for_timeout():
    c = Condition()
    b = Box()

    def w():
        with c:
            assert c.wait_for(lambda: b.n, timeout=1)

    def n():
        with c:
            b.n = 1
            c.notify()

    run(w, n)


def proved_cond_two_over_one_lock():
    l = Lock()
    full, empty = (Condition(l), Condition(l))
    q = []

    def put():
        with l:
            while q:
                full.wait()
            q.append(1)
            empty.notify()

    def get():
        with empty:
            while not q:
                empty.wait()
            q.pop()
            full.notify()

    run(put, get, put, get)


def proved_cond_acquire_release():
    c = Condition()
    b = Box()

    def f():
        c.acquire()
        try:
            b.n += 1
        finally:
            c.release()

    run(f, f)
    assert b.n == 2


def proved_cond_rlock_nested_wait():
    c = Condition()
    b = Box()

    def w():
        with c:
            with c:
                while not b.n:
                    c.wait()

    def n():
        with c:
            b.n = 1
            c.notify()

    run(w, n)


def fails_predicate_unlocked():
    c = Condition()
    b = Box()

    def w():
        with c:
            while not b.n:
                c.wait()

    def n():
        b.n = 1
        with c:
            pass

    run(w, n)


def proved_sem():
    s = Semaphore(1)
    b = Box()

    def f():
        with s:
            b.n += 1

    run(f, f)
    assert b.n == 2


def fails_sem2():
    s = Semaphore(2)
    b = Box()

    def f():
        with s:
            b.n += 1

    run(f, f)
    assert b.n == 2


def proved_sem_release_n():
    s = Semaphore(0)
    run(s.acquire, s.acquire, lambda: s.release(2))


def fails_sem_negative():
    Semaphore(-1)


def proved_sem_nonblocking():
    s = Semaphore(1)
    got = []

    def f():
        if s.acquire(blocking=False):
            got.append(1)

    run(f, f)
    assert len(got) == 1


def fails_bounded_over():
    s = BoundedSemaphore(1)

    def f():
        s.acquire()
        s.release()
        s.release()

    run(f)


def fails_sem_timeout():
    s = Semaphore(0)
    out = []

    def f():
        out.append(s.acquire(timeout=1))

    run(f, s.release)
    assert out == [True]


def proved_event():
    e = Event()
    b = Box()

    def w():
        e.wait()
        assert b.n == 1

    def s():
        b.n = 1
        e.set()

    run(w, s)


def fails_event_order():
    e = Event()
    b = Box()

    def w():
        e.wait()
        assert b.n == 1

    def s():
        e.set()
        b.n = 1

    run(w, s)


def fails_event_clear_lost():
    e = Event()

    def w():
        e.wait()

    def s():
        e.set()
        e.clear()

    run(w, s)


def proved_event_wait_returns():
    e = Event()
    e.set()
    assert e.wait() is True and e.is_set() and (e.wait(0) is True)


def proved_barrier_index():
    b = Barrier(2)
    ids = []

    def f():
        ids.append(b.wait())

    run(f, f)
    assert sorted(ids) == [0, 1]


def proved_barrier_action():
    hits = []
    b = Barrier(2, action=lambda: hits.append(1))
    run(b.wait, b.wait)
    assert hits == [1]


def fails_barrier_too_few():
    b = Barrier(3)
    run(b.wait, b.wait)


def proved_barrier_reuse():
    b = Barrier(2)
    phase = [0, 0]

    def f(i):
        for _ in range(2):
            phase[i] += 1
            b.wait()
            assert phase[0] == phase[1]
            b.wait()

    run(lambda: f(0), lambda: f(1))


def fails_barrier_reuse_single():
    b = Barrier(2)
    phase = [0, 0]

    def f(i):
        for _ in range(2):
            phase[i] += 1
            b.wait()
            assert phase[0] == phase[1]

    run(lambda: f(0), lambda: f(1))


def fails_barrier_timeout():
    b = Barrier(2)
    run(lambda: b.wait(timeout=1), b.wait)


def proved_barrier_abort():
    b = Barrier(2)
    out = []

    def w():
        try:
            b.wait()
        except threading.BrokenBarrierError:
            out.append(1)

    run(w, b.abort)
    assert out == [1] and b.broken and (b.parties == 2) and (b.n_waiting == 0)


def proved_timer_join():
    out = []
    t = Timer(1, out.append, args=[1])
    t.start()
    t.join()
    assert out == [1]


def fails_timer_cancel_late():
    out = []
    t = Timer(1, out.append, [1])
    t.start()
    t.cancel()
    t.join()
    assert not out


def proved_timer_kwargs():
    out = []

    def f(a, b=0):
        out.append((a, b))

    t = Timer(0.1, f, args=(1,), kwargs={"b": 2})
    t.daemon = True
    t.start()
    t.join()
    assert out == [(1, 2)]


def proved_local():
    L = local()
    out = []

    def f(i):
        L.x = i
        out.append(L.x == i)

    run(lambda: f(1), lambda: f(2))
    assert out == [True, True]


def fails_local_missing():
    L = local()
    L.x = 1
    run(lambda: L.x)


class ML(local):
    def __init__(s):
        s.n = 0


def refused_local_subclass():
    m = ML()
    out = []

    def f():
        m.n += 1
        out.append(m.n)

    run(f, f)
    assert out == [1, 1]


def fails_local_holds_shared():
    L = local()
    shared = [0]

    def f():
        L.x = shared
        L.x[0] += 1

    run(f, f)
    assert shared == [2]


def proved_queue_join():
    q = queue.Queue()
    out = []

    def w():
        while (x := q.get()) is not None:
            out.append(x)
            q.task_done()

    t = Thread(target=w)
    t.start()
    q.put(1)
    q.put(2)
    q.join()
    assert out == [1, 2]
    q.put(None)
    t.join()


def fails_queue_task_done_early():
    q = queue.Queue()
    out = []

    def w():
        q.get()
        q.task_done()
        out.append(1)

    t = Thread(target=w)
    t.start()
    q.put(1)
    q.join()
    assert out == [1]
    t.join()


def fails_task_done_too_often():
    q = queue.Queue()
    q.task_done()


def fails_queue_empty_check():
    q = queue.Queue()
    q.put(1)

    def f():
        if not q.empty():
            q.get()

    run(f, f)


def fails_queue_qsize_check():
    q = queue.Queue()
    q.put(1)

    def f():
        if q.qsize() > 0:
            q.get_nowait()

    run(f, f)


def fails_queue_full_check():
    q = queue.Queue(maxsize=1)

    def f():
        if not q.full():
            q.put_nowait(1)

    run(f, f)


def proved_queue_nowait_caught():
    q = queue.Queue(1)
    got = []

    def f():
        try:
            q.put_nowait(1)
        except queue.Full:
            got.append(1)

    run(f, f)
    assert got == [1]


def fails_queue_bounded_deadlock():
    q = queue.Queue(1)

    def f():
        q.put(1)
        q.put(2)

    run(f)


def proved_prio():
    q = queue.PriorityQueue()
    run(lambda: q.put((2, "b")), lambda: q.put((1, "a")))
    assert q.get()[1] == "a"


def fails_prio_uncomparable():
    q = queue.PriorityQueue()
    run(lambda: q.put((1, {"a": 1})), lambda: q.put((1, {"b": 1})))


def proved_lifo():
    q = queue.LifoQueue()
    q.put(1)
    q.put(2)
    assert q.get() == 2


def proved_simple():
    q = queue.SimpleQueue()
    run(lambda: q.put(1), lambda: q.get())


def fails_simple_empty():
    q = queue.SimpleQueue()
    run(lambda: q.put(1), lambda: q.get(block=False))


def fails_get_timeout():
    q = queue.Queue()
    run(lambda: q.put(1), lambda: q.get(timeout=3))


def refused_queue_len_under_mutex():
    q = queue.Queue()
    q.put(1)
    with q.mutex:
        assert len(q.queue) == 1


class MyQ(queue.Queue):
    def _put(s, x):
        super()._put(x * 2)


def refused_queue_subclass():
    q = MyQ()
    q.put(1)
    assert q.get() == 2


def fails_two_consumers_one_sentinel():
    q = queue.Queue()

    def w():
        while q.get() is not None:
            pass

    ts = [Thread(target=w) for _ in range(2)]
    for t in ts:
        t.start()
    q.put(1)
    q.put(None)
    for t in ts:
        t.join()


def proved_pool_map():
    with ThreadPoolExecutor(2) as ex:
        assert list(ex.map(lambda x: x * x, [1, 2, 3])) == [1, 4, 9]


def fails_pool_shared():
    b = Box()

    def inc(_):
        b.n += 1

    with ThreadPoolExecutor(2) as ex:
        list(ex.map(inc, range(2)))
    assert b.n == 2


def proved_pool_one_worker():
    b = Box()

    def inc(_):
        b.n += 1

    with ThreadPoolExecutor(1) as ex:
        list(ex.map(inc, range(3)))
    assert b.n == 3


def fails_pool_map_timeout():
    with ThreadPoolExecutor(1) as ex:
        list(ex.map(lambda x: x, [1], timeout=1))


def fails_pool_exception():
    with ThreadPoolExecutor(1) as ex:
        ex.submit(lambda: 1 / 0).result()


def proved_pool_exception_kept():
    with ThreadPoolExecutor(1) as ex:
        f = ex.submit(lambda: 1 / 0)
    assert isinstance(f.exception(), ZeroDivisionError)


def fails_submit_after_shutdown():
    ex = ThreadPoolExecutor(1)
    ex.shutdown()
    ex.submit(print)


def fails_result_timeout():
    with ThreadPoolExecutor(1) as ex:
        ex.submit(lambda: 1).result(timeout=1)


def proved_as_completed():
    with ThreadPoolExecutor(2) as ex:
        fs = [ex.submit(lambda i=i: i) for i in range(2)]
        assert sorted((f.result() for f in as_completed(fs))) == [0, 1]


def proved_wait_first():
    with ThreadPoolExecutor(2) as ex:
        fs = [ex.submit(lambda i=i: i) for i in range(2)]
        d, n = wait(fs, return_when=FIRST_COMPLETED)
        assert d


def proved_wait_all():
    with ThreadPoolExecutor(2) as ex:
        fs = {ex.submit(lambda i=i: i) for i in range(2)}
        r = wait(fs)
        assert r.done == fs and (not r.not_done)


def fails_wait_timeout():
    with ThreadPoolExecutor(2) as ex:
        r = wait([ex.submit(lambda: 1)], timeout=1)
        assert not r.not_done


def proved_done_callback():
    out = []
    with ThreadPoolExecutor(1) as ex:
        ex.submit(lambda: 5).add_done_callback(lambda f: out.append(f.result()))
    assert out == [5]


def fails_cancel():
    with ThreadPoolExecutor(1) as ex:
        f = ex.submit(lambda: 1)
        if f.cancel():
            assert False, "cancelled"


def proved_future_by_hand():
    f = Future()
    run(lambda: f.set_result(3), lambda: f.result())
    assert f.result() == 3 and f.done()


def fails_future_set_twice():
    f = Future()
    run(lambda: f.set_result(3), lambda: f.set_result(4))


def fails_future_done_then_set():
    f = Future()

    def s():
        if not f.done():
            f.set_result(1)

    run(s, s)


def proved_pool_initializer():
    L = local()

    def init():
        L.x = 1

    with ThreadPoolExecutor(1, initializer=init) as ex:
        assert ex.submit(lambda: L.x).result() == 1


def proved_pool_prefix():
    with ThreadPoolExecutor(1, thread_name_prefix="io") as ex:
        assert ex.submit(lambda: current_thread().name).result().startswith("io")


def proved_shutdown_cancel():
    ex = ThreadPoolExecutor(1)
    fs = [ex.submit(lambda: 1) for _ in range(2)]
    ex.shutdown(cancel_futures=True)
    assert all((f.cancelled() or f.result() == 1 for f in fs))


def fails_pool_nested_deadlock():
    ex = ThreadPoolExecutor(1)

    def outer():
        return ex.submit(lambda: 1).result()

    ex.submit(outer).result()


def refused_asyncio():

    async def f():
        pass

    asyncio.run(f())


def refused_asyncio_loop():
    loop = asyncio.new_event_loop()
    loop.close()


def refused_process_pool():
    with cf.ProcessPoolExecutor() as ex:
        ex.submit(print)


def proved_sleep_order():
    out = []
    run(lambda: out.append(1))
    time.sleep(1)
    assert out


def fails_sleep_as_sync():
    out = []
    t = Thread(target=lambda: out.append(1), daemon=True)
    t.start()
    time.sleep(5)
    assert out


def refused_settrace():
    threading.settrace(lambda *a: None)


def refused_stack_size():
    threading.stack_size()


def fails_module_locks_leak():
    L0.acquire()
    run(L0.acquire)


L0 = Lock()


C0 = Condition()


Q0 = queue.Queue()


E0 = Event()


S0 = Semaphore(0)


RL0 = RLock()


B0 = Barrier(2)


T0 = local()


BS0 = BoundedSemaphore(1)


SQ0 = queue.SimpleQueue()


EX0 = ThreadPoolExecutor(1)


def proved_module_words():

    def a():
        with L0, RL0:
            Q0.put(1)
        SQ0.put(1)
        E0.set()
        S0.release()
        B0.wait()
        T0.x = 1
        with BS0:
            pass

    def b():
        Q0.get()
        SQ0.get()
        E0.wait()
        S0.acquire()
        B0.wait()
        with C0:
            C0.notify()

    run(a, b)


def fails_module_executor():
    EX0.submit(lambda: 1 / 0).result()
