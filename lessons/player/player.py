# SPDX-License-Identifier: GPL-2.0-or-later
"""The hosts of the player: a trace as plain data, that data at rest in a notebook, and live beside a kernel.

The module player.js draws; Python only prepares one JSON view, once. A trace as data:

    version title subtitle schedule
    threads   names in order of appearance            labels   watched labels in order
    sources   id -> file, function, first, lines, grey (lines that do not run), sites (fix, on, line, and the lines
              that are folded away because they do not run now, that move to the left, that lead the arm that runs);
              gone, left: lines of later fixes that are off, left out and moved to the left for good; kept: lines that
              run though the fix they are for is off
    initial   a moment: where {thread: [source, line, caller, helper]}, status {thread: word}, blocked {thread:
              sentence}, locks {lock: holder}, state {label: text}; a helper is the [source, line] of a function that
              is folded into its caller; hand {thread: items: name, text, source, stale, gone, to}, things {object:
              text, count, gone, to, items}, points {watched label: objects it points to}
    steps     thread, op, text, and what is not empty of: object (of a lock), value (that was read), at [source, line]
              where the moment before does not say it, changed, writes, reads, woke, event (why it is worth a stop),
              with (the other thread), from (the step that sent what this one takes) and message (its name), and those
              parts of the moment that the step changed
    chain     the beats of the causal chain: step, thread, text, more (the sentence of `explain`)
    scene     things: id, kind, label, column, watch (the watched label it stands for)
    opens     how many steps have been made where the player opens; chapters: name, first, last
    finding   kind, thread, message, source, line; or null
    invariants  name, meaning, broken (the step that broke it, 0 if it holds in this run)

At rest (`Player`): text/plain is one sentence, text/html a static table that the player replaces, see at_rest.py. Live
widgets are in lessons.widgets.lab.
Left out: pictures, and any call back to Python while stepping.
"""

from __future__ import annotations

import html
import linecache
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import asdict
from functools import cache
from typing import Any

from lessons.player.at_rest import AtRest, html_at_rest
from lessons.player.events import chapters, events, opening
from lessons.player.hands import hands
from lessons.player.scene import Scene
from lessons.player.words import sent, spoken
from lessons.views.source import (
    Site,
    SourceError,
    folded_lines,
    function_at,
    grey_lines,
    kept_lines,
    needed,
    setting,
    shown_path,
)
from mini_qemu.fixes import any_fix, fixes, later
from mini_qemu.sched import Finding, Step, Trace, chain

SEAM = ("mini_qemu/qemu_thread.py", "mini_qemu/sched/")  # a lock is shown where QEMU takes it, not inside the lock
HELPERS = ("mini_qemu/io_channel.py", "mini_qemu/qom.py", "mini_qemu/qemu_file_channel.py")  # shown where it is called
HELPING = ("qemu_mutex_lock_iothread", "qemu_mutex_unlock_iothread", "qemu_bh_schedule", "qemu_file_get_error")

LEFT = '<td style="text-align:left">'  # JupyterLab aligns to the right, for numbers
MANY = 30  # rows of a static table that are shown without being asked

PROLOGUE = "before"
TO_PLAY = "<p><em>Run this cell to play this run step by step.</em></p>"  # read where no script runs

Data = dict[str, Any]
Frames = list[tuple[str, str, int]]


@cache
def in_seam(file: str) -> bool:
    return shown_path(file).startswith(SEAM)


@cache
def helps(file: str, function: str) -> bool:
    """Whether a function is folded into its caller: a lock, a line, a count, read where they are used."""
    return shown_path(file).startswith(HELPERS) or function in HELPING


class _Sources:
    """Gives every function that is shown a short id."""

    def __init__(self, state: Mapping[str, bool], shown: Iterable[str] = ()) -> None:
        self.state = state
        self.shown = [any_fix(name).name for name in shown]  # although they may be later fixes that are off
        self.ids: dict[tuple[str, int], str] = {}
        self.known: dict[tuple[str, int], list[Any] | None] = {}
        self.data: dict[str, Data] = {}

    def place(self, file: str, line: int) -> list[Any] | None:
        """[id, line] of a line of a file; None if there is no source to show."""
        if (file, line) not in self.known:
            self.known[file, line] = self._look(file, line)
        return self.known[file, line]

    def _look(self, file: str, line: int) -> list[Any] | None:
        try:
            function = function_at(file, line)
        except (SourceError, SyntaxError):
            return None
        key = (file, function.first)
        if key not in self.ids:
            name = self.ids[key] = f"S{len(self.ids)}"
            grey = grey_lines(function, self.state)
            gone, left = folded_lines(function, self.state, self.shown)
            self.data[name] = {
                "file": shown_path(file),
                "function": function.name,
                "first": function.first,
                "lines": list(function.lines),
                "grey": sorted(grey),
                "kept": kept_lines(function, self.state),
                "sites": [self._site(site) for site in function.sites if self._has_chip(site, gone)],
            }
            if gone:
                self.data[name] |= {"gone": sorted(gone), "left": sorted(left)}
        return [self.ids[key], line]

    @staticmethod
    def _has_chip(site: Site, gone: Set[int]) -> bool:
        return site.fix in fixes.names or (site.fix in later.names and site.line not in gone)

    def _site(self, site: Site) -> Data:
        """A fix site with one arm left: the lines that go, those that move to the left, and the first that stays."""
        is_on = self.state.get(site.fix, True)
        first, last = site.on if is_on else site.off
        stays = list(range(first, last + 1))
        return {
            "fix": site.fix,
            "on": is_on,
            "line": site.line,
            "hidden": [line for line in range(site.line, site.end + 1) if line not in stays],
            "shifted": stays,
            "lead": first if stays else None,
        }

    def stands(self, frames: Frames) -> list[Any] | None:
        """Where a thread stands for a reader: the innermost frame above the seam and the helpers, with the name of its
        caller, and the place inside the helper."""
        above = [frame for frame in frames if not in_seam(frame[0])] or frames
        inner = above[-1:]
        while len(above) > 1 and helps(above[-1][0], above[-1][1].rpartition(".")[2]):
            above = above[:-1]
        if not above:
            return None
        found = self.place(above[-1][0], above[-1][2])
        caller = above[-2][1].rpartition(".")[2] if len(above) > 1 else ""
        helper = self.place(inner[0][0], inner[0][2]) if inner != above[-1:] else None
        if found is None:
            return None
        return [*found, caller, helper] if helper else [*found, caller] if caller else found


def trace_data(
    trace: Trace,
    *,
    title: str | None = None,
    subtitle: str | None = None,
    on: Iterable[str] | None = None,
    later: Iterable[str] = (),
    besides: str = "",
) -> Data:
    """A trace of the engine as the data that player.js draws. `on`: the fixes it was run with; None: those on now.
    `later`: later fixes whose sites are drawn although they are off. `besides`: a wrong fix that was on, too.
    """
    state = setting(on)
    sources = _Sources(state, later)
    scene = Scene(trace)
    moments = _moments(trace, sources, scene)
    initial = before = next(moments)
    beats = chain(trace)
    found = events(trace, beats)
    opens = opening(trace, beats, found)
    senders = messages(trace)
    steps = []
    for step, after, event in zip(trace.steps, moments, found, strict=True):
        at = None if before["where"][step.thread] else sources.place(step.file, step.line)
        took = {"from": senders[step.index], "message": sent(step)} if step.index in senders else {}
        way = _said(at=at, event=event.why, **{"with": event.other})
        steps.append(_step(trace, step, before, after) | took | way)
        before = after
    return {
        "version": 2,
        "title": title or trace.title or trace.scenario,
        "subtitle": _fixes_shown(sources.data, state, besides) if subtitle is None else subtitle,
        "schedule": trace.schedule,
        "threads": list(trace.threads),
        "labels": list(trace.labels),
        "sources": sources.data,
        "initial": initial,
        "steps": steps,
        "scene": {"things": scene.plan()},
        "finding": _finding(trace.finding, sources),
        "invariants": [asdict(invariant) for invariant in trace.invariants],
        "chain": [{"step": b.step, "thread": b.thread, "text": b.text, "more": b.sentence} for b in beats],
        "opens": opens,
        "chapters": [dict(chapter) for chapter in chapters(trace, beats, opens, PROLOGUE)],
    }


def _moments(trace: Trace, sources: _Sources, scene: Scene) -> Iterator[Data]:
    """Where everything is at the start, then after each step."""
    for at, hand in zip((trace.initial, *trace.steps), hands(trace), strict=True):
        yield {
            "hand": hand,
            "things": scene.at(at),
            "points": scene.arrows(at),
            "where": {thread: sources.stands(at.frames.get(thread, [])) for thread in trace.threads},
            "status": {thread: at.status.get(thread, "unborn") for thread in trace.threads},
            "blocked": dict(at.blocked),
            "locks": dict(at.locks),
            "state": dict(at.state),
        }


def _step(trace: Trace, step: Step, before: Data, after: Data) -> Data:
    """One step between two moments, without what only the player's way through the run knows of it."""
    born = [t for t in trace.threads if before["status"][t] == "unborn" != after["status"][t] and t != step.thread]
    said = _said(
        object=step.object if step.op in ("lock", "unlock") else "",
        value=step.value if step.op == "read" else "",
        changed=list(step.changed),
        writes=written(step, trace.labels),
        reads=named(step, trace.labels) if step.op == "read" else [],
        woke=[*step.woke, *(thread for thread in born if thread not in step.woke)],
    )
    text = sentence(step, before, after, broken_at(trace, step.index))
    return {"thread": step.thread, "op": step.op, "text": text} | said | _difference(before, after)


def _said(**values: Any) -> Data:
    """Those that say something."""
    return {key: value for key, value in values.items() if value}


def messages(trace: Trace) -> dict[int, int]:
    """Which step has sent what a step takes from a channel: first in, first out, by the numbers of the steps."""
    lines: dict[str, deque[Step]] = {}
    senders: dict[int, int] = {}
    for step in trace.steps:
        line = lines.setdefault(step.object, deque())
        if step.op == "send":
            line.append(step)
        elif step.op == "recv" and line and line[0].value == step.value:  # else it has found the end
            senders[step.index] = line.popleft().index
    return senders


def named(step: Step, labels: Iterable[str]) -> list[str]:
    """The watched labels a step is about: "ms.rp_state.from_dst_file" is about "from_dst_file"."""
    return [label for label in labels if f".{step.name}".endswith(f".{label}")]


def broken_at(trace: Trace, index: int) -> list[str]:
    """The invariants that step number `index` broke, each as a sentence."""
    return [f"{i.name} no longer holds: {i.meaning}" for i in trace.invariants if i.broken == index]


def written(step: Step, labels: Iterable[str]) -> list[str]:
    """The watched cells a step wrote: those that changed, and the one it wrote the same value to."""
    return [label for label in labels if label in step.changed or f" writes {label} = " in step.text]


def sentence(step: Step, before: Data, after: Data, broken: Iterable[str] = ()) -> str:
    """The engine's sentence, then what the thread did until its next step, what became of the watched state, who may go
    on, and which rule this broke, in the words of the table."""
    parts = [spoken(step) + kept_for(step), *(aside.text for aside in step.asides)]
    for label in step.changed:
        if any(aside.name == label for aside in step.asides):
            continue
        told = (f"{label} = {after['state'][label]}", f"{label}: {before['state'].get(label)} becomes")
        if not any(words in step.text for words in told):
            parts.append(f"{label}: {before['state'].get(label, 'nothing')} → {after['state'][label]}")
    if step.woke:
        parts.append(f"{' and '.join(step.woke)} can go on")
    return "; ".join([*parts, *broken])


def kept_for(step: Step) -> str:
    """", kept for NAME" where a step writes what only that fix asks for, and it is off."""
    fix = needed(linecache.getline(step.file, step.line)) if step.op == "write" else ""
    return f", kept for {fix}, which is off" if fix in fixes.names and not getattr(fixes, fix) else ""


def _difference(before: Data, after: Data) -> Data:
    """The parts of a moment that a step changed."""
    found: Data = {}
    for key in ("where", "status", "state", "hand", "things", "points"):
        changed = {name: value for name, value in after[key].items() if before[key].get(name) != value}
        if changed:
            found[key] = changed
    for key in ("blocked", "locks"):
        if before[key] != after[key]:
            found[key] = after[key]
    return found


def _finding(finding: Finding | None, sources: _Sources) -> Data | None:
    if finding is None:
        return None
    place = sources.place(finding.file, finding.line) if finding.file else None
    source, line = place or (None, 0)
    kind = "failed check" if finding.kind == "check" else finding.kind  # a word that says more than "check" on a badge
    return {"kind": kind, "thread": finding.thread, "message": finding.message, "source": source, "line": line}


def _fixes_shown(sources: Mapping[str, Data], state: Mapping[str, bool], besides: str) -> str:
    """All fixes that are on, in the order of the switches, and a wrong one ``besides``; nothing where no fix is
    involved.
    """
    on = [name for name in fixes.names if state[name]]
    if len(on) == len(fixes.names):
        on = ["all five of the series"]
    on += [name for name in later.names if state[name]]
    on += [besides] if besides else []
    if not on and not any(source["sites"] for source in sources.values()):
        return ""
    return "fixes on: " + (", ".join(on) or "none")


# ---- at rest


def plain(data: Data) -> str:
    """One sentence: what happens in this run."""
    count = len(data["steps"])
    head = f"{data['title']}{' (' + data['subtitle'] + ')' if data['subtitle'] else ''}"
    steps = f"{count} step{'' if count == 1 else 's'} of {', '.join(data['threads'])}"
    found = data["finding"]
    if found is None:
        return f"{head}: {steps}; nothing fails."
    where = f" in {found['thread']}" if found["thread"] and found["kind"] != "deadlock" else ""
    return f"{head}: {steps}; then {found['kind']}{where}: {found['message']}"


def table(data: Data) -> str:
    """The static twin of the player: a column per thread, what each step says in its thread's column.

    No line numbers, no classes: it must survive a sanitiser, and an edit elsewhere in a file must not change it.
    """
    cell, names = html.escape, data["threads"]
    rows = []
    for number, step in enumerate(data["steps"], start=1):
        said = step["text"].removeprefix(step["thread"]).strip()
        cells = "".join(f"{LEFT}{cell(said)}</td>" if name == step["thread"] else "<td></td>" for name in names)
        rows.append(f"<tr><td>{number}</td>{cells}</tr>")
        for rule in data["invariants"]:
            if rule["broken"] == number:
                spoken = f"<b>{cell(rule['name'])}</b> no longer holds: {cell(rule['meaning'])}"
                rows.append(f'<tr><td>✕</td><td style="text-align:left" colspan="{len(names)}">{spoken}</td></tr>')
    if data["finding"]:
        found = data["finding"]
        spoken = f"<b>{cell(found['kind'])}</b> {cell(found['message'])}"
        place = names.index(found["thread"]) if found["thread"] in names else None
        cells = (
            f'<td style="text-align:left" colspan="{len(names)}">{spoken}</td>'
            if place is None
            else "".join(f"{LEFT}{spoken}</td>" if i == place else "<td></td>" for i in range(len(names)))
        )
        rows.append(f"<tr><td>✕</td>{cells}</tr>")
    state = ", ".join(f"{label} = {data['initial']['state'].get(label, '')}" for label in data["labels"])
    head = "".join(f'<th style="text-align:left">{cell(name)}</th>' for name in ["step", *names])
    start = f"<p>At the start: {cell(state)}.</p>" if state else ""
    whole = f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
    if len(rows) > MANY:
        whole = f"<details><summary>All {len(data['steps'])} steps</summary>{whole}</details>"
    return f"<p>{cell(plain(data))}</p>{start}{whole}"


class Player(AtRest):
    """A run to walk through. Give it the Trace that `replay` returned (or data made by `trace_data`).

        Player(replay(scenario, result.failure.schedule))

    `on`: the fixes the trace was recorded with, if they are not the ones that are on now.
    """

    def __init__(
        self,
        trace: Trace | Data,
        *,
        title: str | None = None,
        subtitle: str | None = None,
        on: Iterable[str] | None = None,
    ) -> None:
        self.data: Data = trace if isinstance(trace, dict) else trace_data(trace, title=title, subtitle=subtitle, on=on)

    def __repr__(self) -> str:
        return plain(self.data)

    def _repr_html_(self) -> str:
        return html_at_rest({"mode": "player", "trace": self.data}, table(self.data) + TO_PLAY)
