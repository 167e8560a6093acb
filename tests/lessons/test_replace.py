from __future__ import annotations

import pytest

from lessons.replace import BadReplacement, edited, original, replace
from lessons.scenarios.precopy_return_path import scenario
from mini_qemu import migration, qemu_file_channel, savevm
from mini_qemu.fixes import UnknownName
from mini_qemu.sched import InstrumentationError, explore

AWAIT = "migration.await_return_path_close_on_source"


def no_join(ms):
    """Uses names of the miniature that this module does not import."""
    mark_source_rp_bad(ms)  # noqa: F821
    return False


def stub(f):
    return 0


def test_everybody_gets_the_new_function_and_the_old_one_comes_back():
    old = migration.qemu_fclose
    with replace("qemu_file.qemu_fclose", stub) as new:
        assert migration.qemu_fclose is savevm.qemu_fclose is new
    assert migration.qemu_fclose is savevm.qemu_fclose is old


def test_tables_of_functions_too():
    old = qemu_file_channel.channel_close
    with replace("qemu_file_channel.channel_close", stub) as new:
        assert qemu_file_channel.channel_input_ops.close is new
    assert qemu_file_channel.channel_input_ops.close is old


def test_it_is_explored_and_sees_the_names_of_the_module_it_stands_in():
    with replace(AWAIT, no_join):
        result = explore(scenario)
    assert result.findings["leak"]
    assert not hasattr(no_join, "mark_source_rp_bad")


def test_it_comes_back_after_an_error():
    old = migration.await_return_path_close_on_source
    with pytest.raises(ZeroDivisionError), replace(AWAIT, no_join):
        raise ZeroDivisionError
    assert migration.await_return_path_close_on_source is old


def test_two_at_once_see_each_other():
    marks = "migration_state.mark_source_rp_bad"
    with replace(marks, stub), replace(AWAIT, no_join) as stand_in:
        assert stand_in.__globals__["mark_source_rp_bad"] is stub
    with replace(AWAIT, no_join) as stand_in, replace(marks, stub):
        assert stand_in.__globals__["mark_source_rp_bad"] is stub
    assert original(marks) is not stub


@pytest.mark.parametrize(("name", "says"), [
    ("migration.await_return_path_close", "did you mean await_return_path_close_on_source"),
    ("migratoin.migration_thread", "did you mean migration"),
    ("migration_completion", "did you mean migration.migration_completion?"),
    ("migration.qemu_fclose", "there is no function in migration 'qemu_fclose'"),
])  # fmt: skip
def test_an_unknown_name_lists_the_near_misses(name: str, says: str):
    with pytest.raises(UnknownName) as caught, replace(name, no_join):
        raise AssertionError
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_another_signature_is_refused_before_anything_runs():
    def wrong():
        raise AssertionError

    says = r"called as await_return_path_close_on_source\(ms\), but wrong takes \(\)"
    with pytest.raises(BadReplacement, match=says), replace(AWAIT, wrong):
        raise AssertionError
    with pytest.raises(BadReplacement, match="by a function"), replace(AWAIT, 3):  # type: ignore[arg-type]
        raise AssertionError


def test_what_cannot_be_instrumented_is_refused_before_anything_runs():
    def generator(ms):
        yield ms.state

    with pytest.raises(BadReplacement, match="generator"), replace(AWAIT, generator):
        raise AssertionError
    with pytest.raises(InstrumentationError, match="lambda"), replace(AWAIT, lambda ms: ms.rp_state.error):
        raise AssertionError


def test_an_edit_must_find_its_lines():
    with pytest.raises(BadReplacement, match="0 times"):
        edited(AWAIT, "no such line", "")
    assert edited(AWAIT, "return ms.rp_state.error", "return False").__name__ == AWAIT.rpartition(".")[2]
