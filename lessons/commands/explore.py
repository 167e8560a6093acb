# SPDX-License-Identifier: GPL-2.0-or-later
"""Run every interleaving of a story, or of the scenarios in a Python file of yours: `mini-qemu explore`.

    mini-qemu explore                                        lists the stories
    mini-qemu explore precopy-return-path                    the code as it was in July 2021
    mini-qemu explore precopy-return-path --with join_created_thread
    mini-qemu explore await-vs-exit --with all --later lock_in_await      and what upstream fixed after the series
    mini-qemu explore mine.py --trace                        every Scenario in the file, with the shortest failing run
    mini-qemu explore mine.py:main --html run.html           a program with threads, its run as a page to send around

The exit status is 0 if everything is proved, 1 if something fails or could not be finished, 2 if nothing could be run.
"""

from __future__ import annotations

import argparse
import html
import sys
from collections.abc import Sequence
from pathlib import Path

from mini_qemu.fixes import UnknownName, as_of, later
from mini_qemu.sched import Result, Scenario, SchedError, explain, explore, scenario_of, shortest_trace
from mini_qemu.sched.command import load


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="mini-qemu explore", description="Run every interleaving of a story, or of the scenarios in your own file."
    )
    made.add_argument("what", nargs="?", metavar="STORY|FILE.py[:FUNCTION]", help="without it, the stories are listed")
    made.add_argument("--with", dest="on", default="", metavar="FIXES", help="fixes to turn on, with commas, or all")
    made.add_argument("--later", default="", metavar="FIXES", help="later fixes of upstream to turn on, with commas")
    made.add_argument("--method", default="auto", help="auto, dpor, states, bounded, random, pct or dfs")
    made.add_argument("--seconds", type=float, help="stop after so many seconds; the verdict is then incomplete")
    made.add_argument("--html", metavar="OUT", type=Path, help="write the shortest failing run as one page, the player")
    made.add_argument("--trace", action="store_true", help="show the shortest failing run, a column a thread")
    return made


def main(arguments: Sequence[str]) -> int:
    options = parser().parse_args(arguments)
    if options.what is None:
        return _list()
    try:
        on, found = _wanted(options.what, options.on)
        on += _later(options.later)
        verdicts = [_explore(scenario, history, on, options) for scenario, history in found]
    except (UnknownName, SchedError, ValueError) as error:
        print(_sentence(error), file=sys.stderr)
        return 2
    return int(any(verdict != "proved" for verdict in verdicts))


def _sentence(error: Exception) -> str:
    text = str(error)
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


def _list() -> int:
    from lessons.scenarios import stories

    width = max(map(len, stories()))
    for name, story in stories().items():
        print(f"{name:<{width}}  {story.about}")
    return 0


def _wanted(what: str, named: str) -> tuple[tuple[str, ...], list[tuple[Scenario, tuple[str, ...]]]]:
    """The fixes to turn on, and each scenario with its state of upstream."""
    from lessons.authoring.matrix import chosen
    from lessons.scenarios import find
    on = chosen(named)
    if not what.endswith(".py") and ".py:" not in what:
        story = find(what)
        return on, [(story.scenario, story.history)]
    return on, [(scenario_of(thing), ("yank_knows_tls",)) for thing in load(what)]


def _later(named: str) -> tuple[str, ...]:
    return tuple(later[name.strip()].name for name in named.split(",")) if named else ()


def _page(scenario: Scenario, result: Result) -> str:
    """The shortest failing run in the player, as a page that needs nothing else."""
    from lessons.player.player import Player

    made = Player(shortest_trace(scenario, result))._repr_html_()
    head = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(scenario.name)}</title>'
    return f"{head}<h1>{html.escape(repr(result))}</h1>{made}</html>"


def _explore(scenario: Scenario, history: tuple[str, ...], on: tuple[str, ...], options: argparse.Namespace) -> str:
    from mini_qemu.sched import columns
    from mini_qemu.sched.first_run import try_out

    with as_of(on, history):
        try_out(scenario)
        result = explore(scenario, options.method, limit_seconds=options.seconds)
        print(result)
        if result.failing:
            print(explain(scenario, result))
            if options.trace:
                print(columns(shortest_trace(scenario, result)))
            if options.html is not None:
                options.html.write_text(_page(scenario, result), encoding="utf-8")
                print(f"The run is in {options.html}.")
    return result.verdict
