"""The glossary: its page is the table of terms, a link carries its definition, and no term is used before its link."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lessons.authoring import terms
from lessons.authoring.normalise import clean, dumps, loads, text_of
from lessons.glossary import PAGE, TERMS, NoSuchTerm, term, with_definitions
from lessons.places import NOTEBOOKS, notebooks

RACE = f"[race]({PAGE}#race)"


def complaints(*cells: str, book: str = "00_start_here.ipynb") -> list[str]:
    """About one lesson of these Markdown cells; what other lessons fail to introduce is left out."""
    found = terms.complaints([(Path(book), cells)])
    return [complaint for complaint in found if not complaint.startswith("glossary:")]


def test_the_page_is_written_from_the_table():
    assert (NOTEBOOKS / PAGE).read_text(encoding="utf-8") == dumps(clean(terms.page())), "run `make notebooks`"


def test_the_page_defines_each_term_once_in_the_order_of_the_lessons():
    page = "\n".join(text_of(cell["source"]) for cell in terms.page()["cells"])
    assert re.findall(r"^### (.+)$", page, re.M) == [one.name for one in TERMS]
    lessons = [one.lesson for one in TERMS]
    assert lessons == sorted(lessons)
    assert re.findall(r"^## Lesson (.+)$", page, re.M) == list(dict.fromkeys(lessons))


def test_each_term_is_a_term():
    assert len({one.anchor for one in TERMS}) == len(TERMS)
    for one in TERMS:
        assert one.name == one.name.strip()
        assert one.definition
        assert not one.definition.endswith("."), f"{one.name}: the page and the hover add what follows"
        assert '"' not in one.definition, f"{one.name}: a quote would end the link's title"
        assert not one.more or one.more.endswith("."), one.name


def test_what_is_not_in_the_table_is_named_with_what_to_do():
    with pytest.raises(NoSuchTerm, match=r"no 'rase'.*lessons/glossary\.py"):
        term("rase")
    assert term("shortest-failing-run").name == "shortest failing run"


def test_a_link_carries_its_definition_and_only_the_present_one():
    titled = with_definitions(f"A **{RACE}** is here.")
    assert titled == f'A **[race]({PAGE}#race "{term("race").definition}")** is here.'
    assert with_definitions(titled) == titled
    assert with_definitions(titled.replace(term("race").definition, "of long ago")) == titled
    with pytest.raises(NoSuchTerm):
        with_definitions(f"[rase]({PAGE}#rase)")


def test_a_term_may_be_used_from_its_bold_link_on():
    assert complaints(f"A **{RACE}** is a bug. A race is rare.", "Another race is rarer.") == []


@pytest.mark.parametrize("form", ["A race.", "Races? A race condition.", "RACE", f"A {RACE} that is not bold."])
def test_a_term_before_its_link_is_a_complaint(form: str):
    (complaint, *_) = complaints(form, f"A **{RACE}** is a bug.")
    assert "is used before 'race' is introduced" in complaint


@pytest.mark.parametrize("form", ["# A race", "| a race |", "`race`", "[a race](01_missing_join.ipynb)", "racecar"])
def test_headings_tables_code_and_other_links_are_no_prose(form: str):
    assert complaints(f"{form}\n\nText.", f"A **{RACE}** is a bug.") == []


def test_a_link_to_nothing_and_a_term_in_another_lesson_are_complaints():
    (complaint,) = complaints(f"A [rase]({PAGE}#rase).")
    assert complaint.startswith("00_start_here.ipynb: The glossary has no 'rase'.")
    (complaint,) = complaints(f"A **{RACE}** is a bug.", book="03_one_predicate.ipynb")
    assert complaint.endswith("places in lesson 00")


def test_a_term_that_no_lesson_introduces_is_a_complaint_that_gives_the_link():
    found = [complaint for complaint in terms.complaints([]) if complaint.startswith("glossary:")]
    assert len(found) == len(TERMS)
    assert f"write **[step]({PAGE}#step)** in lesson 00" in found[0]


def test_the_course_introduces_all_and_uses_none_too_early():
    books = []
    for path in notebooks():
        cells = loads(path.read_text(encoding="utf-8"))["cells"]
        books.append((path, [text_of(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]))
    assert list(terms.complaints(books)) == []
