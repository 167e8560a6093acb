"""01 as a learner meets it: see the crash, switch the fix on, try wrong fixes, be the scheduler, fill, write."""

from __future__ import annotations

from tests.browser import learner

LESSON = "01_missing_join.ipynb"
TWIN, SHOW, PREDICT, RUN, REVEAL, FIGURE, PATCH, WRONG, BREAK, FILL, WRITE, QUIZ = range(1, 13)


def test_it_runs_from_top_to_bottom(book):
    assert book.errors() == []
    book.screenshot("01-as-run")


def test_the_kitchen_comes_first(book):
    assert "the cook is locked in" in learner.to_the_end(book.output(TWIN))


def test_a_prediction_is_read_again_beside_the_truth(book):
    learner.predict(book, PREDICT, REVEAL, "Well, or with an abort")
    assert "a thread that nobody ever joins" in book.output(REVEAL).inner_text()


def test_the_patch_mends_it(book):
    lab = book.output(RUN)
    lab.locator(".verdict.failed").wait_for()
    assert "QLIST_EMPTY" in learner.to_the_end(lab)
    book.screenshot("01-crash", of=lab)
    assert "none fails" in learner.switch(lab, "join_created_thread", "proved")
    book.screenshot("01-fixed", of=lab)


def test_wrong_fixes_say_why(book):
    lab = book.output(WRONG)
    assert "not the meaning right" in learner.switch(lab, "test_under_lock", "failed")
    book.screenshot("01-wrong-fix", of=lab)


def test_qemu_can_be_made_to_abort_by_hand(book):
    lab = book.output(BREAK)
    assert learner.move(lab, "return path")  # the pointer is NULL, and the thread has yet to close its file
    learner.favour(lab, "live_migration", "main", until="you broke it")
    assert "QLIST_EMPTY" in learner.broken(lab, "crash")


def test_the_exercises(book):
    learner.solve(book, FILL, "missing-join/fill")
    book.screenshot("01-accepted", of=book.output(FILL))
    learner.miss(book, WRITE, "missing-join/write", "nothing")
    book.screenshot("01-not-yet", of=book.output(WRITE))
    learner.solve(book, WRITE, "missing-join/write")


def test_the_questions(book):
    quiz = book.output(QUIZ)
    learner.quiz(
        quiz, "The waiter looks twice before locking the door", "The waiter waits until the cook has said goodbye"
    )
    learner.quiz(quiz, "A data race on the balance", "Nothing")
    book.screenshot("01-quiz", of=book.output(QUIZ))


def test_on_the_next_day_it_is_there_again(book):
    book.there_again()
