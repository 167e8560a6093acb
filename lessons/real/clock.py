# SPDX-License-Identifier: GPL-2.0-or-later
"""Every wait of a lab has an end, and so has the lab as a whole."""

from __future__ import annotations

import time
from collections.abc import Callable

from lessons.real.problems import LabError

PATIENCE = 5.0  # seconds for one answer or state; they come within milliseconds
START = 10.0  # and for a process to come up, on a machine with much else to do
SCENE = 20.0  # seconds for everything that one lab does
BETWEEN = 0.004


class End:
    """A moment in the future."""

    def __init__(self, seconds: float) -> None:
        self.at = time.monotonic() + seconds

    def left(self) -> float:
        return max(0.0, self.at - time.monotonic())


class Clock:
    """`patience` is what one wait may take: five seconds, or what is left of the scene."""

    def __init__(self, seconds: float = SCENE) -> None:
        self.seconds = seconds
        self.end = End(seconds)

    @property
    def patience(self) -> float:
        left = self.end.left()
        if not left:
            raise LabError(f"The scene takes more than {self.seconds:.0f} s. It ends here.")
        return min(PATIENCE, left)

    @property
    def start(self) -> float:
        """What the start of a process may take."""
        return min(START, self.end.left())

    def after(self, seconds: float) -> End:
        return End(min(seconds, self.end.left()))

    def until(self, condition: Callable[[], bool], seconds: float | None = None) -> bool:
        """Ask again and again; whether it came true in time."""
        end = self.after(self.patience if seconds is None else seconds)
        while not condition():
            if not end.left():
                return False
            time.sleep(BETWEEN)
        return True
