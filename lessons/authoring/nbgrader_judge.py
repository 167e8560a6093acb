# SPDX-License-Identifier: GPL-2.0-or-later
"""What nbgrader does in place of running a submission: each answer is judged in a process with limits.

nbgrader scores a cell by its outputs. Here no cell runs. The answers are read out of the notebook's text, as
`mini-qemu grade` does, and each locked grade cell gets the output of its verdict: the reasons, and an error unless the
answer is accepted. So one endless answer, or one that ends the process, costs its own points and nothing else, and what
a learner did to `check` has no effect.

The configuration that `mini-qemu assignment` writes puts this into nbgrader's `autograde`.
"""

from __future__ import annotations

from typing import Any

from nbformat.v4 import new_output
from nbgrader.converters import Autograde
from nbgrader.preprocessors import Execute, NbGraderPreprocessor
from traitlets import Float, Integer

from lessons.authoring.grade import begun
from lessons.authoring.submission import NAMED, Answer, answers_in
from lessons.exercises import exercises
from lessons.exercises.judge_process import MEGABYTES, SECONDS, Judge, Verdict

MISSING = Answer("", refused="There is no answer: the cell and its function are gone.")


class JudgeAnswers(NbGraderPreprocessor):
    """Judge the answers of a submission and write the verdicts into its grade cells."""

    seconds = Float(SECONDS, help="the time limit of an answer").tag(config=True)
    megabytes = Integer(MEGABYTES, help="the memory limit of an answer").tag(config=True)

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        sources = [cell.source for cell in nb.cells if cell.cell_type == "code"]
        given = {answer.exercise: answer for answer in answers_in(sources, resources.get("unique_key", ""))}
        with Judge(self.seconds, self.megabytes) as judge:
            for number, cell in enumerate(nb.cells, start=1):
                if cell.cell_type == "code":
                    cell.execution_count, cell.outputs = number, []
                    if cell.metadata.get("nbgrader", {}).get("grade"):
                        cell.outputs = outputs(_verdict(judge, given, cell.source))
        return nb, resources


def outputs(verdict: Verdict) -> list[Any]:
    """The verdict as nbgrader reads it: an error is no points."""
    text = verdict.reason + (f"\nThe run that was shown: {verdict.schedule}" if verdict.schedule else "")
    if verdict.passed:
        return [new_output("stream", name="stdout", text=f"{text}\n")]
    head = f"Not accepted: {verdict.reason}"
    return [
        new_output(
            "error", ename="Not accepted", evalue=verdict.reason, traceback=[*head.split("\n"), *text.split("\n")[1:]]
        )
    ]


def _verdict(judge: Judge, given: dict[str, Answer], source: str) -> Verdict:
    name = next((found for found in NAMED.findall(source) if found in exercises()), "")
    answer = given.get(name, MISSING)
    if answer.refused:
        return Verdict(False, (answer.refused,))
    if not begun(answer):
        return Verdict(False, ("This is the answer as it was handed out.",))
    found: Verdict = judge.ask(name, answer.text)
    return found


def preprocessors() -> list[type]:
    """The steps of nbgrader's autograding, with the judge in place of the kernel."""
    steps = Autograde.autograde_preprocessors.default()
    return [JudgeAnswers if step is Execute else step for step in steps]
