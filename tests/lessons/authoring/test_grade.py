"""A class hands in: right and wrong, renamed, broken, twice, in bad faith. Everybody gets a grade or a reason."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from lessons.__main__ import main
from lessons.authoring.grade import Grade, grade
from lessons.authoring.submission import answers
from lessons.exercises import exercise, exercises
from lessons.places import notebooks

FILL = "missing-join/fill"
RIGHT = "def thread_to_join(s):\n    return s.rp_state.rp_thread_created\n"
WRONG = "def thread_to_join(s):\n    return True\n"
CHECK = f'check(thread_to_join, "{FILL}")'


def notebook(path: Path, *cells: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    found = [{"cell_type": "code", "source": cell.splitlines(keepends=True), "outputs": []} for cell in cells]
    path.write_text(json.dumps({"cells": found, "nbformat": 4}), encoding="utf-8")
    return path


def of(grades: list[Grade], name: str = FILL) -> Grade:
    (one,) = [one for one in grades if one.exercise == name]
    return one


# ---- what counts as the answer


def given(tmp_path: Path, *cells: str, name: str = FILL) -> str:
    """The text of the answer, or why it is refused."""
    (found,) = [one for one in answers(notebook(tmp_path / "n.ipynb", *cells)) if one.exercise == name]
    return found.refused or found.text


def test_the_function_may_stand_in_any_cell(tmp_path: Path):
    assert given(tmp_path, RIGHT, CHECK).strip() == RIGHT.strip()
    assert given(tmp_path, RIGHT + CHECK).strip() == RIGHT.strip()
    assert given(tmp_path, CHECK, RIGHT).strip() == RIGHT.strip(), "below the call, if there is none above"
    assert given(tmp_path, WRONG, RIGHT, CHECK, WRONG).strip() == RIGHT.strip(), "the last one that the call could see"
    assert given(tmp_path, WRONG + CHECK, RIGHT + CHECK).strip() == RIGHT.strip(), "the last call counts"


def test_a_call_may_look_otherwise(tmp_path: Path):
    for call in (
        f'assert check(thread_to_join, "{FILL}")',
        f'lessons.check(thread_to_join,\n  "{FILL}")',
        f'c(thread_to_join, "{FILL}")',
        f'for _ in range(3):\n    check(thread_to_join, "{FILL}")',
        f'%time check(thread_to_join, "{FILL}")\ncheck(thread_to_join, "{FILL}")',
    ):
        assert given(tmp_path, RIGHT, call).strip() == RIGHT.strip(), call


def test_another_name_and_helpers_come_along(tmp_path: Path):
    mine = "def mine(s):\n    return helper(s) and ALWAYS\n"
    helper = "def helper(s):\n    return s.rp_state.rp_thread_created\n"
    text = given(
        tmp_path, "from mini_qemu.fixes import fixes\nfrom lessons import check\nALWAYS = True", helper, mine,
        f'check(mine, "{FILL}")', "while True: pass", "print(1 / 0)",
    )  # fmt: skip
    assert "def thread_to_join(s):" in text
    assert "mine = thread_to_join" in text
    assert "def helper" in text
    assert "ALWAYS = True" in text
    assert "while True" not in text, "what stands at the top level is not run"
    assert "lessons" not in text
    assert of(grade(tmp_path / "n.ipynb")).points == 1


def test_a_shadowed_check_is_not_asked(tmp_path: Path):
    assert given(tmp_path, "check = lambda *a: True", WRONG, CHECK).strip() == WRONG.strip()
    assert given(tmp_path, "def check(f, name):\n    return True", WRONG, CHECK).strip() == WRONG.strip()


def test_a_deleted_call_is_no_loss_a_deleted_function_is(tmp_path: Path):
    found = grade(notebook(tmp_path / "01_missing_join.ipynb", RIGHT))
    assert (of(found).verdict, of(found).points) == ("accepted", 1)
    assert of(found, "missing-join/write").verdict == "missing"
    assert "defines no function 'thread_to_join'" in given(tmp_path, CHECK)


def test_an_order_may_have_a_name(tmp_path: Path):
    assert (
        given(tmp_path, "mine = 'D A B C'", "check(mine, 'survived/order')", name="survived/order") == "D A B C"
    )
    assert "write the letters" in given(tmp_path, "check(3, 'survived/order')", name="survived/order")


def test_what_cannot_be_an_answer_is_a_sentence(tmp_path: Path):
    for cell, words in (
        ("def thread_to_join(s:\n" + CHECK, "Python cannot read line 1"),
        (f"check(lambda s: True, '{FILL}')", "not the name of a function"),
        ("def thread_to_join(s):\n    import os\n    os._exit(0)\n" + CHECK, "imports os"),
        ("def thread_to_join(s):\n    from lessons.exercises import check\n" + CHECK, "imports lessons.exercises"),
        ("def thread_to_join(s):\n    return eval('1')\n" + CHECK, "uses eval"),
        ("def thread_to_join(s):\n    return s.__class__\n" + CHECK, "reaches for __class__"),
        ("def thread_to_join(s):\n    fixes.only('join_created_thread').__enter__()\n" + CHECK, "__enter__"),
        ("def thread_to_join(s):\n    with fixes.only('x'):\n        return 1\n" + CHECK, "turns a fix"),
        ("def thread_to_join(s):\n    fixes.join_created_thread = True\n" + CHECK, "turns a fix"),
    ):
        assert words in given(tmp_path, cell), cell


# ---- a class


def test_a_class(tmp_path: Path):
    folder = tmp_path / "class"
    notebook(folder / "ada" / "01_missing_join.ipynb", RIGHT, CHECK)
    notebook(folder / "bob" / "renamed by mail (1).ipynb", WRONG, CHECK)
    notebook(folder / "groups" / "x" / "ada" / "01_missing_join.ipynb", WRONG, CHECK)
    notebook(folder / "eve" / "one.ipynb", RIGHT, CHECK)
    notebook(folder / "eve" / "two.ipynb", WRONG, CHECK)
    notebook(folder / "dan" / "one.ipynb", RIGHT, CHECK)
    notebook(folder / "dan" / "copy of one.ipynb", RIGHT, CHECK)
    notebook(folder / "dan" / ".ipynb_checkpoints" / "one-checkpoint.ipynb", WRONG, CHECK)
    notebook(folder / "late.ipynb", "def thread_to_join(s):\n    return sum(range(10**12))", CHECK)
    (folder / "torn.ipynb").write_text('{"cells": [', encoding="utf-8")
    (folder / "empty.ipynb").touch()
    (folder / "picture.py").write_bytes(b"\x89PNG\r\n\xff\xfe")
    starter = next(path for path in notebooks() if path.name.startswith("01"))
    (folder / "idle.ipynb").write_bytes(starter.read_bytes())

    found = {(one.learner, one.exercise): one for one in grade(folder, seconds=6, jobs=2)}
    filled = {learner: one for (learner, name), one in found.items() if name == FILL}
    assert {learner: (one.points, one.verdict) for learner, one in filled.items()} == {
        "ada": (1, "accepted"),
        "bob": (0, "not yet"),
        "dan": (1, "accepted"),
        "eve": (0, "refused"),
        "groups/x/ada": (0, "not yet"),
        "idle": (0, "not begun"),
        "late": (0, "stopped"),
    }
    assert "Two files answer it differently (eve/one.ipynb, eve/two.ipynb)" in found["eve", FILL].reason
    assert found["bob", FILL].schedule.startswith("v1:")
    for learner in ("torn", "empty", "picture"):
        assert found[learner, ""].verdict == "refused"
    assert found["ada", "missing-join/write"].verdict == "missing"


def test_the_courses_own_answers_get_all_points(tmp_path: Path):
    cells = []
    for name, asked in exercises().items():
        if asked.kind == "order":
            cells.append(f"check({asked.solution!r}, {name!r})")
        else:
            cells.append(f"{asked.solution}\n\ncheck({asked.entry}, {name!r})")
    found = grade(notebook(tmp_path / "all.ipynb", *cells), jobs=2)
    assert [(one.exercise, one.reason) for one in found if one.points != one.of] == []
    assert len(found) == len(exercises())


# ---- the command line and its tables


@pytest.fixture
def handed_in(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    notebook(folder / "Ada Lovelace_4711_assignsubmission_file" / "a.ipynb", RIGHT, CHECK)
    notebook(folder / "=cmd()_12_assignsubmission_file" / "b.ipynb", WRONG, CHECK)
    return folder


def rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def test_a_table_for_people(handed_in: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["grade", str(handed_in), "--csv", str(tmp_path / "out.csv")]) == 0
    assert "Ada Lovelace_4711_assignsubmission_file: 1 of 3 points" in capsys.readouterr().out
    head, *body = rows(tmp_path / "out.csv")
    assert head == ["learner", "file", "exercise", "points", "of", "verdict", "reason", "schedule"]
    assert {row[0][0] for row in body} == {"A", "'"}, "a name that looks like a formula is harmless"


def test_a_table_for_moodle(handed_in: Path, tmp_path: Path):
    assert main(["grade", str(handed_in), "--csv", str(tmp_path / "out.csv"), "--form", "moodle"]) == 0
    assert [row[:4] for row in rows(tmp_path / "out.csv")] == [
        ["Identifier", "Full name", "Grade", "Maximum Grade"],
        ["Participant 12", "'=cmd()", "0", "3"],
        ["Participant 4711", "Ada Lovelace", "1", "3"],
    ]


def test_a_table_for_canvas(tmp_path: Path):
    folder = tmp_path / "in"
    notebook(folder / "lovelaceada_1234_777_01_missing_join.ipynb", RIGHT, CHECK)
    notebook(folder / "lovelaceada_LATE_1235_778_01_missing_join.ipynb", WRONG, CHECK)
    arguments = ["--csv", str(tmp_path / "out.csv"), "--form", "canvas", "--title", "Lab 1 (99)", "--lesson", "01"]
    assert main(["grade", str(folder), *arguments]) == 0
    assert rows(tmp_path / "out.csv") == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Lab 1 (99)"],
        ["    Points Possible", "", "", "", "", "3"],
        ["lovelaceada", "1234", "", "", "", "1"],
        ["lovelaceada", "1235", "", "", "", "0"],
    ]


def test_what_the_command_line_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["grade", str(tmp_path / "nowhere")]) == 2
    assert "nowhere is not there" in capsys.readouterr().err
    assert main(["grade", str(tmp_path)]) == 2
    assert "No notebook" in capsys.readouterr().err
    (tmp_path / "a.py").write_text("check(f, 'missing-join/nothing')", encoding="utf-8")
    assert main(["grade", str(tmp_path)]) == 1
    assert "There is no exercise 'missing-join/nothing'" in capsys.readouterr().out


def test_a_learner_checks_a_notebook(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = notebook(tmp_path / "mine.ipynb", RIGHT, CHECK, "check('ABCDE', 'survived/order')")
    assert main(["check", str(path)]) == 1
    out = capsys.readouterr().out
    assert f"{FILL}: accepted." in out
    assert "survived/order: not yet.\n  Not begun" in out
    assert "1 of 2 accepted." in out
    assert main(["check", str(tmp_path / "nowhere.ipynb")]) == 2
    assert main(["check", str(notebook(tmp_path / "none.ipynb", "1"))]) == 2
    assert exercise(FILL).name == FILL
