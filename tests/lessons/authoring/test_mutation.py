"""Small changes of the solutions: each is refused, or is listed as equivalent; and a hole in the trials is seen."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest

from lessons.authoring import audit
from lessons.authoring.mutation import mutants, score
from lessons.exercises import exercise, exercises, progress


@pytest.fixture(autouse=True)
def nobodys_progress(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("MINI_QEMU_PROGRESS", "")
    yield
    progress.reset()


@pytest.mark.slow
@pytest.mark.parametrize("name", exercises())
def test_no_mutant_is_accepted_by_mistake(name: str):
    assert list(audit.of_mutants(exercise(name))) == []


def test_each_kind_of_change_is_made():
    names = " ".join(mutant.name for asked in exercises().values() for mutant in mutants(asked))
    for kind in (
        "drop statement",
        "swap statements",
        "take no lock",
        "negate the test",
        "return True",
        "turn the comparison round",
        "move the comparison by one",
        "compute the other way",
        "keep the left side",
        "another constant",
    ):
        assert kind in names


def test_every_mutant_is_another_text():
    for asked in exercises().values():
        answers = [mutant.answer for mutant in mutants(asked)]
        assert answers
        assert len({*answers, asked.solution}) == len(answers) + 1


def test_a_hole_in_the_trials_is_seen():
    asked = exercise("warmups/withdraw")
    assert score(asked).survived == ()
    two_customers = dataclasses.replace(asked, trials=asked.trials[:1])
    assert any("move the comparison by one" in name for name in score(two_customers).survived)
