"""What was tried and what came of it: kept in figures.json, shown in tests/RELIABILITY.md. The commands write both."""

from __future__ import annotations

import json
import platform
import resource
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
STORE = HERE / "figures.json"
PAGE = HERE.parent / "RELIABILITY.md"


@dataclass
class Figure:
    """One kind of trial. `outcomes` counts all trials by how they ended; `findings` describes those that must not."""

    name: str
    command: str
    unit: str
    target: int
    trials: int = 0
    seconds: float = 0.0
    seed: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)
    peak_mib: int = 0
    python: str = platform.python_version()
    date: str = ""

    def count(self, outcome: str) -> None:
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1
        self.trials += 1

    def found(self, text: str) -> None:
        """The first of each kind, with what it takes to have it again."""
        self.count("FINDING")
        if len(self.findings) < 20 and text not in self.findings:
            self.findings.append(text)


@contextmanager
def figure(name: str, command: str, unit: str, target: int, seed: int) -> Iterator[Figure]:
    """Timed, with the peak of this process's memory; stored at the end, also when it was interrupted."""
    made = Figure(name, command, unit, target, seed=seed)
    start = time.monotonic()
    try:
        yield made
    except KeyboardInterrupt:
        print(f"{name}: interrupted after {made.trials} {unit}")
    made.seconds = round(time.monotonic() - start, 1)
    made.peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    made.date = time.strftime("%Y-%m-%d")
    outcomes = ", ".join(f"{count} {what}" for what, count in Counter(made.outcomes).most_common())
    print(f"{name}: {made.trials} {unit} in {made.seconds} s, {made.peak_mib} MiB: {outcomes}", flush=True)
    for finding in made.findings:
        print(f"  FINDING {finding}", flush=True)


def stored() -> dict[str, Figure]:
    if not STORE.exists():
        return {}
    return {name: Figure(**values) for name, values in json.loads(STORE.read_text(encoding="utf-8")).items()}


def store(new: Figure) -> None:
    """A longer run takes the place of a shorter one; a finding is always kept."""
    figures = stored()
    old = figures.get(new.name)
    if old is None or new.trials >= old.trials or new.findings:
        figures[new.name] = new
    text = json.dumps({name: asdict(figures[name]) for name in sorted(figures)}, indent=1, ensure_ascii=False)
    STORE.write_text(text + "\n", encoding="utf-8")
    PAGE.write_text(page(figures), encoding="utf-8")


HEAD = """# Reliability

Written by `make fuzz` and `make soak`; do not edit. Each line is one run of the command beside it, with the seed it
printed: the same command with the same seed makes the same inputs. `make slow` runs the same trials in a short form.

| what | trials | of the goal | time | peak memory | findings | again with |
|---|---:|---:|---:|---:|---:|---|
"""

NOTES = """
## How to read the outcomes

* *accepted* streams ended as `completed`; what was then in memory was compared, byte for byte, with what an independent
  reader of the same stream says (`streams.py`). *refused* ones ended with a sentence and a negative return value.
* A *paused* stream ended after its guest had begun to run: a real process would wait for another line.
* In a schedule of faults *source* and *destination* say where the guest runs afterwards, or stands still and can be
  continued; *with the process that was killed* that it ended with its process; *can be recovered* that its postcopy is
  paused. *Split brain* is the one that QEMU has as well: the destination has everything and runs, its last word is
  lost, and the source, which hears nothing, runs again. *C.18a* is the survivor of that name: the line dies at the very
  end of a postcopy, and the source waits for ever. Anything else is a finding.
* The findings of *faults* are of one kind: the source has written the whole package of a postcopy, the line breaks, and
  the destination, which has not read it, gives up. The source is paused, its guest stands still, and nobody is left to
  recover with. The source cannot know. Upstream had the same until it waited for the destination's word
  (`7b842fe354`, November 2025).
* The memory of *requests* is mostly Hypothesis's own, which keeps what it has tried; a machine and its monitor alone
  stay at 35 MiB.
* Assertions of the miniature that QEMU has too are symptoms that the course teaches. None was reached here unless it is
  listed.
"""


def page(figures: dict[str, Figure]) -> str:
    lines = [HEAD.rstrip("\n")]
    for it in figures.values():
        part = f"{100 * it.trials / it.target:.0f} %"
        lines.append(
            f"| {it.name} | {it.trials:,} {it.unit} | {part} of {it.target:,} | {it.seconds:,.0f} s "
            f"| {it.peak_mib} MiB | {len(it.findings)} | `{it.command} --seed {it.seed}` |"
        )
    lines += ["", "## Outcomes", ""]
    for it in figures.values():
        outcomes = ", ".join(f"{count:,} {what}" for what, count in Counter(it.outcomes).most_common())
        lines.append(f"* **{it.name}** ({it.date}, Python {it.python}): {outcomes}.")
        lines += [f"  * finding: `{text}`" for text in it.findings]
    return "\n".join(lines) + "\n" + NOTES
