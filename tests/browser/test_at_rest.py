"""Every notebook can be read without running it: on an untrusted fresh clone, and exported to a file, offline."""

from __future__ import annotations

import json

import pytest

from tests.browser.jupyterlab import ROOT, Notebook

NAMES = [path.name for path in sorted((ROOT / "notebooks").glob("0*.ipynb"))]  # the glossary has no cells to run
PLAYED = [name for name in NAMES if "mini-qemu-at-rest" in (ROOT / "notebooks" / name).read_text(encoding="utf-8")]


@pytest.mark.parametrize("name", NAMES)
def test_untrusted_the_verdicts_and_the_tables_are_there(untrusted_lab, window, name):
    page, book = window, Notebook(window, untrusted_lab, name)
    shown = page.locator(".jp-Notebook").inner_text()
    assert "interleaving" in shown
    assert book.code.count() > 5
    cells = [cell for cell in json.loads((ROOT / "notebooks" / name).read_text("utf-8"))["cells"] if "outputs" in cell]
    for number, cell in enumerate(cells, start=1):
        if cell["outputs"]:  # there is something to read, though no script has run
            assert book.output(number).inner_text().strip() or book.output(number).locator("img").count()
        if "RaceLab(" in "".join(cell["source"]) or "check(" in "".join(cell["source"]):
            assert "un this cell" in book.output(number).inner_text(), "there is something to run, and it says so"
    assert page.locator(".mqp").count() == 0


@pytest.mark.parametrize("name", PLAYED)
def test_exported_the_players_play_offline(browser, exported, name):
    context = browser.new_context(offline=True)  # nbconvert's template asks for things of its own, and does without
    page = context.new_page()
    page.goto(exported(name).as_uri(), wait_until="domcontentloaded")
    for summary in page.locator("details.mini-qemu-folded > summary").all():
        summary.click()
    page.locator(".mqp").first.wait_for()
    moved = 0
    for player in page.locator(".mqp").all():  # one whose run has no step yet stays where it is
        before = player.inner_text()
        player.press("End")
        moved += player.inner_text() != before
    assert moved
    assert "interleaving" in page.locator("body").inner_text()
    code = page.locator(".jp-OutputArea-output pre")
    fonts = code.evaluate_all("all => all.map(one => getComputedStyle(one).fontFamily)")
    assert all("mono" in font for font in fonts), "code is aligned"
    context.close()
