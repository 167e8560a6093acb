# ruff: noqa
"""Programs whose races hide in what Python and its library do for them, named by what is right."""

import array
import bisect
import collections
import contextvars
import copy
import csv
import dataclasses
import datetime
import decimal
import enum
import functools
import hashlib
import heapq
import io
import itertools
import json
import logging
import operator
import pickle
import random
import re
import statistics
import string
import struct
import threading
import time
import types
import weakref
import zlib
from collections import ChainMap, Counter, OrderedDict, UserDict, UserList, defaultdict, deque


def run(*functions):
    threads = [threading.Thread(target=f, name="ABCDEF"[i]) for i, f in enumerate(functions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class Box:
    def __init__(s):
        s.n = 0
        s.items = []


def fails_attrgetter():
    b = Box()
    g = operator.attrgetter("n")

    def t():
        b.n = g(b) + 1

    run(t, t)
    assert b.n == 2


def fails_itemgetter():
    d = {"n": 0}
    g = operator.itemgetter("n")

    def t():
        d["n"] = g(d) + 1

    run(t, t)
    assert d["n"] == 2


def fails_methodcaller():

    class C:
        def __init__(s):
            s.n = 0

        def inc(s):
            s.n += 1

    c = C()
    m = operator.methodcaller("inc")
    run(lambda: m(c), lambda: m(c))
    assert c.n == 2


def fails_operator_setitem():
    d = {"n": 0}

    def t():
        operator.setitem(d, "n", operator.getitem(d, "n") + 1)

    run(t, t)
    assert d["n"] == 2


def fails_operator_iadd_attr():
    b = Box()

    def t():
        b.items = operator.iadd(b.items, [1])

    def w():
        b.items = [7]

    run(t, w)
    assert b.items in ([7], [7, 1])


def fails_setattr_builtin():
    b = Box()

    def t():
        setattr(b, "n", getattr(b, "n", 0) + 1)

    run(t, t)
    assert b.n == 2


def fails_vars_write():
    b = Box()

    def t():
        vars(b)["n"] = vars(b)["n"] + 1

    run(t, t)
    assert b.n == 2


def fails_dunder_dict():
    b = Box()

    def t():
        b.__dict__["n"] = b.__dict__["n"] + 1

    run(t, t)
    assert b.n == 2


def fails_dunder_dict_update():
    b = Box()

    def t():
        b.__dict__.update(n=b.n + 1)

    run(t, t)
    assert b.n == 2


def fails_object_setattr():
    b = Box()

    def t():
        object.__setattr__(b, "n", object.__getattribute__(b, "n") + 1)

    run(t, t)
    assert b.n == 2


def fails_super_setattr():

    class C:
        def __init__(s):
            s.n = 0

        def __setattr__(s, k, v):
            super().__setattr__(k, v)

    c = C()

    def t():
        c.n = c.n + 1

    run(t, t)
    assert c.n == 2


def refused_counter_update():
    c = Counter()

    def t():
        c.update(["a"])

    run(t, t)
    assert c["a"] == 2


def refused_counter_iadd():
    c = Counter()
    b = Box()
    b.c = c

    def t():
        b.c += Counter(a=1)

    run(t, t)
    assert b.c["a"] == 2


def fails_counter_most_common():
    c = Counter(a=1)

    def r():
        c.most_common(1)[0]

    def w():
        del c["a"]

    run(r, w)


def refused_chainmap():
    base = {}
    cm = ChainMap({}, base)

    def t():
        cm["k"] = cm.get("k", 0) + 1

    run(t, t)
    assert cm["k"] == 2


def fails_ordereddict_move():
    od = OrderedDict(a=1, b=2)

    def t():
        if "a" in od:
            od.move_to_end("a")
            od.popitem()

    run(t, t)


def fails_lru_cache_ordereddict():
    od = OrderedDict(a=1, b=2)

    def get(k):
        if k in od:
            od.move_to_end(k)
            return od[k]

    def put():
        od["c"] = 3
        if len(od) > 2:
            od.popitem(last=False)

    run(lambda: get("a"), put)


def fails_defaultdict_list():
    d = defaultdict(list)

    def t():
        d["k"].append(1)

    run(t, t)
    assert len(d["k"]) == 2


def fails_defaultdict_len():
    d = defaultdict(lambda: len(d))
    out = []

    def t(k):
        out.append(d[k])

    run(lambda: t("a"), lambda: t("b"))
    assert out[0] != out[1]


def refused_userdict():
    d = UserDict(n=0)

    def t():
        d["n"] += 1

    run(t, t)
    assert d["n"] == 2


def refused_userlist():
    l = UserList([0])

    def t():
        l[0] += 1

    run(t, t)
    assert l[0] == 2


class MyUD(UserDict):
    def bump(s):
        s["n"] = s.get("n", 0) + 1


def refused_userdict_subclass():
    d = MyUD()
    run(d.bump, d.bump)
    assert d["n"] == 2


class MyMap(collections.abc.MutableMapping):
    def __init__(s):
        s.d = {}

    def __getitem__(s, k):
        return s.d[k]

    def __setitem__(s, k, v):
        s.d[k] = v

    def __delitem__(s, k):
        del s.d[k]

    def __iter__(s):
        return iter(s.d)

    def __len__(s):
        return len(s.d)


def refused_mutablemapping():
    m = MyMap()

    def t():
        m["n"] = m.get("n", 0) + 1

    run(t, t)
    assert m["n"] == 2


def refused_mutablemapping_setdefault():
    m = MyMap()
    out = []

    def t():
        out.append(m.setdefault("k", object()))

    run(t, t)
    assert out[0] is out[1]


def proved_mutablemapping_locked():
    m = MyMap()
    l = threading.Lock()

    def t():
        with l:
            m["n"] = m.get("n", 0) + 1

    run(t, t)
    assert m["n"] == 2


def fails_simplenamespace():
    s = types.SimpleNamespace(n=0)

    def t():
        s.n += 1

    run(t, t)
    assert s.n == 2


def fails_array():
    a = array.array("i", [0])

    def t():
        a[0] += 1

    run(t, t)
    assert a[0] == 2


def fails_bytearray():
    a = bytearray(1)

    def t():
        a[0] += 1

    run(t, t)
    assert a[0] == 2


def refused_memoryview():
    a = bytearray(1)
    m = memoryview(a)

    def t():
        m[0] += 1

    run(t, t)
    assert a[0] == 2


def fails_slice_assign():
    l = [1, 2, 3]

    def r():
        if len(l) == 3:
            assert sum(l[:3]) == 6

    def w():
        l[0:1] = [2]
        l[2:3] = [2]

    run(r, w)


def fails_heapq():
    h = []

    def t():
        heapq.heappush(h, len(h))

    run(t, t)
    assert sorted(h) == [0, 1]


def fails_heapq_nsmallest():
    h = [3, 1, 2]
    out = []

    def r():
        out.append(heapq.nsmallest(1, h)[0])

    def w():
        h.remove(1)
        h.append(1)

    run(r, w)
    assert out == [1]


class Job:
    def __init__(s, p):
        s.p = p

    def __lt__(s, o):
        Job.compares += 1
        return s.p < o.p

    compares = 0


def refused_heap_lt_side_effect():
    h1, h2 = ([Job(1)], [Job(2)])
    Job.compares = 0
    run(lambda: heapq.heappush(h1, Job(0)), lambda: heapq.heappush(h2, Job(0)))
    assert Job.compares == 2


def proved_heap_lt_locked():
    h = []
    l = threading.Lock()
    Job.compares = 0

    def t(p):
        with l:
            heapq.heappush(h, Job(p))

    run(lambda: t(2), lambda: t(1))
    assert heapq.heappop(h).p == 1


def fails_insort():
    l = []

    def t(x):
        if x not in l:
            bisect.insort(l, x)

    run(lambda: t(1), lambda: t(1))
    assert l == [1]


def fails_count():
    c = itertools.count()
    out = {}

    def t():
        i = next(c)
        out[len(out)] = i

    run(t, t)
    assert len(out) == 2


def proved_count():
    c = itertools.count()
    out = []

    def t():
        out.append(next(c))

    run(t, t)
    assert sorted(out) == [0, 1]


def fails_cycle():
    c = itertools.cycle([1, 2])
    out = []

    def t():
        out.append((next(c), next(c)))

    run(t, t)
    assert out == [(1, 2), (1, 2)]


def refused_tee():
    a, b = itertools.tee(iter([1, 2]))
    out = []
    run(lambda: out.append(list(a)), lambda: out.append(list(b)))


def fails_chain_lazily():
    l = [1]
    c = itertools.chain(l, [9])
    out = []

    def r():
        out.append(list(c))

    def w():
        l.append(2)

    run(r, w)
    assert out == [[1, 9]]


def refused_groupby():
    l = [1, 1, 2]
    out = []

    def r():
        out.append([(k, len(list(g))) for k, g in itertools.groupby(l)])

    def w():
        l.append(2)

    run(r, w)
    assert out[0][1] == (2, 1)


def refused_islice_shared():
    it = iter(range(4))
    out = []

    def t():
        out.append(list(itertools.islice(it, 2)))

    run(t, t)
    assert [0, 1] in out


def refused_accumulate():
    l = [1, 2]
    out = []

    def r():
        out.append(list(itertools.accumulate(l)))

    def w():
        l[0] = 5

    run(r, w)
    assert out == [[1, 3]]


@functools.cache
def cached(x):
    return object()


def refused_cache():
    out = []

    def t():
        out.append(cached(1))

    run(t, t)
    assert out[0] is out[1]


def refused_cache_local():
    calls = []

    @functools.lru_cache(maxsize=None)
    def f(x):
        calls.append(x)
        return x

    run(lambda: f(1), lambda: f(1))
    assert calls == [1]


class CPL:
    n = 0

    @functools.cached_property
    def conn(s):
        CPL.n += 1
        return CPL.n


def fails_cached_property_count():
    c = CPL()
    CPL.n = 0
    run(lambda: c.conn, lambda: c.conn)
    assert CPL.n == 1


@functools.total_ordering
class TO:
    def __init__(s, v):
        s.v = v

    def __eq__(s, o):
        return s.v == o.v

    def __lt__(s, o):
        return s.v < o.v


def refused_total_ordering():
    a, b = (TO(1), TO(2))
    out = []

    def r():
        out.append(a <= b and b >= a)

    def w():
        a.v, b.v = (3, 4)

    run(r, w)
    assert out == [True]


def fails_reduce():
    l = [1, 2]
    out = []

    def r():
        out.append(functools.reduce(operator.add, l))

    def w():
        l[0] += 1
        l[1] -= 1

    run(r, w)
    assert out == [3]


def refused_cmp_to_key():
    b = Box()
    out = []

    def cmp(x, y):
        b.n += 1
        return x - y

    def t():
        out.append(sorted([2, 1], key=functools.cmp_to_key(cmp)))

    run(t, t)
    assert b.n == 2


def refused_copy():
    b = Box()
    b.m = 0
    out = []

    def r():
        out.append(copy.copy(b))

    def w():
        b.n = 1
        b.m = 1

    run(r, w)
    assert out[0].n == out[0].m


def refused_deepcopy():
    d = {"a": {"x": 1}, "b": {"x": 1}}
    out = []

    def r():
        out.append(copy.deepcopy(d))

    def w():
        d["a"]["x"] = 2
        d["b"]["x"] = 2

    run(r, w)
    assert out[0]["a"] == out[0]["b"]


def refused_json():
    d = {"a": [1], "b": [1]}
    out = []

    def r():
        out.append(json.dumps(d))

    def w():
        d["a"].append(2)
        d["b"].append(2)

    run(r, w)
    assert out[0] in ('{"a": [1], "b": [1]}', '{"a": [1, 2], "b": [1, 2]}')


def proved_json_locked():
    d = {"a": 1}
    l = threading.Lock()

    def r():
        with l:
            json.dumps(d)

    def w():
        with l:
            d["b"] = 2

    run(r, w)


def refused_json_default():
    b = Box()
    out = []

    def default(o):
        return {"n": o.n, "again": o.n}

    def r():
        out.append(json.dumps(b, default=default))

    def w():
        b.n = 1

    run(r, w)
    assert out[0] in ('{"n": 0, "again": 0}', '{"n": 1, "again": 1}')


class Enc(json.JSONEncoder):
    def default(s, o):
        return [o.n, o.n]


def refused_json_encoder():
    b = Box()
    out = []

    def r():
        out.append(json.dumps(b, cls=Enc))

    def w():
        b.n = 1

    run(r, w)
    assert out[0] in ("[0, 0]", "[1, 1]")


def refused_pickle():
    b = Box()
    b.m = 0
    out = []

    def r():
        out.append(pickle.dumps(b))

    def w():
        b.n = 1
        b.m = 1

    run(r, w)
    x = pickle.loads(out[0])
    assert x.n == x.m


def fails_join():
    l = ["a", "b"]
    out = []

    def r():
        out.append("".join(l))

    def w():
        l[0] = "x"
        l[1] = "y"

    run(r, w)
    assert out[0] in ("ab", "xy")


def fails_join_gen():
    l = ["a", "b"]
    out = []

    def r():
        out.append("".join((x.upper() for x in l)))

    def w():
        l.append("c")

    run(r, w)
    assert out == ["AB"]


def fails_sum():
    l = [1, -1]
    out = []

    def r():
        out.append(sum(l))

    def w():
        l[0] = 2
        l[1] = -2

    run(r, w)
    assert out == [0]


def fails_sum_start_obj():

    class V:
        def __init__(s, x):
            s.x = x

        def __add__(s, o):
            return V(s.x + o.x)

        def __radd__(s, o):
            return V(s.x + o)

    a, b = (V(1), V(-1))
    out = []

    def r():
        out.append(sum([a, b]).x)

    def w():
        a.x = 5
        b.x = -5

    run(r, w)
    assert out == [0]


def fails_max_key():
    a, b = (Box(), Box())
    a.n = 1
    out = []

    def r():
        out.append(max([a, b], key=lambda x: x.n) is a)

    def w():
        b.n = 3
        a.n = 5

    run(r, w)
    assert out == [True]


def fails_max_attrgetter():
    a, b = (Box(), Box())
    a.n = 1
    out = []

    def r():
        out.append(max([a, b], key=operator.attrgetter("n")) is a)

    def w():
        b.n = 3
        a.n = 5

    run(r, w)
    assert out == [True]


def fails_any_all():
    l = [False, True]
    out = []

    def r():
        out.append(any(l))

    def w():
        l[1] = False
        l[0] = True

    run(r, w)
    assert out == [True]


def fails_any_all2():
    l = [False, True]
    out = []

    def r():
        out.append(any((x for x in l)))

    def w():
        l[0] = True
        l[1] = False

    run(r, w)
    assert out == [True]


def fails_sorted():
    l = [2, 1]
    out = []

    def r():
        out.append(sorted(l))

    def w():
        l.remove(2)
        l.append(2)

    run(r, w)
    assert out == [[1, 2]]


def fails_zip_strict():
    a, b = ([1], [1])

    def r():
        list(zip(a, b, strict=True))

    def w():
        a.append(3)
        b.append(3)

    run(r, w)


def proved_map():
    l = [1, 2]
    out = []

    def r():
        out.append(list(map(str, l)))

    def w():
        l.pop(0)

    run(r, w)
    assert out[0] in (["1", "2"], ["2"])


def fails_map_lazy():
    b = Box()
    m = map(lambda x: x + b.n, [1, 2])
    out = []

    def r():
        out.append(list(m))

    def w():
        b.n = 1

    run(r, w)
    assert out[0] in ([1, 2], [2, 3])


def fails_enumerate():
    l = [1, 2]

    def r():
        for i, x in enumerate(l):
            assert l[i] == x

    def w():
        l.insert(0, 0)

    run(r, w)


def fails_min_len():
    l = [1]

    def r():
        if len(l) > 0:
            min(l)

    def w():
        l.clear()

    run(r, w)


def fails_sort_key_side():
    l = [2, 1]
    b = Box()

    def key(x):
        b.n += 1
        return x

    def t():
        l.sort(key=key)

    run(t, t)
    assert b.n == 4


def fails_sort_lt():
    a, b = (Job(1), Job(2))
    l = [a, b]
    out = []

    def r():
        l.sort()
        out.append(l[0] is a)

    def w():
        b.p = 0
        a.p = -1

    run(r, w)
    assert out == [True]


def fails_list_eq():
    l = [1, 1]
    out = []

    def r():
        out.append(l == [2, 1])

    def w():
        l[0] = 2
        l[1] = 2

    run(r, w)
    assert out == [False]


class Key:
    hashes = 0

    def __init__(s, v):
        s.v = v

    def __hash__(s):
        Key.hashes += 1
        return hash(s.v)

    def __eq__(s, o):
        return s.v == o.v


def refused_hash_side_effect():
    d1, d2 = ({}, {})
    Key.hashes = 0

    def t(d):
        d[Key(1)] = 1

    run(lambda: t(d1), lambda: t(d2))
    assert Key.hashes == 2


def refused_key_mutated():
    k = Key(1)
    d = {}

    def put():
        d[k] = 1

    def w():
        k.v = 2

    run(put, w)
    assert k in d or d == {}


def proved_own_keys_locked():
    d = {}
    l = threading.Lock()

    def t(i):
        with l:
            d[Key(i)] = i

    run(lambda: t(1), lambda: t(1))
    assert len(d) == 1


def refused_eq_in_list():
    k = Key(1)
    l = [k]
    out = []

    def r():
        out.append(Key(5) in l)

    def w():
        k.v = 5
        k.v = 1

    run(r, w)
    assert out == [False]


def refused_index_own():

    class I:
        n = 0

        def __index__(s):
            I.n += 1
            return 0

    l = [7]
    i = I()
    run(lambda: l[i], lambda: l[i])
    assert I.n == 2


def fails_int_own():

    class I:
        n = 0

        def __int__(s):
            I.n += 1
            return 0

        def __float__(s):
            I.n += 1
            return 0.0

        def __round__(s, d=0):
            I.n += 1
            return 0

    i = I()
    run(lambda: int(i), lambda: int(i))
    assert I.n == 2


def fails_neg_own():

    class I:
        n = 0

        def __neg__(s):
            I.n += 1
            return 0

        def __abs__(s):
            I.n += 1
            return 0

    i = I()
    run(lambda: -i, lambda: -i)
    assert I.n == 2


def fails_abs_own():

    class I:
        n = 0

        def __abs__(s):
            I.n += 1
            return 0

    i = I()
    run(lambda: abs(i), lambda: abs(i))
    assert I.n == 2


def fails_divmod_own():

    class I:
        n = 0

        def __divmod__(s, o):
            I.n += 1
            return (0, 0)

    i = I()
    run(lambda: divmod(i, 2), lambda: divmod(i, 2))
    assert I.n == 2


def fails_pow_own():

    class I:
        n = 0

        def __pow__(s, o, m=None):
            I.n += 1
            return 1

    i = I()
    run(lambda: pow(i, 2), lambda: i**2)
    assert I.n == 2


def refused_instancecheck():

    class M(type):
        n = 0

        def __instancecheck__(c, o):
            M.n += 1
            return True

    class A(metaclass=M):
        pass

    run(lambda: isinstance(3, A), lambda: isinstance(3, A))
    assert M.n == 2


def refused_class_getitem():

    class A:
        n = 0

        def __class_getitem__(c, k):
            A.n += 1
            return c

    run(lambda: A[int], lambda: A[int])
    assert A.n == 2


def fails_dir_own():

    class A:
        n = 0

        def __dir__(s):
            A.n += 1
            return []

    a = A()
    run(lambda: dir(a), lambda: dir(a))
    assert A.n == 2


def refused_set_name():

    class D:
        n = 0

        def __set_name__(s, o, k):
            D.n += 1

    def t():

        class C:
            d = D()

    run(t, t)
    assert D.n == 2


def refused_class_body():
    b = Box()

    def t():

        class C:
            b.n += 1

    run(t, t)
    assert b.n == 2


def fails_class_decorated_in_thread():
    reg = []
    b = Box()

    def register(c):
        b.n += 1
        return c

    def t():

        @register
        class C:
            pass

    run(t, t)
    assert b.n == 2


def fails_method_in_local_class():
    b = Box()

    class C:
        def __len__(s):
            b.n += 1
            return 0

    c = C()
    run(lambda: len(c), lambda: bool(c))
    assert b.n == 2


def fails_contains_own():
    b = Box()

    class C:
        def __contains__(s, k):
            b.n += 1
            return True

    c = C()
    run(lambda: 1 in c, lambda: 1 in c)
    assert b.n == 2


def fails_default_list():

    def add(x, acc=[]):
        if x not in acc:
            acc.append(x)
        return acc

    run(lambda: add(1), lambda: add(1))
    assert add(1) == [1]


def mod_default(x, seen={}):
    seen[x] = seen.get(x, 0) + 1
    return seen[x]


def fails_default_dict_module():
    out = []
    run(lambda: out.append(mod_default("k")), lambda: out.append(mod_default("k")))
    assert sorted(out) == [1, 2]


def fails_kwdefault():

    def add(*, acc=[0]):
        acc[0] += 1
        return acc[0]

    run(add, add)
    assert add() == 3


def fails_defaults_attr():

    def f(a=[0]):
        return a

    def t():
        f.__defaults__[0][0] += 1

    run(t, t)
    assert f() == [2]


def make_counter():
    n = 0

    def inc():
        nonlocal n
        n += 1
        return n

    return inc


def fails_closure_counter():
    inc = make_counter()
    out = []
    run(lambda: out.append(inc()), lambda: out.append(inc()))
    assert sorted(out) == [1, 2]


INC = make_counter()


def fails_closure_counter_module():
    out = []
    run(lambda: out.append(INC()), lambda: out.append(INC()))
    assert out[0] != out[1]


def refused_closure_cell_contents():
    inc = make_counter()
    c = inc.__closure__[0]

    def t():
        c.cell_contents = c.cell_contents + 1

    run(t, t)
    assert c.cell_contents == 2


def refused_weakref_callback():
    b = Box()
    hits = []

    class T:
        pass

    x = T()
    r = weakref.ref(x, lambda _: hits.append(b.n))

    def d():
        nonlocal x
        x = None

    def w():
        b.n = 1

    run(d, w)
    assert hits == [0]


def refused_weakvaluedict():

    class T:
        pass

    wd = weakref.WeakValueDictionary()
    keep = []

    def t():
        if "k" not in wd:
            o = T()
            keep.append(o)
            wd["k"] = o

    run(t, t)
    assert len(keep) == 1


def refused_finalizer():
    b = Box()

    class T:
        def __del__(s):
            b.n += 1

    def t():
        T()

    run(t, t)
    assert b.n == 2


def refused_weakref_finalize():
    b = Box()

    class T:
        pass

    def fin():
        b.n += 1

    def t():
        o = T()
        weakref.finalize(o, fin)

    run(t, t)
    assert b.n == 2


def refused_stringio():
    s = io.StringIO()

    def t(x):
        s.write(x)
        s.write(x)

    run(lambda: t("a"), lambda: t("b"))
    assert s.getvalue() in ("aabb", "bbaa")


def refused_print_file():
    s = io.StringIO()

    def t(x):
        print(x, file=s)

    run(lambda: t("a"), lambda: t("b"))
    assert s.getvalue() in ("a\nb\n", "b\na\n")


class W:
    def __init__(s):
        s.text = ""

    def write(s, x):
        s.text = s.text + x


def fails_print_own_file():
    w = W()

    def t(x):
        print(x, file=w)

    run(lambda: t("a"), lambda: t("b"))
    assert w.text in ("a\nb\n", "b\na\n")


def fails_print_str_raises():

    class T:
        def __str__(s):
            raise ValueError

    run(lambda: print(T()))


def fails_print_str_counts():

    class T:
        n = 0

        def __str__(s):
            T.n += 1
            return ""

    t = T()
    run(lambda: print(t), lambda: print(t))
    assert T.n == 2


def refused_random_shared():
    r = random.Random(1)
    out = []

    def t():
        out.append(r.random())

    run(t, t)
    assert out[0] < out[1]


def refused_random_seeded_module():
    random.seed(1)
    out = []

    def t():
        out.append(random.randint(0, 9))

    run(t, t)
    assert len(out) == 2


def refused_now():
    out = []
    run(lambda: out.append(datetime.datetime.now()))


def refused_date_today():
    run(lambda: datetime.date.today())


def refused_time_ns():
    run(lambda: time.time_ns())


def proved_contextvar():
    v = contextvars.ContextVar("v", default=0)
    out = []

    def t():
        v.set(v.get() + 1)
        out.append(v.get())

    run(t, t)
    assert out == [1, 1]


def fails_contextvar_mutable():
    v = contextvars.ContextVar("v")
    shared = [0]

    def t():
        v.set(shared)
        v.get()[0] += 1

    run(t, t)
    assert shared == [2]


class H(logging.Handler):
    def __init__(s):
        super().__init__()
        s.lines = []
        s.n = 0

    def emit(s, rec):
        s.n += 1


def refused_logging_handler():
    h = H()
    lg = logging.Logger("x")
    lg.addHandler(h)
    run(lambda: lg.warning("a"), lambda: lg.warning("b"))
    assert h.n == 2


def fails_function_attr():

    def f():
        f.n += 1

    f.n = 0
    run(f, f)
    assert f.n == 2


def fails_method_func_attr():

    class C:
        def f(s):
            C.f.n = C.f.n + 1

    C.f.n = 0
    c = C()
    run(c.f, c.f)
    assert C.f.n == 2


def fails_class_dict_list():

    class C:
        items = []

    def t():
        if not C.items:
            C.items.append(1)

    run(t, t)
    assert C.items == [1]


def fails_class_attr_via_self():

    class C:
        n = 0

        def inc(s):
            type(s).n += 1

        def inc2(s):
            s.__class__.n += 1

    c = C()
    run(c.inc, c.inc2)
    assert C.n == 2


def fails_classmethod_counter():

    class C:
        n = 0

        @classmethod
        def inc(cls):
            cls.n += 1

    run(C.inc, C.inc)
    assert C.n == 2


def fails_instance_counter():

    class C:
        made = 0

        def __init__(s):
            C.made += 1
            s.id = C.made

    ids = []
    run(lambda: ids.append(C().id), lambda: ids.append(C().id))
    assert sorted(ids) == [1, 2]


def fails_new_singleton():

    class S:
        one = None

        def __new__(cls):
            if S.one is None:
                S.one = object.__new__(cls)
            return S.one

    out = []
    run(lambda: out.append(S()), lambda: out.append(S()))
    assert out[0] is out[1]


def refused_regex_sub():
    b = Box()

    def rep(m):
        b.n += 1
        return "x"

    run(lambda: re.sub("a", rep, "a"), lambda: re.sub("a", rep, "a"))
    assert b.n == 2


def fails_template():
    d = {"a": "1", "b": "1"}
    out = []

    def r():
        out.append(string.Template("$a$b").substitute(d))

    def w():
        d["a"] = "2"
        d["b"] = "2"

    run(r, w)
    assert out[0] in ("11", "22")


def fails_format_map():
    d = {"a": "1", "b": "1"}
    out = []

    def r():
        out.append("{a}{b}".format_map(d))

    def w():
        d["a"] = "2"
        d["b"] = "2"

    run(r, w)
    assert out[0] in ("11", "22")


def fails_percent_dict():
    d = {"a": "1", "b": "1"}
    out = []

    def r():
        out.append("%(a)s%(b)s" % d)

    def w():
        d["a"] = "2"
        d["b"] = "2"

    run(r, w)
    assert out[0] in ("11", "22")


def fails_star_kwargs():
    d = {"a": 1, "b": 1}
    out = []

    def f(a, b):
        out.append(a == b)

    def r():
        f(**d)

    def w():
        d["a"] = 2
        d["b"] = 2

    run(r, w)
    assert out == [True]


def refused_struct_pack_into():
    a = bytearray(4)

    def t():
        (x,) = struct.unpack_from("i", a)
        struct.pack_into("i", a, 0, x + 1)

    run(t, t)
    assert struct.unpack("i", a)[0] == 2


def refused_hash_update():
    h = hashlib.md5()

    def t(x):
        h.update(x)
        h.update(x)

    run(lambda: t(b"a"), lambda: t(b"b"))
    assert h.hexdigest() == hashlib.md5(b"aabb").hexdigest()


def refused_zlib_obj():
    c = zlib.compressobj()
    run(lambda: c.compress(b"a"), lambda: c.compress(b"b"))


def fails_deque_rotate():
    d = deque([1, 2, 3])
    out = []

    def t():
        out.append(d[0])
        d.rotate(-1)

    run(t, t)
    assert sorted(out) == [1, 2]


def fails_deque_maxlen():
    d = deque(maxlen=1)

    def t(x):
        d.append(x)
        assert d[-1] == x

    run(lambda: t(1), lambda: t(2))


def fails_list_sort_race():
    l = [3, 1, 2]

    def r():
        l.sort()
        assert l == sorted(l)

    def w():
        l.append(0)

    run(r, w)


def fails_set_pop():
    s = {1}

    def t():
        if s:
            s.pop()

    run(t, t)


def fails_frozen_swap():
    b = Box()
    b.f = frozenset()

    def t(x):
        b.f = b.f | {x}

    run(lambda: t(1), lambda: t(2))
    assert b.f == {1, 2}


def refused_exec():
    b = Box()
    run(lambda: exec("b.n += 1", {"b": b}), lambda: exec("b.n += 1", {"b": b}))
    assert b.n == 2


def refused_eval():
    run(lambda: eval("1+1"))


def refused_decimal_ctx():

    def t():
        decimal.getcontext().prec += 1

    run(t, t)


def fails_stat_mean():
    l = [1, 1]
    out = []

    def r():
        out.append(statistics.mean(l))

    def w():
        l[0] = 2
        l[1] = 0

    run(r, w)
    assert out == [1]


def refused_csv_writer():
    s = io.StringIO()
    w = csv.writer(s)
    run(lambda: w.writerow([1]), lambda: w.writerow([2]))


def refused_mp_proxy():
    d = {"n": 0}
    p = types.MappingProxyType(d)

    def t():
        d["n"] = p["n"] + 1

    run(t, t)
    assert d["n"] == 2


def fails_dict_view():
    d = {"a": 1}
    v = d.values()
    out = []

    def r():
        out.append(len(v) == len(list(v)))

    def w():
        d["b"] = 2

    run(r, w)
    assert out == [True]


def fails_dictkeys_ops():
    d = {"a": 1}
    k = d.keys()
    out = []

    def r():
        out.append("a" in k and "a" in k)

    def w():
        d.pop("a")

    run(r, w)
    assert out == [True] or (out == [False] and False)


def fails_property_setter_invariant():

    class R:
        def __init__(s):
            s._w = s._h = 1

        @property
        def area(s):
            return s._w * s._h

        def scale(s):
            s._w *= 2
            s._h *= 2

    r = R()
    out = []
    run(lambda: out.append(r.area), r.scale)
    assert out[0] in (1, 4)


def fails_matmul_own():

    class M:
        def __init__(s):
            s.a = s.b = 1

        def __matmul__(s, o):
            return s.a + s.b

    m = M()
    out = []

    def w():
        m.a = 2
        m.b = 2

    run(lambda: out.append(m @ m), w)
    assert out[0] in (2, 4)


def fails_iadd_own():

    class M:
        def __init__(s):
            s.v = 0

        def __iadd__(s, o):
            s.v += o
            return s

    b = Box()
    b.m = M()

    def t():
        b.m += 1

    run(t, t)
    assert b.m.v == 2


def fails_call_own():

    class M:
        def __init__(s):
            s.v = 0

        def __call__(s):
            s.v += 1

    m = M()
    run(m, m)
    assert m.v == 2


def fails_reversed_own():

    class It:
        def __init__(s):
            s.l = [1, 2]

        def __len__(s):
            return len(s.l)

        def __getitem__(s, i):
            return s.l[i]

    it = It()
    out = []

    def r():
        out.append(list(reversed(it)))

    def w():
        it.l.pop()

    run(r, w)


def fails_bool_own():

    class Q:
        def __init__(s):
            s.l = [1]

        def __bool__(s):
            return bool(s.l)

        def pop(s):
            return s.l.pop()

    q = Q()

    def t():
        if q:
            q.pop()

    run(t, t)


def fails_not_own():

    class Q:
        def __init__(s):
            s.l = [1]

        def __len__(s):
            return len(s.l)

        def pop(s):
            return s.l.pop()

    q = Q()

    def t():
        if not q:
            return
        q.pop()

    run(t, t)


def fails_filter_none_own():

    class Q:
        n = 0

        def __bool__(s):
            Q.n += 1
            return True

    q = Q()

    def t():
        list(filter(None, [q]))

    run(t, t)
    assert Q.n == 2


def fails_any_own_bool():

    class Q:
        n = 0

        def __bool__(s):
            Q.n += 1
            return False

    q = Q()
    run(lambda: any([q]), lambda: all([q]))
    assert Q.n == 2


def fails_iter_order():
    it = iter([1, 2])
    got = {}

    def t(k):
        got[k] = next(it)

    run(lambda: t("a"), lambda: t("b"))
    assert got["a"] == 1


def fails_count_order():
    c = itertools.count()
    got = {}

    def t(k):
        got[k] = next(c)

    run(lambda: t("a"), lambda: t("b"))
    assert got["a"] == 0


IDS = itertools.count(5)


def proved_count_module():
    out = []
    l = threading.Lock()

    def t():
        with l:
            out.append(next(IDS))

    run(t, t)
    assert out == [5, 6]


def fails_count_module():
    got = {}

    def t(k):
        got[k] = next(IDS)

    run(lambda: t("a"), lambda: t("b"))
    assert got["a"] == 5


class WithIds:
    ids = itertools.count(1)

    def __init__(s):
        s.id = next(WithIds.ids)


def proved_ids_class():
    made = []

    def t():
        made.append(WithIds().id)

    run(t, t)
    assert sorted(made) == [1, 2]


def fails_for_shared_iter():
    it = iter([1, 2, 3])
    got = {"a": [], "b": []}

    def t(k):
        for x in it:
            got[k].append(x)

    run(lambda: t("a"), lambda: t("b"))
    assert got["a"] == [1, 2, 3]


def proved_list_of_shared_iter_locked():
    it = iter([1, 2])
    l = threading.Lock()
    out = []

    def t():
        with l:
            out.extend(it)

    run(t, t)
    assert out == [1, 2]


def fails_str_of_list():
    l = []
    out = []

    def r():
        out.append(str(l))

    def w():
        l.append(1)

    run(r, w)
    assert out == ["[]"]


def fails_fstring_of_list():
    l = []
    out = []

    def r():
        out.append(f"{l}")

    def w():
        l.append(1)

    run(r, w)
    assert out == ["[]"]


def fails_dict_alias_attr():
    b = Box()
    out = []

    def w():
        b.__dict__["n"] = 1

    def r():
        out.append(b.n)

    run(w, r)
    assert out == [0]


def fails_dict_alias_update():
    b = Box()
    out = []

    def w():
        b.__dict__.update(n=1)

    def r():
        out.append(b.n)

    run(w, r)
    assert out == [0]


class Kw:
    def __init__(s, **k):
        s.__dict__.update(k)


def proved_kw_init():
    k = Kw(n=0)
    l = threading.Lock()

    def t():
        with l:
            k.n += 1

    run(t, t)
    assert k.n == 2


class Borg:
    _s = {}

    def __init__(s):
        s.__dict__ = s._s


def refused_borg():
    a, b = (Borg(), Borg())
    a.n = 0
    out = []

    def w():
        a.n = 1

    def r():
        out.append(b.n)

    run(w, r)
    assert out == [0]


@dataclasses.dataclass
class PI:
    x: int = 0
    total = 0

    def __post_init__(s):
        PI.total += 1


def fails_post_init():
    PI.total = 0
    run(PI, PI)
    assert PI.total == 2


def proved_class_in_main_lock():

    class A:
        lock = threading.Lock()
        n = 0

        def inc(s):
            with A.lock:
                A.n += 1

    a = A()
    run(a.inc, a.inc)
    assert A.n == 2


def proved_dataclass_in_main():

    @dataclasses.dataclass
    class A:
        n: int = 0
        l: list = dataclasses.field(default_factory=list)
        lock: object = dataclasses.field(default_factory=threading.Lock)

        def inc(s):
            with s.lock:
                s.n += 1
                s.l.append(s.n)

    a = A()
    run(a.inc, a.inc)
    assert a.l == [1, 2]


def fails_enum_in_main():

    class S(enum.Enum):
        A = enum.auto()
        B = enum.auto()

    b = Box()
    b.s = S.A

    def t():
        if b.s is S.A:
            b.s = S.B
            b.n += 1

    run(t, t)
    assert b.n == 1


def fails_wraps_in_main():

    def counted(f):

        @functools.wraps(f)
        def g(*a):
            g.calls += 1
            return f(*a)

        g.calls = 0
        return g

    @counted
    def hello():
        pass

    run(hello, hello)
    assert hello.calls == 2
