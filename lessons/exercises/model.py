# SPDX-License-Identifier: GPL-2.0-or-later
"""What an exercise and a question are. Data only: judge.py judges, lessons.widgets asks.

An exercise is written as Python: one file each, whose functions are the starter, the solution, and the answers that
somebody is likely to give, wrong or right. (They may be classes, too.) They are ordinary code, which tools read; an
answer is judged as text,
taken from them with `inspect`, so that each meets the grader as a learner's cell does: without this file's imports.

An answer is put in its place by `mount`, and every trial is explored: all interleavings of one scenario, judged by its
findings and its check, so that doing nothing fails as surely as doing wrong. A reply is chosen by what the answer did
(`when`): where it failed, with which findings, which steps it made. How it is spelled is not looked at. In "order the
lines" the order is what was done.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any, TypeVar

from lessons.exercises.deeds import Deeds
from lessons.functions import text_of
from mini_qemu.sched import Result, Scenario

Mount = Callable[[Any], AbstractContextManager[Any]]
F = TypeVar("F", bound=Callable[..., Any])
LETTER = re.compile(r"\s*# ([A-Z])$")


@dataclass(frozen=True)
class Trial:
    """A scenario that an answer must survive, with the fixes that are on meanwhile.

    `about` completes "when ..."; `under` changes something else in the miniature as long as the trial lasts.
    `must_abort`: a mistake elsewhere that must stay loud; then each run must end in an abort with these words.
    """

    scenario: Scenario
    about: str
    on: tuple[str, ...] = ()
    under: Callable[[], AbstractContextManager[Any]] = nullcontext
    must_abort: str = ""

    def passed_by(self, result: Result) -> bool:
        if not self.must_abort:
            return result.verdict == "proved"
        loud = all(kind == "crash" and self.must_abort in message for kind, message in result.outcomes)
        return loud and result.failing == result.runs


@dataclass(frozen=True)
class Outcome:
    """What an answer did: in the first trial that it failed, or, if it passed, in the runs that were looked at."""

    trial: Trial
    result: Result
    deeds: Deeds
    order: str = ""

    @property
    def kinds(self) -> set[str]:
        return set(self.result.findings)

    @property
    def always(self) -> bool:
        """Whether every interleaving fails."""
        return self.result.failing == self.result.runs

    def says(self, words: str) -> bool:
        """Whether some finding's message contains these words."""
        return any(words in message for _, message in self.result.outcomes)

    def found_in(self, thread: str) -> bool:
        """Whether some finding stopped this thread."""
        return any(failure.finding.thread == thread for failure in self.result.examples.values())

    def during(self, *trials: Trial) -> bool:
        """Whether the trial that failed is one of these."""
        return self.trial in trials


When = Callable[[Outcome], bool]


def before(first: str, *others: str) -> When:
    """For "order the lines": one letter is placed before each of the others."""
    return lambda o: all(o.order.index(first) < o.order.index(other) for other in others)


def otherwise(_outcome: Outcome) -> bool:
    """The reply for whatever fails and is none of those above it."""
    return True


@dataclass(frozen=True)
class WrongAnswer:
    """`when` recognises what it did; the first that matches gives its reply."""

    name: str
    answer: str
    reply: str
    when: When


@dataclass(frozen=True)
class RightAnswer:
    """Another answer that must be accepted. Its `remark`, if any, is for all answers that `when` recognises.

    A remark qualifies ("accepted, but"), or praises what the answer does better than the solution.
    """

    name: str
    answer: str
    remark: str = ""
    when: When | None = None
    praise: bool = False


@dataclass
class Exercise:
    """One thing to do. The decorators fill in `entry` and the answers, from the functions below them.

    `equivalent`: changes of the solution that no trial can refute, as `lessons.authoring.mutation` names them, with the
    reason.
    """

    name: str
    lesson: str
    title: str
    statement: str
    why: str
    trials: tuple[Trial, ...]
    mount: Mount
    hints: tuple[str, ...]
    equivalent: Mapping[str, str] = field(default_factory=dict)
    entry: str = ""
    starter: str = ""
    solution: str = ""
    right: list[RightAnswer] = field(default_factory=list)
    lines: Mapping[str, str] = field(default_factory=dict)
    _refuted: list[WrongAnswer] = field(default_factory=list)
    _as_shipped: list[WrongAnswer] = field(default_factory=list)

    @property
    def kind(self) -> str:
        return "order" if self.lines else "write"

    @property
    def wrong(self) -> tuple[WrongAnswer, ...]:
        """The wrong answers, the most particular first. The starter is the last of them."""
        return (*self._refuted, *self._as_shipped)

    # ---- decorators

    def starts_from(self, reply: str, when: When = otherwise) -> Callable[[F], F]:
        """The function to begin with. It is wrong: the reply says why."""

        def take(function: F) -> F:
            self.entry = function.__name__
            self.starter = self._text(function)
            self._as_shipped.append(WrongAnswer("as_shipped", self.starter, reply, when))
            return function

        return take

    def solved_by(self, function: F) -> F:
        self.solution = self._text(function)
        return function

    def refutes(self, reply: str, when: When) -> Callable[[F], F]:
        """A wrong answer with its reply."""

        def take(function: F) -> F:
            self._refuted.append(WrongAnswer(function.__name__, self._text(function), reply, when))
            return function

        return take

    def accepts(self, function: F) -> F:
        """Another right answer, about which there is nothing to add."""
        self.right.append(RightAnswer(function.__name__, self._text(function)))
        return function

    def accepts_but(self, remark: str, when: When) -> Callable[[F], F]:
        """A right answer that is not nice, and what is not nice about it."""
        return self._remarks(remark, when, praise=False)

    def praises(self, remark: str, when: When) -> Callable[[F], F]:
        """A right answer that does more than the solution does."""
        return self._remarks(remark, when, praise=True)

    def _remarks(self, remark: str, when: When, praise: bool) -> Callable[[F], F]:
        def take(function: F) -> F:
            self.right.append(RightAnswer(function.__name__, self._text(function), remark, when, praise))
            return function

        return take

    def refutes_changed(self, name: str, reply: str, when: When, **change: str) -> None:
        """A wrong answer that is the solution with some lines changed: `old` becomes `new`."""
        self._refuted.append(WrongAnswer(name, self._changed(**change), reply, when))

    def accepts_changed(self, name: str, **change: str) -> None:
        """A right answer that is the solution with some lines changed: `old` becomes `new`."""
        self.right.append(RightAnswer(name, self._changed(**change)))

    def _changed(self, old: str, new: str) -> str:
        """The solution with these lines in the place of those. A text of several lines begins with an empty one; both
        have the margin of the old."""
        margin = min(len(line) - len(line.lstrip()) for line in old.splitlines() if line.strip())
        wanted = [line[margin:] for line in old.splitlines() if line.strip()]
        instead = [line[margin if new.startswith("\n") else 0 :] for line in new.splitlines() if line.strip()]
        for indent in (" " * width for width in range(0, 40, 4)):
            text = "\n".join(["", *(indent + line for line in wanted), ""])
            if self.solution.count(text) == 1:
                return self.solution.replace(text, "\n".join(["", *(indent + line for line in instead), ""]))
        raise LookupError(f"the solution of {self.name} does not contain once: {wanted}")

    def _text(self, function: Callable[..., Any]) -> str:
        assert isinstance(function, FunctionType | type)
        return text_of(function, self.entry)


@dataclass
class OrderExercise(Exercise):
    """Lines to put in order: those of one function that end in a letter as a comment, `# A`.

    `starter` is the order to begin with, `solution` the order of the function itself; `misplaced` are the wrong orders,
    `also_right` and `right_but` the other right ones, each with what there is to say about it.
    """

    misplaced: tuple[WrongAnswer, ...] = ()
    also_right: Mapping[str, str] = field(default_factory=dict)
    right_but: Mapping[str, str] = field(default_factory=dict)
    _frame: tuple[str, str, str] = ("", "", "")

    @property
    def wrong(self) -> tuple[WrongAnswer, ...]:
        return self.misplaced

    def orders(self, function: F) -> F:
        """Take the lines and the frame around them from this function. Its own order is the solution."""
        assert isinstance(function, FunctionType)
        text = text_of(function)
        rows = text.splitlines()
        lettered = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.stmt) and _letter(rows, node)]
        first, last = lettered[0], lettered[-1]
        letters = "".join(_letter(rows, node) for node in lettered)
        assert len(letters) == sum(bool(LETTER.search(row)) for row in rows), "each letter is beside a statement"
        blocks = [rows[node.lineno - 1 : node.end_lineno] for node in lettered]
        texts = (textwrap.dedent("\n".join(LETTER.sub("", row) for row in block)) + "\n" for block in blocks)
        self.entry, self.solution = function.__name__, letters
        self.lines = dict(sorted(zip(letters, texts, strict=True)))
        indent = " " * first.col_offset
        after = rows[last.end_lineno :]
        self._frame = ("\n".join(rows[: first.lineno - 1]) + "\n", indent, "".join(row + "\n" for row in after))
        return function

    def assemble(self, order: str) -> str:
        """The function that an order of the lettered lines makes."""
        head, indent, rest = self._frame
        return head + textwrap.indent("".join(self.lines[letter] for letter in order), indent) + rest


def _letter(rows: list[str], node: ast.stmt) -> str:
    found = LETTER.search(rows[node.lineno - 1])
    return found[1] if found and not rows[node.lineno - 1][: node.col_offset].strip() else ""


@dataclass(frozen=True)
class Question:
    """Asked before a reveal, or at the end of a lesson.

    `truth` computes the right choice and `why` explains it; `replies` answer the wrong choices, one each. `teller` is
    who is asked for the truth: "the explorer" in the model, "QEMU" where a real one was run.
    """

    name: str
    lesson: str
    text: str
    choices: Mapping[str, str]
    truth: Callable[[], str]
    why: str
    replies: Mapping[str, str] = field(default_factory=dict)
    teller: str = "the explorer"
