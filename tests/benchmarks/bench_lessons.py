"""How long a learner waits: for a verdict on an answer, for a toggle, for the course to be imported, for a notebook.

`make bench`. Not a test: a machine that is busy is not a bug. Each figure is the longest of its kind, and says whose.
Goals on two cores: an answer is graded in 2 s, a toggle answers in 1 s, the course is imported in 1.5 s in a fresh
process, a notebook restarts and runs through in 10 s.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

from lessons.exercises import exercises
from lessons.exercises.check import check_source
from lessons.widgets.lab import RaceLab

ROOT = Path(__file__).parent.parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SPINNING = {
    "warmups/withdraw": "def withdraw(account, amount):\n    while account.balance < amount:\n        pass",
    "missing-join/write": "def finish_return_path(s):\n    while s.rp_state.from_dst_file is not None:\n        pass",
    "check-then-use/write": (
        "def wake_return_path(s):\n    while s.rp_state.from_dst_file is not None:\n"
        "        qemu_file_shutdown(s.rp_state.from_dst_file)"
    ),
}


def seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def answers() -> Iterator[tuple[str, float]]:
    """Every answer the course knows of, and answers that never stop looking."""
    for name, asked in exercises().items():
        known = {"starter": asked.starter, "solution": asked.solution} | {w.name: w.answer for w in asked.wrong}
        if name in SPINNING:
            known["spinning"] = SPINNING[name]
        for kind, answer in known.items():
            yield f"{name} {kind}", seconds(lambda answer=answer, asked=asked: check_source(answer, asked))


def toggles() -> Iterator[tuple[str, float]]:
    """Every switch of every RaceLab in the notebooks, each set of fixes once and each wrong fix."""
    for path in NOTEBOOKS:
        cells = [cell.source for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]
        labs: list[RaceLab] = []
        scope: dict[str, Any] = {}
        exec(cells[0], scope)  # the imports
        scope["RaceLab"] = lambda *args, labs=labs, **options: labs.append(RaceLab(*args, **options))
        for source in cells[1:]:
            if "RaceLab(" in source:
                exec(source, scope)
        for lab in labs:
            sets = [some for size in range(len(lab.fixes) + 1) for some in combinations(lab.fixes, size)]
            for on in [*sets, *((name,) for name in lab.wrong)]:
                switched = f"{lab.scenario.name} with {' and '.join(on) or 'no fix'}"
                yield switched, seconds(lambda on=on, lab=lab: lab.obey({"do": "fixes", "on": on}))


def imports() -> Iterator[tuple[str, float]]:
    names = "BreakIt, Predict, Quiz, RaceLab, Reveal, check, outcomes, patch, show"
    command = [sys.executable, "-c", f"from lessons import {names}"]
    yield "what a notebook imports", min(seconds(lambda: subprocess.run(command, check=True)) for _ in range(3))


def notebooks() -> Iterator[tuple[str, float]]:
    for path in NOTEBOOKS:
        client = NotebookClient(nbformat.read(path, 4), resources={"metadata": {"path": str(path.parent)}})
        yield path.stem, seconds(client.execute)


def main() -> None:
    os.environ["MINI_QEMU_PROGRESS"] = ""  # nobody's progress
    for title, measure in {"answer": answers, "toggle": toggles, "import": imports, "notebook": notebooks}.items():
        times = sorted(((took, what) for what, took in measure()), reverse=True)
        print(f"{title:<9} of {len(times):>3}, the longest: " + ", ".join(f"{t:.2f} s {what}" for t, what in times[:3]))


if __name__ == "__main__":
    main()
