# ruff: noqa: B018, B023, E741, PT018, RUF012 - each line is there for how it is written
"""Small programs, one for each part of the language: `EXPECTED` says which are right."""

import collections
import contextlib
import copy
import functools
import heapq
import json
import queue
import random
import threading
import time
import types
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Lock, Thread
from time import sleep
from typing import Generic, TypeVar


def run(*ts):
    t = [threading.Thread(target=x) for x in ts]
    for x in t:
        x.start()
    for x in t:
        x.join()


class Box:
    total = 0

    def __init__(self):
        self.n = 0
        self.items = [1, 2, 3]
        self.d = {}


def comprehension():
    b = Box()

    def w():
        b.items = [x + b.n for x in b.items]

    def v():
        b.n = 1

    run(w, v)
    assert b.items == [1, 2, 3]


def generator_expression():
    b = Box()
    out = []

    def w():
        out.append(sum(x * b.n for x in b.items))

    def v():
        b.n = 1

    run(w, v)
    assert out == [0]


def generator():
    b = Box()
    out = []

    def g():
        for x in b.items:
            yield x + b.n

    def w():
        out.extend(g())

    def v():
        b.n = 1

    run(w, v)
    assert out == [1, 2, 3]


def lambda_():
    b = Box()
    out = []

    def f():
        return b.n

    run(lambda: out.append(f()), lambda: setattr(b, "n", 1))
    assert out == [0]


class P:
    def __init__(self):
        self._n = 0

    @property
    def n(self):
        return self._n

    @n.setter
    def n(self, v):
        self._n = v

    def __getattr__(self, name):
        return self._n if name == "dyn" else 0 / 0


def property_():
    p = P()

    def add():
        p.n += 1

    run(add, add)
    assert p.n == 2


def getattr_hook():
    p = P()
    out = []

    def r():
        out.append(p.dyn)

    def w():
        p._n = 1

    run(r, w)
    assert out == [0]


def sorted_key():
    b = Box()
    out = []

    def r():
        out.append(sorted([3, 1, 2], key=lambda x: x * (1 - 2 * b.n))[0])

    def w():
        b.n = 1

    run(r, w)
    assert out == [1]


def f_string():
    b = Box()
    out = []

    def r():
        out.append(f"{b.n}-{b.n}")

    def w():
        b.n = 1

    run(r, w)
    assert out[0] in ("0-0", "1-1")


def match_():
    b = Box()
    out = []

    def r():
        match (b.n, b.n):
            case (0, 1):
                out.append("torn")
            case _:
                out.append("ok")

    def w():
        b.n = 1

    run(r, w)
    assert out == ["ok"]


def del_item():
    b = Box()
    b.d["x"] = 1

    def r():
        if "x" in b.d:
            b.d["x"]

    def w():
        del b.d["x"]

    run(r, w)


def del_attribute():
    b = Box()
    b.x = 1

    def r():
        if hasattr(b, "x"):
            b.x

    def w():
        del b.x

    run(r, w)


def with_two():
    b = Box()
    l, m = Lock(), Lock()

    def a():
        with l, m:
            b.n += 1

    run(a, a)
    assert b.n == 2


def try_finally():
    b = Box()
    l = Lock()

    def a():
        l.acquire()
        try:
            b.n += 1
        finally:
            l.release()

    run(a, a)
    assert b.n == 2


def deco(f):
    @functools.wraps(f)
    def w(*a, **k):
        return f(*a, **k)

    return w


@deco
def bump(b):
    b.n += 1


def decorated():
    b = Box()
    run(lambda: bump(b), lambda: bump(b))
    assert b.n == 2


def partial():
    b = Box()

    def add(k, *, j=0):
        b.n += k + j

    run(functools.partial(add, 1), functools.partial(add, 1, j=0))
    assert b.n == 2


@dataclass
class DC:
    n: int = 0
    xs: list = field(default_factory=list)
    lock: object = field(default_factory=threading.Lock)

    def add(self):
        with self.lock:
            self.n += 1
            self.xs.append(self.n)

    def bad(self):
        self.n += 1


def dataclass_locked():
    d = DC()
    run(d.add, d.add)
    assert d.n == 2 and d.xs == [1, 2]


def dataclass_bare():
    d = DC()
    run(d.bad, d.bad)
    assert d.n == 2


class Slots:
    __slots__ = ("n",)

    def __init__(self):
        self.n = 0


def slots():
    s = Slots()

    def add():
        s.n += 1

    run(add, add)
    assert s.n == 2


class Base:
    def __init__(self):
        self.n = 0

    def add(self):
        self.n += 1


class Derived(Base):
    def __init__(self):
        super().__init__()
        self.m = 0

    def add(self):
        super().add()
        self.m += 1


def inheritance():
    d = Derived()
    run(d.add, d.add)
    assert d.n == 2


def class_attribute():
    def add():
        Box.total += 1

    run(add, add)
    assert Box.total == 2


def default_argument(x=None):
    if x is None:
        x = []

    def a():
        x.append(1)

    run(a, a)
    assert len(x) == 2


def defaultdict():
    d = collections.defaultdict(int)

    def a():
        d["k"] += 1

    run(a, a)
    assert d["k"] == 2


def counter():
    c = collections.Counter()

    def a():
        c["k"] += 1

    run(a, a)
    assert c["k"] == 2


def deque():
    q = collections.deque([1])

    def a():
        if q:
            q.popleft()

    run(a, a)


def set_changed_under_iterator():
    s = {1}

    def a():
        for _x in s:
            pass

    def b():
        s.add(2)

    run(a, b)


def list_changed_under_iterator():
    s = [1]

    def a():
        for _x in s:
            pass

    def b():
        s.append(2)

    run(a, b)


def late_binding():
    out = []
    ts = []
    for i in range(2):
        t = Thread(target=lambda: out.append(i))
        ts.append(t)
        t.start()
    for t in ts:
        t.join()
    assert sorted(out) == [0, 1]


class W2(threading.Thread):
    def __init__(self, b, name):
        threading.Thread.__init__(self, name=name)
        self.b = b
        self.result = None

    def run(self):
        self.b.n += 1
        self.result = self.b.n


def thread_subclass():
    b = Box()
    ws = [W2(b, "x"), W2(b, "y")]
    [w.start() for w in ws]
    [w.join() for w in ws]
    assert b.n == 2


@contextlib.contextmanager
def held(l):
    l.acquire()
    try:
        yield l
    finally:
        l.release()


def contextmanager():
    b = Box()
    l = Lock()

    def a():
        with held(l):
            b.n += 1

    run(a, a)
    assert b.n == 2


class Single:
    _inst = None

    def __new__(cls):
        if cls._inst is None:
            cls._inst = super().__new__(cls)
        return cls._inst


def singleton():
    out = []
    run(lambda: out.append(Single()), lambda: out.append(Single()))
    assert out[0] is out[1]


class Meta(type):
    insts = {}

    def __call__(cls, *a, **k):
        if cls not in cls.insts:
            cls.insts[cls] = super().__call__(*a, **k)
        return cls.insts[cls]


class MS(metaclass=Meta):
    def __init__(self):
        self.x = 1


def metaclass_singleton():
    out = []
    run(lambda: out.append(MS()), lambda: out.append(MS()))
    assert out[0] is out[1]


class Vec:
    def __init__(self, x):
        self.x = x

    def __add__(self, o):
        return Vec(self.x + o.x)

    def __eq__(self, o):
        return self.x == o.x

    def __lt__(self, o):
        return self.x < o.x

    def __len__(self):
        return self.x

    def __getitem__(self, i):
        return self.x

    def __contains__(self, i):
        return self.x == i

    def __iter__(self):
        yield self.x

    def __call__(self):
        return self.x

    def __bool__(self):
        return self.x != 0

    def __hash__(self):
        return 1


def own_operator():
    v = Vec(0)
    out = []

    def r():
        out.append((v + v).x)

    def w():
        v.x = 1

    run(r, w)
    assert out[0] in (0, 2)


def own_protocols():
    v = Vec(1)
    out = []

    def r():
        if v:
            out.append(len(v) + v[0] + v())

    def w():
        v.x = 0

    run(r, w)
    assert out in ([], [3])


def tuple_swap():
    b = Box()
    b.a = 0

    def r():
        b.n, b.a = b.a, b.n

    def w():
        b.n, b.a = 1, 2

    run(r, w)
    assert (b.n, b.a) in ((1, 2), (2, 1))


def walrus():
    b = Box()

    def r():
        if (x := b.n) == 0:
            b.n = x + 1

    run(r, r)
    assert b.n == 2


def chained():
    b = Box()
    out = []

    def r():
        out.append(0 <= b.n <= b.n)

    def w():
        b.n = 1

    run(r, w)
    assert out == [True]


def keywords():
    b = Box()

    def add(a, *args, k=1, **kw):
        b.n += a + k + sum(args) + sum(kw.values())

    opts = {"z": 0}
    run(lambda: add(0, *[0], **opts), lambda: add(0))
    assert b.n == 2


def bare_except():
    b = Box()
    out = []

    def r():
        try:
            out.append(max(b.n, b.n))
        except BaseException:
            out.append("x")

    def w():
        b.n = 1

    run(r, w)
    assert out[0] in (0, 1)


def caught_assertion():
    b = Box()
    l = Lock()

    def r():
        try:
            with l:
                assert b.n == 5
        except AssertionError:
            pass

    run(r, r)


def slots_of_a_list():
    res = [None] * 2

    def a(i):
        res[i] = i

    run(lambda: a(0), lambda: a(1))
    assert res == [0, 1]


def heap_locked():
    h = []
    l = Lock()

    def a(i):
        with l:
            heapq.heappush(h, i)

    run(lambda: a(2), lambda: a(1))
    assert heapq.heappop(h) == 1


def heap_bare():
    h = [1]

    def a():
        if h:
            heapq.heappop(h)

    run(a, a)


def json_of_shared():
    d = {"a": 1}

    def r():
        json.dumps(d)

    def w():
        d["b"] = 2

    run(r, w)


def deepcopy_of_shared():
    d = {"a": [1]}

    def r():
        copy.deepcopy(d)

    def w():
        d["a"].append(2)

    run(r, w)


def class_in_function():
    class C:
        def __init__(self):
            self.n = 0

        def add(self):
            self.n += 1

    c = C()
    run(c.add, c.add)
    assert c.n == 2


def recursion():
    def fact(n):
        return 1 if n < 2 else n * fact(n - 1)

    out = []
    run(lambda: out.append(fact(5)), lambda: None)
    assert out == [120]


def loop_else():
    b = Box()

    def r():
        for i in range(3):
            if i == 5:
                break
        else:
            b.n += 1

    run(r, r)
    assert b.n == 2


def map_and_filter():
    b = Box()
    out = []

    def r():
        out.append([x + b.n for x in filter(None, [1, 0, 2])])

    def w():
        b.n = 1

    run(r, w)
    assert out[0] in ([1, 2], [2, 3])


def any_():
    b = Box()
    out = []

    def r():
        out.append(any(b.n == x for x in (1, 0)))

    def w():
        b.n = 1

    run(r, w)
    assert out == [True]


def enumerate_and_zip():
    b = Box()
    out = []

    def r():
        out.append([(i, x, y) for i, (x, y) in enumerate(zip(b.items, b.items, strict=False))])

    def w():
        b.items.append(4)

    run(r, w)
    assert len(out[0]) in (3, 4)


def join_():
    out = []
    run(lambda: out.append(",".join(str(x) for x in [1, 2])), lambda: None)
    assert out == ["1,2"]


def message_changed_after_send():
    q = queue.Queue()
    out = []

    def s():
        m = {"x": 1}
        q.put(m)
        m["x"] = 2

    def r():
        out.append(q.get()["x"])

    run(s, r)
    assert out == [1]


def static_and_class_methods():
    b = Box()

    class T:
        @staticmethod
        def f(b):
            b.n += 1

        @classmethod
        def g(cls, b):
            cls.f(b)

    run(lambda: T.f(b), lambda: T.g(b))
    assert b.n == 2


def dict_get():
    d = {}

    def count():
        d["k"] = d.get("k", 0) + 1

    run(count, count)
    assert d["k"] == 2


def dict_methods():
    d = {"a": 1}

    def first():
        if "b" not in d:
            d.setdefault("b", 0)

    def second():
        for key, value in sorted(d.items()):
            assert d.get(key) is not None or value == 0

    run(first, second)
    assert d.pop("b") == 0
    assert list(d.values()) == [1]


def list_methods():
    items = [3, 1]

    def first():
        items.insert(0, 2)
        items.sort()

    def second():
        if 1 in items:
            items.remove(1)

    run(first, second)
    assert items in ([2, 3], [2, 3]), items


@dataclass(order=True)
class Task:
    priority: int
    name: str = ""


def compared_by_a_heap():
    heap = [Task(1), Task(2)]
    late = heap[1]

    def urgent():
        late.priority = 0

    run(lambda: heapq.heappush(heap, Task(3)), urgent)


def compared_by_a_list():
    tasks = [Task(1)]

    def rename():
        tasks[0].name = "x"

    run(lambda: Task(1) in tasks, rename)


class Cell:
    __slots__ = ("n",)

    def __init__(self):
        self.n = 0


CELL, CONFIG, LOCK = Cell(), types.SimpleNamespace(limit=2), threading.RLock()
CHANGED, JOBS, COUNTS = threading.Condition(LOCK), queue.Queue(), {}


def slots_of_the_module():
    def add():
        CELL.n += 1

    run(add, add)
    assert CELL.n == 2


def namespace_of_the_module():
    def add():
        CONFIG.limit += 1

    run(add, add)
    assert CONFIG.limit == 4


def locks_of_the_module():
    def work():
        with CHANGED:
            COUNTS["x"] = COUNTS.get("x", 0) + 1
            CHANGED.notify_all()
        JOBS.put(1)

    run(work, work)
    assert COUNTS["x"] == JOBS.qsize() == 2


def generator_methods():
    def numbers():
        got = yield 1
        yield got

    out = []

    def work():
        it = numbers()
        next(it)
        out.append(it.send(5))
        it.close()

    run(work)
    assert out == [5]


def _locked_numbers(lock):
    with lock:
        yield 1
        yield 2


def loop_leaves_a_generator():
    l = Lock()

    def delegates():
        yield from _locked_numbers(l)

    def first(numbers):
        for number in numbers():
            return number

    run(lambda: first(lambda: _locked_numbers(l)), lambda: first(delegates))
    assert not l.locked()


def loop_raises_over_a_generator():
    l = Lock()
    try:
        for number in _locked_numbers(l):
            1 / (number - 1)
    except ZeroDivisionError:
        assert not l.locked()


def loop_leaves_a_generator_without_with():
    l = Lock()

    def numbers():
        l.acquire()
        yield 1
        yield 2
        l.release()

    def first():
        for _ in numbers():
            break

    run(first, first)


def loop_leaves_a_generator_that_goes_on():
    numbers = _locked_numbers(Lock())
    next(numbers)
    seen = []
    for number in iter(numbers):
        seen.append(number)
        break
    assert seen == [2]
    assert list(numbers) == []


def closed_in_a_with():
    l = Lock()

    def closes():
        numbers = _locked_numbers(l)
        next(numbers)
        numbers.close()

    run(closes, closes)
    assert not l.locked()


T = TypeVar("T")


class Held(Generic[T]):
    def __init__(self, value: T):
        self.value = value

    def add(self):
        self.value += 1


def generic_class():
    c = Held[int](0)
    run(c.add, c.add)
    assert c.value == 2


def generic_queue():
    q = queue.Queue[int]()
    run(lambda: q.put(1), q.get)


def asks_for_the_class():
    lifo, done = queue.LifoQueue(), Future()
    assert isinstance(lifo, queue.Queue)
    assert isinstance(done, Future)
    assert not isinstance(queue.SimpleQueue(), queue.Queue)
    assert isinstance(threading.BoundedSemaphore(), threading.Semaphore)
    match threading.Event():
        case threading.Event():
            pass
        case _:
            raise AssertionError


def sleeps_at_random():
    b = Box()

    def add():
        n = b.n
        time.sleep(random.uniform(0.1, 0.5) / 10)
        b.n = n + 1

    run(add, add)
    assert b.n == 2


def sleeps_at_random_locked():
    b, l = Box(), Lock()

    def add():
        with l:
            b.n += 1
            sleep(random.choice([1, 2]))

    run(add, add)
    assert b.n == 2


def own_sleep():
    def sleep(seconds):
        return seconds

    sleep(random.random())


def deepcopy_of_a_lock():
    copy.deepcopy({"lock": Lock()})


def list_in_a_tuple():
    items = [1]
    t = Thread(target=items.clear)
    t.start()
    assert items in ([1], [2])
    t.join()


def list_in_a_tuple_of_all():
    items = [1]
    t = Thread(target=items.clear)
    t.start()
    assert items in ([], [1])
    assert [1, items] not in ([1, 2], (1, items))
    t.join()


def _first(l):
    return next(_locked_numbers(l))


def drops_a_generator():
    l = Lock()
    _first(l)
    l.acquire()


def drops_a_generator_in_a_zip():
    for _ in zip("ab", _locked_numbers(Lock()), strict=False):
        break


def drops_a_generator_in_any():
    any(_locked_numbers(Lock()))


def keeps_a_generator():
    l = Lock()
    kept = [_locked_numbers(l)]
    next(kept[0])
    l.acquire()


def ordered_by_id():
    boxes = [Box() for _ in range(20)]
    locks = {id(b): Lock() for b in boxes}

    def swap(a, b):
        first, second = sorted((a, b), key=id)
        with locks[id(first)], locks[id(second)]:
            a.n, b.n = b.n, a.n

    for a, b in zip(boxes, reversed(boxes), strict=True):
        swap(a, b)
    run(lambda: swap(boxes[0], boxes[1]), lambda: swap(boxes[1], boxes[0]))


EXPECTED = {
    "ordered_by_id": "proved",
    "drops_a_generator": "refused",
    "drops_a_generator_in_a_zip": "refused",
    "drops_a_generator_in_any": "refused",
    "keeps_a_generator": "failed",
    "list_in_a_tuple": "failed",
    "list_in_a_tuple_of_all": "proved",
    "sleeps_at_random": "failed",
    "sleeps_at_random_locked": "proved",
    "own_sleep": "refused",
    "deepcopy_of_a_lock": "failed",
    "generic_class": "failed",
    "generic_queue": "proved",
    "asks_for_the_class": "proved",
    "loop_leaves_a_generator": "proved",
    "loop_raises_over_a_generator": "proved",
    "loop_leaves_a_generator_without_with": "failed",
    "loop_leaves_a_generator_that_goes_on": "proved",
    "closed_in_a_with": "proved",
    "slots_of_the_module": "failed",
    "namespace_of_the_module": "failed",
    "locks_of_the_module": "proved",
    "generator_methods": "proved",
    "dict_get": "failed",
    "dict_methods": "proved",
    "list_methods": "proved",
    "compared_by_a_heap": "refused",
    "compared_by_a_list": "refused",
    "comprehension": "failed",
    "generator_expression": "failed",
    "generator": "failed",
    "lambda_": "failed",
    "property_": "failed",
    "getattr_hook": "failed",
    "sorted_key": "failed",
    "f_string": "failed",
    "match_": "failed",
    "del_item": "failed",
    "del_attribute": "failed",
    "with_two": "proved",
    "try_finally": "proved",
    "decorated": "failed",
    "partial": "failed",
    "dataclass_locked": "proved",
    "dataclass_bare": "failed",
    "slots": "failed",
    "inheritance": "failed",
    "class_attribute": "failed",
    "default_argument": "proved",
    "defaultdict": "failed",
    "counter": "failed",
    "deque": "failed",
    "set_changed_under_iterator": "failed",
    "list_changed_under_iterator": "proved",
    "late_binding": "failed",
    "thread_subclass": "failed",
    "contextmanager": "proved",
    "singleton": "failed",
    "metaclass_singleton": "failed",
    "own_operator": "failed",
    "own_protocols": "failed",
    "tuple_swap": "failed",
    "walrus": "failed",
    "chained": "proved",
    "keywords": "failed",
    "bare_except": "proved",
    "caught_assertion": "proved",
    "slots_of_a_list": "proved",
    "heap_locked": "proved",
    "heap_bare": "failed",
    "json_of_shared": "proved",
    "deepcopy_of_shared": "refused",
    "class_in_function": "failed",
    "recursion": "proved",
    "loop_else": "failed",
    "map_and_filter": "failed",
    "any_": "failed",
    "enumerate_and_zip": "proved",
    "join_": "proved",
    "message_changed_after_send": "failed",
    "static_and_class_methods": "failed",
}
