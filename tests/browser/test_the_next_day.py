"""What a learner saved shows itself again: no cell asks for a widget whose kernel is gone, and the players play."""

from __future__ import annotations

import pytest

from tests.browser.jupyterlab import ROOT, Notebook

NAMES = [path.name for path in sorted((ROOT / "notebooks").glob("0*.ipynb"))]


@pytest.mark.parametrize("name", NAMES)
def test_a_saved_notebook_is_there_again(lab, page, name):
    book = Notebook(page, lab, name)
    book.run_all()
    live = page.locator(".jp-Notebook .mqp").count()
    book.save_and_open_again()
    page.locator(".mqp").first.wait_for(state="attached")
    page.evaluate("() => document.querySelectorAll('.jp-Notebook details').forEach(one => one.open = true)")
    shown = page.locator(".jp-Notebook").inner_text()
    assert "Error displaying widget" not in shown
    assert "model not found" not in shown
    assert live
    moved = 0
    for player in page.locator(".mqp").all():  # one whose run has no step yet stays where it is
        before = player.inner_text()
        player.press("End")
        moved += player.inner_text() != before
    assert moved
