"""Fixes of what survived: one that works, some that do not, and one that breaks something else."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lessons.exercises import progress
from lessons.exercises.check_fix import check_fix, unfixed
from lessons.exercises.mounting import function_from
from lessons.functions import text_of
from lessons.places import NOTEBOOKS
from lessons.replace import functions, modules
from lessons.scenarios import find
from mini_qemu.fixes import UnknownName, fixes, later
from mini_qemu.migration_state import (
    mark_source_rp_bad,
    migrate_set_state,
    migration_in_postcopy,
    migration_is_running,
)
from mini_qemu.qemu_file import qemu_file_get_error, qemu_file_shutdown
from mini_qemu.qemu_thread import qemu_thread_join

STORY = "await-vs-exit"


@pytest.fixture(autouse=True)
def nobodys_progress(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("MINI_QEMU_PROGRESS", "")
    yield
    progress.reset()


def as_await(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function under the name that it is to replace, as a learner would write it."""
    return renamed(function, "await_return_path_close_on_source")


def renamed(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    source = text_of(function).replace(f"def {function.__name__}(", f"def {name}(")
    return function_from(source, name)


def as_it_is(ms):
    if qemu_file_get_error(ms.to_dst_file) and ms.rp_state.from_dst_file is not None:
        qemu_file_shutdown(ms.rp_state.from_dst_file)
        mark_source_rp_bad(ms)
    qemu_thread_join(ms.rp_state.rp_thread)
    ms.rp_state.rp_thread_created = False
    return ms.rp_state.error


def locks_for_test_and_use(ms):
    with ms.qemu_file_lock:
        if qemu_file_get_error(ms.to_dst_file) and ms.rp_state.from_dst_file is not None:
            qemu_file_shutdown(ms.rp_state.from_dst_file)
            mark_source_rp_bad(ms)
    qemu_thread_join(ms.rp_state.rp_thread)
    ms.rp_state.rp_thread_created = False
    return ms.rp_state.error


def joins_under_the_lock(ms):
    with ms.qemu_file_lock:
        if qemu_file_get_error(ms.to_dst_file) and ms.rp_state.from_dst_file is not None:
            qemu_file_shutdown(ms.rp_state.from_dst_file)
            mark_source_rp_bad(ms)
        qemu_thread_join(ms.rp_state.rp_thread)
    ms.rp_state.rp_thread_created = False
    return ms.rp_state.error


def does_nothing(ms):
    return False


def never_stops_it(ms):
    """No race is left in the story, whose line is dead. Where the line holds, the thread reads on."""
    qemu_thread_join(ms.rp_state.rp_thread)
    ms.rp_state.rp_thread_created = False
    return ms.rp_state.error


def test_a_fix_that_works():
    found = check_fix(STORY, as_await(locks_for_test_and_use))
    assert found
    assert "166 interleavings, all run, none fails" in repr(found)
    assert "Every other story that was proved before still is." in repr(found)
    assert "Your fix also ends yank-during-completion" in repr(found)
    assert progress.done("solved", f"fix/{STORY}")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (as_it_is, "50 of 244 interleavings fail (crash, use-after-free)"),
        (does_nothing, "1 of 1 interleaving fails (leak)"),
        (joins_under_the_lock, "138 of 139 interleavings fail (deadlock)"),
    ],
)
def test_a_fix_that_does_not(answer: Callable[..., Any], said: str):
    found = check_fix(STORY, as_await(answer))
    assert not found
    assert said in repr(found)
    assert found.trace is not None
    assert found.trace.finding is not None
    assert found.say[-1].startswith("The run ends like this: ")


def test_a_fix_that_breaks_something_else():
    found = check_fix(STORY, as_await(never_stops_it))
    assert not found
    assert f"{STORY} is proved" in repr(found)
    assert "But await-while-silent (" in repr(found)
    assert "now fails otherwise than before" in repr(found)
    assert "With it: 1 of 1 interleaving fails (deadlock)" in repr(found)


def cancels_no_postcopy(s):
    """What QEMU does since 2025, one level lower."""
    if migration_in_postcopy(s):
        return
    f = s.to_dst_file
    with s.qemu_file_lock:
        if s.rp_state.from_dst_file is not None:
            qemu_file_shutdown(s.rp_state.from_dst_file)
    while migration_is_running(s.state):
        migrate_set_state(s, s.state, "cancelling")
        if s.state == "cancelling":
            break
    if s.state == "cancelling" and f is not None:
        qemu_file_shutdown(f)


def test_another_survivor_may_go_on_failing_as_before():
    found = check_fix("cancel-while-paused", renamed(cancels_no_postcopy, "migrate_fd_cancel"))
    assert found, repr(found)
    assert "Your fix also ends" in repr(found)


def waits_for_the_pointer(ms):
    while ms.rp_state.from_dst_file is not None:
        pass
    qemu_thread_join(ms.rp_state.rp_thread)
    ms.rp_state.rp_thread_created = False
    return ms.rp_state.error


def test_an_answer_without_an_end():
    found = check_fix(STORY, as_await(waits_for_the_pointer))
    assert not found
    assert "the first interleaving does not come to an end" in repr(found)


def test_nothing_stays_in_place():
    check_fix(STORY, as_await(does_nothing))
    assert (fixes.on, later.on) == ((), ())
    assert unfixed(STORY).failing == 50
    assert not check_fix(STORY, as_await(as_it_is))


def test_what_cannot_be_judged_is_a_sentence():
    assert "Give check_fix the functions" in repr(check_fix(STORY))
    assert "functions, not 17" in repr(check_fix(STORY, 17))  # type: ignore[arg-type]
    assert "no function 'as_it_is'" in repr(check_fix(STORY, as_it_is))
    assert "tls does not fail: there is nothing to fix" in repr(check_fix("tls", as_await(as_it_is)))
    assert "takes" in repr(check_fix(STORY, renamed(lambda_free, "await_return_path_close_on_source")))
    with pytest.raises(UnknownName, match="await-vs-exit"):
        check_fix("await-vs-exits", as_await(as_it_is))


def lambda_free(ms, more):
    return False


def test_the_lesson_offers_survivors_only():
    text = (NOTEBOOKS / "06_what_survived.ipynb").read_text(encoding="utf-8")
    offered = re.findall(r'"\| `([\w-]+)` \| ', text)
    assert len(offered) > 5
    assert all(unfixed(name).failing for name in offered)


def qemus_own(story: str) -> Iterator[Callable[..., Any]]:
    """The functions of the miniature as QEMU's own fix of the story leaves them."""
    for module in modules():
        for name, function in functions(module).items():
            text = text_of(function)
            fixed = text
            for switch in find(story).later:
                fixed = fixed.replace(f"later.{switch}", "True")
            if fixed != text:
                yield function_from(fixed, name)


@pytest.mark.slow
@pytest.mark.parametrize("story", ["hasty-resume", "yank-in-recover", "silent-peer", "cancel-while-paused"])
def test_qemus_own_fix_is_accepted(story: str):
    """Also where the fix lets another story fail: the model's operator waits for a thread that the fix has ended."""
    assert check_fix(story, *qemus_own(story)).passed
