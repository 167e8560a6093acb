from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from lessons.views import source as source_view
from lessons.views.source import (
    PACKAGE,
    SourceError,
    function_at,
    grey_lines,
    patch,
    resolved,
    setting,
    show,
    side_by_side,
)
from mini_qemu.fixes import UnknownName, fixes, later
from tests import sample_scenarios

MODULE = """\
class Door:
    # who opens it  # + one_yank_predicate
    opened_by: str = ""
    width: int = 3  # + file_knows_channel


def needed() -> int:  # + one_yank_predicate
    return 1


def enter(door):
    before()
    if fixes.one_yank_predicate:
        # ask once
        needed()
    else:
        ask(1)
        ask(2)
        # twice, that is
    if fixes.file_knows_channel:
        only_here()
    if door:
        if fixes.explicit_unregister:
            pass
        else:
            leave()
    after()
    return 1  # + file_knows_channel
"""
OFF = {"one_yank_predicate": False, "file_knows_channel": False, "explicit_unregister": False}


@pytest.fixture
def module(tmp_path: Path) -> str:
    path = tmp_path / "door.py"
    path.write_text(MODULE, encoding="utf-8")
    return str(path)


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def test_the_arm_that_does_not_run_is_greyed_with_its_comments(module):
    function = function_at(module, 12)
    assert (function.name, function.first, len(function.lines)) == ("enter", 11, 18)
    grey = {MODULE.splitlines()[n - 1].strip() for n in grey_lines(function, OFF)}
    assert grey == {"# ask once", "needed()", "only_here()", "pass"}
    grey = {MODULE.splitlines()[n - 1].strip() for n in grey_lines(function, dict.fromkeys(OFF, True))}
    assert grey == {"ask(1)", "ask(2)", "# twice, that is", "leave()"}


def test_resolving_leaves_what_a_reader_would_see_without_switches():
    assert lines(resolved(MODULE, OFF)) == [
        "class Door:", "pass", "def enter(door):", "before()", "ask(1)", "ask(2)", "# twice, that is", "if door:",
        "leave()", "after()", "return 1",
    ]  # fmt: skip
    assert lines(resolved(MODULE, dict.fromkeys(OFF, True))) == [
        "class Door:", "# who opens it", 'opened_by: str = ""', "width: int = 3", "def needed() -> int:", "return 1",
        "def enter(door):", "before()", "# ask once", "needed()", "only_here()", "if door:", "pass", "after()",
        "return 1",
    ]  # fmt: skip


@pytest.mark.parametrize("on", [(), *((name,) for name in fixes.names), tuple(fixes.names)], ids=str)
def test_every_module_is_still_python_when_resolved(on):
    for path in PACKAGE.glob("*.py"):
        ast.parse(resolved(path.read_text(encoding="utf-8"), setting(on)))


def test_every_site_is_found_with_the_fixed_arm_first():
    found = [site for path in PACKAGE.glob("*.py") for site in source_view._sites(path.read_text(encoding="utf-8"))]
    assert {site.fix for site in found} <= {*setting(None)}
    assert all(site.line < site.on[0] <= site.on[1] <= site.end for site in found)


@pytest.mark.parametrize("name", fixes.names)
def test_a_patch_is_a_diff_headed_by_the_upstream_commit(name):
    text = repr(patch(name))
    title, commit, *diff = text.splitlines()
    assert title == f"patch {fixes[name].patch} of 5: {fixes[name].title}"
    assert commit == f"upstream commit {fixes[name].commit}"
    assert any(line.startswith("+++ b/mini_qemu/") for line in diff)
    assert any(line.startswith("+") and not line.startswith("+++") for line in diff)
    assert "fixes." not in text, "a reader of the patch sees no switches"
    assert "<ins" in patch(name)._repr_html_()


@pytest.mark.parametrize("name", fixes.names)
def test_side_by_side_has_both_versions(name):
    view = side_by_side(name)
    assert "before" in repr(view)
    assert "fixes." not in repr(view)
    assert "<table" in view._repr_html_()


def test_show_marks_what_does_not_run():
    with fixes.none():
        text = repr(show(sample_scenarios.guest))
    assert text.splitlines()[0] == "tests/sample_scenarios.py: guest, join_created_thread off"
    assert "~         door.bell.wait()" in text
    assert "~" not in repr(show(sample_scenarios.guest, on=["join_created_thread"])).replace("~         #", "").replace(
        "~         pass", ""
    )
    assert "<s style" in show(sample_scenarios.guest)._repr_html_()


def test_show_takes_names_of_the_miniature():
    assert repr(show("qemu_file_channel.channel_close")).startswith("mini_qemu/qemu_file_channel.py: channel_close")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("qemu_file_channel.chanel_close", "did you mean channel_close"),
        ("nowhere.at_all", "modules: "),
        ("channel_close", "not of the form"),
        (3, "has no source to show"),
    ],
)
def test_what_is_not_there_is_refused_in_a_sentence(name, says):
    with pytest.raises(SourceError, match=says):
        show(name)


def test_a_later_fix_is_folded_away_until_somebody_asks_for_it():
    """Nothing of it may be seen in the lessons about the series."""
    for name in ("migration.migrate_fd_cancel", "migration.migrate_fd_cleanup", "migration.source_return_path_thread"):
        text = repr(show(name))
        assert "later." not in text
        assert not set(later.names) & set(re.split(r"\W+", text))
    text = repr(show("migration.migrate_fd_cancel", later=["lock_to_dst_file"]))
    assert "lock_to_dst_file off" in text.splitlines()[0]
    assert "      if later.lock_to_dst_file:\n~         pass\n      else:\n          f = s.to_dst_file" in text
    with fixes.all(), later.only("lock_to_dst_file"):
        assert "~         f = s.to_dst_file" in repr(show("migration.migrate_fd_cancel"))
    with pytest.raises(UnknownName):
        show("migration.migrate_fd_cancel", later=["lock_to_dst"])


def test_the_patch_of_a_later_fix_begins_where_the_one_before_ended():
    text = repr(patch("lock_to_dst_file"))
    assert text.splitlines()[0].startswith("upstream, 2023-09: ")
    assert "-    f = s.to_dst_file" in text
    assert "+            if s.to_dst_file is not None:" in text
    assert "fixes." not in text
    assert "later." not in text


def test_an_unknown_fix_is_refused():
    with pytest.raises(UnknownName, match="join_created_thread"):
        patch("join_created_threads")


def test_a_line_outside_all_functions_shows_the_file(module):
    assert function_at(module, 1).lines == tuple(MODULE.splitlines())


def test_a_file_that_is_gone_is_named():
    with pytest.raises(SourceError, match=r"gone\.py cannot be read"):
        function_at("gone.py", 1)
