# SPDX-License-Identifier: GPL-2.0-or-later
"""Judge what a class has handed in: every notebook of a folder, each answer in a process of its own.

Who has handed in what is found by `handed_in`. File names are not trusted: what a notebook answers is read from its
cells. Where one learner's files answer an exercise twice, differently, neither counts, and the reason says so.

Equal answers are judged once. An answer that is the cell as it was handed out is "not begun" and is not judged at all.
"""

from __future__ import annotations

import ast
import textwrap
import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from lessons.authoring.handed_in import handed_in
from lessons.authoring.submission import Answer, NotASubmission, answers, lessons_of
from lessons.exercises import exercise, exercises
from lessons.exercises.judge_process import MEGABYTES, SECONDS, Judge, Verdict
from lessons.places import notebooks

POINTS = {"write": 2, "fill": 1, "order": 1}  # by the last part of an exercise's name; any other counts like fill


@dataclass(frozen=True)
class Grade:
    """What one learner gets for one exercise. `exercise` is "" where a file could not be read at all."""

    learner: str
    file: str
    exercise: str
    points: int
    of: int
    verdict: str  # "accepted", "not yet", "not begun", "missing", "refused", "stopped"
    reason: str
    schedule: str = ""


@dataclass(frozen=True)
class _Handed:
    """An answer with where it came from."""

    learner: str
    file: str
    answer: Answer


def worth(name: str) -> int:
    return POINTS.get(name.rpartition("/")[2], 1)


def grade(
    where: Path,
    seconds: float = SECONDS,
    megabytes: int = MEGABYTES,
    jobs: int = 1,
    lesson: str = "",
    form: str = "plain",
) -> list[Grade]:
    """The grades of everybody in a folder or a zip, or of one file; with `lesson`, of that lesson only.

    Learners come in the order of their names, exercises in the order of the course. `form`: what is to read the grades,
    one of `gradebook.FORMS`. Raises OSError if there is nothing to read.
    """
    unread: list[Grade] = []
    handed: list[_Handed] = []
    lessons: dict[str, set[str]] = {}
    with TemporaryDirectory(prefix="mini-qemu-") as room:
        for one in handed_in(where, Path(room), form):
            lessons.setdefault(one.learner, set())
            try:
                if one.problem:
                    raise NotASubmission(one.problem)
                found = answers(one.path)
            except (NotASubmission, OSError) as problem:
                reason = problem.strerror if isinstance(problem, OSError) and problem.strerror else str(problem)
                unread.append(Grade(one.learner, one.name, "", 0, 0, "refused", f"{reason.rstrip('.')}."))
                continue
            lessons[one.learner] |= set(lessons_of(one.path, found))
            handed += [_Handed(one.learner, one.name, answer) for answer in found]
    wanted = [asked for asked in exercises().values() if not lesson or asked.lesson.startswith(lesson)]
    names = {asked.name for asked in wanted}
    verdicts = _judged({h.answer for h in handed if h.answer.exercise in names}, seconds, megabytes, jobs)
    grades: list[Grade] = []
    for learner in sorted(lessons):
        closed = [one for one in unread if one.learner == learner]
        mine = [h for h in handed if h.learner == learner]
        grades += closed
        grades += [_refusal(h) for h in mine if h.answer.exercise not in exercises()]
        for asked in wanted:
            if lesson or asked.lesson in lessons[learner]:
                here = [h for h in mine if h.answer.exercise == asked.name]
                grades.append(_grade(learner, asked.name, here, verdicts, closed))
    return grades


def _grade(
    learner: str, name: str, handed: Sequence[_Handed], verdicts: dict[Answer, Verdict], closed: Sequence[Grade]
) -> Grade:
    """One grade. `closed`: the learner's files that could not be read, in which an answer may be."""
    of = worth(name)
    if not handed and closed:
        files = ", ".join(one.file for one in closed)
        return Grade(learner, files, name, 0, of, "refused", f"There is no answer in what could be read; see {files}.")
    if not handed:
        return Grade(learner, "", name, 0, of, "missing", "There is no answer: the cell and its function are gone.")
    files = ", ".join(h.file for h in handed)
    if len({h.answer for h in handed}) > 1:
        reason = f"Two files answer it differently ({files}); remove one, or grade by hand."
        return Grade(learner, files, name, 0, of, "refused", reason)
    answer = handed[0].answer
    if answer.refused:
        return Grade(learner, files, name, 0, of, "refused", answer.refused.replace("`", ""))
    if begun(answer) is False:
        return Grade(learner, files, name, 0, of, "not begun", "This is the answer as it was handed out.")
    verdict = verdicts[answer]
    said = "accepted" if verdict.passed else "stopped" if verdict.stopped else "not yet"
    return Grade(learner, files, name, of * verdict.passed, of, said, verdict.reason, verdict.schedule)


def _refusal(handed: _Handed) -> Grade:
    return Grade(handed.learner, handed.file, handed.answer.exercise, 0, 0, "refused", handed.answer.refused)


def _judged(asked: Iterable[Answer], seconds: float, megabytes: int, jobs: int) -> dict[Answer, Verdict]:
    """The verdict of each answer that is to be judged, each answer once; as many judges as jobs."""
    left = sorted((a for a in asked if not a.refused and begun(a)), key=lambda a: (a.exercise, a.text))
    if not left:
        return {}
    own = threading.local()
    judges: list[Judge] = []

    def ask(answer: Answer) -> Verdict:
        if not hasattr(own, "judge"):
            own.judge = Judge(seconds, megabytes)
            judges.append(own.judge)
        verdict: Verdict = own.judge.ask(answer.exercise, answer.text)
        return verdict

    try:
        with ThreadPoolExecutor(max(1, min(jobs, len(left)))) as pool:
            return dict(zip(left, pool.map(ask, left), strict=True))
    finally:
        for judge in judges:
            judge.close()


# ---- not begun


def begun(answer: Answer) -> bool:
    """Whether the answer differs from the one that the course hands out, apart from blanks and comments."""
    return answer.exercise not in exercises() or _shape(answer) not in _handed_out()[answer.exercise]


@cache
def _handed_out() -> dict[str, set[str]]:
    """Exercise -> its answers as they are in the course's notebooks, and its starter."""
    found = {name: {_shape(Answer(name, exercise(name).starter))} for name in exercises()}
    for path in notebooks():
        for answer in answers(path):
            if not answer.refused:
                found[answer.exercise].add(_shape(answer))
    return found


def _shape(answer: Answer) -> str:
    """What an answer says, however it is laid out: letters, or the syntax tree of its last function."""
    if exercise(answer.exercise).kind == "order":
        return "".join(answer.text.replace(",", " ").split()).upper()
    try:
        body = ast.parse(textwrap.dedent(answer.text)).body
    except SyntaxError:
        return answer.text
    entry = [n for n in body if isinstance(n, ast.FunctionDef) and n.name == exercise(answer.exercise).entry]
    return ast.dump(entry[-1]) if entry else answer.text
