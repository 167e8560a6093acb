"""Whatever a learner writes ends as a sentence that says what to try; nothing is raised."""

from __future__ import annotations

import pytest

from lessons.exercises import exercise, progress
from lessons.exercises.check import check, check_source, hint
from lessons.exercises.notebook_hooks import verdict_on
from mini_qemu.fixes import UnknownName, fixes

WRITE, ORDER = "missing-join/write", "survived/order"


@pytest.fixture(autouse=True)
def nobodys_progress(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MINI_QEMU_PROGRESS", "")
    yield
    progress.reset()


@pytest.mark.parametrize(
    ("answer", "said"),
    {
        "syntax": ("def finish_return_path(s)\n    return", "cannot read line 1, def finish_return_path(s)"),
        "signature": ("def finish_return_path(s, t):\n    pass", "called with (s), but yours takes (s, t)"),
        "other name": ("def finish(s):\n    pass", "defines no function 'finish_return_path'"),
        "exception": ("def finish_return_path(s):\n\n    return s.rp_sate", "Line 3 of your function stopped with"),
        "unknown name": ("def finish_return_path(s):\n    return fnord", "name 'fnord' is not defined"),
        "endless": ("def finish_return_path(s):\n    while True:\n        pass", "is in a loop that never ends"),
        "spinning": (
            "def finish_return_path(s):\n    while s.rp_state.from_dst_file is not None:\n        pass",
            "goes round and round",
        ),
        "deadlock": (
            "def finish_return_path(s):\n    s.qemu_file_lock.lock()\n    with s.qemu_file_lock:\n        return False",
            "waits for itself",
        ),
        "no return": (
            "def finish_return_path(s):\n    qemu_thread_join(s.rp_state.rp_thread)\n"
            "    s.rp_state.rp_thread_created = False",
            "Your function returns nothing",
        ),
        "comprehension": ("def finish_return_path(s):\n    return [s.rp_state.error for _ in 'x'][0]", "Line 2"),
        "sleep": ("def finish_return_path(s):\n    import time\n    time.sleep(1)", "every order is tried anyway"),
    }.values(),
)
def test_any_answer_gets_a_sentence(answer: str, said: str):
    before = fixes.on
    found = check_source(answer, exercise(WRITE))
    assert not found
    assert said in repr(found)
    assert fixes.on == before
    assert check_source(exercise(WRITE).solution, exercise(WRITE)), "the next answer is not disturbed"


def test_what_is_no_function():
    assert "Give check your function" in repr(check(17, WRITE))  # type: ignore[arg-type]
    assert "cannot be found" in repr(check(eval("lambda s: False"), WRITE))
    with pytest.raises(UnknownName, match="missing-join/write"):
        check(print, "missing-join/wirte")


@pytest.mark.parametrize(
    ("order", "said"),
    [
        ("", "No order yet"),
        ("ABX", "There is no line X; the lines are A, B, C, D, E"),
        ("AAB", "C is missing, D is missing, E is missing, A is there twice"),
        (["A"], "Write the letters"),
        ("a, e, d, b, c", "accepted"),
        ("ADEBC", "Stop first, then wait"),
    ],
)
def test_orders(order: str, said: str):
    assert said in repr(check(order, ORDER))


def test_the_shortest_failing_run_is_there_to_be_played():
    found = check_source(exercise(WRITE).starter, exercise(WRITE))
    assert found.trace is not None
    assert found.trace.finding is not None
    assert "mini-qemu-at-rest" in found._repr_html_()
    assert found._repr_html_().count("<details>") >= len(exercise(WRITE).hints)


def test_what_is_solved_is_noted():
    check_source(exercise(WRITE).starter, exercise(WRITE))
    assert progress.done("solved", WRITE) is None
    check_source(exercise(WRITE).solution, exercise(WRITE))
    assert progress.done("solved", WRITE) is True


def test_hints():
    assert "(More: hint('missing-join/write', 2).)" in hint(WRITE)
    assert "has 3 hints" in hint(WRITE, 9)


def test_an_accepted_answer_says_what_was_before_and_leads_on():
    found = check_source(exercise("missing-join/fill").solution, exercise("missing-join/fill"))
    assert "before, 90 of 93 failed; now none of 3." in repr(found)
    card = found._repr_html_()
    assert "90 of 93 fail" in card
    assert "01_missing_join.ipynb#cell-id=" in card
    assert "Change the code above" not in card


def test_a_cell_that_python_cannot_read_gets_the_card_of_a_verdict():
    error = SyntaxError("expected ':'", ("cell", 1, 4, "def withdraw(a)", 1, 5))
    found = verdict_on('def withdraw(a)\n    pass\n\ncheck(withdraw, "warmups/withdraw")', error)
    assert found is not None
    assert not found
    assert found.exercise == "warmups/withdraw"
    assert found.hints == exercise("warmups/withdraw").hints
    assert "mini-qemu-card failed" in found._repr_html_()
    assert verdict_on("x = (", error) is None
    unknown = verdict_on('check(f, "no-such/exercise"', error)
    assert unknown is not None
    assert unknown.exercise == "your answer"
