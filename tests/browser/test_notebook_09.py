"""09 as a learner meets it: ordinary programs in the player, a repair in the cell, cards, a thread pool made right."""

from __future__ import annotations

import json

from lessons.exercises import exercise
from lessons.places import NOTEBOOKS
from tests.browser import learner

LESSON = "09_your_own_bug.ipynb"
PROGRAM, PREDICT, RUN, REVEAL, SETTINGS, PRICES, REPORTS, BREAK, OWN, CARDS, POOL, QUIZ = range(1, 13)

OWN_PROGRAM = """
def main():
    n = [0]

    def work():
        n[0] += 1

    threads = [threading.Thread(target=work, name=name) for name in ("Ann", "Bob")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert n == [2], n


RaceLab(main)
"""


def source(number: int) -> str:
    """The text of a code cell, as it is shipped."""
    cells = json.loads((NOTEBOOKS / LESSON).read_text(encoding="utf-8"))["cells"]
    return "".join([cell for cell in cells if cell["cell_type"] == "code"][number - 1]["source"])


def test_it_runs_from_top_to_bottom(book):
    assert book.errors() == []
    book.screenshot("09-as-run")


def test_a_prediction_is_read_again_beside_the_truth(book):
    learner.predict(book, PREDICT, REVEAL, "Somebody waits for ever")
    assert "Somebody takes from an empty shelf" in book.output(REVEAL).inner_text()


def test_the_player_speaks_the_programs_own_words(book):
    lab = book.output(RUN)
    lab.locator(".verdict.failed").wait_for()
    assert "12 fail" in lab.locator(".verdict").inner_text()
    shown = lab.inner_text()
    for words in ("shelf.loaves", "shelf.changed", "Ann", "Bob", "baker", "put"):
        assert words in shown
    assert "pop from empty list" in learner.to_the_end(lab)
    book.screenshot("09-bakery", of=lab)


def test_while_for_if_is_proved(book):
    as_it_was = source(PROGRAM)
    book.write(PROGRAM, as_it_was.replace("if len(", "while len("))
    book.run_cell(PROGRAM)
    book.run_cell(RUN)
    book.output(RUN).locator(".verdict.proved").wait_for()
    book.write(PROGRAM, as_it_was)
    book.run_cell(PROGRAM)
    book.run_cell(RUN)
    book.output(RUN).locator(".verdict.failed").wait_for()


def test_the_other_programs_fail_at_their_race(book):
    for number, words in ((SETTINGS, "the choice is lost"), (PRICES, "asked 2 times"), (REPORTS, "never printed")):
        lab = book.output(number)
        lab.locator(".verdict.failed").wait_for()
        assert words in learner.to_the_end(lab)


def test_the_bakery_can_be_broken_by_hand(book):
    lab = book.output(BREAK)
    learner.favour(lab, "Ann")
    learner.favour(lab, "baker")
    learner.favour(lab, "Bob", "Ann")
    assert "no preemption" in learner.broken(lab, "pop from empty list")


def test_a_program_of_your_own(book):
    book.write(OWN, OWN_PROGRAM)
    book.run_cell(OWN)
    lab = book.output(OWN)
    lab.locator(".verdict.failed").wait_for()
    assert "2 fail" in lab.locator(".verdict").inner_text()


def test_the_cards_unfold(book):
    cards = book.output(CARDS)
    cards.get_by_text("Check, then use").click()
    cards.get_by_text("helgrind are silent", exact=False).first.wait_for()
    assert cards.get_by_role("link", name="Go race detector").count() == 1


def test_the_exercise(book):
    learner.miss(book, POOL, "own-bug/pool", "notifies_one")
    queue = next(right for right in exercise("own-bug/pool").right if right.name == "WithAQueue")
    learner.answer(book, POOL, "own-bug/pool", "import queue\n\n\n" + queue.answer)
    assert "own-bug/pool: accepted." in book.output(POOL).inner_text()
    learner.solve(book, POOL, "own-bug/pool")


def test_the_questions(book):
    learner.quiz(book.output(QUIZ), "No, one loaf needs one customer", "Yes, somebody may wait for ever")
    learner.quiz(book.output(QUIZ), "Also proved: threads are all alike", "Nothing is proved about three")


def test_on_the_next_day_it_is_there_again(book):
    book.there_again()
