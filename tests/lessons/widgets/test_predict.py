"""Nothing gives itself away: at rest an answer is folded until somebody asks for it, live until there is a choice."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from lessons.exercises import progress, question, questions
from lessons.places import notebooks
from lessons.widgets.predict import Predict, Quiz, Reveal

FOLDED = re.compile(r"<details.*?</details>", re.S)


@pytest.fixture(autouse=True)
def nobodys_progress(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("MINI_QEMU_PROGRESS", "")
    yield
    progress.reset()


def open_text(form: str) -> str:
    """What is read before anything is unfolded."""
    return FOLDED.sub("", form)


@pytest.mark.parametrize("name", questions())
def test_at_rest_the_answer_is_folded(name: str):
    asked = question(name)
    why = max(asked.why.split("`"), key=len)[:40]
    for card in (Predict(name), Quiz(name), Reveal(name)):
        assert why not in open_text(card._repr_html_())
    truth = asked.choices[asked.truth()].split("`")[0]
    assert truth not in open_text(Reveal(name)._repr_html_())
    assert Reveal(name)._repr_html_().count("<details") == 1


@pytest.mark.parametrize("name", questions())
def test_each_choice_of_a_quiz_unfolds_its_own_answer(name: str):
    asked = question(name)
    answers = FOLDED.findall(Quiz(name)._repr_html_())
    assert len(answers) == len(asked.choices)
    assert sum("Right. " in answer for answer in answers) == 1
    assert len({answer.partition("</summary>")[2] for answer in answers}) == len(answers)
    card = Quiz(name)
    for key in asked.choices:
        card.choose(name, key)
        note = card.view["asks"][0]["note"]
        assert note == (f"Right. {asked.why}" if key == asked.truth() else f"Not quite. {asked.replies[key]}")


def test_a_wrong_prediction_hears_about_itself():
    name = "missing-join/endings"
    Predict(name).choose(name, "leak")
    assert Reveal(name).view["echoes"][0]["why"].startswith(question(name).replies["leak"])


def test_the_stored_notebooks_keep_it_folded():
    seen = 0
    for path in notebooks():
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            source = "".join(cell["source"])
            for output in cell.get("outputs", []) if source.startswith(("Reveal(", "Quiz(")) else []:
                form = "".join(output["data"]["text/html"])
                seen += 1
                for name in re.findall(r'"([\w-]+/[\w-]+)"', source):
                    assert max(question(name).why.split("`"), key=len)[:40] not in open_text(form)
    assert seen >= 14


def test_the_stored_laboratories_keep_their_verdicts_folded():
    seen = 0
    for path in notebooks():
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            for output in cell.get("outputs", []) if "RaceLab(" in "".join(cell["source"]) else []:
                if "text/html" in output.get("data", {}):
                    seen += 1
                    assert "interleavings, all run" not in open_text("".join(output["data"]["text/html"]))
    assert seen >= 10
