# SPDX-License-Identifier: GPL-2.0-or-later
"""Work that takes longer than a breath: a bar, an estimate of what is left, a button that cancels.

    job = LongWork("all schedules", partial(explore, scenario))     # shows its progress when displayed
    job.result()                                                    # waits; an interrupted wait cancels

The work runs in a thread of its own, so that the kernel can hear the button. It is any function that takes a keyword
``progress(runs, failing, fraction)`` and stops when that says True, as `explore` does. The cells below need not wait
for it. Who runs a notebook in order to store it wants the end: where the environment has MINI_QEMU_PATIENT, work is
waited for where it begins.
"""

from __future__ import annotations

import html
import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from lessons.widgets.predict import Card

BETWEEN = 0.2  # seconds from one word to the next: a browser that is told more often falls behind
BEAT = 1.0  # seconds from one sign of life to the next

R = TypeVar("R")
Clock = Callable[[], float]


class LongWork(Card, Generic[R]):
    """Runs ``work(progress=...)`` at once. ``result()`` is what it returns; an exception in it is raised there.

    As long as it works it tells the browser so, also while the work has nothing to say: a browser that hears nothing
    for five seconds says that the kernel is gone.
    """

    def __init__(self, title: str, work: Callable[..., R], clock: Clock = time.monotonic) -> None:
        self.title = title
        self.clock = clock
        self.started = self.told = clock()
        self.cancelled = False
        self._result: list[R] = []
        self._error: BaseException | None = None
        self._telling = threading.Lock()
        self._ended = threading.Event()
        super().__init__()
        self._thread = threading.Thread(target=self._run, args=(work,), name=f"long work: {title}", daemon=True)
        try:
            self._thread.start()
            threading.Thread(target=self._beat, name=f"still there: {title}", daemon=True).start()
        except RuntimeError:  # a browser's Python has no threads: the cell ends when the work does
            self._run(work)
        if os.environ.get("MINI_QEMU_PATIENT"):
            self._wait()

    def draw(self) -> dict[str, Any]:
        return {"mode": "work", "title": self.title, "state": "running", "fraction": 0.0, "said": "begins", "beat": 0}

    def obey(self, message: Mapping[str, Any]) -> None:
        if message.get("do") == "cancel":
            self.cancel()

    def _tell(self, **changes: Any) -> None:
        with self._telling:
            self.view = {**self.view, **changes}

    def _beat(self) -> None:
        while not self._ended.wait(BEAT):
            self._tell(beat=self.view["beat"] + 1)

    def _run(self, work: Callable[..., R]) -> None:
        try:
            self._result.append(work(progress=self._progress))
        except BaseException as error:
            self._error = error
        self._ended.set()
        if self._error is not None:
            self._tell(state="failed", said=f"stopped: {self._error}")
        elif self.cancelled:
            self._tell(state="cancelled", said="cancelled; what was found so far is kept")
        else:
            self._tell(state="done", fraction=1.0, said="done")

    def _progress(self, runs: int, failing: int, fraction: float) -> bool:
        now = self.clock()
        if now - self.told >= BETWEEN:
            self.told = now
            farther = max(self.view["fraction"], fraction)
            self._tell(fraction=farther, said=estimate(runs, failing, farther, now - self.started))
        return self.cancelled

    def _wait(self) -> None:
        if self._thread.ident is not None:  # it was started
            self._thread.join()

    def cancel(self) -> None:
        """Stop at the next opportunity."""
        self.cancelled = True

    def result(self) -> R:
        """Wait for the end. An interrupt while waiting cancels the work, and what it has so far is the result."""
        try:
            self._wait()
        except KeyboardInterrupt:
            self.cancel()
            self._wait()
        if self._error is not None:
            raise self._error
        return self._result[0]

    def __repr__(self) -> str:
        return f"{self.title}: run this cell to see how far it is"

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(repr(self))}</p>"


def estimate(runs: int, failing: int, fraction: float, seconds: float) -> str:
    """What the bar says beneath itself: "1,280 runs, 3 fail; about 12 s left"."""
    sofar = f"{runs:,} runs, {failing:,} fail"
    if fraction < 0.01:
        return sofar
    left = seconds * (1 - fraction) / fraction
    return f"{sofar}; about {left:.0f} s left" if left < 120 else f"{sofar}; about {left / 60:.0f} min left"
