"""00 as a newcomer meets it: predict, step, play, break the deadlock, fix the withdrawal, see the progress."""

from __future__ import annotations

import json

from lessons.exercises import exercise
from tests.browser import learner
from tests.browser.learner import plain

LESSON = "00_start_here.ipynb"


def test_a_first_visit(book):
    assert book.errors() == []
    learner.predict(book, 2, 4, "2: A first, or B first")

    player = book.output(3).locator(".mqp")
    player.get_by_role("button", name="Forward one step").click()
    player.locator(".saying").get_by_text("A reads value").wait_for()
    player.press("End")
    player.get_by_text("the value is 1").locator("visible=true").first.wait_for()
    player.press("Home")
    player.get_by_role("button", name="Play (space)").click()
    player.get_by_role("button", name="Play (space)").wait_for(timeout=20_000)  # it has come to the end
    assert "4 / 4" in player.inner_text()

    book.screenshot("00-first-visit")


def test_break_the_deadlock_and_see_it_counted(book):
    broken = book.output(8)
    assert learner.move(broken, "A")
    broken.locator(".saying").get_by_text("A locks left.lock").wait_for()
    assert learner.move(broken, "B")
    assert "fewer do not break it" in learner.broken(broken, "deadlock")
    book.run_cell(11)
    book.output(11).get_by_text("broken 1 race").wait_for()
    noted = json.loads((book.folder / ".mini_qemu_progress.json").read_text(encoding="utf-8"))
    assert noted["broken"]["ab-ba"] == 1


def test_every_kind_of_answer_gets_a_sentence_and_the_next_cell_still_runs(book):
    head = "def withdraw(account, amount):\n"
    tail = '\n\ncheck(withdraw, "warmups/withdraw")'
    answers = {
        "    with account.lock\n        pass": "cannot read line 2",
        "    while True:\n        pass": "Line 2 of your function is in a loop that never ends",
        "    while account.balance < 1000:\n        pass": "goes round and round",
        "    return amount / 0": "ZeroDivisionError",
        "    with account.lock:\n        with account.lock:\n            pass": "waits for itself",
        "    return": "nobody is paid",
    }
    for body, reply in answers.items():
        book.write(10, head + body + tail)
        book.page.evaluate("() => jupyterapp.commands.execute('notebook:run-all-cells')")
        book.wait_until_idle()
        assert reply in book.output(10).inner_text(), body
        assert book.output(11).inner_text(), f"the cell after it did not run: {body}"
    book.write(10, head + "    with account.lck:\n        account.balance -= amount" + tail)
    book.run_cell(10)
    said = book.output(10).inner_text()
    assert "Line 2 of your function stopped with AttributeError" in said
    others = [plain(mistake.reply) for mistake in exercise("warmups/withdraw").wrong]
    assert [reply for reply in others if reply in said] == [], "a typo is a typo, and nothing else is said about it"
    book.write(10, "def withdraw(account):\n    pass" + tail)
    book.run_cell(10)
    assert "is called with (account, amount)" in book.output(10).inner_text()
    learner.solve(book, 10, "warmups/withdraw")
    book.run_cell(11)
    book.output(11).get_by_text("✓ 1 of 1").wait_for()


def test_on_the_next_day_it_is_there_again(book):
    book.there_again()
