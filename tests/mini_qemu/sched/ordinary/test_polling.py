"""Loops that ask again and again: runs of any length, but few states."""

import queue
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from mini_qemu.sched import explore, minimise, replay
from mini_qemu.sched.minimise import shortest_trace


class Place:
    def __init__(self):
        self.done, self.n = False, 0


def run(*targets):
    threads = [threading.Thread(target=target) for target in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def flag():
    place = Place()

    def waits():
        while not place.done:
            time.sleep(0.1)

    run(waits, lambda: setattr(place, "done", True))


def under_a_lock():
    place, lock = Place(), threading.Lock()

    def waits():
        while True:
            with lock:
                if place.done:
                    return
            time.sleep(0.1)

    def ends():
        with lock:
            place.done = True

    run(waits, ends)


def queue_with_time_out():
    jobs, out = queue.Queue(), []

    def works():
        while True:
            try:
                job = jobs.get(timeout=1)
            except queue.Empty:
                continue
            if job is None:
                return
            out.append(job)

    run(works, lambda: [jobs.put(1), jobs.put(None)])
    assert out == [1]


def event():
    stop = threading.Event()

    def works():
        while not stop.is_set():
            time.sleep(1)

    run(works, stop.set)


def try_lock():
    place, lock = Place(), threading.Lock()

    def adds():
        while not lock.acquire(blocking=False):
            pass
        place.n += 1
        lock.release()

    run(adds, adds)
    assert place.n == 2


def future():
    with ThreadPoolExecutor(1) as pool:
        made = pool.submit(lambda: 3)
        while not made.done():
            time.sleep(0.1)
        assert made.result() == 3


def lost_count():
    """Both add at once, and the third waits for ever."""
    place = Place()

    def waits():
        while place.n < 2:
            pass

    def adds():
        place.n += 1

    run(waits, adds, adds)


def daemon(target):
    threading.Thread(target=target, daemon=True).start()


def heartbeat():
    beats = 0

    def beat():
        nonlocal beats
        while True:
            beats += 1
            time.sleep(1)

    daemon(beat)


def flusher(waits):
    lock, lines, written = threading.Lock(), [], []

    def flushes():
        while True:
            with lock:
                written.extend(lines)
                lines.clear()
            time.sleep(1)

    daemon(flushes)
    with lock:
        lines.append("x")
    if waits:
        with lock:
            assert written + lines == ["x"]
    else:
        assert written == ["x"]


def loses_a_line():
    flusher(waits=False)


def loses_no_line():
    flusher(waits=True)


def daemon_crashes():
    place, lock = Place(), threading.Lock()

    def looks():
        while True:
            with lock:
                if place.done:
                    raise ValueError("seen")

    daemon(looks)
    with lock:
        place.done = True


def nobody_sets():
    place, lock = Place(), threading.Lock()

    def waits():
        while True:
            with lock:
                if place.done:
                    return

    run(waits, waits)


@pytest.mark.parametrize("main", [heartbeat, loses_no_line])
def test_a_daemon_that_loops_ends_with_the_process(main):
    assert explore(main).verdict == "proved"


@pytest.mark.parametrize(
    ("main", "says"),
    [(loses_a_line, "AssertionError"), (daemon_crashes, "ValueError: seen"), (nobody_sets, "go round")],
)
def test_beside_a_loop_without_end_failures_are_found(main, says):
    result = explore(main)
    assert result.verdict == "failed"
    assert all(says in message for _, message in result.outcomes)
    assert shortest_trace(main, result).finding is not None


@pytest.mark.parametrize("main", [flag, under_a_lock, queue_with_time_out, event, try_lock, future])
def test_a_loop_that_polls_is_proved(main):
    result = explore(main)
    assert (result.verdict, result.method) == ("proved", "states")


def test_a_loop_that_waits_for_ever_is_a_livelock_that_can_be_replayed():
    result = explore(lost_count)
    assert dict(result.findings) == {"livelock": 1}
    assert replay(lost_count, minimise(lost_count, result)).steps
    assert shortest_trace(lost_count, result).finding.kind == "livelock"
