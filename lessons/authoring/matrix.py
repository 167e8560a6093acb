# SPDX-License-Identifier: GPL-2.0-or-later
"""Which fix matters where: every story with every set of fixes, all interleavings, folded into a table one can read.

    mini-qemu matrix                          the whole table, compared with the one in tests/golden
    mini-qemu matrix cancel-vs-exit tls       these stories only
    mini-qemu matrix tls --with join_created_thread,explicit_unregister     and this set of fixes only
    mini-qemu matrix hasty-resume --with all,lock_in_await                 later fixes of upstream are named likewise
    mini-qemu matrix --update-golden          write the table; then read the diff

Sets of fixes that behave alike share a line. A cell counts interleavings, all of them run; one that could not be
finished says `incomplete`, and then the command fails. A story that survives all five has further lines: all five and,
one after the other, the later fixes upstream that end it. A set that differs from one explored only in fixes which
nobody asked for in that exploration is not explored again: not a step could go another way.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import os
import sys
import time
from collections import abc
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from lessons.places import CHECKOUT, MATRIX
from lessons.scenarios import find, stories
from mini_qemu.fixes import UnknownName, any_fix, as_of, fixes, later
from mini_qemu.sched import SchedError, explore, explore_all

Set = tuple[str, ...]

HEAD = """\
Every story with every set of fixes. The five columns are the patches: + on, - off, . either.
A line says how many interleavings there are, all of them run, how many of them fail, and how.
"+++++ and NAME": all five, this later fix of QEMU, and those named in the lines above it.
"""


@dataclass(frozen=True)
class Cell:
    """What came of one story with one set of fixes."""

    verdict: str
    classes: int | None
    wrong: tuple[str, ...]

    def __str__(self) -> str:
        number = f"{self.classes:,} interleavings" if self.classes is not None else "not all interleavings"
        return "\n           ".join([f"{self.verdict:<10} {number}", *self.wrong])


def cell(name: str, on: Set) -> Cell:
    """Explore one story in one state of the code. Whatever is not a finding is an error and is raised."""
    story = find(name)
    with as_of(on, story.history):
        result = explore(story.scenario)
    wrong = []
    for (kind, message), count in result.outcomes.items():
        where = result.examples[kind, message].finding.function
        wrong.append(f"{count:,} {kind}{f' in {where}' if where else ''} ({message.split(' (')[0]})")
    return Cell(result.verdict, result.classes, tuple(_merged(wrong)))


def _merged(wrong: Iterable[str]) -> list[str]:
    """Messages that differ in an object only count as one kind."""
    counts: dict[str, int] = {}
    for sentence in wrong:
        count, _, what = sentence.partition(" ")
        counts[what] = counts.get(what, 0) + int(count.replace(",", ""))
    return sorted(f"{count:,} {what}" for what, count in counts.items())


def story_cells(name: str, sets: Iterable[Set]) -> dict[Set, Cell]:
    """The cell of each set, from as few explorations as it takes."""
    explored: list[tuple[abc.Set[str], Set, Cell]] = []
    cells: dict[Set, Cell] = {}
    for on in sets:
        found = next((found for asked, those, found in explored if asked.isdisjoint(set(on) ^ set(those))), None)
        if found is None:
            with fixes.asked() as asked, later.asked() as asked_later:
                found = cell(name, on)
            explored.append((asked | asked_later, on, found))
        cells[on] = found
    return cells


def explored(names: Sequence[str], jobs: int, sets: Sequence[Set] = ()) -> dict[str, dict[Set, Cell]]:
    work = {name: functools.partial(story_cells, name, sets or all_sets(name)) for name in names}
    if jobs > 1:
        with ProcessPoolExecutor(jobs) as pool:
            return explore_all(work, pool)
    return explore_all(work)


def all_sets(name: str) -> tuple[Set, ...]:
    """Every set of the five; then all five with the later fixes of the story, added one after the other."""
    return (*fixes.subsets(), *with_later(name))


def with_later(name: str) -> tuple[Set, ...]:
    ends = find(name).later
    return tuple((*fixes.names, *ends[: i + 1]) for i in range(len(ends)))


def rows(cells: dict[Set, Cell]) -> list[tuple[str, Cell]]:
    """One row for each group of sets that behave alike, as few and as wide as a greedy cover finds."""
    cells = {on: found for on, found in cells.items() if not set(on) - set(fixes.names)}
    left = set(cells)
    found: list[tuple[str, Cell]] = []
    for pattern in sorted(map("".join, itertools.product("+-.", repeat=len(fixes))), key=_width):
        covered = {on for on in cells if _matches(pattern, on)}
        kinds = {cells[on] for on in covered}
        if len(kinds) == 1 and covered & left:
            found.append((pattern, kinds.pop()))
            left -= covered
    return found


def _width(pattern: str) -> tuple[int, str]:
    return -pattern.count("."), pattern


def _matches(pattern: str, on: Set) -> bool:
    return all(p == "." or (p == "+") == (name in on) for p, name in zip(pattern, fixes.names, strict=True))


def table(cells: dict[str, dict[Set, Cell]]) -> str:
    parts = [HEAD]
    for name, of_name in cells.items():
        story = find(name)
        then = "" if story.history else " (as of June 2021)"
        lines = [f"{name}: {story.about}{then}", "  12345"]
        lines += [f"  {pattern}  {found}" for pattern, found in rows(of_name)]
        for on in with_later(name):
            lines += [f"  +++++ and {on[-1]}", f"         {of_name[on]}"]
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def chosen(text: str) -> Set:
    """The set of fixes that a command line names, in the order of history; "all" stands for the five."""
    named = [name.strip() for name in text.split(",")] if text not in ("", "none") else []
    wanted = {any_fix(name).name for name in named if name != "all"} | {*(fixes.names if "all" in named else ())}
    return tuple(name for name in (*fixes.names, *later.names) if name in wanted)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="mini-qemu matrix", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("names", nargs="*", metavar="STORY", help="all of them if none is named")
    parser.add_argument("--with", dest="on", metavar="FIXES", help="one set only: names with commas, or none")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many explorations at once")
    if CHECKOUT:
        parser.add_argument("--update-golden", action="store_true", help="write the table; then read the diff")
    parser.set_defaults(update_golden=False)
    options = parser.parse_args(arguments)
    names = options.names or list(stories())
    start = time.monotonic()
    try:
        for name in names:
            find(name)
        sets = [] if options.on is None else [chosen(options.on)]
        cells = explored(names, options.jobs, sets)
    except (UnknownName, SchedError) as error:
        print(error)
        return 2
    if sets:
        for name in names:
            print(f"{name}: {cells[name][sets[0]]}")
        return int(any(of_name[sets[0]].verdict == "incomplete" for of_name in cells.values()))
    text = table(cells)
    print(text)
    number = sum(len(of_name) for of_name in cells.values())
    print(f"{number:,} sets of fixes in {time.monotonic() - start:.0f} s.", file=sys.stderr)
    if any(found.verdict == "incomplete" for of_name in cells.values() for found in of_name.values()):
        print("Some could not be finished: the table is not kept.")
        return 1
    if options.names:
        return 0
    if options.update_golden:
        MATRIX.write_text(text, encoding="utf-8")
        return 0
    if not MATRIX.exists() or MATRIX.read_text(encoding="utf-8") != text:
        print(f"This is not the table in {MATRIX.name}. If it should be, run again with --update-golden.")
        return 1
    return 0
