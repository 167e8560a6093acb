"""The first minute: the course opens without a pop-up, and a notebook at rest tells its story."""

from __future__ import annotations

from tests.browser.jupyterlab import Notebook

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


def test_scripts_run_only_in_trusted_notebooks(untrusted_lab, page):
    book = Notebook(page, untrusted_lab, START)
    assert page.evaluate("() => jupyterapp.shell.currentWidget.model.cells.get(1).trusted") is False
    assert book.code.count() > 0
