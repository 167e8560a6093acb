# SPDX-License-Identifier: GPL-2.0-or-later
"""The exercises of a lesson as an assignment for nbgrader or Otter-Grader: `mini-qemu assignment FOLDER`.

Text and starter come from the lesson's notebook, solution and points from the exercise; nothing is written twice. Both
graders take a notebook with solutions and strip them. Each exercise is three cells: its text, the learner's answer, and
a locked cell that imports the judge itself, so a `check` of the learner's own changes nothing. That cell is hidden from
the learner.

nbgrader runs a submission in one kernel, where an answer that ends the process takes the others with it. The
configuration that comes with the assignment therefore judges without running the notebook: see nbgrader_judge.py.

Left out: the lesson itself. The learner works through it in the course's own notebook.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lessons.authoring.grade import worth
from lessons.authoring.normalise import NOTEBOOK_METADATA, Cell, lines_of, text_of
from lessons.authoring.submission import NAMED
from lessons.exercises import exercise, exercises
from lessons.exercises.model import Exercise
from lessons.places import NOTEBOOKS, notebooks

GRADERS = ("nbgrader", "otter")

INTRODUCTION = """\
# {title}: exercises

Work through the lesson first: `mini-qemu lab` opens it. Then change the cells below.

An answer runs in every interleaving of every trial, so it does not matter how you write it. It matters what it does.
Keep the names of the functions. You may add cells.
"""

JUDGE = """\
# This cell grades the answer above: {points}.
from lessons import check as judge

verdict = judge({answer}, "{name}")
assert verdict, verdict
"""

CONFIGURATION = '''\
"""Configuration of nbgrader for this course folder. Written by `mini-qemu assignment`; the rest of it is yours."""

from lessons.authoring.nbgrader_judge import preprocessors

c = get_config()  # noqa: F821  # nbgrader provides it
c.CourseDirectory.course_id = "mini_qemu"
c.ClearSolutions.code_stub = {"python": ""}  # the starter is above the solution
c.Autograde.autograde_preprocessors = preprocessors()  # judges each answer in a process of its own
'''


class NoSuchLesson(LookupError):
    """No notebook, or no exercise in it; the message says which there are."""


@dataclass(frozen=True)
class Task:
    """One exercise as it is in its notebook: the text above it, and the learner's cell without its `check`."""

    exercise: Exercise
    text: str
    starter: str

    @property
    def slug(self) -> str:
        return self.exercise.name.replace("/", "-")

    @property
    def answer(self) -> str:
        """The Python name that holds the answer."""
        return self.exercise.entry if self.exercise.kind != "order" else self.slug.replace("-", "_")

    @property
    def check(self) -> str:
        return f'check({self.answer}, "{self.exercise.name}")'

    @property
    def points(self) -> int:
        return worth(self.exercise.name)

    def code(self, solved: bool) -> str:
        """The learner's cell, or the one with the solution."""
        if self.exercise.kind == "order":
            return f'{self.answer} = "{self.exercise.solution.strip() if solved else self.starter}"'
        return self.exercise.solution.strip() if solved else self.starter


def assign(where: Path, lesson: str, grader: str, exam: bool = False) -> Path:
    """Write the assignment of a lesson, such as "01", below the folder `where`; return the notebook's path.

    `exam`: the learner's cells do not call `check`, so nobody is told the verdict before the deadline. Raises
    NoSuchLesson, or OSError if the folder cannot be written.
    """
    source = _notebook(lesson)
    tasks = list(tasks_of(source))
    if not tasks:
        raise NoSuchLesson(f"{source.stem} has no exercises; choose from {', '.join(_with_exercises())}.")
    title = f"{source.stem[:2]} {_title(source)}" if not _title(source).startswith(source.stem[:2]) else _title(source)
    cells = _nbgrader(tasks, exam) if grader == "nbgrader" else _otter(tasks, exam)
    heading = markdown("introduction", INTRODUCTION.format(title=title))
    notebook = {"cells": [heading, *cells], "metadata": NOTEBOOK_METADATA, "nbformat": 4, "nbformat_minor": 5}
    folder = where / "source" / source.stem if grader == "nbgrader" else where
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / source.name
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if "images/" in "".join(task.text for task in tasks):
        shutil.copytree(NOTEBOOKS / "images", folder / "images", dirs_exist_ok=True)
    if grader == "nbgrader" and not (where / "nbgrader_config.py").exists():
        (where / "nbgrader_config.py").write_text(CONFIGURATION, encoding="utf-8")
    return path


def tasks_of(path: Path) -> Iterator[Task]:
    """The exercises of a notebook, in its order."""
    text = ""
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = text_of(cell["source"])
        if cell["cell_type"] == "markdown":
            text = source
            continue
        for name in NAMED.findall(source):
            if name in exercises():
                asked = exercise(name)
                starter = source[: source.index("check(")].strip() if asked.kind != "order" else asked.starter.strip()
                yield Task(asked, text, starter)


def _notebook(lesson: str) -> Path:
    found = [path for path in notebooks() if path.stem == lesson or path.stem.startswith(f"{lesson}_")]
    if not found:
        raise NoSuchLesson(f"There is no lesson {lesson!r}; choose from {', '.join(_with_exercises())}.")
    return found[0]


def _with_exercises() -> list[str]:
    return [path.stem for path in notebooks() if any(True for _ in tasks_of(path))]


def _title(path: Path) -> str:
    first = text_of(json.loads(path.read_text(encoding="utf-8"))["cells"][0]["source"])
    return first.splitlines()[0].lstrip("# ")


# ---- cells


def markdown(name: str, text: str) -> Cell:
    return {"cell_type": "markdown", "id": name, "metadata": {}, "source": lines_of(text)}


def code(name: str, text: str, **metadata: Any) -> Cell:
    return {
        "cell_type": "code",
        "id": name,
        "metadata": metadata,
        "source": lines_of(text),
        "execution_count": None,
        "outputs": [],
    }


def raw(name: str, text: str) -> Cell:
    return {"cell_type": "raw", "id": name, "metadata": {}, "source": lines_of(text)}


def _judge(task: Task) -> str:
    points = f"{task.points} point" + "s" * (task.points != 1)
    return JUDGE.format(points=points, answer=task.answer, name=task.exercise.name)


# ---- nbgrader: https://nbgrader.readthedocs.io/en/stable/user_guide/creating_and_grading_assignments.html


def _nbgrader(tasks: list[Task], exam: bool) -> Iterator[Cell]:
    if not exam:
        yield code("imports", "from lessons import check", nbgrader=_metadata("imports", locked=True))
    for task in tasks:
        yield markdown(f"text-{task.slug}", task.text)
        check = "" if exam else f"\n\n\n{task.check}"
        solution = f"### BEGIN SOLUTION\n{task.code(solved=True)}\n### END SOLUTION"
        answer = f"{task.code(solved=False)}\n{solution}{check}"
        name = f"answer-{task.slug}"
        yield code(name, answer, nbgrader=_metadata(name, solution=True), tags=["raises-exception"])
        name = f"grade-{task.slug}"
        hidden = f"### BEGIN HIDDEN TESTS\n{_judge(task)}### END HIDDEN TESTS"
        source = f"# Locked: this cell grades the answer above.\n{hidden}"
        yield code(name, source, nbgrader=_metadata(name, grade=True, locked=True, points=task.points))


def _metadata(name: str, grade: bool = False, solution: bool = False, locked: bool = False, points: int = 0) -> Cell:
    metadata: Cell = {"grade_id": name, "grade": grade, "solution": solution, "locked": locked, "task": False}
    return {**metadata, "schema_version": 3, **({"points": points} if grade else {})}


# ---- Otter-Grader: https://otter-grader.readthedocs.io/en/latest/otter_assign/notebook_format.html


def _otter(tasks: list[Task], exam: bool) -> Iterator[Cell]:
    yield raw("assignment", "# ASSIGNMENT CONFIG\ninit_cell: true\nexport_cell: true\ngenerate: true\n")
    if not exam:
        yield code("imports", "from lessons import check")
    for task in tasks:
        slug = task.slug
        name = slug.replace("-", "_")
        yield raw(f"begin-{slug}", f"# BEGIN QUESTION\nname: {name}\npoints: {task.points}\n")
        yield markdown(f"text-{slug}", task.text)
        yield raw(f"begin-solution-{slug}", "# BEGIN SOLUTION")
        check = "" if exam else f"\n\n\n{task.check}"
        prompt = f'""" # BEGIN PROMPT\n{task.code(solved=False)}{check}\n""" # END PROMPT'
        solution = f"# BEGIN SOLUTION NO PROMPT\n{task.code(solved=True)}\n# END SOLUTION"
        yield code(f"answer-{slug}", f"{prompt}\n{solution}")
        yield raw(f"end-solution-{slug}", "# END SOLUTION")
        yield raw(f"begin-tests-{slug}", "# BEGIN TESTS")
        yield code(f"grade-{slug}", f"# HIDDEN\n{_judge(task)}")
        yield raw(f"end-tests-{slug}", "# END TESTS")
        yield raw(f"end-{slug}", "# END QUESTION")
