# SPDX-License-Identifier: GPL-2.0-or-later
"""One schedule at a time: a recorded one (`replay`), or the learner's own, step by step (`Manual`)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import TypeVar

from .errors import DivergenceError, ScheduleError
from .explore import known
from .first_run import try_out_typed
from .ordinary.program import Explorable
from .recorder import Recorder
from .scenario import Finding, Scenario
from .schedule import parse_schedule
from .trace import Trace

_T = TypeVar("_T")


def replay(scenario: Explorable, schedule: str, strict: bool = True) -> Trace:
    """The run that ``schedule`` describes.

    Raises ScheduleError for a text that cannot be read or (``strict``) was recorded for other code, DivergenceError
    where a thread is asked for that cannot move: it names the step, what was expected and what was found.
    """
    threads, fingerprint = parse_schedule(schedule)
    scenario = known(scenario, fingerprint)
    if strict and fingerprint and fingerprint != scenario.fingerprint:
        raise ScheduleError(
            f"the schedule was recorded for other code (#{fingerprint}; {scenario.name!r} is now "
            f"#{scenario.fingerprint}): explore again, or replay with strict=False"
        )
    return _asked(scenario, threads, lambda recorder: recorder.finish(scenario.fingerprint))


def finding_of(scenario: Scenario, schedule: str) -> Finding | None:
    """What the run that ``schedule`` describes did wrong, in the words of a `Result`."""
    threads, _ = parse_schedule(schedule)
    return _asked(scenario, threads, lambda recorder: recorder.finding)


def _asked(scenario: Scenario, threads: list[str], ask: Callable[[Recorder], _T]) -> _T:
    """What ``ask`` says of the run that these threads make. After it all is as it was, wherever an interrupt fell."""
    try:
        with closing(_driven(scenario, threads)) as recorder:
            return ask(recorder)
    finally:
        scenario.end()


def _driven(scenario: Scenario, threads: list[str]) -> Recorder:
    """A recorder that has made the steps of these threads. The caller closes it."""
    try_out_typed(scenario)
    recorder = Recorder(scenario)
    try:
        for i, name in enumerate(threads, start=1):
            _move(recorder, name, i)
    except BaseException:
        recorder.close()
        raise
    return recorder


def _move(recorder: Recorder, name: str, i: int) -> None:
    world = recorder.world
    task = next((t for t in world.tasks if t.name == name), None)
    if task is None:
        known = ", ".join(t.name for t in world.tasks)
        raise DivergenceError(f"step {i}: the schedule asks for thread {name!r}, but there are only {known}")
    if recorder.trace.finding is not None:
        raise DivergenceError(
            f"step {i}: the schedule asks for {name}, but the run has ended: {recorder.trace.finding}; was it "
            "recorded with another set of fixes?"
        )
    if not world.enabled(task):
        why = "has ended" if task.status else world.reason(task)
        raise DivergenceError(
            f"step {i}: the schedule asks for {name}, but {name} {why}; was it recorded with another set of fixes?"
        )
    recorder.step(task)


class Manual:
    """The learner is the scheduler: choose who moves, look, undo.

    ``choices`` are the threads that can move; ``trace`` is the run so far, with the reason why the others cannot;
    ``schedule`` is its text.
    """

    def __init__(self, scenario: Explorable, schedule: str = "") -> None:
        self.scenario = scenario = known(scenario, parse_schedule(schedule)[1] if schedule else "")
        self._fingerprint = scenario.fingerprint
        self._threads: list[str] = parse_schedule(schedule)[0] if schedule else []
        self._recorder = self._rerun()

    def _rerun(self) -> Recorder:
        return _driven(self.scenario, self._threads)

    def choices(self) -> list[str]:
        """The threads that can make a step now; none once the run has ended or has a finding."""
        return self._recorder.choices

    def step(self, thread: str) -> Trace:
        """Let ``thread`` make one step. Raises DivergenceError with the reason if it cannot."""
        _move(self._recorder, thread, len(self._threads) + 1)
        self._threads.append(thread)
        return self.trace

    def undo(self) -> Trace:
        """Take the last step back (the run is made again without it); at the start, nothing happens."""
        if self._threads:
            self._threads.pop()
            self._recorder.close()
            self._recorder = self._rerun()
        return self.trace

    def reset(self) -> Trace:
        """Back to the start."""
        self._threads = []
        self._recorder.close()
        self._recorder = self._rerun()
        return self.trace

    @property
    def trace(self) -> Trace:
        return self._recorder.finish(self._fingerprint)

    @property
    def schedule(self) -> str:
        return self.trace.schedule

    @property
    def finished(self) -> bool:
        """Whether nobody can move any more, or something went wrong."""
        return not self.choices()

    @property
    def findings(self) -> list[Finding]:
        finding = self._recorder.trace.finding
        return [] if finding is None else [finding]

    def close(self) -> None:
        self._recorder.close()
