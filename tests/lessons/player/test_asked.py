"""The table of who asks what: its rows come from the run, and looking changes nothing."""

from __future__ import annotations

import sys

import pytest

from lessons.exercises.know_what_you_hold import KNOWN
from lessons.exercises.one_predicate import TWO_DESKS, TWO_SIDES
from lessons.player.asked import Asked, Place, Row, run
from lessons.player.follow import follow
from lessons.scenarios import tls, twins
from lessons.scenarios.snapshot import scenario as snapshot
from lessons.views.source import SourceError
from mini_qemu.fixes import fixes, history
from tests import sample_scenarios


def told(rows: tuple[Row, ...]) -> list[tuple[str, str, str, str]]:
    return [(row.where, row.holds, row.answer, row.after) for row in rows]


def test_before_june_2021_both_sides_ask_about_two_objects():
    with history.only():
        table = Asked(tls.june_2021, TWO_SIDES, fixes=["one_yank_predicate"], watch="yank list")
    before, after = table.runs
    assert told(before.rows) == [
        ("migration_channel_connect", "a QIOChannelSocket", "yes", "[ioc]"),
        ("channel_close", "a QIOChannelTLS", "no", "[freed]"),
    ]
    assert before.fails
    assert "still lists ioc" in before.ending
    assert told(after.rows) == [
        ("migration_ioc_register_yank", "a QIOChannelTLS", "yes", "[tls]"),
        ("migration_ioc_unregister_yank", "a QIOChannelTLS", "yes", "no instance"),
    ]
    assert not after.fails


def test_only_the_place_that_opens_a_file_knows_what_it_is():
    without, with_tag = Asked(snapshot, KNOWN, fixes=["file_knows_channel"], on=["explicit_unregister"]).runs
    assert told(without.rows)[0] == ("qemu_fopen_bdrv", "a BlockDriverState", "a BlockDriverState", "")
    assert without.rows[-1].answer.startswith("✕ BlockDriverState is not a QIOChannel")
    assert with_tag.rows[-2].answer == "no"
    assert (without.fails, with_tag.fails) == (True, False)


def test_looking_is_not_a_step():
    with fixes.none(), history.only():
        watched = run(tls.june_2021, TWO_SIDES, "yank list", "")
        plain = follow(tls.june_2021, [])
        assert str(plain.finding) in watched.ending
        assert watched.rows[-1].step < len(plain.steps)
    assert sys.gettrace() is None or "lessons" not in repr(sys.gettrace())


def test_a_table_shows_one_interleaving_only():
    with pytest.raises(ValueError, match="has 4 interleavings"):
        Asked(sample_scenarios.lost_update, ())


def test_a_line_that_is_not_there_is_said():
    gone = Place("yank.yank_register_function", "no such line", "here", "0", "?", "0")
    with pytest.raises(SourceError, match="no line of"):
        Asked(tls.scenario, (gone,))


def test_without_scripts_the_table_tells_it_all():
    table = Asked(twins.two_lists, TWO_DESKS, watch="lent")
    form = table._repr_html_()
    assert form.count("<tr data-say=") == 2
    assert "later" not in form.partition("</style>")[2].partition("<script>")[0], "nothing is hidden without a script"
    assert "everything is back, and the list says that 1 is lent" in repr(table)
