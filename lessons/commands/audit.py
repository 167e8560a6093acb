# SPDX-License-Identifier: GPL-2.0-or-later
"""For authors: does the course keep its promises? `mini-qemu audit` (see lessons.authoring.audit)."""

from __future__ import annotations

import argparse
from collections.abc import Sequence


def main(arguments: Sequence[str]) -> int:
    from lessons.authoring import audit
    from lessons.exercises import exercises, questions
    from lessons.places import notebooks

    parser = argparse.ArgumentParser(prog="mini-qemu audit", description="Check that the course keeps its promises.")
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
        f"{len(exercises())} exercises, {len(questions())} questions, {len(notebooks())} notebooks:"
        f" {len(complaints) or 'no'} complaints. {number} functions of mini_qemu are named in no lesson"
        f"{'' if options.unnamed else ' (--unnamed lists them)'}."
    )
    return int(bool(complaints))
