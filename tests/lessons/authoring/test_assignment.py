"""Assignments: what is written, and a class that the real nbgrader hands out, collects and grades."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from lessons.__main__ import main
from lessons.authoring.assignment import NoSuchLesson, assign, tasks_of
from lessons.exercises import exercise, exercises
from lessons.places import notebooks

LESSON = "02_check_then_use"
FILL, ORDER, WRITE = "check-then-use/fill", "check-then-use/order", "check-then-use/write"


def sources(path: Path) -> list[str]:
    return ["".join(cell["source"]) for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]]


def test_every_exercise_of_the_course_is_a_task():
    found = [task for path in notebooks() for task in tasks_of(path)]
    assert sorted(task.exercise.name for task in found) == sorted(exercises())
    assert all(len(task.text) > 40 for task in found), "each has a text above it"
    assert all("check(" not in task.starter for task in found)


def test_the_starter_is_handed_out_and_the_solution_is_marked(tmp_path: Path):
    path = assign(tmp_path, "02", "nbgrader")
    assert path == tmp_path / "source" / LESSON / f"{LESSON}.ipynb"
    (answer,) = [text for text in sources(path) if "def return_path_wanted" in text]
    starter, _, rest = answer.partition("### BEGIN SOLUTION\n")
    solution, _, after = rest.partition("### END SOLUTION")
    assert starter.strip() == exercise(FILL).starter.strip()
    assert solution.strip() == exercise(FILL).solution.strip()
    assert after.strip() == f'check(return_path_wanted, "{FILL}")'
    compile(answer, "answer", "exec")


def test_in_an_exam_nobody_is_told_the_verdict(tmp_path: Path):
    path = assign(tmp_path, "02", "nbgrader", exam=True)
    hidden = [text for text in sources(path) if "BEGIN HIDDEN TESTS" in text]
    assert len(hidden) == 3
    assert not any("check(" in text for text in sources(path) if text not in hidden)


def test_a_second_assignment_keeps_the_configuration(tmp_path: Path):
    assign(tmp_path, "02", "nbgrader")
    config = tmp_path / "nbgrader_config.py"
    config.write_text(mine := config.read_text(encoding="utf-8") + "\nc.Exchange.root = 'here'\n", encoding="utf-8")
    assign(tmp_path, "03", "nbgrader")
    assert config.read_text(encoding="utf-8") == mine


def test_otters_form_has_each_exercise_between_its_marks(tmp_path: Path):
    path = assign(tmp_path, "02", "otter")
    texts = sources(path)
    assert texts[1].startswith("# ASSIGNMENT CONFIG")
    for mark in ("BEGIN QUESTION", "BEGIN SOLUTION\n", "BEGIN TESTS", "END TESTS", "END QUESTION"):
        marks = [text for text in texts if f"{text}\n".startswith(f"# {mark}")]
        assert len(marks) == 3, mark
    (answer,) = [text for text in texts if "def return_path_wanted" in text and "PROMPT" in text]
    compile(answer, "answer", "exec")


def test_a_wrong_lesson_is_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(NoSuchLesson, match="choose from 00_start_here, 01_missing_join"):
        assign(tmp_path, "77", "nbgrader")
    assert main(["assignment", str(tmp_path), "--lesson", "77"]) == 2
    assert "There is no lesson '77'" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


# ---- a class

RIGHT = {name: exercise(name).solution.strip() for name in (FILL, ORDER, WRITE)}
WRONG = "def return_path_wanted(s):\n    return True\n"
ENDLESS = "def return_path_wanted(s):\n    return sum(range(10**12)) > 0\n"
LEAVES = "import os\ndef return_path_wanted(s):\n    os._exit(0)\n"
MINE = {FILL: "return_path_wanted", ORDER: "check_then_use_order", WRITE: "wake_return_path"}


def answered(release: Path, to: Path, first: str = "", **answers: str) -> None:
    """Hand in the released notebook with other answers, and a cell at the top that begins with `first`."""
    book = json.loads(release.read_text(encoding="utf-8"))
    for cell in book["cells"]:
        name = cell["metadata"].get("nbgrader", {}).get("grade_id", "").removeprefix("answer-").rpartition("-")
        given = answers.get(name[2])
        if cell["metadata"].get("nbgrader", {}).get("solution") and given is not None:
            asked = "/".join(name[::2])
            code = f'{MINE[asked]} = "{given}"' if name[2] == "order" else given
            cell["source"] = f'{code}\n\n\ncheck({MINE[asked]}, "{asked}")'
    if first:
        book["cells"].insert(1, {"cell_type": "code", "id": "mine", "metadata": {}, "source": first, "outputs": [],
                                 "execution_count": None})  # fmt: skip
    to.parent.mkdir(parents=True)
    to.write_text(json.dumps(book), encoding="utf-8")


RIGHT_ANSWERS = {"fill": RIGHT[FILL], "order": RIGHT[ORDER], "write": RIGHT[WRITE]}
PATCHED = "import lessons, lessons.exercises.check as c\nlessons.check = c.check = lambda *a: True"
CLASS: dict[str, tuple[str, dict[str, str], dict[str, int]]] = {
    # learner: (a cell at the top, the answers, the points for fill, order and write)
    "right": ("", RIGHT_ANSWERS, {"fill": 1, "order": 1, "write": 2}),
    "wrong": ("", {**RIGHT_ANSWERS, "fill": WRONG}, {"fill": 0, "order": 1, "write": 2}),
    "endless": ("", {**RIGHT_ANSWERS, "fill": ENDLESS}, {"fill": 0, "order": 1, "write": 2}),
    "endless-cell": ("while True: pass", RIGHT_ANSWERS, {"fill": 1, "order": 1, "write": 2}),
    "crashing": ("", {**RIGHT_ANSWERS, "fill": LEAVES}, {"fill": 0, "order": 1, "write": 2}),
    "crashing-cell": ("import os; os._exit(3)", RIGHT_ANSWERS, {"fill": 1, "order": 1, "write": 2}),
    "syntax": ("", {**RIGHT_ANSWERS, "fill": "def return_path_wanted(s:"}, {"fill": 0, "order": 1, "write": 2}),
    "shadowing": ("check = lambda *a: True", {"fill": WRONG}, {"fill": 0, "order": 0, "write": 0}),
    "patching": (PATCHED, {"fill": WRONG}, {"fill": 0, "order": 0, "write": 0}),
    "empty": ("", {}, {"fill": 0, "order": 0, "write": 0}),
}


@pytest.mark.slow
def test_the_real_nbgrader_grades_a_class(tmp_path: Path):
    if find_spec("nbgrader") is None and not os.environ.get("REQUIRE_NBGRADER"):
        pytest.skip("nbgrader is not installed: make slow installs it")
    assign(tmp_path, "02", "nbgrader")
    nbgrader(tmp_path, "generate_assignment", LESSON)
    release = tmp_path / "release" / LESSON / f"{LESSON}.ipynb"
    handed_out = "\n".join(sources(release))
    assert RIGHT[FILL] not in handed_out, "the solution is stripped"
    assert "judge(" not in handed_out, "the trials are hidden"
    assert exercise(FILL).starter.strip() in handed_out
    for learner, (first, answers, _) in CLASS.items():
        answered(release, tmp_path / "submitted" / learner / LESSON / f"{LESSON}.ipynb", first, **answers)
    config = tmp_path / "nbgrader_config.py"
    config.write_text(config.read_text(encoding="utf-8") + "c.JudgeAnswers.seconds = 5\n", encoding="utf-8")
    nbgrader(tmp_path, "autograde", LESSON)
    nbgrader(tmp_path, "export", "--to", str(tmp_path / "grades.csv"))
    with (tmp_path / "grades.csv").open(encoding="utf-8", newline="") as file:
        scores = {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}
    assert scores == {learner: sum(points.values()) for learner, (_, _, points) in CLASS.items()}
    nbgrader(tmp_path, "generate_feedback", LESSON)
    said = (tmp_path / "feedback" / "endless" / LESSON / f"{LESSON}.html").read_text(encoding="utf-8")
    assert "The answer was stopped after 5 s" in said


def nbgrader(where: Path, *arguments: str) -> None:
    environment = {**os.environ, "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}
    made = subprocess.run(
        [sys.executable, "-m", "nbgrader", *arguments], cwd=where, env=environment, capture_output=True, text=True
    )
    assert made.returncode == 0, made.stderr[-2000:]
