from __future__ import annotations

from collections.abc import Callable

import pytest

from lessons.authoring.matrix import cell, explored, main, story_cells, table
from lessons.scenarios import stories
from mini_qemu.fixes import fixes
from mini_qemu.sched import explore


@pytest.mark.slow
def test_the_matrix(golden: Callable[[str, str], None]):
    golden("matrix.txt", table(explored(list(stories()), jobs=2)))


@pytest.mark.parametrize("name", ["precopy-return-path", "load-snapshot", "tls-june-2021", "cancel-cleanup"])
def test_sets_that_nobody_can_tell_apart_are_explored_once(name: str, monkeypatch: pytest.MonkeyPatch):
    sets = list(fixes.subsets())
    one_by_one = {on: cell(name, on) for on in sets}
    made = []
    monkeypatch.setattr("lessons.authoring.matrix.explore", lambda scenario: made.append(fixes.on) or explore(scenario))
    assert story_cells(name, sets) == one_by_one
    assert 0 < len(made) < len(sets)


def test_a_few_rows(capsys: pytest.CaptureFixture[str]):
    assert main(["load-snapshot", "tls-june-2021", "--jobs", "1"]) == 0
    printed = capsys.readouterr().out
    assert "  ...-+  failed     1 interleavings" in printed
    assert "  ..-.-  failed     1 interleavings" in printed


def test_an_unknown_name_is_refused_before_anything_runs(capsys: pytest.CaptureFixture[str]):
    assert main(["load-snapshot", "tsl"]) == 2
    assert "did you mean tls" in capsys.readouterr().out
    assert main(["load-snapshot", "--with", "explicit_unregistre"]) == 2
    assert "did you mean explicit_unregister?" in capsys.readouterr().out


def test_one_set_only(capsys: pytest.CaptureFixture[str]):
    assert main(["load-snapshot", "--with", "explicit_unregister", "--jobs", "1"]) == 0
    assert capsys.readouterr().out.startswith("load-snapshot: failed     1 interleavings\n")
    assert main(["load-snapshot", "--with", "none", "--jobs", "1"]) == 0
    assert capsys.readouterr().out.startswith("load-snapshot: proved ")
