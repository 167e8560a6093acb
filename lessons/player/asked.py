# SPDX-License-Identifier: GPL-2.0-or-later
"""A question and the places that ask it: a table to step through, for lessons whose bug is not a race.

The rows come from a run. While it is made, each line that asks is watched as it is reached: which object the place has
in hand, what it asks, and the answer, worked out there and then with the values of that moment. Looking is not a step,
so the run is the one that the explorer makes. One run without the fix and one with it stand in the same table.

The table is its own static twin, folded as all answers are. Where scripts run, asked.js shows its rows one by one.
Left out: several threads. What is shown is one interleaving, and the lesson says that there is only one.
"""

from __future__ import annotations

import html
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any

from lessons.player.at_rest import AtRest, code, folded
from lessons.player.follow import follow
from lessons.views.source import Function, SourceError, function_named
from mini_qemu.fixes import fixes as switches
from mini_qemu.sched import Scenario, Trace, explore
from mini_qemu.sched.clerk import CLERK

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Place:
    """A line that asks: the first of `function` that contains `line`.

    `side` is the column it belongs to. `holds` and `answer` are expressions, `question` is the text of an f-string; all
    are worked out in the place's own names when it is reached.
    """

    function: str | Callable[..., Any]
    line: str
    side: str
    holds: str
    question: str
    answer: str

    def found(self) -> tuple[Function, int]:
        """The function, and the number of the line. Raises SourceError if no line contains the text."""
        function = function_named(self.function)
        for number, text in enumerate(function.lines, function.first):
            if self.line in text:
                return function, number
        raise SourceError(f"no line of {self.function} contains {self.line!r}")


@dataclass(frozen=True)
class Row:
    """One time that a place asked: after how many steps, where, and what was said. `after`: the watched value then."""

    step: int
    place: Place
    holds: str
    question: str
    answer: str
    after: str = ""

    @property
    def where(self) -> str:
        function = self.place.function
        return function.rpartition(".")[2] if isinstance(function, str) else function.__name__

    def sentence(self) -> str:
        return f"{self.where} has {self.holds} and asks: {self.question} {self.answer}"


@dataclass(frozen=True)
class Run:
    """The rows of one run, and how it ends."""

    title: str
    rows: tuple[Row, ...]
    ending: str
    fails: bool


def run(scenario: Scenario, places: Sequence[Place], watch: str, title: str) -> Run:
    """Make the scenario's one run and note what each place asks on the way."""
    rows: list[Row] = []
    trace = _watched(scenario, places, rows)
    states = [trace.initial.state, *(step.state for step in trace.steps)]
    done = [*(row.step for row in rows[1:]), *[len(trace.steps)] * bool(rows)]
    told = [replace(row, after=states[until].get(watch, "")) for row, until in zip(rows, done, strict=True)]
    count = explore(scenario).runs
    if count != 1:
        raise ValueError(f"{scenario.name} has {count} interleavings; a table shows one. Use RaceLab instead.")
    ending = f"The only interleaving fails: {trace.finding}" if trace.finding else "The only interleaving passes."
    return Run(title, tuple(told), ending, trace.finding is not None)


def _watched(scenario: Scenario, places: Sequence[Place], rows: list[Row]) -> Trace:
    lines = {(function.file, number): place for place in places for function, number in [place.found()]}
    files = {file for file, _ in lines}
    made, ready = 0, False

    def setup() -> Any:
        nonlocal ready
        state = scenario.setup()
        ready = True
        return state

    def counting(state: Any) -> Any:
        nonlocal made
        made += 1
        return scenario.watch(state) if scenario.watch else {}

    seen: set[tuple[FrameType, int]] = set()  # a line has many events

    def local(frame: FrameType, event: str, _: Any) -> Any:
        at = frame.f_lineno
        place = lines.get((frame.f_code.co_filename, at))
        if event == "line" and place and ready and (frame, at) not in seen:
            rows.append(_row(place, frame, max(0, made - 1)))
            seen.add((frame, at))
        return local

    def calls(frame: FrameType, _event: str, _: Any) -> Any:
        return local if frame.f_code.co_filename in files else None

    with _tracing(calls):
        return follow(replace(scenario, setup=setup, watch=counting), [])


@contextmanager
def _tracing(function: Any) -> Iterator[None]:
    before = sys.gettrace()
    sys.settrace(function)
    try:
        yield
    finally:
        sys.settrace(before)


def _row(place: Place, frame: FrameType, step: int) -> Row:
    def worked_out(expression: str) -> Any:
        try:
            return eval(expression, frame.f_globals, dict(frame.f_locals))
        except Exception as error:  # an abort is an answer, too
            return error

    with CLERK.looking():
        question = worked_out("f" + repr(place.question))
        return Row(step, place, _said(worked_out(place.holds)), str(question), _said(worked_out(place.answer)))


def _said(value: Any) -> str:
    """An answer in a word: yes, no, nothing; a text as it is; of an object its type."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        return value
    if isinstance(value, Exception):
        return f"✕ {value}"
    return f"a {type(value).__name__}"


class Asked(AtRest):
    """The table of a scenario without fixes and with them: which place asks what, about which object, what it hears.

        Asked(june_2021, TWO_SIDES, fixes=["one_yank_predicate"], watch="yank list")

    `fixes`: what the second run has on and the first has not (none: there is no second); `on`: what both have on.
    `watch`: the watched value that is shown after each answer. Raises ValueError if there are several interleavings.
    """

    def __init__(
        self,
        scenario: Scenario,
        places: Sequence[Place],
        fixes: Sequence[str] = (),
        *,
        on: Iterable[str] = (),
        watch: str = "",
    ) -> None:
        self.watch = watch
        self.sides = list(dict.fromkeys(place.side for place in places))
        self.title = scenario.title or scenario.name
        base = list(on)
        named = " and ".join(fixes)
        self.runs = [self._run(scenario, places, base, f"without {named}" if fixes else "as it is")]
        if fixes:
            self.runs.append(self._run(scenario, places, [*base, *fixes], f"with {named}"))

    def _run(self, scenario: Scenario, places: Sequence[Place], on: Iterable[str], title: str) -> Run:
        with switches.only(*on):
            return run(scenario, places, self.watch, title)

    def __repr__(self) -> str:
        lines = []
        for one in self.runs:
            lines.append(f"{self.title}, {one.title}:")
            for row in one.rows:
                lines.append(f"  {row.place.side}: {row.sentence()}{self._then(row)}")
            lines.append(f"  {'✕' if one.fails else '✓'} {one.ending}")
        return "\n".join(lines).replace("`", "")

    def _then(self, row: Row) -> str:
        return f"; {self.watch}: {row.after}" if self.watch else ""

    def _repr_html_(self) -> str:
        heads = ["step", *self.sides, *([self.watch + " then"] if self.watch else [])]
        head = "".join(f'<th scope="col">{html.escape(word)}</th>' for word in heads)
        body = "".join(self._body(one, len(heads)) for one in self.runs)
        table = f"<table><thead><tr>{head}</tr></thead>{body}</table>"
        name = html.escape(self.title)
        module = _text("asked.js").replace("export default", "return")
        script = f"<script>(() => {{ {module} }})()(document.currentScript.previousElementSibling);</script>"
        style = f"<style>{_text('asked.css')}</style>"
        twin = folded("Show what each place asks", table) + "<p><em>Run this cell to step through it.</em></p>"
        return f'<div class="mini-qemu-asked">{style}<p><b>{name}</b></p>{twin}</div>{script}'

    def _body(self, one: Run, columns: int) -> str:
        rows = "".join(self._tr(row) for row in one.rows)
        mark, kind = ("✕", "failed") if one.fails else ("✓", "proved")
        ending = f'<tr class="end {kind}"><td colspan="{columns}">{mark} {html.escape(one.ending)}</td></tr>'
        title = f'<tr class="run"><th scope="rowgroup" colspan="{columns}">{html.escape(one.title)}</th></tr>'
        return f"<tbody>{title}{rows}{ending}</tbody>"

    def _tr(self, row: Row) -> str:
        said = (
            f"<code>{row.where}</code> has <b>{html.escape(row.holds)}</b><br>{code(row.question)}"
            f" <b>{html.escape(row.answer)}</b>"
        )
        cells = "".join(f"<td>{said if side == row.place.side else ''}</td>" for side in self.sides)
        after = f"<td>{html.escape(row.after)}</td>" if self.watch else ""
        say = html.escape(f"{row.sentence()}{self._then(row)}".replace("`", ""), quote=True)
        return f'<tr data-say="{say}"><td>{row.step}</td>{cells}{after}</tr>'


@cache
def _text(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8").strip()
