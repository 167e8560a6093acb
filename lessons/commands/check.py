# SPDX-License-Identifier: GPL-2.0-or-later
"""For learners: judge the answers in your notebook or Python file, with reasons: `mini-qemu check FILE`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path


def main(arguments: Sequence[str]) -> int:
    from lessons.authoring.grade import grade_file
    from mini_qemu.sched import columns

    parser = argparse.ArgumentParser(prog="mini-qemu check", description="Judge the answers in your notebook.")
    parser.add_argument("file", type=Path, metavar="NOTEBOOK_OR_FILE")
    parser.add_argument("--trace", action="store_true", help="show the shortest failing run, a column a thread")
    options = parser.parse_args(arguments)
    try:
        found = grade_file(options.file)
    except (OSError, ValueError) as error:
        print(f"{options.file}: {error}", file=sys.stderr)
        return 2
    if not found:
        print(f"{options.file} has no call of check(...).", file=sys.stderr)
        return 2
    for name, feedback in found.items():
        print(f"{name}: {'accepted' if feedback.passed else 'not yet'}.", *feedback.say, sep="\n  ")
        if options.trace and feedback.trace is not None:
            print(columns(feedback.trace))
    return int(not all(found.values()))
