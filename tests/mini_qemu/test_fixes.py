from __future__ import annotations

import re

import pytest

from mini_qemu.fixes import UnknownName, all_on, any_fix, as_of, fixes, history, later, only


def test_the_course_starts_before_the_series():
    assert fixes.on == ()
    assert history.on == ("yank_knows_tls",)
    assert later.on == ()


def test_both_groups_by_name():
    with only("lock_from_dst_file", "lock_in_await"):
        assert all_on() == ("lock_from_dst_file", "lock_in_await")
        with as_of((), ()):
            assert (all_on(), history.on) == ((), ())
        assert later.lock_in_await
    assert all_on() == ()
    assert any_fix("lock_in_await") is later["lock_in_await"]
    with pytest.raises(UnknownName, match="did you mean lock_in_await"), only("join_created_thread", "lock_in_wait"):
        pass
    assert all_on() == ()



def test_only_switches_exactly_these_and_gives_back_the_former_set():
    with fixes.only("lock_from_dst_file"):
        with fixes.only("explicit_unregister", "join_created_thread"):
            assert fixes.on == ("join_created_thread", "explicit_unregister")
        assert fixes.on == ("lock_from_dst_file",)
    assert fixes.on == ()


def test_only_restores_after_an_error():
    with pytest.raises(ZeroDivisionError), fixes.all():
        raise ZeroDivisionError
    assert fixes.on == ()


def test_who_is_asked():
    with fixes.only("lock_from_dst_file"), fixes.asked() as asked:
        assert asked == set()
        assert fixes.lock_from_dst_file
        assert not fixes.explicit_unregister
        assert fixes.on == ("lock_from_dst_file",)
    assert not fixes.join_created_thread
    assert asked == {"lock_from_dst_file", "explicit_unregister"}
    with pytest.raises(UnknownName), fixes.asked() as asked:
        assert fixes.join_create_thread  # type: ignore[attr-defined]
    assert asked == set()


def test_all_none_and_subsets():
    with fixes.all(), fixes.none():
        assert fixes.on == ()
    sets = list(fixes.subsets())
    assert len(sets) == len(set(sets)) == 32
    assert sets[0] == ()
    assert sets[-1] == tuple(fixes.names)


@pytest.mark.parametrize("use", [
    lambda: fixes.only("join_create_thread"),
    lambda: fixes.set("join_create_thread"),
    lambda: fixes.join_create_thread,
    lambda: setattr(fixes, "join_create_thread", True),
    lambda: fixes["join_create_thread"],
])  # fmt: skip
def test_an_unknown_name_is_one_line_that_names_the_choices(use):
    with pytest.raises(UnknownName) as caught:
        use()
    message = str(caught.value)
    assert "\n" not in message
    assert "did you mean join_created_thread?" in message
    for name in fixes.names:
        assert name in message
    assert fixes.on == ()


def test_a_bad_set_changes_nothing():
    with fixes.only("explicit_unregister"):
        with pytest.raises(UnknownName):
            fixes.set("join_created_thread", "nonsense")
        with pytest.raises(TypeError, match="True or False"):
            fixes.join_created_thread = 1  # type: ignore[assignment]
        assert fixes.on == ("explicit_unregister",)


def test_each_fix_has_a_summary():
    assert [fix.patch for fix in fixes] == [1, 2, 3, 4, 5]
    for fix in fixes:
        assert len(fix.commit) == 40
        assert fix.url.endswith(fix.commit)
        assert len(fix.summary.split()) > 40
        assert fix.title


def test_each_later_fix_has_its_date():
    dates = [fix.date for fix in later]
    assert dates == sorted(dates)
    for fix in later:
        assert re.fullmatch("[0-9a-f]{10,40}", fix.commit)
        assert re.fullmatch(r"20\d\d-\d\d(-\d\d)?", fix.date)
        assert fix.patch == 0
        assert fix.title
    assert not set(fixes.names) & set(later.names)


def test_repr_says_what_is_on():
    with fixes.only("explicit_unregister"):
        assert repr(fixes) == "fixes on: explicit_unregister"
    assert repr(fixes) == "fixes on: none"
    assert repr(fixes.only("join_created_thread")) == "with these on: join_created_thread"
