"""Who may import whom: from an earlier line of this table only. A new module must be given its place here."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYERS = """
mini_qemu  mini_qemu.sched  mini_qemu.fixes
mini_qemu.qemu_thread  mini_qemu.qom
mini_qemu.yank
mini_qemu.process
mini_qemu.io_channel
mini_qemu.qemu_file
mini_qemu.yank_functions  mini_qemu.savevm_command
mini_qemu.qemu_file_channel
mini_qemu.migration_state
mini_qemu.ram  mini_qemu.multifd
mini_qemu.migration_incoming
mini_qemu.postcopy_ram
mini_qemu.savevm
mini_qemu.migration
mini_qemu.channel
mini_qemu.monitor
mini_qemu.native
mini_qemu.__main__
lessons.places  lessons.functions  lessons.catalogue  lessons.programs  lessons.elsewhere
lessons.glossary  lessons.replace  lessons.views
lessons.real
lessons.scenarios
lessons.player
lessons.exercises
lessons.widgets
lessons
lessons.authoring
lessons.commands
lessons.__main__
"""
RANK = {room: rank for rank, line in enumerate(LAYERS.split("\n")) for room in line.split()}
SEAM = {"mini_qemu.sched", "mini_qemu.qemu_thread", "mini_qemu.qom"}  # of mini_qemu, only these know the engine
STDLIB = sys.stdlib_module_names | {"annotationlib"}  # with the one of Python 3.14
AT_IMPORT = {"IPython", "anywidget", "ipywidgets", "traitlets"}  # lessons import anything else inside a function
PLUGINS = {"lessons/authoring/nbgrader_judge.py": {"nbformat", "nbgrader"}}  # only nbgrader's configuration loads it
FILES = [path.relative_to(ROOT) for top in ("mini_qemu", "lessons") for path in sorted((ROOT / top).rglob("*.py"))]


def room(module: str) -> str:
    """A package is one room, whatever the number of its files."""
    return ".".join(module.split(".")[:2])


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """Each imported module, and whether it is imported outside all functions. Type checkers' imports do not count."""
    package = list(path.parts[:-1])

    def walk(node: ast.AST, outside: bool) -> Iterator[tuple[str, bool]]:
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            return
        if isinstance(node, ast.Import):
            yield from ((alias.name, outside) for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            start = package[: len(package) + 1 - node.level] if node.level else []
            module = ".".join(start + ([node.module] if node.module else []))
            for alias in node.names:
                yield (f"{module}.{alias.name}" if f"{module}.{alias.name}" in RANK else module), outside
        inside = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        for child in ast.iter_child_nodes(node):
            yield from walk(child, outside and not inside)

    return walk(ast.parse((ROOT / path).read_text(encoding="utf-8")), True)


@pytest.mark.parametrize("path", FILES, ids=str)
def test_imports_only_from_earlier_layers(path: Path):
    here = room(".".join(path.with_suffix("").parts).removesuffix(".__init__"))
    assert here in RANK, f"{here} has no place in the table of tests/test_layering.py"
    for module, outside in imports(path):
        top, there = module.split(".")[0], room(module)
        if top in ("mini_qemu", "lessons"):
            assert there in RANK, f"{module} has no place in the table of tests/test_layering.py"
            assert there == here or RANK[there] < RANK[here], f"{here} stands before {there} and must not import it"
            if there == "mini_qemu.sched" and here.startswith("mini_qemu"):
                assert here in SEAM, f"{here} must reach the engine through qemu_thread or qom"
        elif top not in STDLIB:
            assert not here.startswith("mini_qemu"), f"{here} imports {top}, the miniature only what Python brings"
            allowed = AT_IMPORT | PLUGINS.get(path.as_posix(), set())
            assert not outside or top in allowed, f"{here} imports {top} at import time: do it where it is used"


def scenario_modules() -> list[Path]:
    """A story, or a scenario of a lesson: whatever lies beside the stage."""
    return [path for path in FILES if path.parent == Path("lessons/scenarios") and path.name not in SHARED]


SHARED = {"__init__.py", "story.py"}  # the list of stories, and what a story is


@pytest.mark.parametrize("path", scenario_modules(), ids=str)
def test_stories_never_import_stories(path: Path):
    for module, _ in imports(path):
        if module.startswith("lessons.scenarios"):
            below = module.split(".")[2:3]
            assert below in (["stage"], ["story"]), f"{path} imports {module}: move what they share to the stage"


def test_the_stage_imports_no_story():
    stage = [path for path in FILES if path.parent == Path("lessons/scenarios/stage")]
    assert stage
    for path in stage:
        theirs = [module for module, _ in imports(path) if module.startswith("lessons.")]
        assert all(module.startswith("lessons.scenarios.stage") for module in theirs), (path, theirs)
