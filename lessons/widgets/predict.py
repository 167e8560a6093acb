# SPDX-License-Identifier: GPL-2.0-or-later
"""Questions before a reveal, the reveal with what was said, questions at the end of a lesson, and what is done so far.

    Predict("missing-join/endings")      choose, or leave it open
    Reveal("missing-join/endings")       the truth, beside the prediction
    Quiz("missing-join/kitchen")          choose, and hear at once
    Progress()                            what is done, lesson by lesson

The truth is computed by exploring, never typed. What a learner chose shows in the live widget only: text/plain and
text/html are the same for everyone, so nbval compares the lesson and not the learner.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from lessons.exercises import exercises, progress, question, questions
from lessons.exercises.model import Question
from lessons.exercises.way import lesson_link
from lessons.player.at_rest import AtRest, code, folded

HERE = Path(__file__).parent


@cache
def _text(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


class Card(AtRest, anywidget.AnyWidget):
    """A view for predict.js, messages back, and a form at rest that is the same for everyone."""

    _esm = _text("predict.js")
    _css = _text("predict.css")
    view = traitlets.Dict().tag(sync=True)

    def __init__(self) -> None:
        super().__init__()
        self.on_msg(lambda _widget, message, _buffers: self.obey(message))
        self.view = self.draw()

    def draw(self) -> dict[str, Any]:
        raise NotImplementedError

    def obey(self, message: Mapping[str, Any]) -> None:
        """What the browser says."""


class Predict(Card):
    """Say what you think before you see it. Leaving it open is allowed."""

    kind = "predicted"

    def __init__(self, *names: str) -> None:
        self.asked = {name: question(name) for name in names}
        super().__init__()

    def chosen(self, name: str) -> str:
        """What is noted, if it is one of the choices; else ""."""
        said = progress.done(self.kind, name)
        return said if isinstance(said, str) and said in self.asked[name].choices else ""

    def draw(self) -> dict[str, Any]:
        return {
            "mode": "ask",
            "quiz": self.kind == "answered",
            "asks": [
                {
                    "name": name,
                    "question": asked.text,
                    "choices": [[key, text] for key, text in asked.choices.items()],
                    "chosen": self.chosen(name),
                    **self.note(asked),
                }
                for name, asked in self.asked.items()
            ],
        }

    def note(self, asked: Question) -> dict[str, str]:
        """What is below the choices."""
        if self.chosen(asked.name):
            return {"note": "Noted. You will see it again beside the answer.", "verdict": ""}
        return {"note": "Choose one, or leave it open and read on.", "verdict": ""}

    def obey(self, message: Mapping[str, Any]) -> None:
        if message.get("do") == "choose":
            self.choose(str(message.get("name")), str(message.get("key", "")))

    def choose(self, name: str, key: str) -> None:
        """As a click does; "" takes it back."""
        asked = question(name)
        if key and key not in asked.choices:
            raise LookupError(f"{key!r} is not a choice; choose from {', '.join(asked.choices)}")
        progress.record(self.kind, name, key)
        self.view = self.draw()

    def __repr__(self) -> str:
        lines: list[str] = []
        for asked in self.asked.values():
            lines += [asked.text, *(f"  ( ) {choice}" for choice in asked.choices.values())]
        return "\n".join(lines).replace("`", "")

    def _repr_html_(self) -> str:
        parts = []
        for asked in self.asked.values():
            choices = "".join(f"<li>{code(text)}</li>" for text in asked.choices.values())
            parts.append(f"<p><b>{code(asked.text)}</b></p><ul>{choices}</ul>")
        return "".join(parts) + "<p><em>Say what you think before you read on. Run this cell to note it.</em></p>"


class Quiz(Predict):
    """Questions that answer at once, and may be answered again."""

    kind = "answered"

    def note(self, asked: Question) -> dict[str, str]:
        chosen = self.chosen(asked.name)
        if not chosen:
            return {"note": "Choose one.", "verdict": ""}
        if chosen == asked.truth():
            return {"note": f"Right. {asked.why}", "verdict": "right"}
        return {"note": f"Not quite. {asked.replies[chosen]}", "verdict": "wrong"}

    def _repr_html_(self) -> str:
        """Each choice unfolds its own answer: no kernel and no script is needed."""
        parts = []
        for asked in self.asked.values():
            truth = asked.truth()
            parts.append(f"<p><b>{code(asked.text)}</b></p>")
            for key, text in asked.choices.items():
                said = f"Right. {asked.why}" if key == truth else f"Not quite. {asked.replies[key]}"
                parts.append(folded(code(text), f"<p>{code(said)}</p>"))
        return "".join(parts)


class Reveal(Card):
    """What the explorer, or the real thing, says beside what was predicted."""

    def __init__(self, *names: str) -> None:
        self.asked = [question(name) for name in names]
        self.truth = {asked.name: asked.truth() for asked in self.asked}
        super().__init__()

    def draw(self) -> dict[str, Any]:
        return {"mode": "echo", "echoes": [self.echo(asked) for asked in self.asked]}

    def echo(self, asked: Question) -> dict[str, str]:
        chosen, truth = progress.done("predicted", asked.name), self.truth[asked.name]
        said = asked.choices.get(str(chosen or ""), "")
        return {
            "teller": asked.teller,
            "said": said or "nothing: you left it open, which is fine",
            "truth": asked.choices[truth],
            "why": " ".join(part for part in (asked.replies.get(str(chosen), ""), asked.why) if part),
            "verdict": "open" if not said else "same" if chosen == truth else "other",
        }

    def __repr__(self) -> str:
        lines: list[str] = []
        for asked in self.asked:
            lines += [f"{_says(asked)}: {asked.choices[self.truth[asked.name]]}", asked.why]
        return "\n".join(lines).replace("`", "")

    def _repr_html_(self) -> str:
        """The answer is folded: you choose first, or say that you want to be shown."""
        told = "".join(
            f"<p>{_says(asked)}: <b>{code(asked.choices[self.truth[asked.name]])}</b></p><p>{code(asked.why)}</p>"
            for asked in self.asked
        )
        tellers = " and ".join(dict.fromkeys(asked.teller for asked in self.asked))
        shown = folded(f"Show what {tellers} {'say' if ' and ' in tellers else 'says'}", told)
        return f"{shown}<p><em>Run this cell to see your prediction beside it.</em></p>"


def _says(asked: Question) -> str:
    return f"{asked.teller[:1].upper()}{asked.teller[1:]} says"


class Progress(Card):
    """What is done, lesson by lesson, with a button that forgets it."""

    def obey(self, message: Mapping[str, Any]) -> None:
        if message.get("do") == "reset":
            said = progress.reset()
            self.view = {**self.draw(), "note": said}

    def draw(self) -> dict[str, Any]:
        found = progress.load()
        asked, tasks = questions().values(), exercises().values()
        rows = []
        for lesson in lessons_there():
            mine = [q.name for q in asked if q.lesson == lesson]
            predicted = [name for name in mine if found["predicted"].get(name)]
            answered = [name for name in mine if found["answered"].get(name)]
            solved = [e.name for e in tasks if e.lesson == lesson]
            count = sum(bool(found["solved"].get(name)) for name in solved)
            parts = [
                ["questions", len({*predicted, *answered}), len(mine)],
                ["exercises", count, len(solved)],
            ]
            link = lesson_link(lesson)
            rows.append([link.words if link else lesson, link.address if link else "", parts])
        broken = len([name for name in found["broken"].values() if name])
        note = progress.note or f"As scheduler you have broken {_many(broken, 'race')} so far."
        return {"mode": "progress", "rows": rows, "note": note}

    def __repr__(self) -> str:
        return "\n".join(f"{title}: {sizes}" for title, _, sizes in self._there())

    def _repr_html_(self) -> str:
        rows = "".join(f"<li>{_linked(title, address)}: {sizes}</li>" for title, address, sizes in self._there())
        return f"<ul>{rows}</ul><p><em>Run this cell to see what you have done.</em></p>"

    @staticmethod
    def _there() -> Iterator[tuple[str, str, str]]:
        """Title, address and size of each lesson."""
        for lesson in lessons_there():
            link, (asked, tasks) = lesson_link(lesson), _sizes(lesson)
            sizes = f"{_many(asked, 'question')}, {_many(tasks, 'exercise')}"
            yield link.words if link else lesson, link.address if link else "", sizes


def _linked(words: str, address: str) -> str:
    said = html.escape(words)
    return f'<a href="{address}">{said}</a>' if address else said


def _many(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _sizes(lesson: str) -> tuple[int, int]:
    asked, tasks = questions().values(), exercises().values()
    return sum(q.lesson == lesson for q in asked), sum(e.lesson == lesson for e in tasks)


def lessons_there() -> list[str]:
    """The lessons that ask something, in the order of the course."""
    return sorted({q.lesson for q in questions().values()} | {e.lesson for e in exercises().values()})
