# SPDX-License-Identifier: GPL-2.0-or-later
"""Errors the engine raises when it cannot continue. Each message is a sentence for the reader."""

from __future__ import annotations

import re
import threading

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_OF_NONE = re.compile(r"'NoneType' object has no attribute '(\w+)'")  # what follows differs between versions


class OutOfTime(BaseException):
    """The time that an exploration was given is over. Raised between two steps, never inside the program."""


class SchedError(Exception):
    """Base of the engine's own errors: the question could not be answered, nothing was counted."""


class Refusals(threading.local):
    """The last refusal in this OS thread. It sticks: a program that catches it has still not been controlled."""

    last: BaseException | None = None


REFUSALS = Refusals()


class InstrumentationError(SchedError):
    """Code that cannot be controlled: names file, line, the reason and what to write instead."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        REFUSALS.last = self


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


class Stopped(Exception):
    """A StopIteration of the program on its way out of a function. Functions run as generators, and Python lets none
    leave a generator (PEP 479); so it travels in this, and is itself again wherever the program can catch it.
    """

    def __init__(self, stop: StopIteration) -> None:
        super().__init__(stop)
        self.stop = stop


class Closed(GeneratorExit):
    """What a generator of the program gets when the program closes it: it leaves its ``with`` and ``finally`` under
    control. Any other GeneratorExit ends the run, and nothing more is carried out.
    """


def itself(raised: BaseException) -> BaseException:
    """What the program raised."""
    return raised.stop if isinstance(raised, Stopped) else raised


class Uncontrolled(BaseException):
    """A visible operation from code that is not instrumented. The world turns it into `InstrumentationError`."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        REFUSALS.last = self


def sentence_of(failure: BaseException) -> str:
    """What a thread of the program stopped with: the same words on every version of Python.

    Addresses are left out, for they differ from run to run. An attribute of None is CPython's `'NoneType' object has no
    ...`, which changed in 3.13; here it is said in our own words. An exception that cannot even be shown is named by
    its type.
    """
    name = type(failure).__name__
    try:
        text = str(failure)
    except Exception as trouble:
        return f"{name}, whose text cannot be made ({type(trouble).__name__})"
    missing = _OF_NONE.match(text) if isinstance(failure, AttributeError) else None
    return f"{name}: None has no attribute {missing[1]!r}" if missing else f"{name}: {_ADDRESS.sub('', text)}"
