# SPDX-License-Identifier: GPL-2.0-or-later
"""Try a program's first run where it can do no harm: `try_out`.

A loop of Python's has turns, and the explorer counts them. A loop in C, such as ``sum(range(10**12))``, has none: while
it runs nothing in its process can stop it, neither a signal nor another thread. `os._exit` ends the process, and a list
that grows and grows takes its memory. So the first run of a program that was typed in, or read from a file, is made in
a forked child with limits. If that is stopped, the program is refused, with its line. This costs one fork, once for
each text of a program.

Left out: macOS, where a process with threads must not fork, and Windows and a browser's Python, which cannot; what
another interleaving does that this run does not.
"""

from __future__ import annotations

import re
import sys

from .errors import ScenarioError, SchedError
from .ordinary.guard import Discovered
from .ordinary.program import Explorable, scenario_of
from .places import LIBRARIES, OWN_FILES
from .repeat import repeated
from .scenario import Scenario

SECONDS = 2.0
"""Processor time of a first run: about a thousand times what the largest story of the course needs."""
MEGABYTES = 1_024
"""Memory, on top of what the process has."""
APART = sys.platform == "linux"

_FRAME = re.compile(r'  File "(?P<file>.*)", line (?P<line>\d+) in (?P<function>.*)')
_LACK_OF_MEMORY = b"no memory"

_tried: set[str] = set()


def try_out_typed(scenario: Scenario) -> None:
    """`try_out` what is in a notebook, or in the file that Python was started with."""
    if any(getattr(root, "__module__", "") == "__main__" for root in scenario.roots):
        try_out(scenario)


def try_out(thing: Explorable, again: bool = False) -> None:
    """Return if the first run of ``thing`` ends by itself, well or badly. Raises ScenarioError if it has to be stopped.

    What has been tried is not tried ``again``, unless that is asked for: for functions that are put in the place of
    others, which the text of a scenario does not tell.
    """
    if not APART:
        return
    from .apart import Stopped, in_a_child

    scenario = scenario_of(thing)
    key = scenario.digest(scenario.roots, [])
    if key in _tried and not again:
        return
    try:
        report = in_a_child(lambda: _first_run(scenario), SECONDS, MEGABYTES)
    except Stopped as error:
        raise ScenarioError(f"scenario {scenario.name!r}: {_why(error.kind)}{_where(error.frames)}") from None
    if report == _LACK_OF_MEMORY:
        raise ScenarioError(f"scenario {scenario.name!r}: {_why('memory')}")
    _tried.add(key)


def _first_run(scenario: Scenario) -> bytes:
    """In the child. Whatever is wrong with the program is found again, and said, by the parent."""
    try:
        record = repeated(scenario)
    except (SchedError, Discovered):
        return b""
    return _LACK_OF_MEMORY if any("MemoryError" in word for entry in record for word in entry) else b""


def _why(kind: str) -> str:
    return {
        "time": f"the first run was stopped after {SECONDS:g} s of processor time: a call that never ends, or does far "
        "too much",
        "memory": f"the first run needs more than {MEGABYTES:,} MB of memory: make what grows smaller",
        "exit": "the first run ends the process, and with it the notebook's kernel; return, or raise an exception",
        "silent": "the first run ends the process, and with it the notebook's kernel; return, or raise an exception",
        "signal": "the first run crashes Python itself",
    }[kind]


def _where(frames: tuple[str, ...]) -> str:
    """The innermost line of the program itself, as `, in work (file.py:12)`."""
    for found in filter(None, map(_FRAME.match, frames)):
        if not found["file"].startswith((OWN_FILES, *LIBRARIES)):
            return f", in {found['function']} ({found['file']}:{found['line']})"
    return ""
