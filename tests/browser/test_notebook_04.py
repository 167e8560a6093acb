"""04 as a learner meets it: a disk taken for a connection, once patch 5 is in without patch 4."""

from __future__ import annotations

from tests.browser import learner

LESSON = "04_know_what_you_hold.ipynb"
TWIN, SHOW, PREDICT, RUN, REVEAL, SERIES, PATCH, FILL, ORDER, WRITE, QUIZ = range(1, 12)


def test_it_runs_from_top_to_bottom(book):
    assert book.errors() == []
    assert "all but patch 4: load-snapshot: failed" in book.output(SERIES).inner_text()
    book.screenshot("04-as-run")


def test_a_prediction_is_read_again_beside_the_truth(book):
    learner.predict(book, PREDICT, REVEAL, "Nothing special: a snapshot is not a migration")
    assert "It aborts, every time" in book.output(REVEAL).inner_text()


def test_with_this_patch_it_passes(book):
    table = book.output(RUN).locator(".mini-qemu-asked")
    assert book.output(RUN).locator(".mqp").count() == 0
    table.get_by_role("button", name="Show all rows").click()
    rows = table.locator("tbody tr:not(.run)").all_inner_texts()
    assert "BlockDriverState is not a QIOChannel" in rows[3]
    assert "The only interleaving fails" in rows[4]
    assert "f.has_ioc" in rows[8]
    assert "The only interleaving passes." in rows[-1]
    book.screenshot("04-asked", of=table)


def test_the_exercises(book):
    learner.miss(book, ORDER, "hold/order", "return_first")
    learner.solve(book, ORDER, "hold/order")
    learner.miss(book, FILL, "hold/fill", "when_writing")
    learner.solve(book, FILL, "hold/fill")
    learner.miss(book, WRITE, "hold/write", "assert_it")
    learner.solve(book, WRITE, "hold/write")


def test_the_questions(book):
    quiz = book.output(QUIZ)
    learner.quiz(quiz, "The one who unpacks the box, after shaking it", "The one who packs it")
    learner.quiz(quiz, "Yes, as before", "No, it ends well")


def test_on_the_next_day_it_is_there_again(book):
    book.there_again()
