# ruff: noqa: RUF005, RUF017 - each line is there for how it is written
"""What Python's own words return, as functions without threads: under control they must return what they return."""

import concurrent.futures
import functools
import itertools
import operator
import queue


def caught(function, *args):
    """What it returns, or what it raises."""
    try:
        return function(*args)
    except Exception as error:
        return type(error).__name__, str(error)


class Num:
    """With every operator, mirrored and in place."""

    def __init__(self, n):
        self.n = n

    def __add__(self, other):
        return Num(self.n + other.n) if isinstance(other, Num) else NotImplemented

    def __radd__(self, other):
        return Num(self.n + other)

    def __iadd__(self, other):
        self.n += 100
        return self

    def __eq__(self, other):
        return self.n == other.n if isinstance(other, Num) else NotImplemented

    def __hash__(self):
        return self.n

    def __lt__(self, other):
        return self.n < other.n if isinstance(other, Num) else NotImplemented

    def __contains__(self, key):
        return key == self.n

    def __bool__(self):
        return self.n > 0


class Sub(Num):
    def __radd__(self, other):
        return "the subclass goes first"


class Row:
    """Iterated by index."""

    def __init__(self, *items):
        self.items = items

    def __getitem__(self, index):
        return self.items[index]

    def __len__(self):
        return len(self.items)


class Countdown:
    """Iterated by its own iterator, and backwards by its own method."""

    def __init__(self, n):
        self.n = n

    def __iter__(self):
        return self

    def __next__(self):
        if self.n == 0:
            raise StopIteration
        self.n -= 1
        return self.n

    def __reversed__(self):
        yield from range(self.n)


def evens(n):
    for i in range(n):
        if i % 2 == 0:
            yield i
    return "done"


def folds():
    rows = [Num(3), Num(1), Num(2)]
    return [
        any(evens(3)), any(x > 5 for x in evens(3)), all(x < 5 for x in evens(5)), all(x < 1 for x in evens(5)),
        sum(evens(7)), sum([[1], [2]], []), sum((x for x in Row(1, 2)), 10),
        functools.reduce(lambda a, b: a * b, [1, 2, 3]), functools.reduce(lambda a, b: a + b, evens(5), 100),
        min(rows).n, max(rows, key=lambda x: -x.n).n, min(3, 1, 2), max("b", "a"), min([], default=7),
        caught(lambda: min(evens(0)))[0], caught(lambda: max([]))[0], [x.n for x in sorted(rows)],
        [x.n for x in sorted(rows, key=lambda x: -x.n)], sorted(evens(7), reverse=True),
        sorted("bca", key=lambda x: 0, reverse=True),
    ]  # fmt: skip


def operators():
    three, four = Num(3), Num(4)
    also = three
    also += four
    box = [1]
    box += (x for x in Row(2, 3))
    table = {1: 2}
    table |= {3: 4}
    return [
        (Num(1) + four).n, (1 + four).n, Num(1) + Sub(2), also is three, three.n, box, table,
        caught(lambda: four + 1)[0], caught(lambda: four < 1)[0], Num(1) == Num(1), Num(1) != Num(1), Num(1) == 1,
        Num(1) != 1, Num(1) < Num(2), Num(2) > Num(1), 4 in four, 5 not in four, bool(four), not four,
        2 in [1, 2], 2 not in [1, 2], Num(2) in [Num(1), Num(2)], 2 in evens(5), 3 not in evens(5), 2 in Countdown(5),
        1 in table, 9 not in table.values(), (1, 2) in table.items(), [1] + [2], [1] * 2, [1] == [1], [1] < [2],
        {1} | {2}, {1, 2} - {2}, {1: 1} == {1: 1}, "a" + "b", 7 // 2, 7 % 4, -three.n, 2**5, 6 & 3, 6 ^ 3, 1 << 4,
    ]  # fmt: skip


def generators():
    gen, other, third = evens(7), evens(7), evens(3)
    first = next(gen)
    sent = gen.send(None)
    gen.close()
    thrown = caught(other.throw, ValueError("in"))
    rest = next(third), next(third), next(third, 'no more')

    def delegates():
        value = yield from evens(3)
        yield value
        yield from Row("a", "b")
        try:
            yield 1
        except KeyError:
            yield "caught"

    whole = delegates()
    seen = [next(whole) for _ in range(6)]
    return [
        first, sent, list(gen), thrown, rest, seen, whole.throw(KeyError), next(whole, "end"), next(iter([]), 5),
        list(itertools.islice(evens(9), 2)), list(itertools.chain(evens(3), Row(7))),
    ]  # fmt: skip


def pools():
    def square(x):
        return x * x

    def fails():
        raise ValueError("no")

    called = []
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        one, two = pool.submit(square, 3), pool.submit(fails)
        mapped = list(pool.map(square, [1, 2]))
        done = sorted(f.result() for f in concurrent.futures.as_completed([one]))
        split = concurrent.futures.wait([one, two])
        some = concurrent.futures.wait([one], return_when="FIRST_COMPLETED")
        one.add_done_callback(lambda f: called.append(f.result()))
        one.add_done_callback(lambda f: 1 / 0)
    future = concurrent.futures.Future()
    was = future.done(), future.running(), future.cancel(), future.cancelled(), future.cancel()
    set_by_hand, failing = concurrent.futures.Future(), concurrent.futures.Future()
    running = set_by_hand.set_running_or_notify_cancel(), set_by_hand.running(), set_by_hand.cancel()
    set_by_hand.set_result(5)
    failing.set_exception(KeyError("x"))
    return [
        one.result(), repr(two.exception()), mapped, done, len(split.done), len(some.not_done), called, was, running,
        set_by_hand.result(), repr(failing.exception()), caught(failing.result), caught(future.result)[0],
        caught(set_by_hand.set_result, 6)[0], caught(pool.submit, square, 1), one.exception(),
        caught(concurrent.futures.ThreadPoolExecutor, 0), future.set_running_or_notify_cancel(),
        caught(concurrent.futures.Future().result, 0)[0],
    ]  # fmt: skip


def queues():
    fifo, lifo, least, simple = queue.Queue(2), queue.LifoQueue(), queue.PriorityQueue(), queue.SimpleQueue()
    out = [fifo.empty(), fifo.put(1), fifo.put_nowait(2), fifo.full(), caught(fifo.put_nowait, 3)[0], fifo.qsize()]
    out += [caught(fifo.put, 3, True, 0.01)[0], fifo.get(), fifo.get_nowait(), caught(fifo.get_nowait)[0]]
    out += [caught(fifo.get, True, 0.01)[0], fifo.task_done(), fifo.task_done(), caught(fifo.task_done)[0], fifo.join()]
    for value in (2, 1, 3):
        lifo.put(value)
        least.put(value)
        simple.put(value)
    out += [lifo.get(), lifo.get(), least.get(), least.get(), simple.get(), simple.qsize(), simple.empty()]
    out += [simple.get_nowait(), simple.get(), caught(simple.get_nowait)[0], caught(simple.get, True, 0.01)[0]]
    return out


def boxes():
    box, table, seen = [3, 1, 2], {"a": 1}, {1, 2}
    out = [box[0], box[-1], box[1:], caught(lambda: box[9]), box.index(1), box.count(2), box.pop(), len(box)]
    box[0:1] = [7, 8]
    del box[0]
    box.sort(key=lambda x: -x)
    box.extend(evens(3))
    box.insert(0, 5)
    box.reverse()
    out += [list(box), box.copy(), table.setdefault("b", 2), table.pop("a"), table.pop("z", 9), caught(table.pop, "q")]
    table.update(c=3)
    out += [dict(table), list(table), list(table.items()), list(table.values()), table.get("x"), table.get("c", 1)]
    seen.add(5)
    seen.discard(1)
    out += [sorted(seen), seen.pop() in (2, 5), len(seen), seen.issubset({2, 5}), table.popitem(), table.clear(), table]
    out += [operator.itemgetter(0)(box), list(map(operator.neg, box)), divmod(7, 2), Num(2).n, hasattr(3, "n")]
    a, *b = Row(1, 2, 3)
    (c, d), e = evens(3), 5
    return [*out, a, b, c, d, e, f"{box[0]:>3}{len(box)!r}", caught(lambda: len(evens(3)))[0]]


ALL = (folds, operators, generators, pools, queues, boxes)
