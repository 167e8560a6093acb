"""A cell that is run too early says which cell binds the name; a typo stays a NameError."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lessons.commands.first_cell import bound, sentence


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    sources = ["", "from lessons import check\nimport a.b", "def solve(x):\n    hidden = x\n\nfor i in range(3): pass"]
    cells = [{"cell_type": "code", "source": [source]} for source in sources]
    path = tmp_path / "some.ipynb"
    path.write_text(json.dumps({"cells": [{"cell_type": "markdown", "source": "solve"}, *cells]}), encoding="utf-8")
    return path


@pytest.mark.parametrize(("name", "number"), [("check", 1), ("a", 1), ("solve", 2), ("i", 2)])
def test_it_names_the_cell(notebook: Path, name: str, number: int):
    assert f"{name} comes from cell [{number}] of this notebook. Run cell [{number}] first" in sentence(name, notebook)


@pytest.mark.parametrize("name", ["hidden", "x", "chekc", ""])
def test_what_no_cell_binds_is_a_name_error_as_always(notebook: Path, name: str):
    assert sentence(name, notebook) == ""


def test_where_there_is_no_notebook_there_is_no_sentence(tmp_path: Path):
    assert sentence("check", tmp_path / "none.ipynb") == ""
    assert sentence("check", tmp_path) == ""
    assert list(bound("def broken(")) == []
