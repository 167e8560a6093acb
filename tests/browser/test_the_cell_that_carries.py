"""One output of a notebook carries the player for all. Its cell may be run again, cleared or deleted, and saved.

In the page nothing changes. Our server gives the player to another output when it saves. A notebook that was saved
elsewhere may have lost it: then each output keeps its table and says what to do, and doing it helps.
"""

from __future__ import annotations

import pytest

from lessons.authoring.normalise import dumps, loads, text_of
from lessons.player.at_rest import MARK, TO_PLAY, has_player
from tests.browser.jupyterlab import Notebook

NAME = "05_the_count_that_was_one.ipynb"
PLAYERS, HINTS = ".jp-Notebook .mqp", ".jp-Notebook em"
CARRIES = """mark => jupyterapp.shell.currentWidget.content.widgets
    .findIndex(cell => JSON.stringify(cell.model.toJSON().outputs ?? []).includes(mark))"""


def at_least(page, number: int) -> None:
    page.wait_for_function(f"number => document.querySelectorAll('{PLAYERS}').length >= number", arg=number)


@pytest.mark.parametrize("command", ["delete-cell", "clear-cell-output", "run-cell"])
def test_saved_by_our_server_the_others_play_today_and_tomorrow(lab, window, command):
    page, book = window, Notebook(window, lab, NAME)
    page.locator(PLAYERS).first.wait_for(state="attached")
    before = page.locator(PLAYERS).count()
    carrier = page.evaluate(CARRIES, MARK)
    assert carrier >= 0
    page.evaluate("number => { jupyterapp.shell.currentWidget.content.activeCellIndex = number; }", carrier)
    if command == "run-cell":
        book.do("jupyterapp.commands.execute('notebook:run-all-above')")
    book.do(f"jupyterapp.commands.execute('notebook:{command}')")
    book.wait_until_idle()
    left = page.locator(PLAYERS).count()
    assert left >= before - 2, "the others play on"

    book.save_and_open_again()
    at_least(page, left)
    assert page.locator(HINTS, has_text=TO_PLAY).count() == 0


def test_saved_elsewhere_each_says_what_to_do(lab, window):
    page, folder = window, lab.fresh()
    path = folder / NAME
    notebook = loads(path.read_text(encoding="utf-8"))
    others = 0
    for cell in notebook["cells"]:
        forms = [text_of(output.get("data", {}).get("text/html", "")) for output in cell.get("outputs", [])]
        if any(MARK in form for form in forms):
            cell["outputs"] = []
        else:
            others += sum(map(has_player, forms))
    path.write_text(dumps(notebook), encoding="utf-8")
    lab.trust(path)
    book = Notebook(page, lab, NAME, folder)
    page.locator(HINTS, has_text=TO_PLAY).first.wait_for(state="attached")
    page.wait_for_function(
        "([say, number]) => [...document.querySelectorAll('.jp-Notebook em')].filter(e => e.textContent === say).length"
        " === number",
        arg=[TO_PLAY, others],
    )
    assert page.locator(PLAYERS).count() == 0
    assert page.locator(".mini-qemu-at-rest table").count() >= others, "the tables are there all the same"

    book.run_all()
    at_least(page, 1)
    assert page.locator(HINTS, has_text=TO_PLAY).count() == 0
