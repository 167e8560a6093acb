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
    scores = [audit.scored(asked) for asked in exercises().values()]
    refused, equivalent = sum(len(one.refused) for one in scores), sum(len(one.equivalent) for one in scores)
    print(
        f"{sum(one.total for one in scores)} small changes of the solutions: {refused} refused, {equivalent} equivalent"
        f" for a reason that is given, {sum(len(one.survived) for one in scores) or 'none'} accepted by mistake."
    )
    print(
        f"{len(exercises())} exercises, {len(questions())} questions, {len(notebooks())} notebooks:"
        f" {len(complaints) or 'no'} complaints. {number} functions of mini_qemu are named in no lesson"
        f"{'' if options.unnamed else ' (--unnamed lists them)'}."
    )
    return int(bool(complaints))
