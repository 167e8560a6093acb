"""01 as a learner meets it: see the crash, switch the fix on, try wrong fixes, be the scheduler, order, fill, write."""

from __future__ import annotations

from tests.browser.jupyterlab import Notebook
from tests.browser.test_notebook_00 import write

LESSON = "01_missing_join.ipynb"
CODE, PREDICT, LAB, REVEAL, INVESTIGATE, PATCH, WRONG, BREAK, ORDER, FILL, WRITE, QUIZ = range(1, 13)


def test_run_toggle_and_play(lab, page):
    book = Notebook(page, lab, LESSON)
    book.run_all()
    assert book.errors() == []
    book.screenshot("01-as-run")
    lesson = book.output(LAB)
    lesson.locator(".verdict.failed").wait_for()
    player = lesson.locator(".mqp")
    player.press("End")
    player.get_by_text("QLIST_EMPTY").locator("visible=true").first.wait_for()
    book.screenshot("01-crash", of=lesson)
    lesson.get_by_role("switch").first.click()
    lesson.locator(".verdict.proved").wait_for(timeout=5_000)
    book.screenshot("01-fixed", of=lesson)


def test_wrong_fixes_say_why(lab, page):
    book = Notebook(page, lab, LESSON)
    book.run_all()
    wrong = book.output(WRONG)
    wrong.get_by_role("switch").nth(1).click()
    wrong.locator(".verdict").get_by_text("not the meaning right").wait_for(timeout=5_000)
    book.screenshot("01-wrong-fix", of=wrong)


def test_break_it_and_mend_it(lab, page):
    book = Notebook(page, lab, LESSON)
    book.run_all()
    lesson = book.output(BREAK)

    def move(thread: str) -> bool:
        """One step, if this thread can move; the schedule grows by it."""
        button = lesson.get_by_role("button", name=f"Move {thread}", exact=True)
        if button.get_attribute("aria-disabled"):
            return False
        text = lesson.get_by_label("Schedule so far")
        before = text.input_value()
        button.click()
        changed = "([node, old]) => !node.isConnected || node.value !== old"
        page.wait_for_function(changed, arg=[text.element_handle(), before])
        return True

    move("return path")
    while move("live_migration"):
        pass
    for _ in range(60):
        if "you broke it" in lesson.inner_text():
            break
        if not move("main"):
            move("live_migration")
    lesson.get_by_text("you broke it").wait_for()
    book.screenshot("01-broken", of=lesson)

    write(book, ORDER, 'check("DABC", "missing-join/order")')
    book.run_cell(ORDER)
    assert "accepted" in book.output(ORDER).inner_text()
    write(book, FILL, "def thread_to_join(s):\n    return s.rp_state.rp_thread_created\n\n\n"
          'check(thread_to_join, "missing-join/fill")')  # fmt: skip
    book.run_cell(FILL)
    assert "accepted" in book.output(FILL).inner_text()
    book.screenshot("01-accepted", of=book.output(FILL))
    write(book, WRITE, 'def finish_return_path(s):\n    return\n\n\ncheck(finish_return_path, "missing-join/write")')
    book.run_cell(WRITE)
    assert "Nobody joins" in book.output(WRITE).inner_text()
    book.screenshot("01-not-yet", of=book.output(WRITE))
    quiz = book.output(QUIZ)
    quiz.get_by_text("No: the pan is hung up").click()
    quiz.get_by_text("Not quite").wait_for()
    quiz.get_by_text("No, still not").click()
    quiz.get_by_text("Right. Nothing can come").wait_for()
    book.screenshot("01-quiz", of=quiz)
