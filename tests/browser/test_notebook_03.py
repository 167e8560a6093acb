"""03 as a learner meets it: no race, and an abort each time; four ways to keep books badly; one predicate."""

from __future__ import annotations

from tests.browser import learner

LESSON = "03_one_predicate.ipynb"
TWIN, SHOW, PREDICT, RUN, REVEAL, PATCH, TABLE, WRONG, FILL, ORDER, WRITE, QUIZ = range(1, 13)


def test_it_runs_from_top_to_bottom(book):
    assert book.errors() == []
    book.screenshot("03-as-run")


def test_a_prediction_is_read_again_beside_the_truth(book):
    learner.predict(book, PREDICT, REVEAL, "In some, if threads meet badly")
    assert "In all" in book.output(REVEAL).inner_text()


def test_the_patch_mends_it(book):
    """A table, not a player: who asks what about which object, row by row; below it the same with the patch."""
    table = book.output(RUN).locator(".mini-qemu-asked")
    assert book.output(RUN).locator(".mqp").count() == 0
    assert table.locator("tr.later").count() == table.locator("tbody tr:not(.run)").count() == 6, "nothing is told yet"
    said = table.get_by_role("status")
    table.get_by_role("button", name="Forward one row").click()
    assert "migration_channel_connect has a QIOChannelSocket" in said.inner_text()
    table.press("ArrowRight")
    assert "channel_close has a QIOChannelTLS and asks: QIOChannelSocket? no" in said.inner_text()
    table.press("ArrowRight")
    assert "QLIST_EMPTY" in said.inner_text()
    table.press("End")
    assert "The only interleaving passes." in said.inner_text()
    assert table.locator("tr.later").count() == 0
    book.screenshot("03-asked", of=table)


def test_the_table_tells_loud_mistakes_from_silent_ones(book):
    lab = book.output(TABLE)
    lab.locator(".verdict.proved").wait_for()
    assert "no such entry to take out" in learner.switch(lab, "registered_0_taken_out_1", "failed")
    assert "(crash)" in lab.locator(".verdict").inner_text()
    assert "waits for ever" in learner.switch(lab, "registered_0_taken_out_0", "failed")
    assert "(deadlock)" in lab.locator(".verdict").inner_text()
    book.screenshot("03-silent", of=lab)
    learner.switch(lab, "registered_0_taken_out_0", "proved")  # off again


def test_repairs_that_look_right_say_why_they_are_not(book):
    lab = book.output(WRONG)
    assert "does not reach the reader" in learner.switch(lab, "by_transport", "failed")
    assert "forgets the flag" in learner.switch(lab, "flag_of_the_owner", "failed")
    assert "the other kind of disagreement" in learner.switch(lab, "tolerate_missing", "failed")


def test_the_exercises(book):
    learner.miss(book, ORDER, "one-predicate/order", "instance_first")
    learner.solve(book, ORDER, "one-predicate/order")
    learner.miss(book, FILL, "one-predicate/fill", "all_of_them")
    learner.solve(book, FILL, "one-predicate/fill")
    learner.miss(book, WRITE, "one-predicate/write", "nothing")
    learner.solve(book, WRITE, "one-predicate/write")


def test_the_questions(book):
    learner.quiz(book.output(QUIZ), "No: there is only one note", "Yes, if the note changes between the two desks")


def test_on_the_next_day_it_is_there_again(book):
    book.there_again()
