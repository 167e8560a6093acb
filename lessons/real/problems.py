# SPDX-License-Identifier: GPL-2.0-or-later
"""What can keep a scene from going on. Each message is a sentence for the reader."""

from __future__ import annotations


class LabError(Exception):
    """A scene cannot go on: a peer died, an answer did not come, a stream was cut."""


class Missing(LabError):
    """Something that a scene needs is not on this machine. `play` then shows what was recorded."""
