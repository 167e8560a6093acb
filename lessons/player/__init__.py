# SPDX-License-Identifier: GPL-2.0-or-later
"""The step player: `player.js` draws, `player.py` hosts."""

from __future__ import annotations

from lessons.player.player import Player, trace_data

__all__ = ["Player", "trace_data"]
