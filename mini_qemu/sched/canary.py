# SPDX-License-Identifier: GPL-2.0-or-later
"""A canary: a program with known counts, explored before the first exploration.

Two threads each add one to a counter without a lock: 4 classes of interleavings, 2 of which lose an update. If this
installation counts anything else (a Python whose generators or syntax trees changed), `explore` refuses to work.
"""

from __future__ import annotations

from .dpor import OptimalDPOR
from .errors import SchedError
from .scenario import Scenario
from .shared import Shared


class _Counter(Shared):
    value: int = 0


def _add(s: _Counter) -> None:
    s.value = s.value + 1


def _count() -> tuple[int, int]:
    scenario = Scenario("canary", _Counter, {"A": _add, "B": _add}, check=lambda s: s.value == 2, guarded=False)
    runs = [bool(run.findings) for run in OptimalDPOR(scenario).runs()]
    return len(runs), sum(runs)


def _sing() -> str:
    try:
        counted = _count()
    except Exception as error:  # whatever went wrong, importing must say so and not fail
        return f"{type(error).__name__}: {error}"
    return (
        ""
        if counted == (4, 2)
        else f"it counts {counted[0]} interleavings with {counted[1]} failing, instead of 4 and 2"
    )


SILENT = _sing()
"""Why this installation cannot be trusted; empty if it can."""


def check_canary() -> None:
    """Raise SchedError unless the canary sang."""
    if SILENT:
        raise SchedError(
            f"the explorer does not work on this Python: {SILENT}. Please report it; no count can be trusted."
        )
