# ruff: noqa: PT017, RUF012 - each line is there for how it is written
"""What CPython computes in C is one step; what calls code in Python is not; what containers hold is read as well."""

import itertools
import operator
import threading
from collections import OrderedDict, deque
from dataclasses import dataclass, field


def run(*functions):
    threads = [threading.Thread(target=f) for f in functions]
    for t in threads:
        t.start()
    for t in threads:
        t.join()


# ------------------------------------------------ sorting


def fails_sort_by_lambda_looks_empty():
    scores = [3, 1]
    run(lambda: scores.sort(key=lambda s: -s), lambda: scores[0])


def fails_sort_by_lambda_has_no_length():
    scores = [3, 1]
    out = []
    run(lambda: scores.sort(key=lambda s: -s), lambda: out.append(len(scores)))
    assert out == [2]


def fails_append_while_sorted():
    scores = [3, 1]

    def work():
        try:
            scores.sort(key=lambda s: -s)
        except ValueError as error:
            assert str(error) != "list modified during sort"

    run(work, lambda: scores.append(2))


def proved_key_that_raises_leaves_the_list():
    scores = [3, None]

    def work():
        try:
            scores.sort(key=lambda s: -s)
        except TypeError:
            pass

    run(work, work)
    assert scores == [3, None]


def proved_sort_by_lambda_locked():
    scores = [3, 1]
    lock = threading.Lock()

    def work():
        with lock:
            scores.sort(key=lambda s: -s)
            assert scores[0] == 3

    run(work, work)


@dataclass(order=True)
class Job:
    priority: int


def fails_sort_of_dataclasses():
    jobs = [Job(2), Job(1)]
    run(jobs.sort, lambda: jobs[0])


def proved_sort_by_len():
    words = ["bb", "a"]
    run(lambda: words.append("ccc"), lambda: words.sort(key=len))
    assert len(words) == 3


def proved_sort_by_item():
    rows = [("b", 2), ("a", 1)]
    run(lambda: rows.append(("c", 3)), lambda: rows.sort(key=operator.itemgetter(1)))
    assert len(rows) == 3


def fails_sort_by_len_of_shared():
    rows = [[], [1]]
    run(lambda: rows.sort(key=len), lambda: rows[0].extend([1, 2]))
    assert rows[0] == [1]


# ------------------------------------------------ builtins that read a container


def proved_max_by_get():
    votes = {"a": 1, "b": 2}
    best = []
    run(lambda: best.append(max(votes, key=votes.get)), lambda: votes.update(c=5))
    assert best[0] in ("b", "c")


def proved_sorted_by_get():
    votes = {"a": 1, "b": 2}
    best = []
    run(lambda: best.append(sorted(votes, key=votes.get)[-1]), lambda: votes.pop("a"))
    assert best == ["b"]


def proved_sum_of_values():
    stock = {"a": 1}
    out = []
    run(lambda: out.append(sum(stock.values())), lambda: stock.update(b=1))
    assert out[0] in (1, 2)


def fails_max_by_lambda():
    votes = {"a": 1}
    run(lambda: max(votes.items(), key=lambda item: item[1]), lambda: votes.update(b=2))


# ------------------------------------------------ iterators


def _loops(box, change):
    """A thread that loops and gives up when the box changes, and one that changes it: what the first saw."""
    seen = []

    def loop():
        try:
            for value in box:
                seen.append(value)
        except RuntimeError:
            pass

    run(loop, change)
    return seen


def fails_loop_over_a_dict_begins_late():
    box = {1: 1}
    assert 2 not in _loops(box, lambda: box.update({2: 2}))


def fails_loop_over_a_set_begins_late():
    box = {1}
    assert 2 not in _loops(box, lambda: box.add(2))


def fails_loop_over_a_deque_begins_late():
    box = deque([1])
    assert 2 not in _loops(box, lambda: box.append(2))


def fails_loop_over_a_view_begins_late():
    box = {1: 1}
    assert 2 not in _loops(box.values(), lambda: box.update({2: 2}))


def fails_reversed_begins_late():
    box = [1]
    out = []
    run(lambda: out.extend(reversed(box)), lambda: box.append(2))
    assert 2 not in out


def fails_items_of_an_ordered_dict():
    box = OrderedDict(a=1, b=2)

    def loop():
        for _key, _value in box.items():
            pass

    run(loop, lambda: box.pop("a"))


def fails_map_begins_early():
    box = {1: 1}

    def work():
        texts = map(str, box)
        box[2] = 2
        list(texts)

    run(work)


def fails_reversed_dict():
    box = {"a": 1}
    out = []
    run(lambda: out.append(list(reversed(box))), lambda: box.update(b=2))
    assert out == [["a"]]


def proved_reversed_dict():
    box = {"a": 1, "b": 2}
    out = []
    run(lambda: out.append(list(reversed(box))), lambda: out.append(list(reversed(box.items()))))
    assert ["b", "a"] in out


def proved_mapped_list_at_once():
    box = [1, 2]
    out = []
    run(lambda: out.append(list(map(str, box))), lambda: box.pop(0))
    assert out[0] in (["1", "2"], ["2"])


def proved_sum_of_lengths():
    rows = []
    rows += [1], [2, 3]
    out = []
    run(lambda: out.append(sum(map(len, rows))), lambda: rows.pop(0))
    assert out[0] in (2, 3)


def fails_sum_of_lengths():
    rows = [[1], [2, 3]]
    out = []
    run(lambda: out.append(sum(map(len, rows))), lambda: rows[0].append(4))
    assert out == [3]


def proved_islice_and_chain():
    box = [1, 2, 3]
    out = []
    run(lambda: out.append(list(itertools.chain(itertools.islice(box, 2), [9]))), lambda: box.pop())
    assert out == [[1, 2, 9]]


def proved_expressions_over_ranges():
    grid = [[0, 1, 0] for _ in range(3)]
    new = [[0] * 3 for _ in range(3)]

    def live(*rows):
        for y in rows:
            for x in range(3):
                near = sum(grid[j][i] for j in range(3) for i in range(3) if abs(j - y) < 2 and abs(i - x) < 2)
                new[y][x] = int(near == 3 or (near == 4 and grid[y][x]))

    run(lambda: live(0), lambda: live(1, 2))
    assert new == [[0, 0, 0], [1, 1, 1], [0, 0, 0]]


def proved_groups():
    words = ["apple", "avocado", "bean"]
    out = []

    def group():
        out.append({key: list(found) for key, found in itertools.groupby(words, key=lambda word: word[0])})

    run(group, group)
    assert out == [{"a": ["apple", "avocado"], "b": ["bean"]}] * 2


def proved_pairs_from_a_shared_zip():
    pairs = zip("ab", [1, 2], strict=True)
    out = []

    def work():
        for pair in pairs:
            out.append(pair)

    run(work, work)
    assert sorted(out) == [("a", 1), ("b", 2)]


def proved_keys_as_a_set():
    box = {}
    out = []
    run(lambda: box.setdefault("a", 1), lambda: out.append(box.keys() & {"a", "b"}))
    assert out[0] in (set(), {"a"})
    assert box.keys() == {"a"}
    assert box.items() - {("a", 1)} == set()


# ------------------------------------------------ containers within containers


def _grows(rows):
    rows[0][0] = 3


def fails_max_of_rows():
    rows = [[1], [2]]
    out = []
    run(lambda: out.append(max(rows)), lambda: _grows(rows))
    assert out[0] is rows[1]


def fails_sorted_rows():
    rows = [[1], [2]]
    out = []
    run(lambda: out.append(sorted(rows)), lambda: _grows(rows))
    assert out[0][0] is rows[0]


def fails_row_in_rows():
    rows = [[1], [2]]
    out = []
    run(lambda: out.append([1] in rows), lambda: _grows(rows))
    assert out == [True]


def fails_rows_equal():
    rows = [[1], [2]]
    out = []
    run(lambda: out.append(rows == [[1], [2]]), lambda: _grows(rows))
    assert out == [True]


def proved_rows_equal_in_the_end():
    rows = [[1], [2]]
    seen = []
    run(lambda: seen.append(rows[0][0]), lambda: _grows(rows))
    assert rows == [[3], [2]]


def refused_index_of_a_row():
    rows = [[1], [2]]
    run(lambda: rows.index([1]), lambda: _grows(rows))


def fails_dicts_equal():
    rooms = {"x": {"y": 1}}
    out = []

    def write():
        rooms["x"]["y"] = 3

    run(lambda: out.append(rooms == {"x": {"y": 1}}), write)
    assert out == [True]


def fails_tuples_of_lists_equal():
    pair = ([1], [2])
    out = []
    run(lambda: out.append(pair == ([1], [2])), lambda: pair[0].append(1))
    assert out == [True]


def fails_any_row():
    rows = [[], []]
    out = []
    run(lambda: out.append(any(rows)), lambda: rows[0].append(1))
    assert out == [False]


def proved_remove_a_dict_locked():
    tasks = [{"id": 1, "done": False}, {"id": 2, "done": False}]
    lock = threading.Lock()

    def finish():
        with lock:
            tasks[0]["done"] = True

    def drop():
        with lock:
            tasks.remove(tasks[-1])

    run(finish, drop)
    assert tasks == [{"id": 1, "done": True}]


def proved_remove_the_first_dict():
    tasks = [{"id": 1}, {"id": 2}]

    def change():
        task = tasks[-1]
        task["done"] = True

    run(lambda: tasks.remove(tasks[0]), change)
    assert tasks == [{"id": 2, "done": True}]


def proved_tuples_with_dicts_differ_before():
    entries = []

    def put(priority):
        entry = (priority, {"state": "new"})
        entries.append(entry)
        entry[1]["state"] = "queued"

    run(lambda: put(1), lambda: put(2))
    assert [priority for priority, _ in sorted(entries)] == [1, 2]


# ------------------------------------------------ classes that a run makes


def fails_local_dataclass_in_another():
    @dataclass
    class Point:
        x: int = 0

    @dataclass
    class Line:
        start: Point = field(default_factory=Point)

    line = Line()

    def move():
        line.start.x += 1

    run(move, move)
    assert line == Line(Point(2))


def fails_local_object_of_a_plain_class():
    class Point:
        x = 0

    class Line:
        start = Point()

    def move():
        Line.start.x += 1

    run(move, move)
    assert Line.start.x == 2


def proved_lock_of_a_local_class():
    class Config:
        _made = None
        _lock = threading.Lock()

        def __init__(self):
            self.values = {"a": 1}

        @classmethod
        def get(cls):
            if cls._made is None:
                with cls._lock:
                    if cls._made is None:
                        cls._made = cls()
            return cls._made

    out = []
    run(lambda: out.append(Config.get()), lambda: out.append(Config.get()))
    assert out[0] is out[1]


def fails_local_class_published_early():
    class Config:
        _made = None
        _locks = {"make": threading.Lock()}

        @classmethod
        def get(cls):
            if cls._made is None:
                with cls._locks["make"]:
                    if cls._made is None:
                        cls._made = cls()
                        cls._made.values = {"a": 1}
            return cls._made

    run(lambda: Config.get().values["a"], lambda: Config.get().values["a"])
