# SPDX-License-Identifier: GPL-2.0-or-later
"""A process that judges answers, so that nothing an answer does can hurt the one who asks: `Judge`.

    with Judge(seconds=20) as judge:
        judge.ask("missing-join/fill", "def thread_to_join(s): ...")

The judge is a second Python that has the course loaded. For each answer it forks a child with limits on time and
memory; the child judges and reports. An endless loop in C, a huge list, `os._exit(3)` or a crash of the interpreter
ends that child, and the verdict says so. Where there is no fork (Windows) the judge itself takes the place of the
child and a new one is started for the next answer.

The limits are for accidents and for pranks. A judge is not a sandbox: an answer can read what its user can read.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import IO, Any

from lessons.exercises.stopped import sentence_for
from mini_qemu.sched.apart import HAS_FORK, UNDER_LOAD, Stopped, in_a_child

SECONDS = 20.0
MEGABYTES = 1_024
PATIENCE = 15.0  # what the judge needs beside the answer: to start, on a busy machine
COMMAND = [sys.executable, "-m", "lessons.exercises.judge_process"]


@dataclass(frozen=True)
class Verdict:
    """What came of an answer. `schedule` replays the run that was shown; `stopped` names a limit or a crash."""

    passed: bool
    say: tuple[str, ...]
    schedule: str = ""
    reply: str = ""
    stopped: str = ""

    def __bool__(self) -> bool:
        return self.passed

    @property
    def reason(self) -> str:
        return " ".join(self.say).replace("`", "")


class Judge:
    """Asks the judging process; starts it when needed, and anew when it was lost. For one thread at a time."""

    def __init__(self, seconds: float = SECONDS, megabytes: int = MEGABYTES) -> None:
        self.seconds, self.megabytes = seconds, megabytes
        self._process: subprocess.Popen[str] | None = None
        self._lines: queue.Queue[str | None] = queue.Queue()

    def __enter__(self) -> Judge:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def ask(self, name: str, answer: str) -> Verdict:
        """Judge an answer: the source of its function, or the letters of an order. Always comes back."""
        process = self._running()
        request = {"name": name, "answer": answer, "seconds": self.seconds, "megabytes": self.megabytes}
        try:
            assert process.stdin is not None
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
            line = self._lines.get(timeout=self.seconds * UNDER_LOAD + PATIENCE)
        except queue.Empty:
            self.close()
            return _stopped("time", "", self.seconds, self.megabytes)
        except OSError:
            line = None
        if line is None:
            status = process.wait()
            self.close()
            return _stopped("exit", str(status), self.seconds, self.megabytes)
        if not HAS_FORK:
            self.close()
        return read(line)

    def close(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with suppress(OSError):
                        pipe.close()

    def _running(self) -> subprocess.Popen[str]:
        if self._process is None:
            self._lines = queue.Queue()
            self._process = subprocess.Popen(
                COMMAND,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                encoding="utf-8",
                env={**os.environ, "MINI_QEMU_PROGRESS": "", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )
            assert self._process.stdout is not None
            threading.Thread(target=_forward, args=(self._process.stdout, self._lines), daemon=True).start()
        return self._process


def _forward(pipe: IO[str], lines: queue.Queue[str | None]) -> None:
    with suppress(ValueError, OSError):  # closed under our hands
        for line in pipe:
            lines.put(line)
    lines.put(None)


def read(line: str) -> Verdict:
    found = json.loads(line)
    return Verdict(**{**found, "say": tuple(found["say"])})


def _stopped(kind: str, detail: str, seconds: float, megabytes: int) -> Verdict:
    return Verdict(False, (sentence_for(kind, detail, seconds, megabytes),), stopped=kind)


# ---- inside the judging process


def serve() -> None:
    from lessons.exercises import exercise
    from lessons.exercises.check import check_source

    output = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what an answer prints is not a verdict
    if HAS_FORK:  # what is ready before the first fork is ready for all: the miniature, prepared for the explorer
        first = exercise("missing-join/fill")
        check_source(first.solution, first)
    for line in sys.stdin:
        request = json.loads(line)
        verdict = _in_a_child(request) if HAS_FORK else _judge(request)
        output.write(json.dumps(asdict(verdict)) + "\n")
        output.flush()


def _judge(request: dict[str, Any]) -> Verdict:
    from lessons.exercises import exercise
    from lessons.exercises.check import check_source
    from lessons.exercises.untouched import watching

    problem: Exception | None = None
    with watching() as watch:
        try:
            feedback = check_source(request["answer"], exercise(request["name"]))
        except Exception as error:  # what an answer changed may have broken the judge: say that first
            problem = error
    if watch.changed:
        return _stopped("touched", ", ".join(watch.changed[:3]), request["seconds"], request["megabytes"])
    if problem is not None:
        raise problem
    schedule = feedback.trace.schedule if feedback.trace is not None else ""
    return Verdict(bool(feedback.passed), tuple(map(str, feedback.say)), schedule, feedback.reply)


def _in_a_child(request: dict[str, Any]) -> Verdict:
    def work() -> bytes:
        try:
            verdict = _judge(request)
        except MemoryError:
            raise
        except BaseException as error:  # the judge's own mistakes too are a sentence
            sentence = f"The answer could not be judged: {type(error).__name__}: {error}."
            verdict = Verdict(False, (sentence,), stopped="error")
        return json.dumps(asdict(verdict)).encode()

    try:
        return read(in_a_child(work, request["seconds"], request["megabytes"]).decode())
    except Stopped as error:
        return _stopped(error.kind, error.detail, request["seconds"], request["megabytes"])


if __name__ == "__main__":
    serve()
