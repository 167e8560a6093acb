# SPDX-License-Identifier: GPL-2.0-or-later
"""The machinery of the course: what a notebook imports.

Names are loaded when first used, so that importing `lessons` stays cheap and a command line needs no widgets.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lessons.exercises.check import check, hint
    from lessons.player import Player
    from lessons.views.figures import how_rare, outcomes
    from lessons.views.source import patch, show, side_by_side
    from lessons.views.trace import columns
    from lessons.widgets.break_it import BreakIt
    from lessons.widgets.free_running import FreeRuns
    from lessons.widgets.lab import RaceLab, SchedulerLab
    from lessons.widgets.long_work import LongWork
    from lessons.widgets.predict import Predict, Progress, Quiz, Reveal

_HOME = {
    "BreakIt": "widgets.break_it",
    "FreeRuns": "widgets.free_running",
    "Player": "player",
    "Predict": "widgets.predict",
    "Progress": "widgets.predict",
    "Quiz": "widgets.predict",
    "RaceLab": "widgets.lab",
    "Reveal": "widgets.predict",
    "SchedulerLab": "widgets.lab",
    "check": "exercises.check",
    "LongWork": "widgets.long_work",
    "columns": "views.trace",
    "hint": "exercises.check",
    "how_rare": "views.figures",
    "outcomes": "views.figures",
    "patch": "views.source",
    "show": "views.source",
    "side_by_side": "views.source",
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
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
