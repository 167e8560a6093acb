"""A kernel that was restarted or is busy: nothing waits for ever, stored results work, a sentence says what to run."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from lessons.widgets import predict
from tests.browser import learner
from tests.browser.jupyterlab import Notebook, quiet


def again(book: Notebook, number: int) -> str:
    """What to do, with the number that the cell shows."""
    shown = book.code.nth(number - 1).locator(".jp-InputPrompt").inner_text().strip().rstrip(":")
    assert re.fullmatch(r"\[\d+\]", shown)
    return f"Run the cells above and cell {shown} again"


@pytest.fixture(scope="module")
def restarted(request: pytest.FixtureRequest, one_window, lab) -> Iterator[Notebook]:
    """A notebook with some cells run, and then the kernel was restarted. JupyterLab complains on the console that the
    comm is gone; the page must not."""
    with quiet(one_window) as page:
        name, cells = request.param
        book = Notebook(page, lab, name)
        for cell in cells:
            book.run_cell(cell)
        book.restart()
        yield book


START = pytest.mark.parametrize("restarted", [("00_start_here.ipynb", [1, 8, 11])], indirect=True, ids=["00"])
JOIN = pytest.mark.parametrize("restarted", [("01_missing_join.ipynb", [1, 3, 4])], indirect=True, ids=["01"])


@JOIN
def test_a_lab_goes_on_with_what_was_stored(restarted):
    lab = restarted.output(4)
    for name, verdict in (("join_created_thread", "proved"), ("explicit_unregister", "proved")):
        learner.switch(lab, name, verdict)
        said = lab.locator(".verdict").inner_text()
        assert "This result was stored." in said
        assert again(restarted, 4) in said
    learner.switch(lab, "join_created_thread", "failed")
    assert lab.locator(".mqp-lab.busy").count() == 0
    lab.locator(".mqp").press("End")
    assert lab.locator(".banner").count() == 1, "its player plays"


@JOIN
def test_a_prediction_says_that_nobody_noted_it(restarted):
    card = restarted.output(3)
    card.get_by_text("Well, or with an abort").click()
    card.get_by_text(again(restarted, 3)).wait_for()


@JOIN
def test_a_cell_that_is_run_too_early_says_which_one_comes_first(restarted):
    restarted.run_cell(10)
    said = restarted.output(10).inner_text()
    assert re.search(r"check comes from cell \[1\] of this notebook. Run cell \[1\] first", said), said
    restarted.write(10, "chekc(1)")
    restarted.run_cell(10)
    assert "NameError" in restarted.output(10).inner_text(), "a typo is shown as always"


@START
def test_a_scheduler_says_that_nobody_moves(restarted):
    lab = restarted.output(8)
    lab.get_by_role("button", name="Move A", exact=True).click()
    lab.get_by_text(again(restarted, 8)).wait_for()


@START
def test_progress_says_that_nobody_forgets(restarted):
    card = restarted.output(11)
    card.get_by_role("button", name="Start over").click()
    card.get_by_role("button", name="Really forget everything?").click()
    card.get_by_text(again(restarted, 11)).wait_for()


@START
def test_what_the_sentence_says_helps(restarted):
    """The cells above, then the one that was named: it moves again."""
    restarted.run_cell(1)
    restarted.run_cell(8)
    assert learner.move(restarted.output(8), "A")


def test_an_answer_that_comes_late_is_still_shown(window, lab):
    """The kernel is busy for longer than anybody waits; then an interrupt frees it, and it answers."""
    page, book = window, Notebook(window, lab, "01_missing_join.ipynb")
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
    shown.get_by_text(again(book, 4)).wait_for(timeout=10_000)
    assert shown.locator(".verdict.proved").count() == 1
    book.do("panel.sessionContext.session.kernel.interrupt()")
    shown.locator(".lost").wait_for(state="detached", timeout=20_000)
    assert shown.locator(".verdict.proved").count() == 1


def test_long_work_says_that_its_kernel_is_gone(window, lab):
    """Nobody clicks: the bar hears nothing more, and within five seconds it says what to run."""
    book = Notebook(window, lab, "08_fifty_thousand_clean_runs.ipynb")
    book.run_cell(1)
    book.write(3, 'LongWork("on real threads", FreeRuns("precopy-return-path", 50_000).make)')
    book.run_cell(3)
    job = book.output(3)
    job.get_by_text("runs,", exact=False).wait_for()
    book.restart()
    job.get_by_text(again(book, 3)).wait_for(timeout=10_000)
    assert not job.locator(".said").is_visible(), "no estimate of what nobody does any more"
    assert job.locator(".jupyter-widgets-disconnected").evaluate_all(BROKEN) == [], "no icon of a broken link"


BROKEN = "all => all.map(one => getComputedStyle(one, '::before').content).filter(one => one !== 'none')"


def test_work_that_has_nothing_to_say_is_still_alive(page):
    """A sign of life each second is enough; after five seconds without one it says so, and takes it back."""
    page.clock.install()
    page.set_content("<main></main>")
    page.evaluate(
        """async (source) => {
            const module = (await import(URL.createObjectURL(new Blob([source], {type: "text/javascript"})))).default;
            let view = {mode: "work", title: "all", state: "running", fraction: 0.5, said: "7 runs", beat: 0}, heard;
            const model = {get: () => view, on: (_, f) => { heard = f; }, off() {}, send() {}};
            window.beat = (changes) => { view = {...view, ...changes}; heard(); };
            module.render({model, el: document.querySelector("main")});
        }""",
        predict._text("predict.js"),
    )
    lost, cancel = page.locator(".lost"), page.get_by_role("button", name="Cancel").element_handle()
    for beat in range(1, 8):
        page.clock.run_for(4_000)
        assert lost.count() == 0
        page.evaluate("beat => window.beat({beat})", beat)
    page.clock.run_for(5_000)
    assert "Run the cells above and this one again" in lost.inner_text()
    page.evaluate("() => window.beat({beat: 9})")
    assert lost.count() == 0
    page.evaluate("() => window.beat({state: 'done', said: 'done', fraction: 1})")
    page.clock.run_for(60_000)
    assert lost.count() == 0, "what is done needs no kernel"
    assert cancel.is_disabled(), "all the while it is the same button, so a slow click is a click"
