# SPDX-License-Identifier: GPL-2.0-or-later
"""The tables of what is replaced while an exploration runs. The modules of the words fill them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

REPLACED: dict[Any, Any] = {}
"""What stands for a class or function of the standard library while an exploration runs: a class, or a function that
is called with the arguments and may return a generator of steps.
"""

TWINS: list[tuple[type, Callable[[Any], Any]]] = []
"""Real objects made before the exploration (a module's lock): their type, and how to make the controlled one."""

CARRIERS: set[type] = set()
"""Classes of the standard library that stay what they are, and whose methods are replaced: `threading.Thread`."""
