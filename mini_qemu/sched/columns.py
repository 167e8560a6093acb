# SPDX-License-Identifier: GPL-2.0-or-later
"""A run in columns, one per thread: the table everyone can read, as text and as HTML.

Each step is in the column of the thread that made it; a call indents; a row says why control went elsewhere
when the thread that had it could not go on. The watched state follows at the right. With `ask=True` the values of
the state are `?`, to be predicted first (as in OSTEP's simulators); the same call without it shows the answers.
Left out: the code. That is what the player is for.
"""

from __future__ import annotations

import html
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .trace import Step, Trace

UNKNOWN = "?"
WRONG = "✕"
ASIDE = "·"
"""Marks what a thread does between its steps."""


@dataclass(frozen=True)
class Row:
    """One row: a step, or (number None) a remark in a thread's column or across all of them; `after` so many steps."""

    after: int
    number: int | None
    thread: str
    text: str
    state: dict[str, str]
    changed: tuple[str, ...]


class Columns:
    """A run in columns. `str` and `repr` are the text form, notebooks show the HTML.

    `state`: which watched labels to show (all; [] for none); `ask`: hide their values as `?`; `first`: the step to
    begin with, for the end of a long run; `width`: of a thread's column in the text form; `brief`: only the steps that
    read or change what is shown, the rules that break, and how it ends; `lines`: with the line of each step.
    Raises LookupError for a label that is not watched.
    """

    def __init__(
        self,
        trace: Trace,
        *,
        state: Sequence[str] | None = None,
        ask: bool = False,
        first: int = 1,
        width: int = 34,
        brief: bool = False,
        lines: bool = False,
    ) -> None:
        labels = list(trace.labels)
        unknown = [label for label in state or [] if label not in labels]
        if unknown:
            raise LookupError(f"{unknown[0]!r} is not watched in {trace.scenario}; watched are: {', '.join(labels)}")
        self.title: str = trace.title or trace.scenario
        self.labels: list[str] = labels if state is None else list(state)
        self.ask = ask
        self.width = max(12, width)
        skip = max(0, min(first - 1, len(trace.steps)))
        self.initial: dict[str, str] = dict(trace.steps[skip - 1].state if skip else trace.initial.state)
        self.rows = [row for row in _rows(trace, lines) if row.after > skip]
        if brief:
            about = {
                step.index for step in trace.steps if set(step.changed) & set(self.labels) or _names(step, self.labels)
            }
            self.rows = [row for row in self.rows if row.number in about or row.text.startswith(WRONG)]
        moving = {row.thread for row in self.rows}
        self.threads: list[str] = [name for name in trace.threads if name in moving]
        self.start = f"after step {skip}" if skip else "at the start"

    def values(self, row: Row) -> list[str]:
        """The state columns: what changed, or `?` in every cell that could change."""
        if self.ask:
            return [UNKNOWN if row.number else "" for _ in self.labels]
        return [row.state.get(label, "") if label in row.changed else "" for label in self.labels]

    def __repr__(self) -> str:
        first = [self.initial.get(label, "") for label in self.labels]
        every = [first, *(self.values(row) for row in self.rows)]
        widths = [max(len(label), *(len(v[i]) for v in every)) for i, label in enumerate(self.labels)]
        lines = [self._line("", {name: name for name in self.threads}, self.labels, widths)]
        lines.append("-" * len(lines[0].rstrip()))
        if self.labels:
            lines.append(self._line("", {}, first, widths))
        for row in self.rows:
            if row.thread not in self.threads:
                lines += textwrap.wrap(row.text, 100, initial_indent="     ", subsequent_indent="     ")
                continue
            indent = " " * (len(row.text) - len(row.text.lstrip()))
            parts = textwrap.wrap(row.text, self.width, subsequent_indent=indent + "  ") or [""]
            for i, part in enumerate(parts):
                number = str(row.number) if row.number and i == 0 else ""
                values = self.values(row) if i == 0 else [""] * len(self.labels)
                lines.append(self._line(number, {row.thread: part}, values, widths))
        return "\n".join(line.rstrip() for line in lines)

    __str__ = __repr__

    def _line(self, number: str, cells: dict[str, str], values: Sequence[str], widths: Sequence[int]) -> str:
        columns = [f"{cells.get(name, ''):<{self.width}}" for name in self.threads]
        columns += [f"{value:<{width}}" for value, width in zip(values, widths, strict=True)]
        return f"{number:>3}  " + "  ".join(columns)

    def _repr_html_(self) -> str:
        left = ' style="text-align:left"'
        head = "".join(f"<th{left}>{html.escape(name)}</th>" for name in ["", *self.threads, *self.labels])
        first = "".join(f"<td><code>{html.escape(self.initial.get(label, ''))}</code></td>" for label in self.labels)
        body = (
            [f'<tr><td></td><td{left} colspan="{len(self.threads)}">{self.start}</td>{first}</tr>']
            if self.labels
            else []
        )
        for row in self.rows:
            if row.thread in self.threads:
                indent = len(row.text) - len(row.text.lstrip())
                text = "&nbsp;" * indent + html.escape(row.text.strip())
                if row.number is None:
                    text = f"<em>{text}</em>"
                cells = "".join(f"<td{left}>{text if name == row.thread else ''}</td>" for name in self.threads)
            else:
                cells = f'<td{left} colspan="{len(self.threads)}"><em>{html.escape(row.text)}</em></td>'
            values = "".join(f"<td><code>{html.escape(v)}</code></td>" if v else "<td></td>" for v in self.values(row))
            body.append(f"<tr><td>{row.number or ''}</td>{cells}{values}</tr>")
        return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"


columns = Columns  # what a notebook calls


def _names(step: Step, labels: Sequence[str]) -> bool:
    """Whether a step is about one of these labels: "ms.rp_state.from_dst_file" is about "from_dst_file"."""
    return any(f".{step.name}".endswith(f".{label}") for label in labels)


def _rows(trace: Trace, lines: bool) -> Iterator[Row]:
    before = trace.initial
    base = {thread: len(frames) for thread, frames in before.frames.items()}
    last = ""
    for step in trace.steps:
        if step.thread != last and last in before.blocked:
            yield Row(step.index, None, last, f"({before.blocked[last]})", before.state, ())
        depth = len(before.frames.get(step.thread, ())) - base.setdefault(step.thread, 1)
        said = step.text.removeprefix(step.thread).strip()
        indent = " " * max(0, min(depth, 6))
        line = f"{step.line:>4} " if lines else ""
        yield Row(step.index, step.index, step.thread, line + indent + said, dict(step.state), tuple(step.changed))
        for aside in step.asides:
            line = f"{aside.line:>4} " if lines else ""
            yield Row(step.index, None, step.thread, f"{line}{indent}{ASIDE} {aside.text}", dict(step.state), ())
        for invariant in trace.invariants:
            if invariant.broken == step.index:
                yield Row(step.index, None, step.thread, f"{WRONG} {invariant.name} no longer holds", step.state, ())
        before, last = step, step.thread
    if trace.finding is not None:
        found = trace.finding
        yield Row(len(trace.steps) + 1, None, found.thread, f"{WRONG} {found.kind}: {found.message}", before.state, ())
