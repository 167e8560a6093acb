"""How fast the engine is: `make bench`, or `python -m tests.benchmarks.bench_engine [--write]`. Not a test.

Four tables: against frontrun (same programs, one run of this script; extra `bench`); runs per second by length of run;
large programs, each in a process of its own, with time and memory; how close exploring comes to the cost of its steps.
Goals: 100 times frontrun; 10,000 runs/s at 12 steps, 5,000 at 25, 1,000 at 72; lastzero(10) in 1.5 s, indexer(15) and
readers(13) in 5 s, lastzero(15) in 120 s and 300 MB. `--write` keeps the tables beside this file.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

from mini_qemu.sched import Scenario, explore
from mini_qemu.sched.world import World
from tests.mini_qemu.sched import published

COMMAND = "python -m tests.benchmarks.bench_engine --write"
KEPT = Path(__file__).with_name("engine.md")

COMPARED: dict[str, Callable[[], Scenario]] = {
    "lost_update(3)": lambda: published.lost_update(3),
    "philosophers(5)": lambda: published.philosophers(5),
    "readers(6)": lambda: published.readers(6),
    "lastzero(5)": lambda: published.lastzero(5),
}
LARGE = {
    "lastzero(10)": (published.lastzero, 10, 3_328, "1.5 s"),
    "indexer(15)": (published.indexer, 15, 4_096, "5 s"),
    "readers(13)": (published.readers, 13, 8_192, "5 s"),
    "lastzero(15)": (published.lastzero, 15, 147_456, "120 s, 300 MB"),
}
BY_LENGTH: list[tuple[int, Callable[[], Scenario], str]] = [
    (6, lambda: published.lost_update(3), "-"),
    (12, lambda: published.lost_update(3, 2), "10,000"),
    (12, lambda: published.locked_update(3), "10,000"),
    (24, lambda: published.lost_update(3, 4), "5,000"),
    (24, lambda: published.locked_update(3, 2), "5,000"),
    (72, lambda: published.lost_update(3, 12), "1,000"),
    (72, lambda: published.locked_update(3, 6), "1,000"),
]


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table, numbers to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def best(action: Callable[[], object], seconds: float = 0.5) -> float:
    """The quickest of as many repetitions as fit, in seconds: the machine may be busy with other things."""
    times: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 3:
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return min(times)


# -- against frontrun --------------------------------------------------------------------------------------------------


def frontrun_says() -> dict[str, dict[str, float]]:
    """What frontrun needed for its side of the comparison; empty without frontrun."""
    command = shutil.which("frontrun", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if command is None:
        return {}
    done = subprocess.run(
        [command, sys.executable, "-m", "tests.benchmarks.frontrun_side"], capture_output=True, text=True, check=True
    )
    told = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {one["program"]: one for one in told}


def compare() -> str:
    theirs = frontrun_says()
    rows = []
    for name, make in COMPARED.items():
        scenario = make()
        result = explore(scenario, method="dpor")
        ours = best(lambda scenario=scenario: explore(scenario, method="dpor"))  # type: ignore[misc]
        row = [name, f"{result.classes:,}", f"{result.runs:,}", f"{ours * 1000:.1f} ms"]
        if name in theirs:
            seconds, runs = theirs[name]["seconds"], theirs[name]["runs"]
            row += [f"{runs:,.0f}", f"{seconds * 1000:,.0f} ms", f"{seconds / ours:,.0f}"]
        else:
            row += ["not installed", "-", "-"]
        rows.append(row)
    return table(["program", "classes", "runs", "time", "frontrun: runs", "time", "times as fast"], rows)


# -- runs per second ---------------------------------------------------------------------------------------------------


def runs_per_second(scenario: Scenario, limit: int = 3_000) -> float:
    result = explore(scenario, method="dpor", limit_runs=limit)
    return result.runs / best(lambda: explore(scenario, method="dpor", limit_runs=limit), seconds=2.0)


def by_length() -> str:
    rows = []
    for steps, make, goal in BY_LENGTH:
        scenario = make()
        rows.append([scenario.name, str(steps), f"{runs_per_second(scenario):,.0f}", goal])
    return table(["program", "steps", "runs/s", "goal"], rows)


# -- large programs ----------------------------------------------------------------------------------------------------


def one_large(name: str) -> None:
    """In a process of its own, so that the memory is its own."""
    program, n, expected, _ = LARGE[name]
    start = time.perf_counter()
    result = explore(program(n), method="dpor")
    seconds = time.perf_counter() - start
    assert (result.runs, result.classes, result.verdict) == (expected, expected, "proved"), repr(result)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"runs": result.runs, "seconds": seconds, "megabytes": memory}))


def large() -> str:
    rows = []
    for name, (_, _, _, goal) in LARGE.items():
        done = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.bench_engine", "--large", name],
            capture_output=True,
            text=True,
            check=True,
        )
        told = json.loads(done.stdout)
        rows.append([name, f"{told['runs']:,}", f"{told['seconds']:.2f} s", f"{told['megabytes']:.0f} MB", goal])
    return table(["program", "runs == classes", "time", "peak memory", "goal"], rows)


# -- the floor ---------------------------------------------------------------------------------------------------------


def bare(n: int) -> Iterator[tuple[str, int]]:
    for i in range(n):
        yield ("step", i)


def drain(n: int) -> None:
    generator = bare(n)
    for _ in range(n):
        next(generator)


def one_run(scenario: Scenario) -> int:
    """One world, run by the first thread that can: the steps alone, no analysis. Returns how many there were."""
    world = World(scenario)
    steps = 0
    with world.running():
        world.start()
        while able := [task for task in world.tasks if world.enabled(task)]:
            world.step(able[0])
            steps += 1
    world.close()
    return steps


def floor() -> str:
    rows = [["a bare Python generator", f"{best(lambda: drain(10_000)) / 10_000 * 1e6:.2f}", "-"]]
    for scenario in (published.lost_update(3, 12), published.locked_update(3, 6)):
        steps = one_run(scenario)
        exploring = 1e6 / runs_per_second(scenario) / steps
        alone = best(lambda scenario=scenario: one_run(scenario), seconds=2.0) / steps * 1e6  # type: ignore[misc]
        rows.append([f"{scenario.name}, one run without analysis", f"{alone:.2f}", "-"])
        rows.append([f"{scenario.name}, exploring", f"{exploring:.2f}", f"{alone / exploring:.0%}"])
    return table(["what", "us per step", "share of the steps themselves"], rows)


def report() -> str:
    python = f"{platform.python_implementation()} {platform.python_version()}"
    machine = f"{os.cpu_count()} cores, {platform.machine()}, {python}"
    gc.collect()
    return "\n\n".join(
        [
            "# The engine's speed",
            f"`{COMMAND}`\n\n{date.today():%B %Y}, {platform.system()}, {machine}. Every figure is the best of a few\n"
            f"repetitions in one run of this script (frontrun, large: one). Load average: {os.getloadavg()[0]:.1f}.",
            "## Against frontrun\n\nBoth to the end: every interleaving up to equivalence, no bound on preemptions.",
            compare(),
            "## Runs per second\n\nOptimal DPOR, at most 3,000 runs; every run is executed from its first step.",
            by_length(),
            "## Large programs",
            large(),
            "## How close to the floor\n\nMicroseconds per executed step.",
            floor(),
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the engine.")
    parser.add_argument("--write", action="store_true", help=f"keep the tables in {KEPT.name}")
    parser.add_argument("--large", choices=list(LARGE), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.large:
        one_large(options.large)
        return
    text = report()
    print(text)
    if options.write:
        KEPT.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
