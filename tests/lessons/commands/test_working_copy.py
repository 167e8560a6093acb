"""A learner's folder: nothing in it is ever written over, whatever happens to the course."""

from __future__ import annotations

from pathlib import Path

import pytest

from lessons.commands import working_copy
from lessons.commands.working_copy import CannotWrite, copy_into, fresh


@pytest.fixture
def course(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "course"
    folder.mkdir()
    for name in ("00_start.ipynb", "01_join.ipynb"):
        (folder / name).write_text(f'{{"cells": ["{name}"]}}', encoding="utf-8")
    return sorted(folder.iterdir())


def test_the_first_time_everything_is_copied(course: list[Path], tmp_path: Path):
    copied = copy_into(tmp_path / "new" / "mine", course)
    assert copied.new == ["00_start.ipynb", "01_join.ipynb"]
    assert [(copied.folder / path.name).read_bytes() for path in course] == [path.read_bytes() for path in course]
    assert "They are yours" in copied.sentences()[0]


def test_a_learners_notebook_is_kept_and_so_is_a_strangers(course: list[Path], tmp_path: Path):
    (tmp_path / "01_join.ipynb").write_text("mine, from last year", encoding="utf-8")
    (tmp_path / "diary.txt").write_text("private", encoding="utf-8")
    copied = copy_into(tmp_path, course)
    assert (copied.new, copied.kept) == (["00_start.ipynb"], ["01_join.ipynb"])
    assert (tmp_path / "01_join.ipynb").read_text(encoding="utf-8") == "mine, from last year"
    assert (tmp_path / "diary.txt").read_text(encoding="utf-8") == "private"
    assert "kept as they are" in " ".join(copied.sentences())


def test_an_update_of_the_course_is_announced_and_touches_nothing(course: list[Path], tmp_path: Path):
    mine = tmp_path / "mine"
    copy_into(mine, course)
    before = (mine / "01_join.ipynb").read_bytes()
    course[1].write_text("a better lesson", encoding="utf-8")
    copied = copy_into(mine, course)
    assert (mine / "01_join.ipynb").read_bytes() == before
    assert copied.outdated == ["01_join.ipynb"]
    assert "mini-qemu lab --fresh 01" in " ".join(copied.sentences())
    assert copy_into(mine, course).outdated == ["01_join.ipynb"], "the news stays until it is fetched"


def test_a_fresh_copy_gets_a_name_of_its_own(course: list[Path], tmp_path: Path):
    mine = tmp_path / "mine"
    copy_into(mine, course)
    (mine / "01_join.ipynb").write_text("my work", encoding="utf-8")
    assert [fresh(mine, course[1]).name for _ in range(3)] == [
        "01_join-fresh.ipynb",
        "01_join-fresh-2.ipynb",
        "01_join-fresh-3.ipynb",
    ]
    assert (mine / "01_join.ipynb").read_text(encoding="utf-8") == "my work"


def test_a_record_that_cannot_be_read_costs_only_the_news(course: list[Path], tmp_path: Path):
    for spoiled in ("{", "[]", '{"01_join.ipynb": 3}', "\ud800".encode("utf-8", "surrogatepass").decode("latin-1")):
        (tmp_path / working_copy.RECORD).write_text(spoiled, encoding="utf-8")
        assert set(copy_into(tmp_path, course).new) <= {"00_start.ipynb", "01_join.ipynb"}


def test_where_nothing_can_be_written_one_sentence_says_so(
    course: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    file = tmp_path / "file"
    file.touch()
    for folder in (file, file / "below"):
        with pytest.raises(CannotWrite, match=r"is a file, not a folder; name another folder"):
            copy_into(folder, course)

    def refuse(**_: object) -> tuple[int, str]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(working_copy.tempfile, "mkstemp", refuse)  # root may write everywhere
    with pytest.raises(CannotWrite, match=r"Nothing can be written in .* \(Permission denied\); name another"):
        copy_into(tmp_path, course)


def test_a_full_disk_leaves_no_half_notebook(course: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def half(source: Path, target: Path) -> None:
        target.write_text("{", encoding="utf-8")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(working_copy.shutil, "copyfile", half)
    with pytest.raises(CannotWrite, match="No space left on device"):
        copy_into(tmp_path / "mine", course)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == []
