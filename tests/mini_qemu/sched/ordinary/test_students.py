"""What is said about programs that nobody wrote for the explorer: verdict, count, and the words of the explanation."""

import pytest

from mini_qemu.sched import InstrumentationError, columns, explain, explore, shortest_trace

from . import students

SAID = {  # program: verdict, interleavings, kinds, what the explanation says
    "bank": ("failed", 3, {"deadlock"}, "waits for accounts['bob'].lock, held by Thread-2 (transfer)"),
    "philosophers": ("failed", 7, {"deadlock"}, "Hume waits for forks[2], held by Mill"),
    "mailbox": ("failed", 136, {"deadlock"}, "consumer-1 read box.closed (False) in Mailbox.receive"),
    "read_write": ("failed", 188, {"crash", "deadlock"}, "wrote rw._readers = 1 in ReadWriteLock.acquire_read"),
    "semaphore_pool": ("failed", 4, {"crash"}, "A popped 'connection 0' from pool.free"),
    "event_handoff": ("failed", 2, {"crash"}, "KeyError: 'value'"),
    "barrier_phases": ("failed", 16, {"crash"}, "Thread-2 (step) wrote grid[1] = 0"),
    "timer": ("failed", 3, {"crash"}, "appended 'timeout' to hits"),
    "executor": ("failed", 594, {"crash"}, "ThreadPoolExecutor-0_0 read counts.get('a') (0)"),
    "logger": ("failed", 16, {"crash"}, "before B read Logger._instance (Logger#1)"),
    "with_logging": ("failed", 4, {"crash"}, "wrote n[0] = 1"),
    "decorated_stack": ("failed", 4, {"crash"}, "y asked whether stack._items has items (True)"),
    "machine": ("failed", 10, {"crash"}, "read m.state (<State.IDLE: 0>)"),
    "times_out": ("failed", 2, {"crash"}, "the time-out came first"),
    "forgets_finally": ("failed", 2, {"deadlock"}, "held by Thread-2 (work), which has ended"),
    "first_completed": ("proved", 666, set(), "Nothing to explain"),
}


@pytest.mark.parametrize("name", SAID)
def test_what_is_said(name, capfd):
    program = getattr(students, name)
    verdict, runs, kinds, words = SAID[name]
    result = explore(program)
    assert (result.verdict, result.classes, set(result.findings)) == (verdict, runs, kinds), result
    said = explain(program, result)
    assert words in " ".join(said.split()), said
    assert " at 0x" not in said
    assert capfd.readouterr() == ("", ""), "a run that is repeated says nothing"


def test_a_time_out_is_an_empty_queue():
    steps = [step.text for step in shortest_trace(students.times_out).steps]
    assert "main finds jobs empty: Empty" in steps
    assert str(columns(shortest_trace(students.times_out)))


def test_a_step_that_raises_says_so():
    trace = shortest_trace(students.semaphore_pool)
    assert "B pops from pool.free: IndexError: pop from empty list" in [step.text for step in trace.steps]


def test_a_thread_that_polls_is_proved_by_its_states():
    assert (explore(students.polls).verdict, explore(students.polls).method) == ("proved", "states")


@pytest.mark.parametrize(
    ("name", "words"),
    [("cached", r"students\.py:\d+: square is wrapped by functools"), ("enumerates", "keep yours in a list")],
)
def test_what_is_refused(name, words):
    with pytest.raises(InstrumentationError, match=words):
        explore(getattr(students, name))
