# SPDX-License-Identifier: GPL-2.0-or-later
"""What the engine says when it cannot go on: each an exception whose text is a sentence for the reader."""

from __future__ import annotations


class SchedError(Exception):
    """Base of the engine's own errors: the question could not be answered, nothing was counted."""


class InstrumentationError(SchedError):
    """Code that cannot be controlled: names file, line, the reason and what to write instead."""


class ScenarioError(SchedError):
    """A scenario that cannot run: setup or check raised, a thread name is unknown or used twice."""


class ScheduleError(SchedError, ValueError):
    """A schedule text that is malformed, or recorded for other code."""


class DivergenceError(SchedError):
    """A replay that does not go as recorded: names the step, what was expected and what was found."""


class NothingFailed(SchedError):
    """A failing run was asked for where no run fails, or none in the runs that were made."""


class Misuse(RuntimeError):
    """A lock, handle or semaphore used against its rules: unlocking what is not held, joining twice."""


class UseAfterFree(BaseException):
    """An object was touched after `free`. Not an `Exception`: no handler of the program under test swallows it."""


class Uncontrolled(BaseException):
    """A visible operation from code that is not instrumented. The world turns it into `InstrumentationError`."""
