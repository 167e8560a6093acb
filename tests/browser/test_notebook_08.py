"""08 as a learner meets it: a long run that can be cancelled, five ways to search, and what each of them can say."""

from __future__ import annotations

from tests.browser import learner

LESSON = "08_fifty_thousand_clean_runs.ipynb"
IMPORT, PREDICT, JOB, SEARCHES, RESULT, FIGURE, REVEAL, BREAK, ORDER, FILL, WRITE, QUIZ = range(1, 13)


def test_it_runs_from_top_to_bottom(book):
    assert book.errors() == []
    book.output(JOB).get_by_text("done", exact=True).wait_for()
    book.run_cell(RESULT)
    assert "10,000 runs on real threads" in book.output(RESULT).inner_text()
    book.run_cell(FIGURE)
    book.screenshot("08-as-run")


def test_predictions_are_read_again_beside_the_truth(book):
    learner.predict(book, PREDICT, REVEAL, "Once in 50,000 runs")
    learner.predict(book, PREDICT, REVEAL, "Yes, more than once")
    assert "About three times" in book.output(REVEAL).inner_text()


def test_a_long_run_shows_how_far_it_is_and_cancel_keeps_what_was_found(book):
    """Far more runs than anybody waits for: the bar moves, an estimate stands below, and Cancel ends it."""
    book.write(JOB, 'runs = FreeRuns("precopy-return-path", 50_000)\nLongWork("on real threads", runs.make)')
    book.run_cell(JOB)
    job = book.output(JOB)
    job.get_by_text("left", exact=False).wait_for()
    book.page.wait_for_function("bar => bar.value > 0", arg=job.locator("progress").element_handle())
    book.screenshot("08-under-way", of=job)
    job.get_by_role("button", name="Cancel").click()
    job.get_by_text("cancelled; what was found so far is kept").wait_for()
    assert job.get_by_role("button", name="Cancel").is_disabled()
    book.run_cell(RESULT)
    said = book.output(RESULT).inner_text()
    assert "runs on real threads" in said
    assert "of 50,000 runs" in said
    assert said.endswith("Cancelled.")
    book.run_cell(FIGURE)  # it draws what there is
    assert "Above them the real threads." in book.output(FIGURE).inner_text()


def test_the_crash_from_the_very_beginning(book):
    lab, cleared = book.output(BREAK), "return path writes ms.rp_state.from_dst_file = None"
    learner.favour(lab, "main")
    while cleared not in lab.inner_text():
        learner.move(lab, "live_migration")
        learner.favour(lab, "destination", "return path", until=cleared)
    learner.favour(lab, "live_migration", "main")  # the return path thread is held up with its file still open
    assert "it can be done with 2." in learner.broken(lab, "still lists ioc")
    book.screenshot("08-broken", of=lab)


def test_the_exercises(book):
    learner.miss(book, ORDER, "clean-runs/order", "pick_before_look")
    learner.solve(book, ORDER, "clean-runs/order")
    learner.miss(book, FILL, "clean-runs/fill", "one_over_runs")
    learner.solve(book, FILL, "clean-runs/fill")
    learner.miss(book, WRITE, "clean-runs/write", "no_threads")
    learner.solve(book, WRITE, "clean-runs/write")


def test_the_question(book):
    learner.quiz(book.output(QUIZ), "Yes: proved is proved", "No")
    learner.quiz(book.output(QUIZ), "The thread that drops its reference second", "Nobody")


def test_on_the_next_day_it_is_there_again(book):
    book.there_again()
