# SPDX-License-Identifier: GPL-2.0-or-later
"""For authors and teachers: `python -m lessons check`, `matrix`, `grade`.

check    the course keeps its promises (see lessons.authoring.audit); --unnamed lists what no lesson names
matrix   every scenario with every set of fixes
grade    the answers in a notebook or in a Python file: each call of check(...) in it, exercise by exercise
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path


def check(arguments: Sequence[str]) -> int:
    from lessons.authoring import audit
    from lessons.exercises import exercises, questions

    parser = argparse.ArgumentParser(prog="python -m lessons check")
    parser.add_argument("--unnamed", action="store_true", help="list the functions of mini_qemu that no lesson names")
    options = parser.parse_args(arguments)
    complaints = list(audit.audit())
    for complaint in complaints:
        print(complaint)
    left = audit.unnamed()
    if options.unnamed:
        for module, names in left.items():
            print(f"{module}: {', '.join(names)}")
    number = sum(map(len, left.values()))
    print(
        f"{len(exercises())} exercises, {len(questions())} questions, {len(audit.books())} notebooks:"
        f" {len(complaints) or 'no'} complaints. {number} functions of mini_qemu are named in no lesson"
        f"{'' if options.unnamed else ' (--unnamed lists them)'}."
    )
    return int(bool(complaints))


def grade(arguments: Sequence[str]) -> int:
    from lessons.authoring.grade import grade_file

    parser = argparse.ArgumentParser(prog="python -m lessons grade")
    parser.add_argument("files", nargs="+", type=Path, metavar="NOTEBOOK_OR_FILE")
    failed = False
    for path in parser.parse_args(arguments).files:
        try:
            found = grade_file(path)
        except (OSError, ValueError) as error:
            print(f"{path}: {error}")
            failed = True
            continue
        if not found:
            print(f"{path}: no call of check(...) in it")
        for name, said in found.items():
            failed |= not said.passed
            print(f"{path}: {name}: {'accepted' if said.passed else 'not yet. ' + ' '.join(said.say)}")
    return int(failed)


def matrix(arguments: Sequence[str]) -> int:
    from lessons.authoring import matrix

    return matrix.main(list(arguments))


def main(arguments: Sequence[str] | None = None) -> int:
    commands = {"check": check, "matrix": matrix, "grade": grade}
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given[0] not in commands:
        print(__doc__)
        return 2
    os.environ.setdefault("MINI_QEMU_PROGRESS", "")  # what authors try is nobody's progress
    return commands[given[0]](given[1:])


if __name__ == "__main__":
    sys.exit(main())
