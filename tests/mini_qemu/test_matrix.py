from __future__ import annotations

from collections.abc import Callable

import pytest

from lessons.matrix import explored, main, table
from lessons.scenarios import stories


@pytest.mark.slow
def test_the_matrix(golden: Callable[[str, str], None]):
    golden("matrix.txt", table(explored(list(stories()), jobs=2)))


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
