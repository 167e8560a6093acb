"""A class hands in: right and wrong, renamed, broken, twice, in bad faith. Everybody gets a grade or a reason."""

from __future__ import annotations

import csv
import json
import zipfile
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


def test_a_call_may_pass_its_arguments_otherwise(tmp_path: Path):
    for call in (
        f'check(answer=thread_to_join, name="{FILL}")',
        f'check(thread_to_join, name="{FILL}")',
        f'EXERCISE = "{FILL}"\ncheck(thread_to_join, EXERCISE)',
    ):
        assert given(tmp_path, RIGHT, call).strip() == RIGHT.strip(), call


def test_a_function_without_its_call_in_a_renamed_file(tmp_path: Path):
    assert given(tmp_path, RIGHT).strip() == RIGHT.strip(), "its name tells which exercise it answers"


def test_what_stands_in_the_way_of_a_function_is_named(tmp_path: Path):
    torn = "def thread_to_join(s)\n    return True\n"
    for cells, words in (
        ((torn, CHECK), "Python cannot read line 1, `def thread_to_join(s)`"),
        (("def other(:", RIGHT, torn, "x = 1"), RIGHT.strip()),
        (("thread_to_join = lambda s: True", CHECK), "is a lambda; write it with def"),
        (("async " + RIGHT, CHECK), "is an async function"),
        ((RIGHT + "\0", CHECK), "Python cannot read"),
    ):
        said = given(tmp_path, *cells)
        assert words in said, cells
        assert "None" not in said


def test_an_order_may_have_a_name(tmp_path: Path):
    assert given(tmp_path, "mine = 'D A B C'", "check(mine, 'survived/order')", name="survived/order") == "D A B C"
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

    found = {(one.learner, one.exercise): one for one in grade(folder, seconds=2, jobs=2)}
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


def as_text(*cells: str) -> str:
    found = [{"cell_type": "code", "source": cell, "outputs": [], "metadata": {}} for cell in cells]
    return json.dumps({"cells": found, "nbformat": 4, "nbformat_minor": 0, "metadata": {}})


def test_files_as_they_arrive(tmp_path: Path):
    right = as_text(RIGHT, CHECK)
    old = [{"cell_type": "code", "input": [RIGHT]}, {"cell_type": "code", "input": CHECK}]
    for name, content in {
        "bom.ipynb": b"\xef\xbb\xbf" + right.encode(),
        "windows.ipynb": right.replace("\\n", "\\r\\n").encode(),
        "windows.py": f"{RIGHT}\n{CHECK}\n".replace("\n", "\r\n").encode(),
        "OLD.IPYNB": right.encode(),
        "three.ipynb": json.dumps({"nbformat": 3, "worksheets": [{"cells": old}]}).encode(),
        "safari.ipynb.txt": right.encode(),
        "loops.ipynb": as_text("while True: pass", "x = input()", RIGHT, CHECK).encode(),
    }.items():
        folder = tmp_path / name
        folder.mkdir()
        (folder / name).write_bytes(content)
        assert of(grade(folder)).verdict == "accepted", name


def test_nobody_is_left_out_without_a_word(tmp_path: Path):
    folder = tmp_path / "class"
    for name, content in {
        "ada/report.docx": b"PK",
        "bob.pdf": b"%PDF",
        "carl.ipynb": b"",
        "dora.ipynb": b"[1, 2]",
        "emil.ipynb": b'{"cells": null}',
        "fay.ipynb": "{}".encode("utf-16"),
        "gil.zip": b"no zip",
        "grades.csv": b"the teacher's own",
        "README.md": b"the teacher's own",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    with zipfile.ZipFile(folder / "hal.zip", "w"):
        pass
    found = grade(folder, lesson="01")
    said = {one.learner: one.reason for one in found if not one.exercise}
    assert list(said) == ["ada", "bob", "carl", "dora", "emil", "fay", "gil", "hal"]
    assert {one.verdict for one in found} == {"refused"}
    assert "neither a notebook nor a Python file" in said["ada"]
    assert "empty" in said["carl"]
    assert "not a notebook" in said["dora"]
    assert "UTF-8" in said["fay"]
    assert "cannot be unpacked" in said["gil"]
    assert "see ada/report.docx" not in {one.reason for one in found if one.learner == "bob"}


def test_two_of_one_name_stay_two(tmp_path: Path):
    notebook(tmp_path / "in" / "ada.ipynb", RIGHT, CHECK)
    notebook(tmp_path / "in" / "ada" / "a.ipynb", WRONG, CHECK)
    with zipfile.ZipFile(tmp_path / "in" / "ada.zip", "w") as archive:
        archive.writestr("a.ipynb", as_text("def thread_to_join(s):\n    return False\n", CHECK))
    found = {one.learner: one.points for one in grade(tmp_path / "in") if one.exercise == FILL}
    assert found == {"ada": 0, "ada.ipynb": 1, "ada.zip": 0}


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


def test_a_table_for_moodle(handed_in: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (handed_in / "Ada Lovelace_4711_assignsubmission_onlinetext").mkdir()
    (handed_in / "Ada Lovelace_4711_assignsubmission_onlinetext" / "onlinetext.html").write_text("<p>Done")
    notebook(handed_in / "Bo_13_assignsubmission_file_a.ipynb", RIGHT, CHECK)
    assert main(["grade", str(handed_in), "--csv", str(tmp_path / "out.csv"), "--form", "moodle"]) == 0
    assert [row[:5] for row in rows(tmp_path / "out.csv")] == [
        ["Identifier", "Full name", "Grade", "Maximum Grade", "Last modified (grade)"],
        ["Participant 12", "'=cmd()", "0", "3", "-"],
        ["Participant 4711", "Ada Lovelace", "1", "3", "-"],
        ["Participant 13", "Bo", "1", "3", "-"],
    ]
    assert rows(tmp_path / "out.csv")[0][5] == "Feedback comments"
    notebook(handed_in / "by mail.ipynb", RIGHT, CHECK)
    main(["grade", str(handed_in), "--csv", str(tmp_path / "out.csv"), "--form", "moodle"])
    assert "No Moodle number is in these names: by mail." in capsys.readouterr().err


def test_a_zip_as_moodle_gives_it(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "CS101-Lab 1-99.zip", "w") as archive:
        archive.writestr("Ada L_4711_assignsubmission_file_/01.ipynb", as_text(RIGHT, CHECK))
        archive.writestr("Ada L_4712_assignsubmission_file_/01.ipynb", as_text(WRONG, CHECK))
        with (
            archive.open("Bo_4713_assignsubmission_file_/all of it.zip", "w") as inner,
            zipfile.ZipFile(inner, "w") as own,
        ):
            own.writestr("__MACOSX/work/._01.ipynb", b"\x00")
            own.writestr("work/01.ipynb", as_text(RIGHT, CHECK))
    found = grade(tmp_path / "CS101-Lab 1-99.zip", form="moodle")
    assert [(one.learner[:10], one.points) for one in found if one.exercise == FILL] == [
        ("Ada L_4711", 1),
        ("Ada L_4712", 0),
        ("Bo_4713_as", 1),
    ]
    assert not [one for one in found if not one.exercise]


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


def test_canvas_files_of_one_user_are_one_learners(tmp_path: Path):
    order = "check('D A B C', 'survived/order')"
    notebook(tmp_path / "in" / "o_brien_12_7_one.ipynb", RIGHT, CHECK)
    notebook(tmp_path / "in" / "o_brien_LATE_12_8_two.ipynb", order)
    found = grade(tmp_path / "in", form="canvas")
    assert {one.learner for one in found} == {"o_brien_12_7_one"}
    assert of(found).points == 1
    assert of(found, "survived/order").verdict != "missing"
    assert len({one.learner for one in grade(tmp_path / "in")}) == 2, "elsewhere such a name may be chance"


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
