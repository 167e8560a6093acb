"""The first minute: the course opens without a pop-up, and a notebook at rest tells its story."""

from __future__ import annotations

from tests.browser.jupyterlab import Notebook, quiet_page

START = "00_start_here.ipynb"


def test_opens_without_a_pop_up(lab, page):
    book = Notebook(page, lab, START)
    page.wait_for_timeout(2_000)  # JupyterLab asks about news a moment after it has opened
    assert page.locator(".jp-Dialog, .Toastify__toast").count() == 0
    assert book.code.count() > 0


def test_runs_from_top_to_bottom(lab, page):
    book = Notebook(page, lab, START)
    book.run_all()
    assert book.errors() == []


def test_what_a_notebook_may_run_before_it_was_run(lab, untrusted_lab, browser):
    """After `make lab` players work at once; on a fresh clone JupyterLab keeps scripts off and shows what is static."""
    cells = "[...jupyterapp.shell.currentWidget.model.cells].filter(cell => cell.type === 'code')"
    for server, expected in (lab, True), (untrusted_lab, False):
        with quiet_page(browser) as page:
            Notebook(page, server, START)
            assert page.evaluate(f"() => {cells}.every(cell => cell.trusted)") is expected
