# SPDX-License-Identifier: GPL-2.0-or-later
"""For teachers: judge the answers of a class, each in a process with limits: `mini-qemu grade FOLDER --csv OUT`."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path


def main(arguments: Sequence[str]) -> int:
    from lessons.authoring.grade import grade
    from lessons.authoring.gradebook import FORMS, strangers, write
    from lessons.exercises.judge_process import MEGABYTES, SECONDS

    parser = argparse.ArgumentParser(
        prog="mini-qemu grade",
        description="Judge every notebook of a folder. A learner is a subfolder, or a file at the top.",
        epilog="The exit status is 0 if everything was judged, whatever the points, and 1 if something was refused.",
    )
    what = "a folder, a zip from Moodle or Canvas, or single files"
    parser.add_argument("where", type=Path, nargs="+", metavar="FOLDER", help=what)
    parser.add_argument("--csv", type=Path, metavar="OUT", help="write the grades to this file")
    parser.add_argument("--form", choices=list(FORMS), default="plain", help="what reads the file (default: plain)")
    parser.add_argument("--title", default="mini_qemu", help="how Canvas calls the assignment")
    parser.add_argument("--lesson", default="", metavar="01", help="count the exercises of this lesson only")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="for each answer (default: %(default)g)")
    parser.add_argument("--megabytes", type=int, default=MEGABYTES, help="for each answer (default: %(default)d)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many answers at once")
    options = parser.parse_args(arguments)
    missing = [str(path) for path in options.where if not path.exists()]
    if missing:
        print(f"{missing[0]} is not there; name a folder with notebooks, or a notebook.", file=sys.stderr)
        return 2
    grades = []
    for path in options.where:
        grades += grade(path, options.seconds, options.megabytes, options.jobs, options.lesson, options.form)
    if not grades:
        print("No notebook and no Python file is in there.", file=sys.stderr)
        return 2
    for learner, theirs in groupby(grades, key=lambda one: one.learner):
        rows = list(theirs)
        print(f"{learner}: {sum(one.points for one in rows)} of {sum(one.of for one in rows)} points")
        for one in rows:
            print(f"  {one.exercise or one.file}: {one.verdict}, {one.points}/{one.of}. {one.reason}")
    if options.csv:
        try:
            write(options.csv, grades, options.form, options.title)
        except OSError as error:
            print(f"{options.csv} cannot be written: {error.strerror}.", file=sys.stderr)
            return 2
        if unknown := strangers(grades, options.form):
            print(f"No {options.form.title()} number is in these names: {', '.join(unknown)}.", file=sys.stderr)
    return int(any(one.verdict == "refused" for one in grades))
