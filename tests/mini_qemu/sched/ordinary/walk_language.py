# ruff: noqa
"""Programs that share state through every part of the language, named by what is right: proved, fails or refused."""

import abc
import collections
import contextlib
import dataclasses
import enum
import functools
import threading
from dataclasses import dataclass, field


def run(*functions):
    threads = [threading.Thread(target=f, name="ABCDEF"[i]) for i, f in enumerate(functions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


Lock = threading.Lock


class Box:
    def __init__(s):
        s.n = 0
        s.items = [1, 2, 3]
        s.d = {}


def fails_listcomp_walks_dict():
    d = {"a": 1}

    def r():
        [k for k in d]

    def w():
        d["b"] = 2

    run(r, w)


def fails_dictcomp_of_objects():
    accounts = [Box(), Box()]
    out = []

    def total():
        out.append(sum({i: a.n for i, a in enumerate(accounts)}.values()))

    def move():
        accounts[0].n -= 5
        accounts[1].n += 5

    run(total, move)
    assert out == [0]


def proved_dictcomp_locked():
    accounts = [Box(), Box()]
    l = Lock()
    out = []

    def total():
        with l:
            out.append(sum({i: a.n for i, a in enumerate(accounts)}.values()))

    def move():
        with l:
            accounts[0].n -= 5
            accounts[1].n += 5

    run(total, move)
    assert out == [0]


def fails_setcomp_cond():
    b = Box()
    out = []

    def r():
        out.append({x for x in [1, 2] if b.n == 0})

    def w():
        b.n = 1

    run(r, w)
    assert out[0] in ({1, 2}, set())


def fails_nested_comp():
    grid = [[0, 0], [0, 0]]
    out = []

    def r():
        out.append(sum((c for row in grid for c in row)))

    def w():
        grid[0][0] = 1
        grid[1][1] = -1

    run(r, w)
    assert out == [0]


def fails_comp_side_effect():
    b = Box()

    def inc():
        b.n += 1

    def w():
        [inc() for _ in range(2)]

    run(w, w)
    assert b.n == 4


def fails_comp_walrus():
    b = Box()
    out = []

    def r():
        out.append([y for x in (1, 2) if (y := b.n) is not None])

    def w():
        b.n = 1

    run(r, w)
    assert out[0] in ([0, 0], [1, 1])


def fails_generator_shared():

    def ids():
        i = 0
        while True:
            yield i
            i += 1

    g = ids()
    out = []

    def t():
        out.append(next(g))

    run(t, t)


def proved_generator_shared_locked():

    def ids():
        i = 0
        while True:
            yield i
            i += 1

    g = ids()
    out = []
    l = Lock()

    def t():
        with l:
            out.append(next(g))

    run(t, t)
    assert sorted(out) == [0, 1]


def fails_generator_late():
    b = Box()
    out = []

    def evens():
        for x in b.items:
            if x % 2 == 0:
                yield x

    gen = evens()

    def r():
        out.extend(gen)

    def w():
        b.items.append(4)

    run(r, w)
    assert out == [2]


def fails_genexp_late():
    b = Box()
    out = []
    g = (x + b.n for x in (1, 2))

    def r():
        out.append(list(g))

    def w():
        b.n = 10

    run(r, w)
    assert out[0] in ([1, 2], [11, 12])


def fails_yield_from():
    b = Box()
    out = []

    def inner():
        yield b.n
        yield b.n

    def outer():
        yield from inner()

    def r():
        out.append(list(outer()))

    def w():
        b.n = 1

    run(r, w)
    assert out[0][0] == out[0][1]


def fails_generator_send():
    b = Box()

    def acc():
        while True:
            x = yield b.n
            b.n = b.n + x

    def t():
        g = acc()
        next(g)
        g.send(1)

    run(t, t)
    assert b.n == 2


def proved_generator_finally():
    l = Lock()
    b = Box()

    def guarded():
        l.acquire()
        try:
            yield 1
        finally:
            l.release()

    def t():
        for _ in guarded():
            b.n += 1

    run(t, t)
    assert b.n == 2


def fails_lambda_default():
    box = [0]
    add = lambda k=1, box=box: box.__setitem__(0, box[0] + k)
    run(add, add)
    assert box == [2]


def fails_lambda_in_dict():
    b = Box()
    ops = {"inc": lambda: setattr(b, "n", getattr(b, "n") + 1)}
    run(ops["inc"], ops["inc"])
    assert b.n == 2


def fails_lambda_sort_key():
    b = Box()
    out = []

    def r():
        out.append(sorted([1, 2, 3], key=lambda x: -x if b.n else x))

    def w():
        b.n = 1

    run(r, w)
    assert out[0] in ([1, 2, 3], [3, 2, 1])


class Temp:
    def __init__(s):
        s._c = 0
        s.hits = 0

    @property
    def c(s):
        s.hits += 1
        return s._c

    @c.setter
    def c(s, v):
        s._c = v

    @c.deleter
    def c(s):
        s._c = None


def fails_property_side_effect():
    t = Temp()
    run(lambda: t.c, lambda: t.c)
    assert t.hits == 2


def fails_property_deleter():
    t = Temp()
    t._c = 1

    def r():
        if t.c is not None:
            t.c + 1

    def w():
        del t.c

    run(r, w)


class Lazy:
    made = 0

    def __init__(s):
        s._v = None
        s.count = 0

    @property
    def v(s):
        if s._v is None:
            s.count += 1
            s._v = object()
        return s._v


def fails_lazy_property():
    z = Lazy()
    out = []

    def t():
        out.append(z.v)

    run(t, t)
    assert out[0] is out[1]


class CP:
    def __init__(s):
        s.calls = 0

    @functools.cached_property
    def v(s):
        s.calls += 1
        return object()


def fails_cached_property():
    z = CP()
    out = []

    def t():
        out.append(z.v)

    run(t, t)
    assert out[0] is out[1]


class Proxy:
    def __init__(s, target):
        s.__dict__["target"] = target

    def __getattr__(s, name):
        return getattr(s.target, name)

    def __setattr__(s, name, value):
        setattr(s.target, name, value)


def fails_proxy():
    b = Box()
    p = Proxy(b)

    def t():
        p.n += 1

    run(t, t)
    assert b.n == 2


class Proxy2:
    def __init__(s, target):
        object.__setattr__(s, "target", target)

    def __getattr__(s, name):
        return getattr(s.target, name)

    def __setattr__(s, name, value):
        setattr(s.target, name, value)


def fails_proxy2():
    b = Box()
    p = Proxy2(b)

    def t():
        p.n += 1

    run(t, t)
    assert b.n == 2


class Counted:
    def __init__(s):
        object.__setattr__(s, "reads", 0)
        s.x = 1

    def __getattribute__(s, name):
        if name == "x":
            object.__setattr__(s, "reads", object.__getattribute__(s, "reads") + 1)
        return object.__getattribute__(s, name)


def fails_getattribute():
    c = Counted()
    run(lambda: c.x, lambda: c.x)
    assert c.reads == 2


class Desc:
    def __set_name__(s, owner, name):
        s.name = "_" + name

    def __get__(s, obj, cls):
        return getattr(obj, s.name, 0) if obj is not None else s

    def __set__(s, obj, v):
        setattr(obj, s.name, v)


class WithDesc:
    n = Desc()


def fails_descriptor():
    w = WithDesc()

    def t():
        w.n += 1

    run(t, t)
    assert w.n == 2


class DictAttr(dict):
    def __getattr__(s, k):
        return s[k]

    def __setattr__(s, k, v):
        s[k] = v


def fails_attrdict():
    d = DictAttr(n=0)

    def t():
        d.n += 1

    run(t, t)
    assert d["n"] == 2


class Named:
    def __init__(s):
        s.first = "A"
        s.last = "A"

    def __str__(s):
        return s.first + s.last

    def __repr__(s):
        return f"<{s.first}{s.last}>"

    def __format__(s, spec):
        return s.first + s.last


def fails_fstring_str():
    n = Named()
    out = []

    def r():
        out.append(f"{n!s}")

    def w():
        n.first = "B"
        n.last = "B"

    run(r, w)
    assert out[0] in ("AA", "BB")


def fails_fstring_format():
    n = Named()
    out = []

    def r():
        out.append(f"{n:x}")

    def w():
        n.first = "B"
        n.last = "B"

    run(r, w)
    assert out[0] in ("AA", "BB")


def fails_str_call():
    n = Named()
    out = []

    def r():
        out.append(str(n))

    def w():
        n.first = "B"
        n.last = "B"

    run(r, w)
    assert out[0] in ("AA", "BB")


def refused_percent():
    n = Named()
    out = []

    def r():
        out.append("%s" % n)

    def w():
        n.first = "B"
        n.last = "B"

    run(r, w)
    assert out[0] in ("AA", "BB")


def refused_repr_of_list_of_objects():
    n = Named()
    out = []
    l = [n]

    def r():
        out.append(repr(l))

    def w():
        n.first = "B"
        n.last = "B"

    run(r, w)
    assert out[0] in ("[<AA>]", "[<BB>]")


def refused_format_method():
    n = Named()
    out = []

    def r():
        out.append("{0.first}{0.last}".format(n))

    def w():
        n.first = "B"
        n.last = "B"

    run(r, w)
    assert out[0] in ("AA", "BB")


@dataclass
class Point:
    x: int = 0
    y: int = 0


def refused_match_class():
    p = Point()
    out = []

    def r():
        match p:
            case Point(x=0, y=1):
                out.append("torn")
            case _:
                out.append("ok")

    def w():
        p.y = 1
        p.x = 1

    run(r, w)
    assert out == ["ok"]


def proved_match_class_locked():
    p = Point()
    out = []
    l = Lock()

    def r():
        with l:
            match p:
                case Point(x=0, y=1):
                    out.append("torn")
                case _:
                    out.append("ok")

    def w():
        with l:
            p.y = 1
            p.x = 1

    run(r, w)
    assert out == ["ok"]


def fails_match_mapping():
    d = {"op": "add"}
    b = Box()

    def r():
        match d:
            case {"op": "add"}:
                b.n = 1
                d["op"]

    def w():
        d.pop("op")

    run(r, w)


def fails_match_seq():
    q = [1, 2]

    def r():
        match q:
            case [a, c]:
                q.pop()
                q.pop()
            case _:
                pass

    run(r, r)


def fails_del_slice():
    l = [1, 2, 3]

    def r():
        if len(l) == 3:
            l[2]

    def w():
        del l[1:]

    run(r, w)


def fails_del_global_name():
    b = Box()
    b.cache = {"k": 1}

    def r():
        try:
            b.cache
        except AttributeError:
            raise

    def w():
        del b.cache

    run(r, w)


def refused_del_local_captured():
    x = 1

    def r():
        return x

    def w():
        nonlocal x
        del x

    run(r, w)


class CM:
    def __init__(s, log, name):
        s.log = log
        s.name = name

    def __enter__(s):
        s.log.append(s.name)
        return s

    def __exit__(s, *a):
        s.log.remove(s.name)


def fails_with_several():
    log = []

    def t():
        with CM(log, "a"), CM(log, "b"):
            assert len(log) == 2

    run(t, t)


def fails_with_deadlock():
    a, b = (Lock(), Lock())

    def t():
        with a, b:
            pass

    def u():
        with b, a:
            pass

    run(t, u)


def proved_exitstack():
    a = Lock()
    b = Box()

    def t():
        with contextlib.ExitStack() as st:
            st.enter_context(a)
            b.n += 1

    run(t, t)
    assert b.n == 2


def proved_suppress():
    b = Box()
    l = Lock()

    def t():
        with contextlib.suppress(ValueError), l:
            b.n += 1
            raise ValueError

    run(t, t)
    assert b.n == 2


def proved_nullcontext():
    b = Box()
    l = Lock()

    def t():
        with contextlib.nullcontext(5) as x, l:
            b.n += x

    run(t, t)
    assert b.n == 10


def proved_closing():
    b = Box()
    l = Lock()

    class R:
        def close(s):
            with l:
                b.n += 1

    def t():
        with contextlib.closing(R()):
            pass

    run(t, t)
    assert b.n == 2


def fails_finally_return():
    b = Box()

    def t():
        try:
            return b.n
        finally:
            b.n += 1

    run(t, t)
    assert b.n == 2


def fails_try_else():
    d = {}

    def t():
        try:
            d["x"]
        except KeyError:
            d["x"] = d.get("x", 0) + 1
        else:
            d["x"] += 1

    run(t, t)
    assert d["x"] == 2


def fails_exception_group():
    b = Box()

    def t():
        try:
            raise ExceptionGroup("g", [ValueError(1)])
        except* ValueError:
            b.n += 1

    run(t, t)
    assert b.n == 2


def fails_exception_holds_state():

    class E(Exception):
        pass

    e = E()
    e.n = 0

    def t():
        e.n += 1

    run(t, t)
    assert e.n == 2


def counted(f):

    @functools.wraps(f)
    def g(*a):
        g.calls += 1
        return f(*a)

    g.calls = 0
    return g


def fails_function_attribute():

    @counted
    def hello():
        pass

    run(hello, hello)
    assert hello.calls == 2


class Memo:
    def __init__(s, f):
        s.f = f
        s.cache = {}
        s.miss = 0

    def __call__(s, x):
        if x not in s.cache:
            s.miss += 1
            s.cache[x] = s.f(x)
        return s.cache[x]


def fails_class_decorator():

    @Memo
    def sq(x):
        return x * x

    run(lambda: sq(2), lambda: sq(2))
    assert sq.miss == 1


def fails_memo_closure():

    def memo(f):
        cache = {}

        def g(x):
            if x not in cache:
                cache[x] = f(x)
            return cache[x]

        return g

    made = []

    @memo
    def make(x):
        made.append(x)
        return x

    run(lambda: make(1), lambda: make(1))
    assert made == [1]


def proved_synchronized():
    l = threading.RLock()

    def sync(f):

        @functools.wraps(f)
        def g(*a, **k):
            with l:
                return f(*a, **k)

        return g

    b = Box()

    @sync
    def add():
        b.n += 1

    run(add, add)
    assert b.n == 2


def fails_partial_mutable():

    def add(box):
        box[0] += 1

    p = functools.partial(add, [0])
    run(p, p)
    assert p.args[0] == [2]


def fails_partialmethod():

    class C:
        def __init__(s):
            s.n = 0

        def add(s, k):
            s.n += k

        inc = functools.partialmethod(add, 1)

    c = C()
    run(c.inc, c.inc)
    assert c.n == 2


def fails_singledispatch():
    b = Box()

    @functools.singledispatch
    def f(x):
        b.n += 1

    run(lambda: f(1), lambda: f(1))
    assert b.n == 2


@dataclass
class Acc:
    n: int = 0
    log: list = field(default_factory=list)

    def __post_init__(s):
        s.twice = s.n * 2

    def bump(s):
        s.n = s.n + 1
        s.log.append(s.n)


def fails_dataclass():
    a = Acc()
    run(a.bump, a.bump)
    assert a.log == [1, 2]


@dataclass(frozen=True)
class Conf:
    n: int = 0


def proved_frozen_replace_locked():
    b = Box()
    b.c = Conf()
    l = Lock()

    def t():
        with l:
            b.c = dataclasses.replace(b.c, n=b.c.n + 1)

    run(t, t)
    assert b.c.n == 2


def fails_frozen_replace():
    b = Box()
    b.c = Conf()

    def t():
        b.c = dataclasses.replace(b.c, n=b.c.n + 1)

    run(t, t)
    assert b.c.n == 2


@dataclass(slots=True)
class SlotD:
    n: int = 0


def fails_dataclass_slots():
    a = SlotD()

    def t():
        a.n += 1

    run(t, t)
    assert a.n == 2


def refused_asdict():
    a = Acc()
    out = []

    def r():
        out.append(dataclasses.asdict(a))

    def w():
        a.n = 1
        a.log.append(1)

    run(r, w)
    assert len(out[0]["log"]) == out[0]["n"]


@dataclass
class Eq2:
    x: int = 0
    y: int = 0


def refused_dataclass_eq():
    a = Eq2()
    out = []

    def r():
        out.append(a == Eq2(1, 0))

    def w():
        a.x = 1
        a.y = 1

    run(r, w)
    assert out == [False]


class Sl:
    __slots__ = ("a", "b")

    def __init__(s):
        s.a = s.b = 0


class Sl2(Sl):
    __slots__ = ("c",)

    def __init__(s):
        super().__init__()
        s.c = 0


def fails_slots_inherited():
    s = Sl2()

    def t():
        s.a += 1
        s.c += 1

    run(t, t)
    assert s.a == 2


class A0:
    count = 0

    def __init_subclass__(cls, **k):
        super().__init_subclass__(**k)
        A0.count += 1


def refused_init_subclass():

    def t():
        type("X", (A0,), {})

    start = A0.count
    run(t, t)
    assert A0.count == start + 2


class Ab(abc.ABC):
    @abc.abstractmethod
    def step(s): ...

    def go(s):
        s.step()


class Impl(Ab):
    def __init__(s):
        s.n = 0

    def step(s):
        s.n += 1


def fails_abc():
    i = Impl()
    run(i.go, i.go)
    assert i.n == 2


class M1:
    def add(s):
        s.n += 1


class M2:
    def add(s):
        super().add()
        s.m += 1


class Both(M2, M1):
    def __init__(s):
        s.n = s.m = 0


def fails_mixin():
    b = Both()
    run(b.add, b.add)
    assert b.n == 2


class ListSub(list):
    def push(s, x):
        if len(s) < 1:
            s.append(x)


def fails_list_subclass():
    l = ListSub()
    run(lambda: l.push(1), lambda: l.push(2))
    assert len(l) == 1


class DictSub(dict):
    def __missing__(s, k):
        s[k] = v = []
        return v


def fails_dict_missing():
    d = DictSub()
    run(lambda: d["a"].append(1), lambda: d["a"].append(2))
    assert len(d["a"]) == 2


class IntSub(int):
    pass


def fails_int_subclass_attr():
    i = IntSub(3)
    i.n = 0

    def t():
        i.n += 1

    run(t, t)
    assert i.n == 2


G = 0


def fails_global():
    global G
    G = 0

    def t():
        global G
        G += 1

    run(t, t)
    assert G == 2


def fails_nonlocal():
    n = 0

    def t():
        nonlocal n
        n += 1

    run(t, t)
    assert n == 2


def fails_nonlocal_deep():
    n = 0

    def outer():

        def inner():
            nonlocal n
            n = n + 1

        inner()

    run(outer, outer)
    assert n == 2


def proved_append_extend():
    l = []
    run(lambda: l.append(1), lambda: l.extend([2, 3]))
    assert sorted(l) == [1, 2, 3] and l.index(3) == l.index(2) + 1


def proved_set_ior():
    s = set()

    def t(x):
        m = s
        m |= {x}

    run(lambda: t(1), lambda: t(2))
    assert s == {1, 2}


def proved_dict_update():
    d = {}
    run(lambda: d.update(a=1), lambda: d.update(b=2))
    assert len(d) == 2


def proved_setdefault():
    d = {}
    out = []

    def t():
        out.append(d.setdefault("k", object()))

    run(t, t)
    assert out[0] is out[1]


def proved_pop_default():
    d = {"k": 1}
    out = []

    def t():
        out.append(d.pop("k", None))

    run(t, t)
    assert sorted(map(str, out)) == ["1", "None"]


def fails_item_iadd():
    l = [0]

    def t():
        l[0] += 1

    run(t, t)
    assert l == [2]


def fails_dict_item_iadd():
    d = collections.defaultdict(int)

    def t():
        d["x"] += 1

    run(t, t)
    assert d["x"] == 2


def fails_attr_list_iadd():
    b = Box()
    b.items = []

    def t():
        b.items += [1]

    def w():
        b.items = [9]

    run(t, w)
    assert b.items in ([9], [9, 1])


def fails_tuple_iadd():
    b = Box()
    b.t = ()

    def t():
        b.t += (1,)

    run(t, t)
    assert len(b.t) == 2


def fails_str_iadd():
    b = Box()
    b.s = ""

    def t():
        b.s += "x"

    run(t, t)
    assert b.s == "xx"


def fails_check_then_act_list():
    l = [1]

    def t():
        if l:
            l.pop()

    run(t, t)


def fails_iter_dict_changed():
    d = {1: 1, 2: 2}

    def r():
        for k in d:
            pass

    def w():
        d.pop(1)

    run(r, w)


def fails_iter_items():
    d = {1: 1, 2: 2}

    def r():
        for k, v in d.items():
            pass

    def w():
        d[3] = 3

    run(r, w)


def proved_iter_copy_of_list():
    l = [1, 2]

    def r():
        for k in l[:]:
            pass

    def w():
        l.remove(1)

    run(r, w)


def fails_list_skip():
    l = [1, 2, 3]
    seen = []

    def r():
        for k in l:
            seen.append(k)

    def w():
        l.remove(1)

    run(r, w)
    assert 3 in seen and 2 in seen


def fails_deque_iter():
    q = collections.deque([1, 2])

    def r():
        for k in q:
            pass

    def w():
        q.append(3)

    run(r, w)


def fails_reversed():
    l = [1, 2]
    out = []

    def r():
        out.append(list(reversed(l)))

    def w():
        l.append(3)

    run(r, w)
    assert out == [[2, 1]]


def fails_unpack_star():
    l = [1, 2]
    out = []

    def r():
        a, *b = l
        out.append(len(b))

    def w():
        l.append(3)

    run(r, w)
    assert out == [1]


def fails_unpack_exact():
    l = [1, 2]

    def r():
        a, b = l

    def w():
        l.append(3)

    run(r, w)


class Color(enum.Enum):
    RED = 1


def fails_enum_attr():
    Color.RED.hits = 0

    def t():
        Color.RED.hits += 1

    run(t, t)
    assert Color.RED.hits == 2


class Level(enum.Enum):
    LOW = 0
    HIGH = 1

    def __init__(s, v):
        s.hits = 0


def fails_enum_member_state():

    def t():
        Level.LOW.hits += 1

    run(t, t)
    assert Level.LOW.hits == 2


def proved_enum_use():
    b = Box()
    b.state = Color.RED
    l = Lock()

    def t():
        with l:
            if b.state is Color.RED and Level["LOW"] is Level(0):
                b.n += 1

    run(t, t)
    assert b.n == 2


class Reg(type):
    classes = []

    def __new__(m, name, bases, ns):
        cls = super().__new__(m, name, bases, ns)
        m.classes.append(name)
        m.last = name
        return cls

    def __getattr__(cls, name):
        return 5


def fails_meta_attr():

    class Q(metaclass=Reg):
        n = 0

    def t():
        Q.n += 1

    run(t, t)
    assert Q.n == 2


class Q2(metaclass=Reg):
    n = 0


def fails_meta_attr_module():

    def t():
        Q2.n += 1

    run(t, t)
    assert Q2.n == 2


def fails_meta_on_meta():
    Reg.k = 0

    def t():
        Reg.k += 1

    run(t, t)
    assert Reg.k == 2


class FlagE(enum.Flag):
    A = 1
    B = 2


def fails_flag():
    b = Box()
    b.f = FlagE(0)

    def t(x):
        b.f |= x

    run(lambda: t(FlagE.A), lambda: t(FlagE.B))
    assert b.f == FlagE.A | FlagE.B


def proved_flag_locked():
    b = Box()
    b.f = FlagE(0)
    l = Lock()

    def t(x):
        with l:
            b.f |= x

    run(lambda: t(FlagE.A), lambda: t(FlagE.B))
    assert b.f == FlagE.A | FlagE.B


class Nt(collections.namedtuple("Nt", "x y")):
    pass


def fails_namedtuple_replace():
    b = Box()
    b.p = Nt(0, 0)

    def t():
        b.p = b.p._replace(x=b.p.x + 1)

    run(t, t)
    assert b.p.x == 2
