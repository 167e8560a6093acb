"""02 as a learner meets it: a file that was there a moment ago; two endings made by hand; two repairs."""

from __future__ import annotations

from tests.browser import learner

LESSON = "02_check_then_use.ipynb"
TWIN, SHOW, PREDICT, RUN, REVEAL, PATCH, WRONG, FILL, BREAK, ORDER, WRITE, QUIZ = range(1, 13)


def test_it_runs_from_top_to_bottom(book):
    assert book.errors() == []
    book.screenshot("02-as-run")


def test_a_prediction_is_read_again_beside_the_truth(book):
    learner.predict(book, PREDICT, REVEAL, "The file, or NULL if the pointer was cleared between the two lines")
    assert "The file, NULL, or a file that has been freed" in book.output(REVEAL).inner_text()


def test_the_patch_mends_it(book):
    lab = book.output(RUN)
    lab.locator(".verdict.failed").wait_for()
    assert "is touched after the object was freed" in learner.to_the_end(lab)
    assert "none fails" in learner.switch(lab, "lock_from_dst_file", "proved")


def test_wrong_fixes_say_why(book):
    lab = book.output(WRONG)
    assert "worse and makes no noise" in learner.switch(lab, "read_once", "failed")
    assert "waits for the lock" in learner.switch(lab, "lock_while_reading", "failed")
    assert lab.get_by_role("switch", checked=True).count() == 1, "one at a time"
    book.screenshot("02-wrong-fix", of=lab)


def test_both_endings_can_be_made_by_hand(book):
    lab = book.output(BREAK)
    for steps, ending in (4, "is touched after the object was freed"), (2, "has no attribute 'shutdown'"):
        learner.favour(lab, "return path")  # to where it waits for the destination
        learner.favour(lab, "destination")
        for _ in range(steps):
            assert learner.move(lab, "main")
        learner.favour(lab, "return path")
        learner.favour(lab, "main")
        assert "You needed 1 preemption; fewer do not break it." in learner.broken(lab, ending)
        lab.get_by_role("button", name="Start over").click()
        lab.get_by_text("Which thread moves first?").wait_for()


def test_the_exercises(book):
    learner.miss(book, ORDER, "check-then-use/order", "close_before_clear")
    learner.solve(book, ORDER, "check-then-use/order")
    learner.miss(book, FILL, "check-then-use/fill", "under_lock")
    for constant in ("True", "1", "False", "None"):  # no answer that looks at nothing is right
        learner.answer(book, FILL, "check-then-use/fill", f"def return_path_wanted(s):\n    return {constant}\n")
        assert "check-then-use/fill: not yet." in book.output(FILL).inner_text(), constant
    learner.solve(book, FILL, "check-then-use/fill")
    learner.miss(book, WRITE, "check-then-use/write", "other_file")
    book.screenshot("02-not-yet", of=book.output(WRITE))
    learner.solve(book, WRITE, "check-then-use/write")


def test_the_questions(book):
    learner.quiz(book.output(QUIZ), "Yes: the owner can still come between looking and taking", "No")
    live = "live_migration, which ended the migration without joining"
    learner.quiz(book.output(QUIZ), "main, which cleaned up too early", live)


def test_on_the_next_day_it_is_there_again(book):
    book.there_again()
