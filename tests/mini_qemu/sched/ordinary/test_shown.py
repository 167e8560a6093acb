"""What a recorded run of an ordinary program shows: names that last, shared places without steps, queues and events."""

import ast
import linecache
import queue
import threading

from mini_qemu.sched import columns, explain, explore, shortest_trace


class Lazy:
    only = None

    def get(self):
        if self.only is None:
            Lazy.only = object()
        return Lazy.only


def lazy():
    """The class holds None: a read of it is an access like any other."""
    seen = []
    threads = [threading.Thread(target=lambda: seen.append(Lazy().get())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen[0] is seen[1]


def test_none_in_a_class_is_a_value():
    result = explore(lazy)
    assert (result.verdict, "Lazy.only" in result.discovered) == ("failed", True)
    assert any(" reads Lazy.only: None" in step.text for step in shortest_trace(lazy).steps)


class Account:
    def __init__(self):
        self.lock = threading.Lock()
        self.balance = 100

    def pay(self, amount):
        with self.lock:
            enough = self.balance >= amount
        if enough:
            with self.lock:
                self.balance -= amount


def overdrawn():
    account = Account()
    threads = [threading.Thread(target=account.pay, args=(70,), name=name) for name in ("Ann", "Bob")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert account.balance >= 0, f"the balance is {account.balance}"


def test_what_a_lock_orders_is_shown_between_the_steps():
    trace = shortest_trace(overdrawn)
    assert trace.labels == ["account.balance"]
    assert [moment.state["account.balance"] for moment in (trace.steps[1], trace.steps[-1])] == ["100", "-40"]
    first = next(step for step in trace.steps if step.thread == "Ann" and step.op == "lock")
    assert [aside.text for aside in first.asides] == ["reads account.balance: 100"]
    assert "· reads account.balance: 100" in str(columns(trace, width=60))


def test_the_explanation_names_what_the_lock_hid():
    assert explain(overdrawn).splitlines()[0].startswith("Ann read account.balance (100) in Account.pay")


def test_asides_are_no_steps():
    assert explore(overdrawn).discovered == []
    assert [step.op for step in shortest_trace(overdrawn).steps if step.thread == "Ann"] == [
        "lock", "unlock", "lock", "unlock", "end"
    ]  # fmt: skip


def queued():
    jobs, done = queue.Queue(), threading.Event()

    def work():
        jobs.get()
        done.set()

    thread = threading.Thread(target=work, name="worker")
    thread.start()
    jobs.put("report")
    thread.join()
    assert not done.is_set(), "it is done"


def test_queues_and_events_are_shown_under_their_names():
    trace = shortest_trace(queued)
    assert set(trace.labels) == {"jobs", "done"}
    assert [step.state["jobs"] for step in trace.steps if step.op in ("put", "get")] == ["['report']", "[]"]
    assert (trace.steps[0].state["done"], trace.steps[-1].state["done"]) == ("not set", "set")


class Node:
    def __init__(self, value):
        self.value = value


def replaced():
    """The name `box[0]` belongs to one object, then to another one."""
    box = [Node(0)]

    def first():
        box[0].value = 1

    def second():
        box[0] = Node(2)

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert box[0].value == 0


def test_a_name_follows_the_object_that_has_it():
    trace = shortest_trace(replaced)
    last = trace.steps[-1].state
    assert last["box[0].value"] in ("1", "2")
    assert not any("0x" in value for value in last.values())


def test_labels_do_not_change_when_variables_come_and_go():
    for program in (lazy, overdrawn, queued):
        trace = shortest_trace(program)
        seen: set[str] = set()
        for moment in (trace.initial, *trace.steps):
            assert seen <= set(moment.state), f"{seen - set(moment.state)} vanished"
            seen = set(moment.state)


class Shadowed:
    value = 0


def reads_the_class_while_the_object_gets_its_own():
    one = Shadowed()
    seen = []

    def own():
        one.value = 1

    def everybody():
        Shadowed.value = 2

    def look():
        seen.append(one.value)

    threads = [threading.Thread(target=target) for target in (own, everybody, look)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [1], seen


def test_an_inherited_value_is_read_in_the_object_and_in_the_class():
    result = explore(reads_the_class_while_the_object_gets_its_own)
    assert {message for _, message in result.outcomes} == {"AssertionError: [0]", "AssertionError: [2]"}


CELL = """
import threading

def in_a_cell():
    thread = threading.Thread(target=print)
    thread.start()
    thread.join()
"""


def test_a_cell_that_imports_and_calls_runs_as_ipython_compiles_it():
    """IPython compiles the import and the function apart, and the compiler then calls `threading.Thread` otherwise."""
    name = "<ipython-input-1-imports>"
    linecache.cache[name] = (len(CELL), None, CELL.splitlines(keepends=True), name)
    scope = {"__name__": __name__}
    for statement in ast.parse(CELL).body:
        exec(compile(ast.Module([statement], []), name, "exec"), scope)
    assert explore(scope["in_a_cell"]).verdict == "proved"


class Till:
    def __init__(self, name):
        self.name, self.lock, self.cash = name, threading.Lock(), 10

    def __lt__(self, other):
        return self.name < other.name


def move(a, b, amount):
    first, second = sorted((a, b))
    with first.lock, second.lock:
        a.cash -= amount
        b.cash += amount


def counted():
    a, b = Till("a"), Till("b")
    seen = []
    threads = [threading.Thread(target=move, args=those) for those in ((a, b, 5), (b, a, 3))]
    threads.append(threading.Thread(target=lambda: seen.append(a.cash + b.cash)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [20]


def test_a_comparison_reads_what_its_method_asks_for():
    """``sorted`` compares tills by their names, which nobody changes; their cash is another matter."""
    result = explore(counted)
    assert (result.verdict, result.discovered) == ("failed", ["Till.cash"])


def test_a_parameter_of_another_function_takes_no_name_away():
    """In one of the threads ``a`` is main's ``b``; the names shown are main's."""
    texts = [step.text for step in shortest_trace(counted).steps]
    assert "Thread-1 (move) locks a.lock" in texts
    assert "Thread-3 (<lambda>) reads b.cash: 10" in texts
