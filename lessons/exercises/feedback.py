# SPDX-License-Identifier: GPL-2.0-or-later
"""What is said about an answer: as text, as HTML with hints to unfold, and with the run that fails, to play."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import Any

from lessons.player.at_rest import code
from lessons.player.player import Player
from mini_qemu.sched import Trace

PLAY = "The shortest failing run"


@dataclass(frozen=True)
class Feedback:
    """The verdict on an answer, true if it is accepted.

    `but` says that it is accepted with a remark on what is not nice; `reply` names the answer it was recognised as.
    """

    exercise: str
    passed: bool
    say: tuple[str, ...]
    trace: Trace | None = None
    on: tuple[str, ...] = ()
    reply: str = ""
    hints: tuple[str, ...] = ()
    but: bool = False

    def __bool__(self) -> bool:
        return self.passed

    @property
    def verdict(self) -> str:
        return "accepted, but:" if self.but else "accepted." if self.passed else "not yet."

    def __repr__(self) -> str:
        text = [f"{self.exercise}: {self.verdict}", *self.say]
        if self.trace is not None:
            steps = len(self.trace.steps)
            text.append(f"{PLAY} has {steps} step{'' if steps == 1 else 's'}. Play it below.")
        return "\n".join(text).replace("`", "")

    def _repr_html_(self) -> str:
        mark = "✓" if self.passed else "✕"
        head = f"<b>{mark} {html.escape(self.exercise)}: {self.verdict}</b>"
        said = "".join(f"<p>{code(line)}</p>" for line in self.say)
        player = Player(self.trace, title=PLAY, on=self.on)._repr_html_() if self.trace else ""
        folded = "".join(
            f"<details><summary>Hint {number}</summary>{code(text)}</details>"
            for number, text in enumerate(self.hints, start=1)
        )
        return f"<p>{head}</p>{said}{folded}{player}"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": self._repr_html_()}


def syntax_sentence(error: SyntaxError) -> str:
    """A syntax error as one sentence."""
    text = (error.text or "").strip()
    shown = f", `{text}`" if text else ""
    return f"Python cannot read line {error.lineno}{shown}: {error.msg}. Fix that line and run the cell again."

