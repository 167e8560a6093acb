"""07 as a learner meets it: scenes with a real QEMU (or their recordings), a scene of one's own, an interrupt."""

from __future__ import annotations

import re

from tests.browser import learner
from tests.conftest import qemu

LESSON = "07_the_real_thing.ipynb"
PREDICT, CLIENT, ANSWER, ASK, ROUND, VERDICT, BLOCKED, SPLIT, MODEL, SURVIVOR, READ, QUIZ = range(1, 13)
SCENES = (CLIENT, ANSWER, ASK, ROUND, VERDICT, BLOCKED, SPLIT, SURVIVOR)


def test_it_runs_from_top_to_bottom(book):
    assert book.errors() == []
    for number in SCENES:
        said = book.output(number).inner_text()
        assert "✕" not in said
        assert re.search(r"^┊ (Run now|Recorded on 20\d\d-\d\d-\d\d)", said, re.MULTILINE)
    book.screenshot("07-as-run")


def test_a_transcript_has_a_column_for_each(book):
    table = book.output(SPLIT).get_by_role("table").first
    assert table.get_by_role("columnheader").all_inner_texts() == ["source", "destination", "you"]
    rows = table.get_by_role("row").all_inner_texts()
    assert "migration completed, guest running" in rows[-3]
    assert "migration failed, guest running" in rows[-1]
    book.screenshot("07-split-brain", of=book.output(SPLIT))


def test_a_click_shows_the_line_that_writes_the_bytes(book):
    asked = book.output(ASK)
    asked.get_by_text(re.compile(r"^migration_incoming\.py:\d+$")).first.click()
    asked.get_by_text("migrate_send_rp_message(").first.wait_for()
    book.screenshot("07-return-path", of=asked)


def test_predictions_are_read_again_beside_the_truth(book):
    learner.predict(book, PREDICT, SPLIT, "One, as always", "QEMU")
    learner.predict(book, PREDICT, SURVIVOR, "It fails, as a precopy does")
    assert "It hangs for ever" in book.output(SURVIVOR).inner_text()


def test_a_scene_of_ones_own(book):
    """With mini_qemu it needs no QEMU; with one, there is nothing recorded of it to show instead."""
    mine = 'def mine(lab):\n    source, you = lab.{}("source"), lab.listen("me")\n    source.migrate(you)\n'
    mine += (
        '    you.read_stream()\n    you.send(bytes.fromhex("0001 0004 00000001"))\n    source.outcome()\n\nplay(mine)'
    )
    book.write(ANSWER, mine.format("mini"))
    book.run_cell(ANSWER)
    assert "SHUT, value 1: there was an error" in book.output(ANSWER).inner_text()
    assert "migration failed, guest running" in book.output(ANSWER).inner_text()
    book.write(ANSWER, mine.format("qemu"))
    book.run_cell(ANSWER)
    said = book.output(ANSWER).inner_text()
    assert ("migration failed, guest running" if qemu() else "This scene is your own") in said


def test_an_interrupt_leaves_the_notebook_usable(book):
    book.write(ANSWER, 'def hangs(lab):\n    lab.listen("me").read(1)\n\nplay(hangs)')
    book.code.nth(ANSWER - 1).locator(".jp-InputArea-editor").click()
    book.page.keyboard.press("Control+Enter")
    book.code.nth(ANSWER - 1).locator(".jp-InputPrompt", has_text="*").wait_for()
    book.do("panel.sessionContext.session.kernel.interrupt()")
    book.wait_until_idle()
    said = book.output(ANSWER).inner_text()
    assert "KeyboardInterrupt" in said or "nobody connects" in said  # the second, should the click come late
    book.run_cell(CLIENT)
    assert "query-yank" in book.output(CLIENT).inner_text()


def test_the_exercise(book):
    learner.miss(book, READ, "real-thing/read", "half_a_message")
    learner.solve(book, READ, "real-thing/read")


def test_the_questions(book):
    main = "The main loop may be what hangs, and every other command needs it"
    learner.quiz(book.output(QUIZ), "Nothing may interrupt it while it cuts connections", main)
    lost = "Yes: it may not wait for the thread that saw the error"
    learner.quiz(book.output(QUIZ), "No: a yank is an error, and errors are never lost", lost)


def test_on_the_next_day_it_is_there_again(book):
    """There is no player in it: it has tables of what real processes said."""
    tables = "() => [...document.querySelectorAll('.jp-OutputArea-output table')].map(one => one.textContent)"
    shown = book.page.evaluate(tables)
    assert len(shown) >= len(SCENES)
    book.save_and_open_again()
    assert book.complains_at_rest() == []
    assert book.page.evaluate(tables) == shown
