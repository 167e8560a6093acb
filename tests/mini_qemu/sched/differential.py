"""One program, two machines: everything in which the engine and the oracle may disagree, as sentences.

    python -m tests.mini_qemu.sched.differential 20000 --seed 0 --jobs 2

Strategy: the oracle says which classes there are and how each ends; the engine must run each class exactly once
(`dpor`), or reach exactly the outcomes (`dfs`, `states`), or reach none but these (`random`, `pct`, `bounded`), and
its failing schedule must replay to the same finding. A program on which they differ is shrunk before it is shown.
Left out: programs with more prefixes than `LIMIT`, which are counted and skipped.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from mini_qemu.sched import Result, SchedError, UseAfterFree, explore, replay
from mini_qemu.sched.explore import REPEATS
from tests.mini_qemu.sched.language import Program, show
from tests.mini_qemu.sched.oracle import Census, TooLarge, classes
from tests.mini_qemu.sched.programs import random_program
from tests.mini_qemu.sched.shrink import shrink
from tests.mini_qemu.sched.translate import Logs, Translated, Values, translate

LIMIT = 3_000
JUDGED_AT_THE_END = {"check", "leak", "abandoned"}
SAMPLES = 20
"""Runs of each sampling method on one program."""


def ends(census: Census) -> Counter[tuple[Values, Logs]]:
    """Final values and what every thread saw -> number of classes that end so."""
    return Counter((outcome.values, _spoken(outcome.logs)) for outcome in census.outcomes.values())


def _spoken(logs: Iterable[tuple[str, tuple[object, ...]]]) -> Logs:
    return tuple((name, log) for name, log in logs if log)


def seen(translated: Translated) -> Counter[tuple[Values, Logs]]:
    translated.finish()
    return Counter((values, _spoken(logs)) for values, logs in translated.ends)


def differences(program: Program, census: Census, others: bool = True) -> list[str]:
    """What the engine gets wrong about ``program``, by DPOR and (``others``) every other method; empty when nothing."""
    found = _exact(program, census)
    if others:
        for method in ("dfs", "states"):
            found += [f"{method}: {sentence}" for sentence in _outcomes(program, census, method)]
        for method in ("random", "pct", "bounded"):
            found += [f"{method}: {sentence}" for sentence in _subset(program, census, method)]
    return found


def _compare(what: str, engine: object, oracle: object) -> list[str]:
    return [] if engine == oracle else [f"{what}: engine {engine}, oracle {oracle}"]


def _exact(program: Program, census: Census) -> list[str]:
    """Optimal DPOR: every class once."""
    translated = translate(program)
    try:
        result = explore(translated.scenario, method="dpor")
        runs = seen(translated)
        found = _compare("classes", result.classes, census.classes)
        found += _compare("runs", result.runs, census.classes)
        found += _compare("failing", result.failing, census.failing)
        found += _compare("findings", dict(sorted(result.findings.items())), dict(sorted(census.findings.items())))
        found += _compare("verdict", result.verdict, "failed" if census.failing else "proved")
        expected = ends(census)
        again = runs - expected  # a few runs are made again, to see whether the program is deterministic
        if not found and (expected - runs or again.total() > REPEATS + 1 or not again.keys() <= expected.keys()):
            found.append(f"ends: engine only {dict(runs - expected)}, oracle only {dict(expected - runs)}")
        return found + _replays(translated, result)
    finally:
        translated.forget()


def _replays(translated: Translated, result: Result) -> list[str]:
    """The schedule of every example, run again, ends in what it is an example of."""
    promised: dict[str, set[tuple[str, str]]] = {}
    for failure in result.examples.values():
        promised.setdefault(failure.schedule, set()).add((failure.kind, failure.thread))
    found: list[str] = []
    for schedule, findings in promised.items():
        try:
            finding = replay(translated.scenario, schedule).finding
        except SchedError as error:
            found.append(f"replay of {schedule}, an example of {sorted(findings)}: {error}")
        else:
            if finding is not None and {finding.kind, *(kind for kind, _ in findings)} <= JUDGED_AT_THE_END:
                continue  # the trace shows one of them
            if finding is None or (finding.kind, finding.thread) not in findings:
                found.append(f"replay of {schedule}, an example of {sorted(findings)}, ends in {finding}")
    return found


def _outcomes(program: Program, census: Census, method: str) -> list[str]:
    """Methods that reach every outcome but count in their own way."""
    translated = translate(program)
    try:
        result = explore(translated.scenario, method=method)
        good = {o.values for o in census.outcomes.values() if o.kinds <= JUDGED_AT_THE_END}
        more = set(result.findings) - set(census.findings)  # of several findings in a class it may meet only the first
        found = [f"findings unknown to the oracle: {sorted(more)}"] if more else []
        found += _compare("verdict", result.verdict, "failed" if census.failing else "proved")
        found += _compare("values at the end", sorted(translated.checked, key=repr), sorted(good, key=repr))
        if method == "dfs":
            found += _compare("classes", result.classes, census.classes)
        return found
    finally:
        translated.forget()


def _subset(program: Program, census: Census, method: str) -> list[str]:
    """Methods that sample: nothing but what the oracle has, and no claim of a proof."""
    translated = translate(program)
    try:
        result = explore(translated.scenario, method=method, limit_runs=SAMPLES, seed=1, preemptions=1)
        more = seen(translated).keys() - ends(census).keys()
        found = [f"ends unknown to the oracle: {sorted(more, key=repr)}"] if more else []
        if set(result.findings) - set(census.findings):
            found.append(f"findings unknown to the oracle: {sorted(set(result.findings) - set(census.findings))}")
        if result.verdict == "proved" and (census.failing or method != "bounded"):
            found.append(f"claims a proof; the oracle has {census.failing} failing classes")
        return found
    finally:
        translated.forget()


# -- many programs -----------------------------------------------------------------------------------------------------


@dataclass
class Tally:
    """What a batch of programs came to."""

    programs: int = 0
    too_large: int = 0
    classes: int = 0
    interleavings: int = 0
    failing: int = 0
    wrong: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        self.programs += other.programs
        self.too_large += other.too_large
        self.classes += other.classes
        self.interleavings += other.interleavings
        self.failing += other.failing
        self.wrong += other.wrong

    def __str__(self) -> str:
        return (
            f"{self.programs:,} programs ({self.too_large:,} too large), {self.classes:,} classes of "
            f"{self.interleavings:,} interleavings, {self.failing:,} classes failing: {len(self.wrong)} programs differ"
        )


def try_one(seed: int, others: bool = True, limit: int = LIMIT) -> Tally:
    """The program of one seed."""
    program = random_program(random.Random(seed))
    try:
        census = classes(program, limit)
    except TooLarge:
        return Tally(too_large=1)
    tally = Tally(1, 0, census.classes, census.interleavings, census.failing)
    try:
        found = differences(program, census, others)
    except (Exception, UseAfterFree) as error:  # the engine must not raise either
        found = [f"{type(error).__name__}: {error}"]
    if found:
        tally.wrong.append(f"seed {seed}:\n{report(program, found)}")
    return tally


def _differs(program: Program) -> bool:
    try:
        return bool(differences(program, classes(program, LIMIT)))
    except TooLarge:
        return False
    except (Exception, UseAfterFree):
        return True


def report(program: Program, found: list[str]) -> str:
    """The smallest program that still differs, its source and in what."""
    small = shrink(program, _differs)
    translated = translate(small)
    translated.forget()
    try:
        found = differences(small, classes(small, LIMIT)) or found
    except (Exception, UseAfterFree) as error:
        found = [f"{type(error).__name__}: {error}"]
    return "\n".join([show(small), *(f"  * {sentence}" for sentence in found), translated.source])


def try_many(seeds: Iterable[int], programs: int) -> Tally:
    """The first ``programs`` programs of ``seeds`` that are small enough; every fifth by all methods."""
    total = Tally()
    for seed in seeds:
        total.add(try_one(seed, others=seed % 5 == 0))
        if total.programs >= programs:
            break
    return total


def main() -> int:
    parser = argparse.ArgumentParser(description="Compare the engine with the oracle on random programs.")
    parser.add_argument("programs", type=int, nargs="?", default=2_000)
    parser.add_argument("--seed", type=int, default=0, help="seed of the first program")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--stop", type=int, default=5, help="stop after so many programs that differ")
    options = parser.parse_args()
    total = Tally()
    with multiprocessing.Pool(options.jobs) as pool:
        for tally in _stream(pool, options.seed):
            total.add(tally)
            for wrong in tally.wrong:
                print(wrong, flush=True)
            if total.programs % 1_000 == 0 and tally.programs:
                print(total, flush=True)
            if total.programs >= options.programs or len(total.wrong) >= options.stop:
                break
        pool.terminate()
    print(total)
    return 1 if total.wrong else 0


def _stream(pool: multiprocessing.pool.Pool, first: int) -> Iterator[Tally]:
    for batch in itertools.count():
        seeds = range(first + batch * 1_000, first + (batch + 1) * 1_000)
        yield from pool.imap(_one_in_many, seeds, chunksize=20)


def _one_in_many(seed: int) -> Tally:
    return try_one(seed, others=seed % 5 == 0)


if __name__ == "__main__":
    raise SystemExit(main())
