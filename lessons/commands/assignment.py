# SPDX-License-Identifier: GPL-2.0-or-later
"""For teachers: a lesson's exercises for nbgrader or Otter-Grader: `mini-qemu assignment FOLDER --lesson 01`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

NEXT = {
    "nbgrader": "Next, in {where}: nbgrader generate_assignment {stem}",
    "otter": "Next, in {where}: otter assign {name} dist",
}


def main(arguments: Sequence[str]) -> int:
    from lessons.authoring.assignment import GRADERS, NoSuchLesson, assign

    parser = argparse.ArgumentParser(
        prog="mini-qemu assignment",
        description="Write the exercises of a lesson as an assignment for nbgrader or Otter-Grader.",
        epilog="The grader itself is yours to install: pip install 'mini-qemu[lab,grading]' has nbgrader.",
    )
    parser.add_argument("where", type=Path, metavar="FOLDER", help="the course folder of the grader")
    parser.add_argument("--lesson", required=True, metavar="01", help="whose exercises")
    parser.add_argument("--for", dest="grader", choices=GRADERS, default="nbgrader", help="default: nbgrader")
    parser.add_argument("--exam", action="store_true", help="the learner's cells do not judge the answer")
    options = parser.parse_args(arguments)
    try:
        path = assign(options.where, options.lesson, options.grader, options.exam)
    except NoSuchLesson as problem:
        print(problem, file=sys.stderr)
        return 2
    except OSError as problem:
        print(f"{options.where} cannot be written: {problem.strerror}.", file=sys.stderr)
        return 1
    print(f"{path} is ready.")
    print(NEXT[options.grader].format(where=options.where, stem=path.stem, name=path.name))
    return 0
