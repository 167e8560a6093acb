# SPDX-License-Identifier: GPL-2.0-or-later
"""The machinery of the course: what a notebook imports.

Names are loaded when first used, so that importing `lessons` stays cheap and a command line needs no widgets.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lessons.lab import RaceLab, SchedulerLab
    from lessons.player import Player
    from lessons.source_view import patch, show, side_by_side
    from lessons.trace_view import columns

__all__ = ["Player", "RaceLab", "SchedulerLab", "columns", "patch", "show", "side_by_side"]

_HOME = {
    "Player": "player",
    "RaceLab": "lab",
    "SchedulerLab": "lab",
    "columns": "trace_view",
    "patch": "source_view",
    "show": "source_view",
    "side_by_side": "source_view",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"lessons has no {name!r}; it has {', '.join(__all__)}")
    return getattr(import_module(f"lessons.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
