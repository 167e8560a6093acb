"""The hunt knows what the stories know, and shows a schedule for anything else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lessons.exercises import hunt as module
from lessons.exercises import progress
from lessons.exercises.check_fix import unfixed
from lessons.exercises.hunt import endings, hunt, story_that_ends_like
from lessons.scenarios import find
from lessons.scenarios.hunting_ground import ground
from mini_qemu.fixes import UnknownName, as_of, fixes
from mini_qemu.sched import replay
from tests.lessons.scenarios.test_stories import SURVIVORS


@pytest.fixture(autouse=True)
def nobodys_progress(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("MINI_QEMU_PROGRESS", "")
    yield
    progress.reset()


def test_every_survivor_is_known():
    for name in SURVIVORS:
        told = find(name)
        with as_of(tuple(fixes.names), told.history):
            found = endings(told.scenario, unfixed(name))
        assert found
        assert all(story_that_ends_like(ending) for ending in found), name


def test_where_nothing_fails():
    assert repr(hunt()).endswith("There is nothing to find here. Vary the parameters.")


def test_what_a_story_has_is_no_trophy():
    found = hunt(operator=["migrate"])
    assert not found.trophies
    assert {story for _, story in found.listed} == {"migrate-too-early"}
    late = hunt(state="postcopy-active", line="dies", operator=["resume"])
    assert "yank-at-the-end-of-postcopy" in {story for _, story in late.listed}, "other threads wait elsewhere"


def test_a_trophy_is_a_schedule_that_replays(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "story_that_ends_like", lambda ending: "")
    found = hunt(operator=["migrate"])
    assert found.trophies
    assert "No story of the course ends like this." in repr(found)
    assert found.trace is not None
    for ending, schedule in found.trophies:
        with fixes.all():
            finding = replay(ground(operator=["migrate"]), schedule).finding
        assert finding is not None
        assert (finding.kind, finding.message) == (ending.kind, ending.words)
    assert progress.done("broken", "hunt/active-holds-agrees-migrate") == found.trophies[0][1]


def test_there_is_something_to_find():
    """Two resumes are accepted before either connection is there. No story tells that; one that does ends this test."""
    found = hunt(state="postcopy-active", operator=["resume-twice"], oob=["pause"], runs=20)
    assert [str(ending).partition(":")[0] for ending, _ in found.trophies] == ["crash in migrate_fd_connect"]


def test_few_runs_prove_nothing():
    assert "Nothing was found so far" in repr(hunt(state="postcopy-active", line="dies", operator="cancel", runs=3))


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"state": "paused"}, "no state 'paused'"),
        ({"line": "hangs"}, "no line 'hangs'"),
        ({"destination": "agree"}, "did you mean agrees"),
        ({"operator": ["yank"]}, "no command of an operator 'yank'"),
        ({"oob": "cancel"}, "no out-of-band command 'cancel'"),
    ],
)
def test_an_unknown_parameter_names_the_choices(parameters: dict[str, str], said: str):
    with pytest.raises(UnknownName, match=said):
        hunt(**parameters)  # type: ignore[arg-type]
