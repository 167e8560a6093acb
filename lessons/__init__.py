# SPDX-License-Identifier: GPL-2.0-or-later
"""The machinery of the course: what a notebook imports.

Names are loaded when first used, so that importing `lessons` stays cheap and a command line needs no widgets.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lessons.break_it import BreakIt
    from lessons.check import check, hint
    from lessons.figures import how_rare, outcomes
    from lessons.free_running import FreeRuns
    from lessons.lab import RaceLab, SchedulerLab
    from lessons.long_work import LongWork
    from lessons.player import Player
    from lessons.predict import Predict, Progress, Quiz, Reveal
    from lessons.source_view import patch, show, side_by_side
    from lessons.trace_view import columns

_HOME = {
    "BreakIt": "break_it",
    "FreeRuns": "free_running",
    "Player": "player",
    "Predict": "predict",
    "Progress": "predict",
    "Quiz": "predict",
    "RaceLab": "lab",
    "Reveal": "predict",
    "SchedulerLab": "lab",
    "check": "check",
    "LongWork": "long_work",
    "columns": "trace_view",
    "hint": "check",
    "how_rare": "figures",
    "outcomes": "figures",
    "patch": "source_view",
    "show": "source_view",
    "side_by_side": "source_view",
}

__all__ = [
    "BreakIt",
    "FreeRuns",
    "LongWork",
    "Player",
    "Predict",
    "Progress",
    "Quiz",
    "RaceLab",
    "Reveal",
    "SchedulerLab",
    "check",
    "columns",
    "hint",
    "how_rare",
    "outcomes",
    "patch",
    "show",
    "side_by_side",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"lessons has no {name!r}; it has {', '.join(__all__)}")
    found = getattr(import_module(f"lessons.{_HOME[name]}"), name)
    globals()[name] = found  # `lessons.check` is the function, not the module of that name
    return found


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
