# SPDX-License-Identifier: GPL-2.0-or-later
"""The cards of `lessons.elsewhere` as text, and as tables to unfold. Nothing in them needs a script or the network."""

from __future__ import annotations

import html
import re
import textwrap

from lessons.elsewhere import CARDS, Card, Place, card

LEFT = ' style="text-align:left;vertical-align:top"'
WIDTH = 100


class Elsewhere:
    """Where a mistake happens elsewhere, what finds it, and what that misses: all cards, or those of some lessons.

    elsewhere("02")
    """

    def __init__(self, *lessons: str) -> None:
        self.cards = [card(lesson) for lesson in lessons] or list(CARDS)

    def __repr__(self) -> str:
        return "\n".join(line for one in self.cards for line in _text(one))

    def _repr_html_(self) -> str:
        first, *others = (_table(one) for one in self.cards)
        folded = [f"<details><summary>{_head(one)}</summary>{table}</details>"
                  for one, table in zip(self.cards[1:], others, strict=True)]  # fmt: skip
        return f"<details open><summary>{_head(self.cards[0])}</summary>{first}</details>{''.join(folded)}"


def elsewhere(*lessons: str) -> Elsewhere:
    """The cards of these lessons ("01" to "05"), or all."""
    return Elsewhere(*lessons)


def _text(one: Card) -> list[str]:
    lines = [f"{one.lesson} {one.title}: {one.mistake}"]
    for place in one.places:
        for word, said in (("", place.looks), ("found by: ", place.finds), ("missed: ", place.misses)):
            head = f"  {place.language + ':' if not word else '':<8}{word}"
            lines += textwrap.wrap(said.replace("`", ""), WIDTH, initial_indent=head, subsequent_indent=" " * 10)
    return lines


def _head(one: Card) -> str:
    return f"<b>{one.lesson} {html.escape(one.title)}</b>: {html.escape(one.mistake)}"


def _table(one: Card) -> str:
    head = "".join(f"<th{LEFT}>{word}</th>" for word in ("language", "how it looks", "what finds it", "what it misses"))
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(map(_row, one.places))}</tbody></table>"


def _row(place: Place) -> str:
    pages = ", ".join(f'<a href="{page.url}">{html.escape(page.name)}</a>' for page in place.pages)
    texts = (f"<b>{place.language}</b>", _code(place.looks), _code(place.finds), f"{_code(place.misses)} ({pages})")
    return f"<tr>{''.join(f'<td{LEFT}>{text}</td>' for text in texts)}</tr>"


def _code(text: str) -> str:
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", html.escape(text))
