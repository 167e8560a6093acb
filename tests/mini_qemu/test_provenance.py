"""mini_qemu/README.md names every public function of the miniature, and none that is not there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent.parent / "mini_qemu"
MODULES = sorted(
    path
    for folder in (PACKAGE, PACKAGE / "native")
    for path in folder.glob("*.py")
    if path.name != "__init__.py"
)
TEXT = (PACKAGE / "README.md").read_text(encoding="utf-8")


def public_functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {n.name for n in tree.body if isinstance(n, ast.FunctionDef) and not n.name.startswith("_")}


def section(name: str) -> str:
    """What the README says about one file: a heading's part, or an item of the list at its end."""
    heading = re.search(rf"^### {re.escape(name)}.*\n((?:(?!#).*\n)*)", TEXT, re.M)
    item = re.search(rf"^\* `?{re.escape(name)}`?[,:](.*(?:\n  .*)*)", TEXT, re.M)
    found = heading or item
    assert found, f"mini_qemu/README.md says nothing about {name}"
    return found[1]


def ours(text: str) -> set[str]:
    """The names in backticks that are ours: of a table, those of its first column."""
    names: set[str] = set()
    for line in text.splitlines():
        part = line.split("|")[1] if line.startswith("|") else line
        names.update(re.findall(r"`(\w+)`", part))
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_the_readme_and_the_file_name_the_same_functions(path: Path):
    said = ours(section(path.name)) - {"assert", "abort"}
    there = public_functions(path)
    assert said - there == set(), f"the README names functions that {path.name} has not"
    assert there - said == set(), f"the README leaves out functions of {path.name}"


def test_every_module_says_what_it_mirrors():
    for path in MODULES:
        doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        assert "Mirrors" in doc or path.name == "fixes.py", path.name
        assert re.search(r"[Ll]eft out", doc) or path.name in ("fixes.py", "yank_functions.py"), path.name
