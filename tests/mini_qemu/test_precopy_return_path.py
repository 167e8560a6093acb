"""Patch 1, every interleaving: counts are exact, a changed count wants an explanation."""

from __future__ import annotations

import pytest

from lessons.scenarios.precopy_return_path import WRONG_FIXES, scenario
from lessons.scenarios.story import WrongFix
from mini_qemu.fixes import fixes
from mini_qemu.sched import explore, replay

NOT_EMPTY = "QLIST_EMPTY"


def test_unfixed_shows_the_three_outcomes():
    with fixes.none():
        result = explore(scenario)
    assert result.verdict == "failed"
    assert result.classes == 93
    by_message = {message: count for (kind, message), count in result.outcomes.items()}
    one_a = [count for m, count in by_message.items() if NOT_EMPTY in m]
    one_d = [count for m, count in by_message.items() if m == "the channel is finalised, and yank still lists it"]
    one_c = [count for m, count in by_message.items() if m == "thread 'return path' was never joined"]
    assert (one_a, one_d, one_c) == ([36], [36], [36])
    assert len(by_message) == 3
    assert result.findings == {"crash": 54, "leak": 36}  # in 18 of the 54 both happen


@pytest.mark.parametrize("names", [("join_created_thread",), tuple(fixes.names)], ids=["patch 1", "all five"])
def test_with_the_join_it_is_proved(names: tuple[str, ...]):
    with fixes.only(*names):
        result = explore(scenario)
    assert (result.verdict, result.classes, result.failing) == ("proved", 3, 0)


@pytest.mark.parametrize("names", [s for s in fixes.subsets() if "join_created_thread" not in s], ids="+".join)
def test_without_it_no_other_set_helps(names: tuple[str, ...]):
    with fixes.only(*names):
        result = explore(scenario)
    assert result.verdict == "failed"
    aborts = "explicit_unregister" not in names
    assert set(result.findings) == ({"crash", "leak"} if aborts else {"leak"})


def test_the_crash_is_in_main_at_the_end_and_replays():
    with fixes.none():
        failure = explore(scenario).failure
        assert failure is not None
        traces = [replay(scenario, failure.schedule) for _ in range(2)]
    assert repr(traces[0]) == repr(traces[1])
    finding = traces[0].finding
    assert finding is not None
    assert (finding.kind, finding.thread, finding.function) == ("crash", "main", "yank_unregister_instance")
    assert finding.file.endswith("mini_qemu/yank.py")


@pytest.mark.parametrize("wrong", WRONG_FIXES, ids=lambda wrong: wrong.name)
def test_wrong_fixes_fail_as_foretold(wrong: WrongFix):
    result = wrong.explore(scenario)
    assert result.verdict == "failed"
    assert wrong.kinds <= set(result.findings)
    assert fixes.on == ()


def outcomes(name: str) -> str:
    wrong = next(wrong for wrong in WRONG_FIXES if wrong.name == name)
    return " / ".join(sorted({f"{kind}: {message}" for kind, message in wrong.explore(scenario).outcomes}))


def test_each_wrong_fix_in_its_own_way():
    assert outcomes("close_first") == "leak: thread 'return path' was never joined"
    assert NOT_EMPTY in outcomes("test_under_lock")
    assert NOT_EMPTY in outcomes("flag_by_thread")
    assert NOT_EMPTY in outcomes("detach")
    assert "return path waits for qemu_file_lock, held by live_migration" in outcomes("join_under_lock")
    assert "there is no yank instance" in outcomes("tolerate_leftovers")
