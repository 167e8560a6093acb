# SPDX-License-Identifier: GPL-2.0-or-later
"""For learners: judge the answers in your notebook or Python file, with reasons: `mini-qemu check FILE`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path


def main(arguments: Sequence[str]) -> int:
    from lessons.authoring.grade import begun
    from lessons.authoring.submission import NotASubmission, answers
    from lessons.exercises.judge_process import Judge

    parser = argparse.ArgumentParser(prog="mini-qemu check", description="Judge the answers in your notebook.")
    parser.add_argument("file", type=Path, metavar="NOTEBOOK_OR_FILE")
    options = parser.parse_args(arguments)
    try:
        found = answers(options.file)
    except OSError as error:
        print(f"{options.file} cannot be read: {error.strerror}.", file=sys.stderr)
        return 2
    except NotASubmission as problem:
        print(f"{options.file}: {problem}", file=sys.stderr)
        return 2
    if not found:
        print(f"{options.file} answers no exercise: there is no check(...) in it.", file=sys.stderr)
        return 2
    accepted = 0
    with Judge() as judge:
        for answer in found:
            if answer.refused:
                said, passed = answer.refused.replace("`", ""), False
            elif not begun(answer):
                said, passed = "Not begun: this is the answer as it was handed out.", False
            else:
                verdict = judge.ask(answer.exercise, answer.text)
                said, passed = "\n  ".join(verdict.say).replace("`", ""), verdict.passed
                if verdict.schedule:
                    said += f"\n  The failing run: {verdict.schedule}"
            accepted += passed
            print(f"{answer.exercise}: {'accepted' if passed else 'not yet'}.\n  {said}")
    print(f"{accepted} of {len(found)} accepted.")
    return int(accepted < len(found))
