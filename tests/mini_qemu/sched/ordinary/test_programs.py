"""Programs with plain `threading`: the bug is found, its fix is proved, with exact counts."""

import pytest

from mini_qemu.sched import ScenarioError, columns, explain, explore, minimise, replay

from . import classics

COUNTS = {  # program: interleavings, failing ones, kinds, interleavings of the fixed one
    "lost_update": (4, 2, {"crash"}, 2),
    "lost_notify": (3, 1, {"deadlock"}, 2),
    "check_then_fill": (12, 4, {"crash"}, 4),
    "changed_while_iterating": (7, 5, {"crash"}, 2),
    "waits_for_its_own_pool": (1, 1, {"deadlock"}, 2),
    "map_drops_the_rest": (63, 43, {"crash"}, 5),
    "lock_order": (3, 1, {"deadlock"}, 2),
    "test_then_get": (4, 2, {"deadlock"}, 2),
    "module_counter": (4, 2, {"crash"}, 2),
    "nonlocal_counter": (4, 2, {"crash"}, 2),
    "bounded_buffer": (40, 12, {"crash"}, 40),
}


@pytest.mark.parametrize("name", COUNTS)
def test_the_bug_is_found_and_the_fix_is_proved(name):
    bug, fixed = getattr(classics, name), getattr(classics, f"{name}_fixed")
    runs, failing, kinds, fixed_runs = COUNTS[name]
    found, proved = explore(bug), explore(fixed)
    assert (found.verdict, found.classes, found.failing, set(found.findings)) == ("failed", runs, failing, kinds)
    assert (proved.verdict, proved.classes) == ("proved", fixed_runs), proved


@pytest.mark.parametrize("name", COUNTS)
def test_the_shortest_failing_run_can_be_replayed_and_told(name):
    bug = getattr(classics, name)
    schedule = minimise(bug)
    trace = replay(bug, schedule)
    assert trace.finding is not None
    assert str(replay(bug, schedule)) == str(trace)
    assert columns(trace)
    assert explain(bug, schedule)
    assert " at 0x" not in str(trace)


def test_what_was_discovered_is_named_as_the_program_names_it():
    assert explore(classics.lost_update).discovered == ["Account.balance"]
    assert explore(classics.lost_update_fixed).discovered == []
    assert explore(classics.module_counter).discovered == ["the global hits"]
    assert explore(classics.nonlocal_counter).discovered == ["the variable n of nonlocal_counter"]


def test_the_module_is_afterwards_as_it_was_before():
    explore(classics.module_counter)
    assert classics.hits == 0
    assert type(classics.threading.Lock()) is type(classics.hits_lock)
    assert classics.threading.Thread.start.__module__ == "threading"


def test_the_first_failure_is_enough_if_you_say_so():
    result = explore(classics.check_then_fill, first=True)
    assert (result.verdict, result.failing, result.classes) == ("failed", 1, None)
    assert result.stopped_by == "the first failure"


@pytest.mark.parametrize("what", [42, "main", None, threading_thread := __import__("threading").Thread])
def test_what_is_no_program_is_refused(what):
    with pytest.raises(ScenarioError, match="wants a Scenario, or a function without arguments"):
        explore(what)


def test_a_function_with_arguments_is_refused_with_a_way_out():
    with pytest.raises(ScenarioError, match=r"needs key; explore a function without arguments: explore\(functools"):
        explore(lambda key: None)
