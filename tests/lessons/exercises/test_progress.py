"""The progress file may be lost, broken or forbidden: nothing else suffers, and it is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from lessons.exercises import progress
from lessons.scenarios.warmups import ab_ab, ab_ba
from lessons.widgets.break_it import BreakIt
from lessons.widgets.predict import Predict, Progress, Quiz, Reveal


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MINI_QEMU_PROGRESS", raising=False)
    monkeypatch.setattr(progress, "note", "")
    return tmp_path / progress.FILE


def test_kept_and_forgotten(file: Path):
    progress.record("solved", "a")
    progress.record("predicted", "b", "yes")
    assert (progress.done("solved", "a"), progress.done("predicted", "b")) == (True, "yes")
    assert sorted(path.name for path in file.parent.iterdir()) == [file.name]
    progress.reset()
    assert not file.exists()
    assert progress.done("solved", "a") is None
    with pytest.raises(ValueError, match="progress is one of"):
        progress.record("cheated", "a")


@pytest.mark.parametrize("text", ["{", "[1, 2]", '{"solved": []}', "\udcff"])
def test_a_broken_file_is_put_aside_and_said(file: Path, text: str):
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    assert progress.load() == {kind: {} for kind in progress.KINDS}
    assert "could not be read" in Progress().view["note"]
    assert file.with_name(file.name + ".unreadable").exists()
    progress.record("solved", "a")
    assert progress.done("solved", "a") is True


def test_a_file_that_cannot_be_written_stops_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MINI_QEMU_PROGRESS", str(tmp_path / "nowhere" / "at" / "all"))
    progress.record("solved", "a")
    assert "could not be saved" in progress.note


def test_a_prediction_is_echoed_and_the_text_form_does_not_depend_on_it(file: Path):
    name = "warmups/check-then-act"
    open_repr, said = repr(Reveal(name)), Reveal(name).view["echoes"][0]["said"]
    assert "you left it open" in said
    card = Predict(name)
    card.obey({"do": "choose", "name": name, "key": "no"})
    assert card.view["asks"][0]["chosen"] == "no"
    assert Reveal(name).view["echoes"][0]["said"].startswith("No:")
    assert Reveal(name).view["echoes"][0]["verdict"] == "other"
    assert repr(Reveal(name)) == open_repr
    card.choose(name, "")
    assert Reveal(name).view["echoes"][0]["verdict"] == "open"
    with pytest.raises(LookupError, match="choose from yes, no"):
        card.choose(name, "perhaps")


def test_a_quiz_answers_at_once(file: Path):
    name = "warmups/check-then-act"
    card = Quiz(name)
    card.choose(name, "no")
    assert card.view["asks"][0]["verdict"] == "wrong"
    card.choose(name, "yes")
    assert card.view["asks"][0]["note"].startswith("Right. ")


def test_what_is_done_is_shown(file: Path):
    before = Progress().view["rows"][0]
    assert before[:2] == ["Start here", "00_start_here.ipynb"], "the row is a link"
    assert before[2] == [["questions", 0, 2], ["exercises", 0, 1]]
    progress.record("solved", "warmups/withdraw")
    progress.record("predicted", "warmups/lost-update", "4")
    card = Progress()
    assert card.view["rows"][0][2] == [["questions", 1, 2], ["exercises", 1, 1]]
    card.obey({"do": "reset"})
    assert card.view["rows"][0] == before
    assert "forgotten" in card.view["note"]


def test_breaking_it_is_noted_and_scored(file: Path):
    lab = BreakIt(ab_ba)
    assert lab.fewest == 1
    lab.obey({"do": "move", "thread": "A"})
    lab.obey({"do": "move", "thread": "B"})
    assert "fewer do not break it" in lab.view["message"]
    assert progress.done("broken", "ab-ba") == 1
    assert BreakIt(ab_ab).fewest is None
    assert BreakIt(ab_ba, kind="crash").fewest is None
    other = BreakIt(ab_ba, kind="crash")
    other.obey({"do": "move", "thread": "A"})
    other.obey({"do": "move", "thread": "B"})
    assert "But it is a deadlock." in other.view["message"]
    assert len(BreakIt(ab_ba, before="B locks").trace.steps) == 1
    with pytest.raises(LookupError, match="says 'fnord'"):
        BreakIt(ab_ba, before="fnord")
