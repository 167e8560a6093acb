# SPDX-License-Identifier: GPL-2.0-or-later
"""All stories of the course, by name.

    from lessons.scenarios import find
    find("precopy-return-path").scenario

Each has a module of its own, with its actors and the wrong fixes it refutes; stage.py has what they share.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from lessons.catalogue import Catalogue

if TYPE_CHECKING:
    from lessons.scenarios.story import Story

MODULES = (
    "precopy_return_path",
    "precopy_no_return_path",
    "hung_destination",
    "migrate_twice",
    "cancel_vs_exit",
    "cancel_vs_pause",
    "cancel_in_postcopy",
    "early_close",
    "await_vs_exit",
    "tls",
    "fd_transport",
    "snapshot",
    "cancel_cleanup",
    "migrate_again",
    "local_error",
    "two_closers",
    "recovery",
    "yank_any_time",
    "yank_in_postcopy",
    "yank_destination",
    "pause_while_pausing",
    "half_a_page",
    "multifd_ends",
    "silent_peer",
    "lost_cancel",
    "migrate_too_early",
    "migration_test",
)


def _stories() -> dict[str, Story]:
    """In the order of the patches."""
    listed = [story for name in MODULES for story in import_module(f"lessons.scenarios.{name}").STORIES]
    return {story.name: story for story in listed}


stories = Catalogue("scenario", _stories)


def find(name: str) -> Story:
    """The story of that name. Raises UnknownName."""
    return stories[name]
