# SPDX-License-Identifier: GPL-2.0-or-later
"""What is said about an answer: as text, and as a card with hints to unfold and the run that fails, to play.

Every verdict has the same card: accepted, accepted with a remark, not yet, and an answer that Python cannot read. An
accepted answer also says how many interleavings failed before and how many fail now, and where to go next. The card is
plain HTML: it is its own static twin.
"""

from __future__ import annotations

import html
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lessons.exercises.way import next_to
from lessons.player.at_rest import AtRest, code
from lessons.player.player import Player
from mini_qemu.sched import Trace

PLAY = "The shortest failing run"


@cache
def _style() -> str:
    return Path(__file__).with_name("card.css").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Counts:
    """One trial, before and now: how many of its interleavings failed with the code to begin with, and how many there
    are with the answer, none of which fails."""

    about: str
    failing: int
    runs: int
    now: int

    def __str__(self) -> str:
        return f"When {self.about}: before, {self.failing:,} of {self.runs:,} failed; now none of {self.now:,}."

    def html(self) -> str:
        share = round(100 * self.failing / self.runs)
        rows = (("before", share, f"✕ {self.failing:,} of {self.runs:,} fail"), ("now", 0, f"✓ 0 of {self.now:,} fail"))
        bars = "".join(
            f'<dt>{word}</dt><dd><span class="bar" aria-hidden="true"><i style="width:{width}%"></i></span></dd>'
            f"<dd>{said}</dd>"
            for word, width, said in rows
        )
        return f'<p>Interleavings, when {code(self.about)}:</p><dl class="counts">{bars}</dl>'


@dataclass(frozen=True)
class Feedback(AtRest):
    """The verdict on an answer, true if it is accepted.

    `say` is what there is to say about it, `proved` in which trials it holds, each a sentence. `but` says that it is
    accepted with a remark on what is not nice; `reply` names the answer it was recognised as.
    """

    exercise: str
    passed: bool
    say: tuple[str, ...]
    trace: Trace | None = None
    on: tuple[str, ...] = ()
    reply: str = ""
    hints: tuple[str, ...] = ()
    but: bool = False
    proved: tuple[str, ...] = ()
    counts: Counts | None = None

    def __bool__(self) -> bool:
        return self.passed

    @property
    def verdict(self) -> str:
        return "accepted, but:" if self.but else "accepted." if self.passed else "not yet."

    def __repr__(self) -> str:
        text = [f"{self.exercise}: {self.verdict}", *self.say, *self.proved]
        if self.counts is not None:
            text.append(str(self.counts))
        if self.trace is not None:
            steps = len(self.trace.steps)
            text.append(f"{PLAY} has {steps} step{'' if steps == 1 else 's'}. Play it below.")
        return "\n".join(text).replace("`", "")

    def _repr_html_(self) -> str:
        mark = "✓" if self.passed else "✕"
        head = f'<p class="head"><b>{mark} {html.escape(self.exercise)}: {self.verdict}</b></p>'
        counts = self.counts.html() if self.counts else ""
        said = "".join(f"<p>{code(line)}</p>" for line in self.say)
        folded = "".join(
            f"<details><summary>Hint {number}</summary>{code(text)}</details>"
            for number, text in enumerate(self.hints, start=1)
        )
        if self.proved:
            holds = "".join(f"<li>{code(line)}</li>" for line in self.proved)
            said += f"<details><summary>What was run: {_many(len(self.proved))}</summary><ul>{holds}</ul></details>"
        kind = "passed" if self.passed else "failed"
        card = f"{head}{counts}{said}{folded}{self._next()}"
        player = Player(self.trace, title=PLAY, on=self.on)._repr_html_() if self.trace else ""
        return f'<div class="mini-qemu-card {kind}"><style>{_style()}</style>{card}</div>{player}'

    def _next(self) -> str:
        """What to do now: try again, or follow the link that an accepted answer leads to."""
        if not self.passed:
            return '<p class="next"><em>Change the code above, then run this cell again.</em></p>'
        link = next_to(self.exercise)
        return f'<p class="next">Next: <a href="{link.address}">{html.escape(link.words)}</a></p>' if link else ""


def _many(scenarios: int) -> str:
    return "one scenario" if scenarios == 1 else f"{scenarios} scenarios, in all of their interleavings"


def syntax_sentence(error: SyntaxError) -> str:
    """A syntax error as one sentence."""
    text = (error.text or "").strip()
    why = error.msg if error.msg.endswith((".", "?")) else f"{error.msg}."
    if error.lineno is None:  # of a character that no source may have
        return f"Python cannot read the cell: {why} Fix that and run the cell again."
    shown = f", `{text}`" if text else ""
    return f"Python cannot read line {error.lineno}{shown}: {why} Fix that line and run the cell again."
