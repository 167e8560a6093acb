"""A kernel that was restarted or is busy: nothing waits for ever, what was stored works, a sentence says what to run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.browser import learner
from tests.browser.jupyterlab import Notebook, quiet_page

AGAIN = "Run the cells above and cell [{}] again"


@pytest.fixture(scope="module")
def first(browser, lab) -> Iterator[Notebook]:
    """00, run, and then the kernel was restarted."""
    yield from restarted(browser, lab, "00_start_here.ipynb")


@pytest.fixture(scope="module")
def second(browser, lab) -> Iterator[Notebook]:
    yield from restarted(browser, lab, "01_missing_join.ipynb")


def restarted(browser, lab, name: str) -> Iterator[Notebook]:
    """JupyterLab complains on the console that the comm is gone; the page must not."""
    with quiet_page(browser) as page:
        book = Notebook(page, lab, name)
        book.run_all()
        book.restart()
        yield book


def test_a_lab_goes_on_with_what_was_stored(second):
    lab = second.output(4)
    for name, verdict in (("join_created_thread", "proved"), ("explicit_unregister", "proved")):
        learner.switch(lab, name, verdict)
        said = lab.locator(".verdict").inner_text()
        assert "This result was stored." in said
        assert AGAIN.format(4) in said
    learner.switch(lab, "join_created_thread", "failed")
    assert lab.locator(".mqp-lab.busy").count() == 0
    lab.locator(".mqp").press("End")
    assert lab.locator(".banner").count() == 1, "its player plays"


def test_a_prediction_says_that_nobody_noted_it(second):
    card = second.output(3)
    card.get_by_text("Well, or with an abort").click()
    card.get_by_text(AGAIN.format(3)).wait_for()


def test_a_scheduler_says_that_nobody_moves(first):
    lab = first.output(8)
    lab.get_by_role("button", name="Move A", exact=True).click()
    lab.get_by_text(AGAIN.format(8)).wait_for()


def test_progress_says_that_nobody_forgets(first):
    card = first.output(11)
    card.get_by_role("button", name="Start over").click()
    card.get_by_role("button", name="Really forget everything?").click()
    card.get_by_text(AGAIN.format(11)).wait_for()


def test_what_the_sentence_says_helps(first):
    """The cells above, then the one that was named: it moves again."""
    first.run_cell(1)
    first.run_cell(8)
    assert learner.move(first.output(8), "A")


def test_a_cell_that_is_run_too_early_says_which_one_comes_first(second):
    second.run_cell(10)
    said = second.output(10).inner_text()
    assert re.search(r"check comes from cell \[1\] of this notebook. Run cell \[1\] first", said), said
    second.write(10, "chekc(1)")
    second.run_cell(10)
    assert "NameError" in second.output(10).inner_text(), "a typo is shown as always"


def test_an_answer_that_comes_late_is_still_shown(browser, lab):
    """The kernel is busy for longer than anybody waits; then an interrupt frees it, and it answers."""
    with quiet_page(browser) as page:
        book = Notebook(page, lab, "01_missing_join.ipynb")
        for cell in (1, 4):
            book.run_cell(cell)
        book.write(2, "import threading; threading.Event().wait()")
        page.evaluate(
            """() => {
                const panel = jupyterapp.shell.currentWidget, cells = panel.content.widgets;
                panel.content.activeCellIndex = cells.indexOf(cells.filter(cell => cell.model.type === "code")[1]);
                jupyterapp.commands.execute("notebook:run-cell");
            }"""
        )
        shown = book.output(4)
        shown.get_by_role("switch", name=re.compile("^join_created_thread")).click()
        shown.get_by_text(AGAIN.format(4)).wait_for(timeout=10_000)
        assert shown.locator(".verdict.proved").count() == 1
        book.do("panel.sessionContext.session.kernel.interrupt()")
        shown.locator(".lost").wait_for(state="detached", timeout=20_000)
        assert shown.locator(".verdict.proved").count() == 1
