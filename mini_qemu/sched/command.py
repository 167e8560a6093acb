# SPDX-License-Identifier: GPL-2.0-or-later
"""Explore a Python file from a shell: `python -m mini_qemu.sched FILE.py[:FUNCTION]`.

    python -m mini_qemu.sched counter.py                     its scenarios, its function main, or what it runs
    python -m mini_qemu.sched counter.py:test_two_adds       this function, which takes no arguments
    python -m mini_qemu.sched counter.py --replay "v1:..."   one run, in columns

The verdict comes first; then, if something fails, the shortest failing run in columns, why it fails, and the schedule
that replays it. The exit status is 0 if everything is proved, 1 if something fails, and 2 if the answer is incomplete
or the program cannot be controlled.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from .clerk import control
from .columns import columns
from .errors import SchedError
from .explain import explain
from .explore import METHODS, explore
from .first_run import try_out
from .minimise import minimise
from .ordinary.program import Explorable
from .replay import replay
from .result import Result
from .scenario import Scenario
from .source import load_script

SECONDS = 60.0
"""How long an exploration may take when nothing is said."""
MOST_COLUMNS = 8
"""Threads whose steps are shown in columns; of more, only the explanation is."""
STATUS = {"proved": 0, "failed": 1, "incomplete": 2}


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m mini_qemu.sched", description="Run every interleaving of a program that uses threading."
    )
    made.add_argument("what", metavar="FILE.py[:FUNCTION]", help="by default its scenarios, its main, or what it runs")
    made.add_argument("--method", default="auto", choices=METHODS, help="how to search (auto)")
    made.add_argument("--seconds", type=float, default=SECONDS, help=f"stop after so many seconds ({SECONDS:.0f})")
    made.add_argument("--first", action="store_true", help="stop at the first failure")
    made.add_argument("--html", metavar="OUT", help="not here: mini-qemu explore FILE --html OUT writes the player")
    made.add_argument("--replay", metavar="SCHEDULE", help="show this one run instead")
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Returns the exit status."""
    options = parser().parse_args(arguments)
    try:
        if options.html is not None:
            raise ValueError(
                f"the page is drawn by the course's player: mini-qemu explore {options.what} --html {options.html}"
            )
        found = load(options.what)
        if options.replay is not None:
            print(columns(replay(found[0], options.replay)))
            return 0
        verdicts = []
        for thing in found:
            try_out(thing)
            result = explore(thing, options.method, limit_seconds=options.seconds, first=options.first)
            print(report(thing, result))
            verdicts.append(result.verdict)
    except (SchedError, ValueError) as error:
        print(sentence(error), file=sys.stderr)
        return 2
    return 1 if "failed" in verdicts else max(STATUS[verdict] for verdict in verdicts)


def report(thing: Explorable, result: Result) -> str:
    """What an exploration showed, as a text of several lines."""
    lines = [str(result)]
    if result.failing and result.failure is not None:
        quick = result.method == "dpor" and not result.stopped_by
        schedule = minimise(thing, result) if quick else result.failure.schedule
        trace = replay(thing, schedule)
        lines += [
            "",
            *([str(columns(trace)), ""] if len(trace.threads) <= MOST_COLUMNS else []),
            explain(thing, trace),
            "",
            f'To see this run again: --replay "{schedule}"',
        ]
    return "\n".join(lines)


def sentence(error: Exception) -> str:
    """An error as a line of its own."""
    text = str(error)
    begins_with_a_word = text.partition(" ")[0].isalpha()  # not with a file or a name
    return (text[:1].upper() + text[1:] if begins_with_a_word else text) + ("" if text.endswith(".") else ".")


def load(what: str) -> list[Explorable]:
    """What ``FILE.py[:FUNCTION]`` names. Raises ValueError, saying what is wrong, if there is no such thing."""
    file, _, function = what.rpartition(":") if ".py:" in what else (what, "", "")
    module = _module(Path(file))
    if function:
        wanted: Callable[[], object] | None = getattr(module, function, None)
        if not callable(wanted):
            there = [name for name, value in vars(module).items() if callable(value) and not name.startswith("_")]
            raise ValueError(f"{file} has no function {function!r}; it has {', '.join(there) or 'none'}")
        return [wanted]
    scenarios = list({id(value): value for value in vars(module).values() if isinstance(value, Scenario)}.values())
    if scenarios:
        return list(scenarios)
    if callable(getattr(module, "main", None)):
        return [module.main]
    raise ValueError(f"nothing in {file} can be explored: no Scenario, no function main, nothing that it runs; "
                     f"name a function: {file}:FUNCTION")  # fmt: skip


def _module(path: Path) -> ModuleType:
    if path.suffix != ".py" or not path.is_file():
        raise ValueError(f"there is no file {path} that ends in .py")
    name = f"explored_{path.stem}"
    control(name)
    spec = spec_from_file_location(name, path)
    assert spec is not None, "the name ends in .py"
    assert spec.origin is not None
    module = sys.modules[name] = module_from_spec(spec)
    sys.path.insert(0, str(path.resolve().parent))
    try:
        load_script(module, spec.origin)
    except SyntaxError as error:
        raise ValueError(f"{path} is not Python: line {error.lineno}: {error.msg}") from None
    except (Exception, SystemExit) as error:
        line = _line(error, str(path))
        raise ValueError(f"{path}{line} stops with {type(error).__name__}: {error}") from error
    finally:
        sys.path.remove(str(path.resolve().parent))
    return module


def _line(error: BaseException, file: str) -> str:
    """Where in ``file`` an import stopped: ":12"."""
    found, traceback = "", error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename.endswith(file):
            found = f":{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return found
