# SPDX-License-Identifier: GPL-2.0-or-later
"""09, write: a thread pool with five mistakes, each of which an earlier lesson has shown. Judged by what uses it.

The answer is a class. Most wrong answers are the solution with one mistake left in, so that each reply has its own.
"""

from __future__ import annotations

import queue
import threading
from collections import deque

from lessons.exercises.model import Exercise, Outcome, Trial
from lessons.exercises.mounting import named_in
from lessons.exercises.your_own_bug import users
from mini_qemu.sched import scenario_of

RESULT = Trial(scenario_of(users.one_result), "somebody waits for a result")
RAISES = Trial(scenario_of(users.an_exception), "a job raises, and another one follows")
CLOSING = Trial(scenario_of(users.closing), "a client submits a job while the pool shuts down")
IDLE = Trial(scenario_of(users.idle), "two threads without work are shut down")
TWO = Trial(scenario_of(users.one_for_two), "two threads share one job")
SHARED = Trial(scenario_of(users.a_result_of_two), "somebody waits for a result, and another thread for work")
PARALLEL = Trial(scenario_of(users.one_waits_for_the_other), "a job waits for another one")
MANY = Trial(scenario_of(users.many_for_one), "one thread runs two jobs")

POOL = Exercise(
    name="own-bug/pool",
    lesson="09_your_own_bug",
    title="Make a thread pool right",
    statement="Whatever submit() accepts must run, result() gives what came of it, and shutdown() waits for everything"
    " that was accepted. No thread may wait for ever.",
    why="Test and act share one hold of the lock, a waiter looks again when it wakes, everybody who waits is told, and"
    " the result is there before anyone hears of it.",
    equivalent={
        **dict.fromkeys(
            (
                "swap statements 1 and 2 in line 3: def __init__(self, function):",
                "swap statements 2 and 3 in line 3: def __init__(self, function):",
                "swap statements 3 and 4 in line 3: def __init__(self, function):",
                "swap statements 1 and 2 in line 9: def __init__(self, size):",
                "swap statements 2 and 3 in line 9: def __init__(self, size):",
                "swap statements 3 and 4 in line 9: def __init__(self, size):",
            ),
            "Nobody else knows the object yet, and none of these assignments needs another one.",
        ),
        **dict.fromkeys(
            (
                "swap statements 2 and 3 in line 19: with self.changed:",
                "swap statements 1 and 2 in line 34: with self.changed:",
            ),
            "Both statements are in one critical section: who is notified can only wake when it has ended.",
        ),
        **dict.fromkeys(
            (f"return {value} in line 48: return" for value in (True, False, None)),
            "Nobody looks at what the function of a thread returns.",
        ),
        **dict.fromkeys(
            (
                "compute the other way in line 13: n + 1",
                "keep the left side in line 13: n + 1",
                "keep the right side in line 13: n + 1",
                "another constant in line 13: 1",
            ),
            "Only the names of the threads are others.",
        ),
        "drop statement 2 (self.value = None) in line 3: def __init__(self, function):": "The value is written before"
        " anybody reads it, and a job that raised has none to read.",
    },
    trials=(RESULT, RAISES, IDLE, MANY, TWO, SHARED, CLOSING, PARALLEL),
    mount=named_in(users.__name__, "Pool"),
    hints=(
        "There are five mistakes. Fix one, run the cell, and read the run that fails next.",
        "Lessons 01 and 02: what is announced before it is true? What is tested under no lock, or under another hold?",
        "A thread that wakes may find that another one was faster. One notify() wakes one thread. A job that raises"
        " ends its thread, unless somebody catches.",
    ),
)


@POOL.starts_from(
    "Somebody hears that the job is done before its value is there. First the value, then the event.",
    lambda o: o.during(RESULT) and o.says("result() said None"),
)
class Pool:
    """Threads that run jobs: what submit() accepts is run, and shutdown() waits for it."""

    class Job:
        def __init__(self, function):
            self.function = function
            self.value = None
            self.error = None
            self.done = threading.Event()

    def __init__(self, size):
        self.jobs = deque()
        self.closed = False
        self.changed = threading.Condition()
        self.threads = [threading.Thread(target=self._work, name=f"worker {n + 1}") for n in range(size)]
        for thread in self.threads:
            thread.start()

    def submit(self, function):
        """Accept a job, or raise RuntimeError if the pool is closed."""
        if self.closed:
            raise RuntimeError("the pool is closed")
        job = self.Job(function)
        with self.changed:
            self.jobs.append(job)
            self.changed.notify()
        return job

    def result(self, job):
        """Wait until the job has run. Return its value, or raise what it raised."""
        job.done.wait()
        if job.error is not None:
            raise job.error
        return job.value

    def shutdown(self):
        """Accept nothing more, and wait until everything accepted has run."""
        with self.changed:
            self.closed = True
            self.changed.notify()
        for thread in self.threads:
            thread.join()

    def _work(self):
        """What each thread does: one job after another, until the pool is closed and empty."""
        while True:
            with self.changed:
                if not self.jobs and not self.closed:
                    self.changed.wait()
                if self.closed and not self.jobs:
                    return
                job = self.jobs.popleft()
            job.done.set()
            job.value = job.function()


@POOL.solved_by
class Right:
    class Job:
        def __init__(self, function):
            self.function = function
            self.value = None
            self.error = None
            self.done = threading.Event()

    def __init__(self, size):
        self.jobs = deque()
        self.closed = False
        self.changed = threading.Condition()
        self.threads = [threading.Thread(target=self._work, name=f"worker {n + 1}") for n in range(size)]
        for thread in self.threads:
            thread.start()

    def submit(self, function):
        job = self.Job(function)
        with self.changed:
            # tested and used in one hold: between the two nobody can close
            if self.closed:
                raise RuntimeError("the pool is closed")
            self.jobs.append(job)
            self.changed.notify()
        return job

    def result(self, job):
        job.done.wait()
        if job.error is not None:
            raise job.error
        return job.value

    def shutdown(self):
        with self.changed:
            self.closed = True
            # all of them must look again
            self.changed.notify_all()
        for thread in self.threads:
            thread.join()

    def _work(self):
        while True:
            with self.changed:
                # look again after waking: another thread may have been faster
                while not self.jobs and not self.closed:
                    self.changed.wait()
                if not self.jobs:
                    return
                job = self.jobs.popleft()
            try:
                job.value = job.function()
            except Exception as error:
                job.error = error
            # done is the last word: the value is there before anyone hears of it
            job.done.set()


WAITS = ("await_set", "wait", "acquire", "get", "join_thread", "result")


def _waits(o: Outcome, thread: str) -> bool:
    """Whether this thread waited for something that another one does, before it failed."""
    steps = (step for trace in o.deeds.traces for step in trace.steps if step.thread == thread)
    return any(step.op in WAITS for step in steps)


def _too_early(o: Outcome) -> bool:
    """Whether shutdown() returned before every job had run."""
    return o.during(MANY, TWO) and (o.says("it ran []") or o.says("it ran [0]") or o.says("run 0 times"))


POOL.refutes_changed(
    "joins_under_the_lock",
    "shutdown() waits for its threads with the lock in hand, and they need that lock to go on. Release it before you"
    " join: never wait with a lock in hand.",
    lambda o: "deadlock" in o.kinds and o.says("to end") and o.says("held by main"),
    old="""
        self.changed.notify_all()
    for thread in self.threads:
        thread.join()
    """,
    new="""
        self.changed.notify_all()
        for thread in self.threads:
            thread.join()
    """,
)
POOL.refutes_changed(
    "waits_without_the_lock",
    "A Condition's wait() and notify() need the lock of the condition: call them inside `with self.changed:`.",
    lambda o: o.says("un-acquired lock"),
    old="""
    with self.changed:
        self.closed = True
        # all of them must look again
        self.changed.notify_all()
    """,
    new="""
    with self.changed:
        self.closed = True
    self.changed.notify_all()
    """,
)
POOL.refutes_changed(
    "main_does_the_work",
    "The thread that makes the pool does a worker's work itself, and waits for a job that nobody can submit. Give the"
    " thread the function to call (`target=self._work`, without brackets), and begin it with `start()`, not `run()`.",
    lambda o: o.during(RESULT) and o.says("main waits to be notified") and not o.deeds.did("spawn"),
    old="thread.start()",
    new="thread.run()",
)
POOL.refutes_changed(
    "runs_nothing",
    "No thread runs the job, so a caller of result() waits for ever. Start `size` threads.",
    lambda o: o.during(RESULT) and "deadlock" in o.kinds and not o.deeds.did("spawn"),
    old='self.threads = [threading.Thread(target=self._work, name=f"worker {n + 1}") for n in range(size)]',
    new='self.threads = [threading.Thread(target=self._work, name=f"worker {n + 1}") for n in range(0)]',
)
POOL.refutes_changed(
    "result_does_not_wait",
    "result() does not wait for the job, so it says None when it is early. Wait until the job is done, then read its"
    " value.",
    lambda o: o.during(RESULT) and o.says("result() said None") and not _waits(o, "main"),
    old="job.done.wait()",
    new="",
)
POOL.refutes_changed(
    "result_says_nothing",
    "result() says None in every interleaving. Either the thread that runs the job does not keep its value, or result()"
    " does not return it.",
    lambda o: o.during(RESULT) and o.says("result() said None") and o.always,
    old="return job.value",
    new="job.value",
)
POOL.refutes_changed(
    "submit_returns_nothing",
    "result() is given None: that is what submit() returned. Return the job.",
    lambda o: o.during(RESULT) and o.says("AttributeError: None has no") and o.found_in("main") and o.always,
    old="return job",
    new="",
)
POOL.refutes_changed(
    "notifies_nobody",
    "submit() tells nobody that a job has come. A thread that waits already stays asleep: notify it.",
    lambda o: o.during(RESULT) and o.says("to be notified") and not o.deeds.did("notify"),
    old="""
    self.jobs.append(job)
    self.changed.notify()
    """,
    new="self.jobs.append(job)",
)
POOL.refutes_changed(
    "never_done",
    "result() waits for ever in every interleaving: no thread tells it that the job is done. Set the event when the"
    " job has run.",
    lambda o: o.during(RESULT) and "deadlock" in o.kinds and o.always and o.deeds.did("spawn"),
    old="job.done.set()",
    new="",
)
POOL.refutes_changed(
    "nobody_notifies_the_caller",
    "result() sleeps on a condition, and nobody notifies it when the job is done. Notify after you have written that"
    " the job is done.",
    lambda o: o.during(RESULT) and o.says("main waits to be notified") and o.deeds.did("spawn"),
    old="""
    job.done.wait()
    if job.error is not None:
        raise job.error
    """,
    new="""
    with self.changed:
        while not job.done.is_set():
            self.changed.wait()
    if job.error is not None:
        raise job.error
    """,
)
POOL.refutes_changed(
    "runs_in_submit",
    "The job runs in the thread that submits it, so submit() raises what the job raised. A thread of the pool runs it,"
    " and result() raises.",
    lambda o: o.during(RAISES) and o.says("no such report") and o.found_in("main"),
    old="return job",
    new="""
    job.value = function()
    job.done.set()
    return job
    """,
)
POOL.refutes_changed(
    "done_only_if_it_went_well",
    "A job that raises is done, too. Yours is never announced, so a caller of result() waits for ever. Set the event in"
    " both cases.",
    lambda o: o.during(RAISES) and "deadlock" in o.kinds and not o.says("no such report"),
    old="""
    try:
        job.value = job.function()
    except Exception as error:
        job.error = error
    # done is the last word: the value is there before anyone hears of it
    job.done.set()
    """,
    new="""
    try:
        job.value = job.function()
        job.done.set()
    except Exception as error:
        job.error = error
    """,
)
POOL.refutes_changed(
    "done_before_the_error",
    "Somebody hears that the job is done before its exception is there. First the exception, then the event.",
    lambda o: o.during(RAISES) and o.says("result() did not") and not o.always,
    old="job.error = error",
    new="""
    job.done.set()
    job.error = error
    """,
)
POOL.refutes_changed(
    "an_exception_ends_the_thread",
    "The job's exception ends the thread that runs it. The event is never set, so a caller of result() waits"
    " for ever. Catch it, keep it in the job, and go on.",
    lambda o: o.during(RAISES) and o.says("no such report"),
    old="""
    try:
        job.value = job.function()
    except Exception as error:
        job.error = error
    """,
    new="job.value = job.function()",
)
POOL.refutes_changed(
    "the_exception_is_lost",
    "The thread survives the exception, but result() must raise it again. Keep it in the job.",
    lambda o: o.during(RAISES) and o.says("result() did not"),
    old="""
    except Exception as error:
        job.error = error
    """,
    new="""
    except Exception:
        pass
    """,
)
POOL.refutes_changed(
    "tests_before_the_lock",
    "submit() looks whether the pool is closed, and then takes the lock. In between the pool can close and its threads"
    " can end. Then you accept a job that nobody runs: check, then act.",
    lambda o: o.during(CLOSING) and o.says("accepted ['report'], and ran []") and not o.says("before it is started"),
    old="""
    with self.changed:
        # tested and used in one hold: between the two nobody can close
        if self.closed:
            raise RuntimeError("the pool is closed")
        self.jobs.append(job)
    """,
    new="""
    if self.closed:
        raise RuntimeError("the pool is closed")
    with self.changed:
        self.jobs.append(job)
    """,
)
POOL.refutes_changed(
    "never_refuses",
    "submit() accepts what nobody will run. Once the pool is closed it must raise RuntimeError.",
    lambda o: o.during(IDLE) and o.says("after shutdown()"),
    old="""
    if self.closed:
        raise RuntimeError("the pool is closed")
    """,
    new="",
)
POOL.refutes_changed(
    "notifies_one",
    "shutdown() wakes one thread, and two may be waiting. The other one waits for ever, and so does join(). What"
    " concerns everybody needs notify_all().",
    lambda o: o.during(IDLE) and "deadlock" in o.kinds,
    old="self.changed.notify_all()",
    new="self.changed.notify()",
)
POOL.refutes_changed(
    "looks_once",
    "A thread waits, a job comes, it is notified. Before it has the lock again, another thread takes the job. It must"
    " look again when it wakes: `while`, not `if`.",
    lambda o: o.during(TWO) and o.says("IndexError") and not o.deeds.holds_nothing_for("write", "jobs"),
    old="""
    while not self.jobs and not self.closed:
        self.changed.wait()
    if not self.jobs:
        return
    """,
    new="""
    if not self.jobs and not self.closed:
        self.changed.wait()
    if self.closed and not self.jobs:
        return
    """,
)
@POOL.refutes(
    "One notify() wakes one of those who wait, and you have two kinds of them on one condition: threads without work,"
    " and callers of result(). Here it wakes one who cannot go on. Use notify_all(), or a condition of its own.",
    lambda o: o.during(SHARED) and o.says("main waits to be notified"),
)
class NotifiesAnotherOne:
    def __init__(self, size):
        self.jobs, self.closed, self.changed = deque(), False, threading.Condition()
        self.threads = [threading.Thread(target=self._work) for _ in range(size)]
        for thread in self.threads:
            thread.start()

    def submit(self, function):
        job = {"function": function, "done": False, "error": None}
        with self.changed:
            if self.closed:
                raise RuntimeError("closed")
            self.jobs.append(job)
            self.changed.notify()
        return job

    def result(self, job):
        with self.changed:
            while not job["done"]:
                self.changed.wait()
        if job["error"]:
            raise job["error"]
        return job["value"]

    def shutdown(self):
        with self.changed:
            self.closed = True
            self.changed.notify_all()
        for thread in self.threads:
            thread.join()

    def _work(self):
        while True:
            with self.changed:
                while not self.jobs and not self.closed:
                    self.changed.wait()
                if not self.jobs:
                    return
                job = self.jobs.popleft()
            try:
                job["value"] = job["function"]()
            except Exception as error:
                job["error"] = error
            with self.changed:
                job["done"] = True
                self.changed.notify()


POOL.refutes_changed(
    "notifies_too_seldom",
    "A job lies in the queue, and a thread sleeps that could run it: nobody has notified it. That the queue was not"
    " empty before does not mean that a thread is on its way. Each job needs its own notify().",
    lambda o: o.during(PARALLEL)
    and o.says("to be notified")
    and o.deeds.did("notify")
    and not o.deeds.waits_for_ever_with_a_lock,
    old="""
    self.jobs.append(job)
    self.changed.notify()
    """,
    new="""
    self.jobs.append(job)
    if len(self.jobs) == 1:
        self.changed.notify()
    """,
)
POOL.refutes_changed(
    "looks_once_and_goes_home",
    "A thread is notified, and another one takes the job first. It wakes, finds nothing, and ends, although the pool is"
    " open. Now one thread too few is left. It must look again and wait again: `while`, not `if`.",
    lambda o: o.during(PARALLEL) and "deadlock" in o.kinds and not o.always,
    old="while not self.jobs and not self.closed:",
    new="if not self.jobs and not self.closed:",
)
POOL.refutes_changed(
    "leaves_work_behind",
    "A closed pool still has to run what it accepted. A thread may end when there are no jobs left, not before.",
    lambda o: _too_early(o) and o.deeds.did("join_thread"),
    old="""
    if not self.jobs:
        return
    """,
    new="""
    if self.closed:
        return
    """,
)
POOL.refutes_changed(
    "runs_under_the_lock",
    "You hold the lock while the job runs, so the pool runs one job at a time. Here a job waits for another one that"
    " cannot begin. Take the job under the lock, and run it without.",
    lambda o: o.during(PARALLEL) and o.deeds.waits_for_ever_with_a_lock,
    old="""
        if not self.jobs:
            return
        job = self.jobs.popleft()
    try:
        job.value = job.function()
    except Exception as error:
        job.error = error
    """,
    new="""
        if not self.jobs:
            return
        job = self.jobs.popleft()
        try:
            job.value = job.function()
        except Exception as error:
            job.error = error
    """,
)
POOL.refutes_changed(
    "one_thread_for_all",
    "Here a job waits for another one, and that one never begins. `size` jobs must be able to run at the same time, and"
    " submit() must return before the job has run.",
    lambda o: o.during(PARALLEL) and "deadlock" in o.kinds and o.always,
    old='self.threads = [threading.Thread(target=self._work, name=f"worker {n + 1}") for n in range(size)]',
    new='self.threads = [threading.Thread(target=self._work, name=f"worker {n + 1}") for n in range(1)]',
)
POOL.refutes_changed(
    "takes_without_the_lock",
    "You look for a job under the lock, and take it without. In between another thread can take it. Look and take in"
    " one hold.",
    lambda o: o.during(TWO) and o.says("IndexError") and o.deeds.holds_nothing_for("write", "jobs"),
    old="""
        job = self.jobs.popleft()
    try:
        job.value = job.function()
    """,
    new="""
    job = self.jobs.popleft()
    try:
        job.value = job.function()
    """,
)
POOL.refutes_changed(
    "refuses_with_another_exception",
    "Once the pool is closed submit() must raise RuntimeError: that is what its callers catch.",
    lambda o: o.during(IDLE) and "crash" in o.kinds and not o.says("after shutdown()") and o.found_in("main"),
    old='raise RuntimeError("the pool is closed")',
    new='raise ValueError("the pool is closed")',
)
POOL.refutes_changed(
    "does_not_wait",
    "shutdown() returns while jobs still run. Join every thread.",
    lambda o: _too_early(o) and not o.deeds.did("join_thread"),
    old="""
    for thread in self.threads:
        thread.join()
    """,
    new="return",
)
POOL.refutes_changed(
    "more_threads",
    "You start more threads than `size`. Here two of them run, and one was asked for.",
    lambda o: o.during(MANY) and o.deeds.most("spawn") > 1,
    old='self.threads = [threading.Thread(target=self._work, name=f"worker {n + 1}") for n in range(size)]',
    new='self.threads = [threading.Thread(target=self._work, name=f"worker {n + 1}") for n in range(size + 1)]',
)
POOL.refutes_changed(
    "last_come_first_served",
    "The jobs of one thread run in the order in which they came: first in, first out.",
    lambda o: o.during(MANY) and o.says("it ran [1, 0]") and o.deeds.most("spawn") == 1,
    old="job = self.jobs.popleft()",
    new="job = self.jobs.pop()",
)


@POOL.accepts
class WithAQueue:
    """A queue for the jobs, one None for each thread behind the last job, and a lock for the door."""

    class Job:
        def __init__(self, function):
            self.function = function
            self.outcome = queue.Queue()

    def __init__(self, size):
        self.jobs = queue.Queue()
        self.door = threading.Lock()
        self.closed = False
        self.threads = [threading.Thread(target=self._work) for _ in range(size)]
        for thread in self.threads:
            thread.start()

    def submit(self, function):
        job = self.Job(function)
        with self.door:
            if self.closed:
                raise RuntimeError("closed")
            self.jobs.put(job)
        return job

    def result(self, job):
        value, error = job.outcome.get()
        if error:
            raise error
        return value

    def shutdown(self):
        with self.door:
            self.closed = True
            for _ in self.threads:
                self.jobs.put(None)
        for thread in self.threads:
            thread.join()

    def _work(self):
        while (job := self.jobs.get()) is not None:
            try:
                job.outcome.put((job.function(), None))
            except Exception as error:
                job.outcome.put((None, error))


@POOL.accepts
class WithASemaphore:
    """A semaphore counts the jobs, and one permit more for each thread when it is time to go."""

    def __init__(self, size):
        self.jobs, self.ready, self.lock = [], threading.Semaphore(0), threading.Lock()
        self.closed = False
        self.threads = []
        for _ in range(size):
            thread = threading.Thread(target=self._work)
            self.threads.append(thread)
            thread.start()

    def submit(self, function):
        job = {"function": function, "done": threading.Event()}
        with self.lock:
            if self.closed:
                raise RuntimeError("closed")
            self.jobs.append(job)
        self.ready.release()
        return job

    def result(self, job):
        job["done"].wait()
        if "error" in job:
            raise job["error"]
        return job["value"]

    def shutdown(self):
        with self.lock:
            self.closed = True
        self.ready.release(len(self.threads))
        for thread in self.threads:
            thread.join()

    def _work(self):
        while True:
            self.ready.acquire()
            with self.lock:
                if not self.jobs:
                    return
                job = self.jobs.pop(0)
            try:
                job["value"] = job["function"]()
            except Exception as error:
                job["error"] = error
            job["done"].set()


POOL.accepts_changed(
    "waits_for",
    old="""
    while not self.jobs and not self.closed:
        self.changed.wait()
    """,
    new="self.changed.wait_for(lambda: self.jobs or self.closed)",
)
POOL.accepts_changed(
    "always_notifies_all",
    old="self.changed.notify()",
    new="self.changed.notify_all()",
)
