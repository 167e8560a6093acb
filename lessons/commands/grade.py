# SPDX-License-Identifier: GPL-2.0-or-later
"""For teachers: judge the answers in notebooks or Python files, exercise by exercise: `mini-qemu grade`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path


def main(arguments: Sequence[str]) -> int:
    from lessons.authoring.grade import grade_file

    parser = argparse.ArgumentParser(prog="mini-qemu grade", description="Judge the answers in notebooks.")
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
