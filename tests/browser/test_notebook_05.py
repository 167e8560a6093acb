"""05 as a learner meets it: the last close comes late; two closes that both read two; an entry with an owner."""

from __future__ import annotations

from tests.browser import learner

LESSON = "05_the_count_that_was_one.ipynb"
TWIN, SHOW, PREDICT, RUN, REVEAL, CLOSERS, PATCH, WRONG, FILL, ORDER, WRITE, QUIZ = range(1, 13)


def test_it_runs_from_top_to_bottom(book):
    assert book.errors() == []
    book.screenshot("05-as-run")


def test_the_light_can_be_left_on_by_hand(book):
    lab = book.output(TWIN)
    assert learner.move(lab, "Ann")  # she looks around
    learner.favour(lab, "Bob", "Ann")
    assert "1 preemption; fewer do not break it" in learner.broken(lab, "the light is on")


def test_a_prediction_is_read_again_beside_the_truth(book):
    learner.predict(book, PREDICT, REVEAL, "Both closes must overlap, so that both read two")
    assert "the last close comes late" in book.output(REVEAL).inner_text()


def test_the_fifth_patch_mends_it_and_the_other_four_do_not(book):
    lab = book.output(RUN)
    assert lab.get_by_role("switch", checked=True).count() == 4
    lab.locator(".verdict.failed").wait_for()
    assert "still lists ioc" in learner.to_the_end(lab)
    assert "none fails" in learner.switch(lab, "explicit_unregister", "proved")
    assert lab.locator(".sub").inner_text() == "fixes on: all five of the series"


def test_two_closers_leave_a_freed_connection_on_the_list(book):
    lab = book.output(CLOSERS)
    lab.locator(".verdict.failed").wait_for()
    lab.get_by_role("button", name="use-after-free in oob").click()
    lab.locator(".banner").wait_for()
    book.screenshot("05-two-closers", of=lab)


def test_wrong_fixes_say_why(book):
    lab = book.output(WRONG)
    assert "the last close still comes after" in learner.switch(lab, "atomic_last", "failed")
    assert "finds no such pair" in learner.switch(lab, "first_close", "failed")
    assert "file_knows_channel" in lab.locator(".sub").inner_text(), "patches 1 to 4 are in"


def test_the_exercises(book):
    learner.miss(book, ORDER, "count/order", "instance_first")
    learner.solve(book, ORDER, "count/order")
    learner.miss(book, FILL, "count/fill", "two")
    learner.solve(book, FILL, "count/fill")
    learner.miss(book, WRITE, "count/write", "close_first")
    learner.solve(book, WRITE, "count/write")


def test_the_questions(book):
    learner.quiz(book.output(QUIZ), "No: the last one turns the light off", "Yes")
    learner.quiz(book.output(QUIZ), "Yes, the close is outside the lock", "No")


def test_on_the_next_day_it_is_there_again(book):
    book.there_again()
