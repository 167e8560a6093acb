"""What a learner does in every lesson, in the words that stand on the page. A test adds what its lesson alone has.

The answers to the exercises are those of lessons/exercises, so that no answer is written down twice.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lessons.exercises import exercise
from tests.browser.jupyterlab import Notebook

if TYPE_CHECKING:
    from playwright.sync_api import Locator


def predict(book: Notebook, asked: int, told: int, choice: str, teller: str = "The explorer") -> None:
    """Choose in the cell [asked], run the cell [told], and see the choice beside what the explorer, or QEMU, says."""
    card = book.output(asked).locator("fieldset").filter(has_text=choice)
    card.get_by_text(choice).click()
    card.get_by_text("Noted. You will see it again").wait_for()
    book.run_cell(told)
    echo = book.output(told).locator(".mq").filter(has_text=choice)
    echo.get_by_text("You said").wait_for()
    echo.get_by_text(f"{teller} says").wait_for()


def switch(lab: Locator, name: str, verdict: str) -> str:
    """Switch a fix on (or off again), and wait for the verdict; the sentence beside it."""
    lab.get_by_role("switch", name=re.compile(rf"^{name}\b")).click()
    lab.locator(f".mqp-lab:not(.busy) > .verdict.{verdict}").wait_for(timeout=10_000)
    return lab.locator(".verdict").inner_text()


def to_the_end(lab: Locator) -> str:
    """Go to the last step of the run, and read what went wrong there."""
    lab.locator(".mqp").press("End")
    lab.locator(".banner").wait_for()
    return lab.locator(".banner").inner_text()


def move(lab: Locator, thread: str, button: str = "Move {}") -> bool:
    """One step of a thread, if it can move. The whole lab is drawn anew after it."""
    press = lab.get_by_role("button", name=button.format(thread), exact=True)
    if press.count() == 0 or press.get_attribute("aria-disabled"):  # it has not been made yet, or cannot move
        return False
    drawn = lab.locator(".mqp").element_handle()
    press.click()
    lab.page.wait_for_function("drawn => !drawn.isConnected", arg=drawn)
    return True


def favour(lab: Locator, *threads: str, until: str = "") -> None:
    """Again and again let the first of these threads that can move run on: to the end, or until the lab says so."""
    while not (until and until in lab.inner_text()):
        if not any(move(lab, thread, "Let {} run on") for thread in threads):
            return


def broken(lab: Locator, finding: str) -> str:
    """The lab says that it is broken, how, and whether that could be done with fewer preemptions."""
    lab.get_by_text("you broke it").wait_for()
    said = lab.locator(".verdict").inner_text()
    assert finding in said
    return said


def solve(book: Notebook, number: int, name: str) -> None:
    """Put the right answer into the cell [number] and run it: it is accepted, and one reads why it is right."""
    asked = exercise(name)
    answer(book, number, name, asked.solution)
    said = book.output(number).inner_text()
    assert f"{name}: accepted." in said
    assert plain(asked.why) in said


def miss(book: Notebook, number: int, name: str, wrong: str) -> None:
    """A wrong answer that the exercise knows: its own reply, hints to unfold, and a run that shows it."""
    asked = exercise(name)
    mistake = next(one for one in asked.wrong if one.name == wrong)
    answer(book, number, name, mistake.answer)
    said = book.output(number)
    assert f"{name}: not yet." in said.inner_text()
    assert plain(mistake.reply) in said.inner_text()
    said.get_by_text("Hint 1").click()
    said.get_by_text(plain(asked.hints[0])).wait_for()


def answer(book: Notebook, number: int, name: str, text: str) -> None:
    asked = exercise(name)
    source = f'check("{text}", "{name}")' if asked.lines else f'{text.strip()}\n\n\ncheck({asked.entry}, "{name}")'
    book.write(number, source)
    book.run_cell(number)


def quiz(card: Locator, wrong: str, right: str) -> None:
    """Answer a question wrongly, hear about it, answer again."""
    card = card.locator("fieldset").filter(has_text=wrong)
    card.get_by_text(wrong, exact=True).click()
    card.locator(".note.wrong").wait_for()
    card.get_by_text(right, exact=True).click()
    card.locator(".note.right").get_by_text("Right.").wait_for()


def plain(text: str) -> str:
    """As it is read on the page, without the marks of code."""
    return text.replace("`", "")
