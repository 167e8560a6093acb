# SPDX-License-Identifier: GPL-2.0-or-later
"""Scenarios that watch the source and its rules, and one of them that more than one story asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lessons.scenarios.stage.rules import SOURCE_RULES
from lessons.scenarios.stage.source import SourceSide, main_connects_then_cleans_up
from lessons.scenarios.stage.watched import watch_source
from mini_qemu.sched import Scenario


def source_scenario(
    name: str, title: str, setup: Callable[[], SourceSide], threads: Mapping[str, Any], **more: Any
) -> Scenario:
    """A `Scenario` that shows the source after each step and asks the source's rules; `more` as Scenario takes it.

    It is not guarded: what the miniature leaves unshared was tried once under the guard, with all sets of fixes
    (`tests/lessons/scenarios/test_guarded.py`), and twice the time for each story would buy nothing more.
    """
    shown = {"watch": watch_source, "guarded": False, **more}
    return Scenario(name, setup=setup, threads=threads, invariants=SOURCE_RULES, title=title, **shown)


without_return_path = source_scenario(
    "precopy-no-return-path", "Without return path", SourceSide, {"main": main_connects_then_cleans_up}
)
