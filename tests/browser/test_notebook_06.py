"""06 as a learner meets it: three waits, a join, a shared name; then a fix of one's own, and a hunt."""

from __future__ import annotations

from tests.browser import learner

LESSON = "06_what_survived.ipynb"
TWIN, WARM_UP, PREDICT, WAKER, STOP, WHOSE, REVEAL, FILL, ORDER, WRITE, HUNT, QUIZ = range(1, 13)

LOCKED = """
def await_return_path_close_on_source(ms):
    with ms.qemu_file_lock:
        if qemu_file_get_error(ms.to_dst_file) and ms.rp_state.from_dst_file is not None:
            qemu_file_shutdown(ms.rp_state.from_dst_file)
            mark_source_rp_bad(ms)
    qemu_thread_join(ms.rp_state.rp_thread)
    ms.rp_state.rp_thread_created = False
    return ms.rp_state.error


check_fix("await-vs-exit", await_return_path_close_on_source)
"""


def test_it_runs_from_top_to_bottom(book):
    assert book.errors() == []
    book.screenshot("06-as-run")


def test_the_cook_is_still_there(book):
    assert "cook waits for space" in learner.to_the_end(book.output(TWIN))


def test_the_assertion_can_be_made_to_fail_by_hand(book):
    lab = book.output(WARM_UP)
    for _ in range(2):  # it has read the state and found the error
        assert learner.move(lab, "live_migration")
    learner.favour(lab, "main", "live_migration", until="you broke it")
    assert "fewer do not break it" in learner.broken(lab, "assertion failed")
    book.screenshot("06-warm-up", of=lab)


def test_a_prediction_is_read_again_beside_the_truth(book):
    learner.predict(book, PREDICT, REVEAL, "At once: the cancel wakes both threads")
    assert "Never: both threads go on sleeping" in book.output(REVEAL).inner_text()


def test_what_came_later_ends_each_story(book):
    lab = book.output(WAKER)
    assert "postcopy_pause_sem" in learner.to_the_end(lab)
    assert "none fails" in learner.switch(lab, "no_cancel_in_postcopy", "proved")
    book.screenshot("06-waker", of=lab)
    lab = book.output(STOP)
    learner.switch(lab, "lock_in_await", "failed")
    learner.switch(lab, "join_on_every_path", "proved")
    lab = book.output(WHOSE)
    assert "None has no attribute" in learner.to_the_end(lab)
    learner.switch(lab, "lock_in_await", "failed")
    assert "none fails" in learner.switch(lab, "restart_return_path_thread", "proved")


def test_the_exercises(book):
    learner.miss(book, FILL, "survived/fill", "only_posts")
    learner.solve(book, FILL, "survived/fill")
    learner.miss(book, ORDER, "survived/order", "wait_before_stop")
    learner.solve(book, ORDER, "survived/order")


def test_a_fix_of_ones_own(book):
    assert "50 of 244 interleavings fail" in book.output(WRITE).inner_text()
    book.write(WRITE, LOCKED.strip())
    book.run_cell(WRITE)
    said = book.output(WRITE).inner_text()
    assert "a fix for await-vs-exit: accepted." in said
    assert "Every other story that was proved before still is." in said
    book.screenshot("06-a-fix", of=book.output(WRITE))


def test_a_hunt(book):
    assert "see the story migrate-too-early" in book.output(HUNT).inner_text()
    book.write(HUNT, 'hunt(state="postcopy-active", operator=["resume-twice"], oob=["pause"])')
    book.run_cell(HUNT)
    assert "New! crash in migrate_fd_connect" in book.output(HUNT).inner_text()
    book.screenshot("06-a-trophy", of=book.output(HUNT))


def test_the_questions(book):
    quiz = book.output(QUIZ)
    learner.quiz(quiz, "The boss calls the waiter first and says that it is closed afterwards",
                 "The boss calls the cook as well")  # fmt: skip
    learner.quiz(quiz, "Wait, ring, lock", "Ring, wait, lock")
    learner.quiz(
        quiz, "No: only one person is at the desk at a time", "Yes: Bob comes after her, and checks out room 7"
    )
    learner.quiz(quiz, "Yes: it knows best when it is done", "No: it has not ended yet, and nobody would join it")


def test_on_the_next_day_it_is_there_again(book):
    book.there_again()
