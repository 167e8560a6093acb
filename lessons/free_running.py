# SPDX-License-Identifier: GPL-2.0-or-later
"""The same scenario without the explorer: real threads of the operating system, in child processes, run after run.

What a scenario is made of works natively, too: its locks are locks, its threads are threads, and nobody decides who
moves. Each child makes a share of the runs and reports what it saw; a run that hangs is given up after a while. A
thread that was started and never joined counts as a leak, an assertion or another exception as a crash.
Left out: everything that would make a race likelier. That is the point.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from lessons.scenarios import find
from mini_qemu.fixes import fixes
from mini_qemu.sched import Handle, Scenario

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 2.0  # seconds; a run takes about one thousandth of that
REPORT_EVERY = 25


@dataclass
class FreeRuns:
    """What real threads did. `outcomes` counts runs with something wrong, by kind."""

    scenario: str
    runs: int = 0
    failing: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    cancelled: bool = False

    def __repr__(self) -> str:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(self.outcomes.items()))
        found = f"{self.failing:,} fail ({kinds})" if self.failing else "none of them fails"
        tail = " Cancelled." if self.cancelled else ""
        return f"{self.scenario}: {self.runs:,} runs on real threads in {self.seconds:.1f} s: {found}.{tail}"


def free_runs(
    name: str,
    runs: int = 10_000,
    *,
    on: Sequence[str] = (),
    processes: int = 2,
    progress: Callable[[int, int, float], object] | None = None,
) -> FreeRuns:
    """Run a scenario of the course that often. `progress(runs, failing, fraction)`; a true answer cancels."""
    if runs < 1:
        raise ValueError(f"give a number of runs above 0, not {runs}")
    total = FreeRuns(find(name).scenario.name)
    on = [fixes[fix].name for fix in on]
    start = time.monotonic()
    shares = [runs // processes + (i < runs % processes) for i in range(processes)]
    children = [_child(name, share, on) for share in shares if share]
    lines: list[dict[str, Any]] = []
    readers = [threading.Thread(target=_read, args=(child, lines), daemon=True) for child in children]
    try:
        for reader in readers:
            reader.start()
        while any(reader.is_alive() for reader in readers) or lines:
            while lines:
                line = lines.pop(0)
                total.runs += line["runs"]
                total.failing += line["failing"]
                total.outcomes.update(line["outcomes"])
            if progress is not None and progress(total.runs, total.failing, total.runs / runs):
                total.cancelled = True
                break
            time.sleep(0.02)
    finally:
        for child in children:
            child.terminate()
            child.wait()
        for reader in readers:
            reader.join()
    total.seconds = time.monotonic() - start
    broken = [child for child in children if child.returncode > 0]
    if broken and not total.cancelled:
        raise RuntimeError(f"a child process of {name} ended with status {broken[0].returncode}")
    return total


def _child(name: str, runs: int, on: Sequence[str]) -> subprocess.Popen[str]:
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    return subprocess.Popen(
        [sys.executable, "-m", "lessons.free_running", name, str(runs), *on],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )


def _read(child: subprocess.Popen[str], lines: list[dict[str, Any]]) -> None:
    assert child.stdout is not None
    with child.stdout:
        for line in child.stdout:
            with suppress(ValueError):  # half a line of a child that was ended
                lines.append(json.loads(line))


# ---- in the child


def once(scenario: Scenario) -> set[str]:
    """One run on real threads: the kinds of things that went wrong."""
    wrong: set[str] = set()
    handles: list[Handle] = []
    make, before = Handle.__init__, threading.excepthook

    def noted(self: Handle, *args: Any, **kwargs: Any) -> None:
        make(self, *args, **kwargs)
        handles.append(self)

    threading.excepthook = lambda _args: wrong.add("crash")
    with patch.object(Handle, "__init__", noted):
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
    if hasattr(os, "nice"):
        os.nice(5)  # the notebook and the browser go first
    scenario = find(name).scenario
    with fixes.only(*on):
        left = int(runs)
        while left:
            part = min(left, REPORT_EVERY)
            found = [once(scenario) for _ in range(part)]
            outcomes = Counter(kind for kinds in found for kind in kinds)
            print(json.dumps({"runs": part, "failing": sum(map(bool, found)), "outcomes": outcomes}), flush=True)
            left -= part
    os._exit(0)  # threads of runs that hang would keep the process


if __name__ == "__main__":
    main(sys.argv[1:])
