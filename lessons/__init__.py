# SPDX-License-Identifier: GPL-2.0-or-later
"""The machinery of the course: what a notebook imports.

Names are loaded when first used, so that importing `lessons` stays cheap and a command line needs no widgets.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lessons.exercises.check import check, hint
    from lessons.exercises.check_fix import check_fix
    from lessons.exercises.hunt import hunt
    from lessons.player import Player
    from lessons.player.asked import Asked
    from lessons.real.play import play
    from lessons.views.elsewhere import elsewhere
    from lessons.views.figures import how_rare, outcomes
    from lessons.views.source import patch, show, side_by_side
    from lessons.views.stream import show_stream
    from lessons.widgets.break_it import BreakIt
    from lessons.widgets.free_running import FreeRuns
    from lessons.widgets.lab import RaceLab, SchedulerLab
    from lessons.widgets.long_work import LongWork
    from lessons.widgets.predict import Predict, Progress, Quiz, Reveal
    from mini_qemu.sched import columns

_HOME = {
    "Asked": "lessons.player.asked",
    "BreakIt": "lessons.widgets.break_it",
    "FreeRuns": "lessons.widgets.free_running",
    "Player": "lessons.player",
    "Predict": "lessons.widgets.predict",
    "Progress": "lessons.widgets.predict",
    "Quiz": "lessons.widgets.predict",
    "RaceLab": "lessons.widgets.lab",
    "Reveal": "lessons.widgets.predict",
    "SchedulerLab": "lessons.widgets.lab",
    "check": "lessons.exercises.check",
    "check_fix": "lessons.exercises.check_fix",
    "elsewhere": "lessons.views.elsewhere",
    "LongWork": "lessons.widgets.long_work",
    "hint": "lessons.exercises.check",
    "hunt": "lessons.exercises.hunt",
    "how_rare": "lessons.views.figures",
    "outcomes": "lessons.views.figures",
    "patch": "lessons.views.source",
    "play": "lessons.real.play",
    "show": "lessons.views.source",
    "show_stream": "lessons.views.stream",
    "side_by_side": "lessons.views.source",
    "columns": "mini_qemu.sched",
}

__all__ = [
    "Asked",
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
    "check_fix",
    "columns",
    "elsewhere",
    "hint",
    "how_rare",
    "hunt",
    "outcomes",
    "patch",
    "play",
    "show",
    "show_stream",
    "side_by_side",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"lessons has no {name!r}; it has {', '.join(__all__)}")
    found = getattr(import_module(_HOME[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
