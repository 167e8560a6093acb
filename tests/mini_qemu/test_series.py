"""Each fix touches the functions of the miniature that its patch touched upstream; the list is the series' own."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from mini_qemu.fixes import fixes, later

PACKAGE = Path(__file__).parent.parent.parent / "mini_qemu"

# upstream's file -> functions changed or new, by patch; a new field of a struct is named by our class. Left out: the
# scratch files of compression (ram.c, patch 4), comments (ram.c, patch 2), the headers' declarations.
SERIES = {
    "join_created_thread": {
        "migration.c": {
            "ReturnPathState", "open_return_path_on_source", "await_return_path_close_on_source",
            "migration_completion",
        },
    },
    "lock_from_dst_file": {
        "migration.c": {
            "migrate_fd_cancel", "migration_release_from_dst_file", "source_return_path_thread", "migration_thread",
        },
    },
    "one_yank_predicate": {
        "channel.c": {"migration_channel_connect", "migration_channel_process_incoming"},
        "multifd.c": {"multifd_load_cleanup"},
        "qemu-file-channel.c": {"channel_close"},
        "yank_functions.c": {
            "migration_ioc_yank_supported", "migration_ioc_register_yank", "migration_ioc_unregister_yank",
        },
    },
    "file_knows_channel": {
        "qemu-file.c": {"qemu_fopen_ops", "qemu_file_get_ioc"},
        "qemu-file-channel.c": {"qemu_fopen_channel_input", "qemu_fopen_channel_output"},
        "savevm.c": {"qemu_fopen_bdrv"},
    },
    "explicit_unregister": {
        "migration.c": {"migrate_fd_cleanup", "postcopy_pause", "migration_incoming_state_destroy"},
        "savevm.c": {"postcopy_pause_incoming"},
        "qemu-file-channel.c": {"channel_close"},
        "yank_functions.c": {"migration_ioc_unregister_yank_from_file"},
    },
}  # fmt: skip

HOME = {"migration_state.py": "migration.c", "migration_incoming.py": "migration.c"}
"""Files of ours whose upstream file is not the namesake."""


def upstream(path: Path) -> str:
    if path.name in HOME:
        return HOME[path.name]
    name = path.stem
    return (name if name == "yank_functions" else name.replace("_", "-")) + ".c"


def touched(fix: str) -> dict[str, set[str]]:
    """Where the miniature asks for a fix, or has a line that its patch added."""
    found: dict[str, set[str]] = {}
    for path in sorted(PACKAGE.glob("*.py")):
        if path.name == "fixes.py":
            continue
        text = path.read_text(encoding="utf-8")
        lines = text.splitlines()
        for node in ast.parse(text).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                own = "\n".join(lines[node.lineno - 1 : node.end_lineno])
                if re.search(rf"if fixes\.{fix}:|# \+ {fix}\b", own):
                    found.setdefault(upstream(path), set()).add(node.name)
    return found


@pytest.mark.parametrize("fix", fixes.names)
def test_the_same_files_and_functions_as_the_patch(fix: str):
    assert touched(fix) == SERIES[fix]


@pytest.mark.parametrize("fix", later.names)
def test_each_later_fix_governs_something(fix: str):
    asked = {ast.unparse(node.test) for _, node in sites()}
    assert f"later.{fix}" in asked


def sites() -> list[tuple[Path, ast.If]]:
    found = []
    for path in sorted(PACKAGE.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.If) and ast.unparse(node.test).startswith(("fixes.", "history.", "later.")):
                found.append((path, node))
    return found


def test_a_site_is_a_plain_question_and_never_within_another():
    assert len(sites()) > 15
    for path, node in sites():
        where = f"{path.name}:{node.lineno}"
        assert isinstance(node.test, ast.Attribute), f"{where}: ask for one fix, by a plain attribute"
        inner = [n for part in node.body + node.orelse for n in ast.walk(part)]
        names = {ast.unparse(n.value) for n in inner if isinstance(n, ast.Attribute)}
        assert not names & {"fixes", "history", "later"}, f"{where}: a site within a site"


def test_fixes_are_asked_for_at_sites_only():
    for path in sorted(PACKAGE.glob("*.py")):
        if path.name in ("fixes.py", "__main__.py"):
            continue
        text = path.read_text(encoding="utf-8")
        asked = len(re.findall(r"\b(?:fixes|history|later)\.\w+", text.split('"""', 2)[2]))
        assert asked == len([1 for where, _ in sites() if where == path]), path.name
