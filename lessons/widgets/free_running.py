# SPDX-License-Identifier: GPL-2.0-or-later
"""The same scenario without the explorer: real threads of the operating system, in child processes, run after run.

    runs = FreeRuns("precopy-return-path", 10_000)
    job = LongWork("on real threads", runs.make)
    runs                                            # what there is so far

What a scenario is made of works natively, too: its locks are locks, its threads are threads, and nobody decides who
moves. Each child makes a share of the runs and reports what it saw; a run that hangs is given up after a while. A
thread that was started and never joined counts as a leak, an assertion or another exception as a crash.
A browser's Python has neither threads nor processes. There `make` takes what was recorded elsewhere, and says so.
Left out: everything that would make a race likelier. That is the point.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from lessons.scenarios import find
from lessons.widgets import recorded_runs
from mini_qemu.fixes import any_fix, only
from mini_qemu.sched import Handle, Scenario, started

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 2.0  # seconds; a run takes about one thousandth of that
REPORT_EVERY = 25

Report = dict[str, Any]
"""What a child says about its latest runs: `runs`, `failing`, `outcomes`."""


@dataclass
class FreeRuns:
    """Runs on real threads: how many are wanted, and what those made so far have shown.

    `on`: the fixes that are on. `outcomes` counts runs with something wrong, by kind. `where`: the machine, if the runs
    were recorded. Raises UnknownName for a scenario or a fix that the course does not have, ValueError where no run is
    wanted.
    """

    scenario: str
    wanted: int = 10_000
    on: Sequence[str] = ()
    processes: int = 2
    runs: int = 0
    failing: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    cancelled: bool = False
    where: str = ""

    def __post_init__(self) -> None:
        if self.wanted < 1:
            raise ValueError(f"give a number of runs above 0, not {self.wanted}")
        self.scenario = find(self.scenario).scenario.name
        self.on = [any_fix(fix).name for fix in self.on]

    def __repr__(self) -> str:
        if not self.runs and not self.cancelled:
            return f"{self.scenario}: {self.wanted:,} runs on real threads are to come."
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(self.outcomes.items()))
        found = f"{self.failing:,} fail ({kinds})" if self.failing else "none of them fails"
        of = "" if self.runs == self.wanted else f" of {self.wanted:,}"
        tail = " Cancelled." if self.cancelled else " More are to come." if of else ""
        if self.where:
            of, tail = "", f" Recorded on another machine ({self.where}): a browser has no real threads."
        return f"{self.scenario}: {self.runs:,}{of} runs on real threads in {self.seconds:.1f} s: {found}.{tail}"

    def make(self, progress: Callable[[int, int, float], object] | None = None) -> FreeRuns:
        """Make them, those that are missing. `progress(runs, failing, fraction)`; a true answer cancels.

        Raises NotRecorded in a browser, if nobody has recorded these runs.
        """
        if recorded_runs.needed():
            return self._take(recorded_runs.recorded(self.scenario, self.on))
        self.cancelled = False
        start = time.monotonic() - self.seconds
        missing = self.wanted - self.runs
        shares = [missing // self.processes + (i < missing % self.processes) for i in range(self.processes)]
        children = [_child(self.scenario, share, self.on) for share in shares if share]
        reports: SimpleQueue[Report] = SimpleQueue()
        readers = [threading.Thread(target=_read, args=(child, reports), daemon=True) for child in children]
        try:
            for reader in readers:
                reader.start()
            while any(reader.is_alive() for reader in readers) or not reports.empty():
                with suppress(Empty):
                    self._count(reports.get(timeout=0.05))
                self.seconds = time.monotonic() - start
                if progress is not None and progress(self.runs, self.failing, self.runs / self.wanted):
                    self.cancelled = True
                    break
        finally:
            for child in children:
                child.terminate()
                child.wait()
            for reader in readers:
                reader.join()
        broken = [child for child in children if child.returncode > 0]
        if broken and not self.cancelled:
            raise RuntimeError(f"a child process of {self.scenario} ended with status {broken[0].returncode}")
        return self

    def _take(self, found: Report) -> FreeRuns:
        """Show what was recorded as if it were made here, and where it was."""
        self.runs, self.failing, self.outcomes = found["runs"], found["failing"], Counter(found["outcomes"])
        self.seconds, self.where = found["seconds"], found["where"]
        return self

    def _count(self, report: Report) -> None:
        self.runs += report["runs"]
        self.failing += report["failing"]
        self.outcomes.update(report["outcomes"])


def _child(name: str, runs: int, on: Sequence[str]) -> subprocess.Popen[str]:
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    return subprocess.Popen(
        [sys.executable, "-m", "lessons.widgets.free_running", name, str(runs), *on],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )


def _read(child: subprocess.Popen[str], reports: SimpleQueue[Report]) -> None:
    assert child.stdout is not None
    with child.stdout:
        for line in child.stdout:
            with suppress(ValueError):  # half a line of a child that was ended
                reports.put(json.loads(line))


# ---- in the child


def once(scenario: Scenario, handles: list[Handle]) -> set[str]:
    """One run on real threads: the kinds of things that went wrong. `handles` as `started` keeps them."""
    wrong: set[str] = set()
    handles.clear()
    before, threading.excepthook = threading.excepthook, lambda _args: wrong.add("crash")
    state = scenario.setup()
    threads = [
        threading.Thread(target=function, args=(state, *args), name=name, daemon=True)
        for name, (function, args) in scenario.functions.items()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    threading.excepthook = before
    if any(thread.is_alive() for thread in threads):
        wrong.add("hang")
    elif not wrong:
        if not all(handle.settled for handle in handles):
            wrong.add("leak")
        try:
            if scenario.check is not None and scenario.check(state) is False:
                wrong.add("check")
        except AssertionError:
            wrong.add("check")
    return wrong


def main(arguments: Sequence[str]) -> None:
    name, runs, *on = arguments
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who interrupts another cell does not mean these runs
    if hasattr(os, "nice"):
        os.nice(10)  # the notebook and the browser go first
    scenario = find(name).scenario
    with only(*on), started() as handles, suppress(BrokenPipeError):  # nobody listens any more
        left = int(runs)
        while left:
            part = min(left, REPORT_EVERY)
            found = [once(scenario, handles) for _ in range(part)]
            outcomes = Counter(kind for kinds in found for kind in kinds)
            print(json.dumps({"runs": part, "failing": sum(map(bool, found)), "outcomes": outcomes}), flush=True)
            left -= part
    os._exit(0)  # threads of runs that hang would keep the process


if __name__ == "__main__":
    main(sys.argv[1:])
