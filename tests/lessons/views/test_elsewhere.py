"""The cards: one for each of lessons 01 to 05, four languages each, every place with a page; text and HTML agree."""

from __future__ import annotations

import html
import re

import pytest

from lessons.elsewhere import CARDS, card
from lessons.places import notebooks
from lessons.views.elsewhere import elsewhere

LANGUAGES = ["Python", "Go", "Rust", "C"]
PLACES = [(one, place) for one in CARDS for place in one.places]


def test_every_lesson_and_every_language():
    lessons = [path.stem[:2] for path in notebooks() if path.stem[:2] in ("01", "02", "03", "04", "05")]
    assert [one.lesson for one in CARDS] == sorted(lessons)
    assert all([place.language for place in one.places] == LANGUAGES for one in CARDS)


@pytest.mark.parametrize(("one", "place"), PLACES, ids=[f"{one.lesson} {place.language}" for one, place in PLACES])
def test_a_place_is_whole(one, place):
    assert place.pages
    assert all(page.url.startswith("https://") for page in place.pages)
    for said in (place.finds, place.misses):
        assert said.endswith(".")
    assert all(said.count("`") % 2 == 0 for said in (place.looks, place.finds, place.misses))


def test_text_and_html_say_the_same():
    def words(text: str) -> list[str]:
        return re.findall(r"\w+", text)

    for one in CARDS:
        shown = elsewhere(one.lesson)
        text = " ".join(words(repr(shown)))
        plain = " ".join(words(html.unescape(re.sub(r"<[^>]+>", "", shown._repr_html_()))))
        for place in one.places:
            for said in (place.looks, place.finds, place.misses):
                said = " ".join(words(said))
                assert said in text
                assert said in plain


def test_one_card_and_none():
    assert repr(elsewhere("02")).startswith("02 Check, then use: ")
    assert elsewhere()._repr_html_().count("<details") == len(CARDS)
    with pytest.raises(LookupError, match="01, 02, 03, 04, 05"):
        card("08")
