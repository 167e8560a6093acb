"""Programs that reach outside are refused by file and line; the words of `threading` end as they do in Python."""

import queue
import threading

import pytest

from mini_qemu.sched import InstrumentationError, ScenarioError, explore

from . import odd

OUTSIDE = {
    "sock": "waits for the network",
    "proc": "waits for another process",
    "clock": "reads the clock",
    "rnd": "is random",
    "opens": "works on files",
    "asyn": "an async function cannot run",
    "environ": "os.environ is changed, which outlives a run",
    "signals": "is about signals",
    "typed": "input",
    "starts_what_the_module_made": "ready-made is a thread that the module made, .*; make it in main",
    "takes_a_name": "Stoppable._stop takes the place of what threading.Thread keeps",
    "empties_by_hand": r"queue.Queue.mutex is not .*; take its items one by one with get_nowait\(\)",
    "calls_itself": "calls itself without end",
    "without_end": "calls itself without end",
}
ENDS = {  # program: verdict, interleavings, kinds and messages of what fails
    "spins": ("failed", 1, "livelock: no visible step in 100,000 iterations"),
    "prints": ("proved", 1, ""),
    "writes_out": ("proved", 1, ""),
    "deep": ("proved", 1, ""),
    "sysexit": ("failed", 1, "crash: SystemExit: 3"),
    "never": ("failed", 1, "deadlock: main waits for l, held by itself"),
    "condnolock": ("failed", 1, "crash: RuntimeError: cannot wait on un-acquired lock"),
    "noconv": ("failed", 1, "crash: ZeroDivisionError: division by zero"),
    "unjoined": ("proved", 1, ""),
    "daemon": ("proved", 3, ""),
    "local": ("proved", 2, ""),
    "barrier": ("proved", 4, ""),
    "sem": ("failed", 1, "crash: ValueError: Semaphore released too many times"),
    "cname": ("proved", 1, ""),
    "alive": ("failed", 2, "crash: AssertionError: out == [True]"),
    "evtimeout": ("failed", 2, "crash: AssertionError: out == [True]"),
    "cvtimeout": ("failed", 6, "crash: AssertionError: out == [True]"),
    "rlock": ("proved", 2, ""),
    "notify_one_of_two": ("failed", 10, "deadlock: main waits for Thread-"),
    "pool_left_open": ("proved", 9, ""),
    "pool_that_never_ends": ("failed", 1, "deadlock: ThreadPoolExecutor-0_0 waits for"),
    "job_exits": ("failed", 1, "crash: SystemExit: 4"),
    "starts_two_workers": ("failed", 271, "crash: AssertionError: len(started) == 2"),
    "pool_that_cannot_start": ("failed", 1, "crash: BrokenThreadPool: A thread initializer failed"),
    "one_after_the_other": ("proved", 72, ""),
    "finished_before": ("failed", 10, "crash: AssertionError: those that are done already"),
    "callback_holds_up_nobody": ("proved", 8, ""),
    "waits_for_what_was_dropped": ("failed", 23, "deadlock: main waits for an item"),
    "asks_in_the_action": ("proved", 2, ""),
    "timer": ("failed", 3, "crash: AssertionError: out == []"),
}


@pytest.mark.parametrize("name", OUTSIDE)
def test_what_reaches_outside_is_refused_with_file_line_and_reason(name):
    with pytest.raises(InstrumentationError, match=rf"odd\.py:\d+: .*{OUTSIDE[name]}"):
        explore(getattr(odd, name))


@pytest.mark.parametrize("name", ENDS)
def test_every_end_has_its_own_words(name):
    verdict, classes, says = ENDS[name]
    result = explore(getattr(odd, name))
    assert (result.verdict, result.classes) == (verdict, classes), result
    told = [f"{kind}: {message}" for kind, message in result.outcomes]
    assert all(line.startswith(says) for line in told)
    assert bool(told) == (verdict == "failed")


@pytest.mark.parametrize(("made", "word"), [(threading.RLock, "locked"), (queue.Queue, "shutdown")])
def test_a_word_is_there_if_this_python_has_it(made, word):
    def main():
        getattr(made(), word)()

    said = [f"AttributeError: {made.__name__!r} object has no attribute {word!r}"]
    assert [message for _, message in explore(main).outcomes] == ([] if hasattr(made(), word) else said)


def test_nothing_is_left_running_or_replaced():
    before = threading.active_count()
    for name in ["daemon", "never", "opens"]:
        try:
            explore(getattr(odd, name))
        except InstrumentationError:
            pass
    assert threading.active_count() == before
    assert isinstance(threading.Event()._cond, threading.Condition)


def test_an_interrupt_leaves_everything_in_place(monkeypatch):
    def interrupt(runs, failing, done):
        raise KeyboardInterrupt

    def main():
        locks = [threading.Lock() for _ in range(4)]
        for lock in locks:
            odd.run(*[lock.acquire] * 1, lock.locked, lock.locked, lock.locked)

    result = explore(main, progress=interrupt)
    assert (result.verdict, result.stopped_by) == ("incomplete", "an interrupt")
    thread = threading.Thread(target=lambda: None)
    thread.start()
    thread.join()
    assert not thread.is_alive()


def test_a_main_that_a_call_does_not_run_is_refused():
    with pytest.raises(ScenarioError, match="never_runs has a yield, so to call it runs nothing"):
        explore(odd.never_runs)
