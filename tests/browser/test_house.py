"""The first minute: the course opens without a pop-up, and a notebook at rest tells its story."""

from __future__ import annotations

from tests.browser.jupyterlab import Notebook

START = "00_start_here.ipynb"


def test_opens_without_a_pop_up(lab, window):
    """JupyterLab would ask about news as soon as it is restored, long before the kernel is ready."""
    book = Notebook(window, lab, START)
    assert window.locator(".jp-Dialog, .Toastify__toast").count() == 0
    assert book.code.count() > 0


def test_what_a_notebook_may_run_before_it_was_run(lab, untrusted_lab, window):
    """After `make lab` players work at once; on a fresh clone JupyterLab keeps scripts off and shows what is static."""
    cells = "[...jupyterapp.shell.currentWidget.model.cells].filter(cell => cell.type === 'code')"
    for server, expected in (lab, True), (untrusted_lab, False):
        Notebook(window, server, START)
        assert window.evaluate(f"() => {cells}.every(cell => cell.trusted)") is expected
