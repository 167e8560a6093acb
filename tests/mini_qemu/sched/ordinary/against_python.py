"""The words of `threading` and `queue` against Python: its own source, run under control, and real threads.

For each word a random program of two or three threads is made. Its outcomes (what every operation returned or raised,
or a deadlock) under our one-step word must be exactly those of CPython's own pure-Python source over nothing but locks,
rewritten and explored like any program; and they must contain every outcome that free runs on real threads show.

    python -m tests.mini_qemu.sched.ordinary.against_python 2000 --free 200
"""

import argparse
import atexit
import importlib.util
import inspect
import queue
import random
import shutil
import sys
import tempfile
import threading
from pathlib import Path

from mini_qemu.sched import control, explore

REFERENCE = "threading_reference"


def _source_of(module, name):
    """A copy of CPython's own file as a module of another name, so that nothing in it is replaced.

    A copy, because a browser's Python keeps its library in a zip file.
    """
    file = Path(tempfile.mkdtemp(prefix="mini-qemu-")) / f"{name}.py"
    atexit.register(shutil.rmtree, file.parent)
    file.write_text(inspect.getsource(module), encoding="utf-8")
    spec = importlib.util.spec_from_file_location(name, file)
    made = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    made.__dict__["__name__"] = name
    return made


def reference():
    """`threading` and `queue` as CPython writes them, over our locks and threads only."""
    if REFERENCE not in sys.modules:
        own = _source_of(threading, REFERENCE)
        own._allocate_lock = own.Lock = threading.Lock
        own._CRLock = None
        waits = _source_of(queue, "queue_reference")
        waits.threading = own
        waits.Empty, waits.Full = queue.Empty, queue.Full
        for module in (own, waits):
            control(module.__name__)
    return sys.modules[REFERENCE], sys.modules["queue_reference"]


OPERATIONS = {
    "Semaphore": [("acquire", ()), ("release", ()), ("acquire", (False,)), ("acquire", ())],
    "BoundedSemaphore": [("acquire", ()), ("release", ()), ("acquire", (False,))],
    "Event": [("set", ()), ("clear", ()), ("is_set", ()), ("wait", ()), ("wait", (1e-4,))],
    "Condition": [("wait_once", ()), ("wait_timed", ()), ("notify", ()), ("notify_all", ())],
    "Barrier": [("wait", ()), ("wait", ()), ("abort", ()), ("reset", ())],
    "Queue": [("put", (1,)), ("put", (2,)), ("get", ()), ("get_nowait", ()), ("put_nowait", (3,)), ("qsize", ())],
    "LifoQueue": [("put", (1,)), ("put", (2,)), ("get", ()), ("get_nowait", ()), ("empty", ())],
    "PriorityQueue": [("put", (2,)), ("put", (1,)), ("get", ()), ("get_nowait", ()), ("full", ())],
    "JoinedQueue": [("put", (1,)), ("get_nowait", ()), ("task_done", ()), ("join", ())],
    "SimpleQueue": [("put", (1,)), ("put", (2,)), ("get", ()), ("get_nowait", ()), ("empty", ())],
    "TimedQueue": [("put", (1,)), ("put", (2, True, 1e-4)), ("get", (True, 1e-4)), ("get", ()), ("empty", ())],
    "RLock": [("acquire", ()), ("acquire", (False,)), ("release", ()), ("release", ()), ("acquire", ())],
    "Lock": [("acquire", ()), ("release", ()), ("acquire", (False,)), ("locked", ())],
}
ARGUMENTS = {
    "Semaphore": (1,),
    "BoundedSemaphore": (1,),
    "Barrier": (2,),
    "Queue": (1,),
    "PriorityQueue": (1,),
    "TimedQueue": (1,),
}

NO_SOURCE = {"Lock", "SimpleQueue", "TimedQueue"}
"""Words without a reference: what the others are made of; a queue whose put is one step in C and two in Python; a
time-out that counts the seconds. An RLock, in turn, has no free runs: a real thread may get the number of one that
ended, and with it the lock that the other kept."""


class Held:
    """A condition whose every use holds its lock."""

    def __init__(self, cond):
        self.cond = cond

    def wait_once(self):
        with self.cond:
            return self.cond.wait()

    def wait_timed(self):
        with self.cond:
            return self.cond.wait(1e-4)

    def notify(self):
        with self.cond:
            self.cond.notify()

    def notify_all(self):
        with self.cond:
            self.cond.notify_all()


def program(kind, scripts, threads, queues):
    """A main function that makes the object from these modules, and fails with what every thread saw."""
    arguments = ARGUMENTS.get(kind, ())
    name = {"JoinedQueue": "Queue", "TimedQueue": "Queue"}.get(kind, kind)

    def make():
        if kind == "Condition":
            return Held(threads.Condition(threading.Lock()))
        home = queues if name.endswith("Queue") else threads
        return getattr(home, name)(*arguments)

    def main():
        thing = make()
        seen = [[] for _ in scripts]

        def run(script, mine):
            for operation, given in script:
                try:
                    found = getattr(thing, operation)(*given)
                    mine.append(bool(found) if operation == "acquire" else found)  # 1 in Python's own RLock
                except Exception as error:
                    mine.append(type(error).__name__)

        pairs = zip(scripts, seen, strict=True)
        started = [threading.Thread(target=run, args=pair, name=f"T{i}") for i, pair in enumerate(pairs)]
        for thread in started:
            thread.start()
        for thread in started:
            thread.join()
        raise AssertionError(repr(seen))

    return main


def outcomes(main, limit):
    """The outcomes of a program, or None if it has too many interleavings."""
    result = explore(main, limit_runs=limit)
    if result.classes is None:
        return None
    return {"deadlock" if kind == "deadlock" else message for kind, message in result.outcomes}


def freely(main, times):
    seen = set()
    for _ in range(times):
        try:
            main()
        except AssertionError as error:
            seen.add(f"AssertionError: {error}")
    return seen


def random_scripts(rng, kind):
    threads = rng.choice([2, 2, 3])
    most = 3 if threads == 2 else 2
    if kind in ("Barrier", "Condition"):
        most = 2
    return [[rng.choice(OPERATIONS[kind]) for _ in range(rng.randint(1, most))] for _ in range(threads)]


def check(seed, free=0, limit=4_000):
    """Compare one random program. Returns (compared with the source, free runs made), or a text: what differs."""
    rng = random.Random(seed)
    kind = rng.choice(sorted(OPERATIONS))
    scripts = random_scripts(rng, kind)
    ours = outcomes(program(kind, scripts, threading, queue), limit)
    if ours is None:
        return 0, 0
    compared = 0
    if kind not in NO_SOURCE:
        theirs = outcomes(program(kind, scripts, *reference()), limit)
        if theirs is not None:
            compared = 1
            if theirs != ours:
                both = f"only here {sorted(ours - theirs)}, only in Python {sorted(theirs - ours)}"
                return f"seed {seed}: {kind} {scripts}: {both}"
    if "deadlock" in ours or not free or kind == "RLock":
        return compared, 0
    missed = freely(program(kind, scripts, threading, queue), free) - ours
    if missed:
        return f"seed {seed}: {kind} {scripts}: on real threads only: {sorted(missed)}"
    return compared, free


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("programs", type=int)
    parser.add_argument("--free", type=int, default=0)
    parser.add_argument("--first", type=int, default=0)
    options = parser.parse_args()
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    compared = ran = differ = 0
    try:
        for seed in range(options.first, options.first + options.programs):
            found = check(seed, options.free)
            if isinstance(found, str):
                differ += 1
                print(found, flush=True)
            else:
                compared += found[0]
                ran += found[1]
            if (seed + 1) % 1_000 == 0:
                print(f"{seed + 1 - options.first} programs, {compared} compared, {differ} differ", flush=True)
    finally:
        sys.setswitchinterval(interval)
    print(f"{options.programs} programs, {compared} compared with Python's source, {ran} free runs, {differ} differ")


if __name__ == "__main__":
    main()
