# SPDX-License-Identifier: GPL-2.0-or-later
"""What is worth stopping at in a run: the events, whom a step meets, where the player opens, the chapters.

An event is a step that reads what another thread has just written, leaves a thread blocked, frees something, breaks a
rule or changes the watched state. Play hurries through the steps between events, and the page keys skip them. A run
opens just before the first step of the causal chain, or before the first event where nothing failed; what lies before
is the prologue. Step numbers stay those of the schedule.
Left out: a measure of importance. What matters is asked of the trace, never guessed from the story.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypedDict

from mini_qemu.sched import Beat, Moment, Step, Trace

ACCESSES = ("read", "write", "cas")


@dataclass(frozen=True)
class Event:
    """Why a step is worth a stop (empty if it is not), and the other thread it has to do with (may be empty)."""

    why: str = ""
    other: str = ""


class Chapter(TypedDict):
    """A part of a run: the steps after number `from` up to number `to`."""

    name: str
    first: int
    last: int


def events(trace: Trace, chain: Sequence[Beat] = ()) -> list[Event]:
    """One event for each step of the trace. The beats of the causal chain are events, whatever they do."""
    writes: dict[tuple[str, str], Step] = {}
    seen: dict[tuple[str, str], set[str]] = {}
    found: list[Event] = []
    before: Moment = trace.initial
    broken = {rule.broken: rule.name for rule in trace.invariants if rule.broken}
    for step in trace.steps:
        place = (step.object, step.field)
        fresh = _fresh(step, writes.get(place), seen.get(place, set()))
        stuck = [name for name in step.blocked if name not in before.blocked]
        other = fresh.thread if fresh else next((name for name in stuck if name != step.thread), _holder(step, stuck))
        found.append(Event(_why(step, fresh, stuck, broken.get(step.index, "")), other or _woken(step)))
        if step.op in ACCESSES:
            seen.setdefault(place, set()).add(step.thread)
        if step.op == "write" or (step.op == "cas" and step.value != "False"):
            writes[place], seen[place] = step, {step.thread}
        before = step
    for k, beat in enumerate(chain):
        event, near = found[beat.step - 1], [*chain[:k][::-1], *chain[k + 1 :]]
        meets = next((one.thread for one in near if one.thread not in ("", beat.thread)), event.other)
        found[beat.step - 1] = Event(event.why or beat.text, meets)
    return found


def _fresh(step: Step, wrote: Step | None, seen: set[str]) -> Step | None:
    """The write of another thread that this access is the first to see."""
    sees = step.op in ("read", "cas") and wrote is not None and wrote.thread != step.thread
    return wrote if sees and step.thread not in seen else None


def _why(step: Step, fresh: Step | None, stuck: list[str], rule: str) -> str:
    if rule:
        return f"breaks {rule}"
    if step.op == "free":
        return "frees it"
    if fresh is not None:
        return f"sees what {fresh.thread} wrote at step {fresh.index}"
    if stuck:
        return f"{' and '.join(stuck)} blocked"
    return f"changes {', '.join(step.changed)}" if step.changed else ""


def _holder(step: Step, stuck: list[str]) -> str:
    """Who holds the lock that the thread of this step now waits for."""
    said = step.blocked.get(step.thread, "") if step.thread in stuck else ""
    return next((holder for lock, holder in step.locks.items() if said.startswith(f"waits for {lock},")), "")


def _woken(step: Step) -> str:
    return next((name for name in step.woke if name != step.thread), "")


def opening(trace: Trace, chain: Iterable[Beat], found: list[Event]) -> int:
    """How many steps have been made where the player opens."""
    first = min((beat.step for beat in chain), default=0)
    if not first:
        first = next((i for i, event in enumerate(found, 1) if event.why.startswith(("sees", "breaks"))), 1)
    return max(0, min(first, len(trace.steps)) - 1)


def chapters(trace: Trace, chain: list[Beat], opens: int, prologue: str) -> list[Chapter]:
    """The run in two or three parts: what leads there, the race, and what comes of it."""
    count = len(trace.steps)
    if not chain or count < 20:
        return [Chapter(name=prologue, first=0, last=opens)] if opens >= FOLDED else []
    turn = next((beat.step for beat in chain[:-1][::-1]), count)
    parts = [
        Chapter(name=prologue, first=0, last=opens),
        Chapter(name="how it breaks", first=opens, last=turn),
        Chapter(name="what comes of it", first=turn, last=count),
    ]
    return [part for part in parts if part["last"] > part["first"]]


FOLDED = 8  # a prologue of at least so many steps is folded, as in player.js
