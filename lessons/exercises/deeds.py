# SPDX-License-Identifier: GPL-2.0-or-later
"""What an answer did, read off recorded runs: which steps were made while it was being called, and with which locks.

A step is the answer's if its file is on the thread's stack when the step is made, so what it does through functions
that it calls counts too. Names are the last part of a path: "from_dst_file", "qemu_file_lock", "BQL".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from mini_qemu.sched import Manual, Scenario, Trace
from mini_qemu.sched.trace import Moment, Step

LONGEST = 1_000  # steps: a run that waits in a loop for another thread would go on for ever
ROUND = 60  # steps at the end of such a run, some rounds of its loop


@dataclass(frozen=True)
class Deed:
    """One step of an answer: `own` if the operation is in the answer itself, `holding` the thread's locks."""

    op: str
    name: str
    value: str
    own: bool
    holding: frozenset[str]


class Deeds:
    """Everything an answer did in some runs: `calls` of it, each a list of deeds, and the `traces` they come from."""

    def __init__(self, traces: Iterable[Trace], file: str) -> None:
        self.file = file
        self.traces = list(traces)
        self.calls = [call for trace in self.traces for call in _calls(trace, file)]

    def did(self, op: str, name: str = "", *, own: bool = False, holding: str = "") -> bool:
        """Whether there was such a step; `own`: in the answer itself; `holding`: with that lock in hand."""
        return self.most(op, name, own=own, holding=holding) > 0

    def most(self, op: str, name: str = "", *, own: bool = False, holding: str = "") -> int:
        """How many such steps one call made at most."""
        return max((sum(1 for deed in call if _like(deed, op, name, own, holding)) for call in self.calls), default=0)

    def touches(self, name: str) -> bool:
        """Whether the answer itself read or wrote this field."""
        return any(deed.name == name and deed.own for call in self.calls for deed in call)

    def holds_nothing_for(self, op: str, name: str) -> bool:
        """Whether some step of this kind was made without any lock."""
        return any(_like(deed, op, name, False, "") and not deed.holding for call in self.calls for deed in call)

    def first_without(self, lock: str, op: str, name: str) -> bool:
        """Whether some call's first step of this kind was made without that lock."""
        firsts = [next((deed for deed in call if _like(deed, op, name, True, "")), None) for call in self.calls]
        return any(deed is not None and lock not in deed.holding for deed in firsts)

    def waits_with_a_lock(self, op: str) -> bool:
        """Whether some step of this kind was made with any lock in hand."""
        return any(deed.op == op and deed.holding for call in self.calls for deed in call)

    def last_read(self, name: str) -> str:
        """The value that the last read of this field gave, over all runs; "" if it was not read."""
        values = [deed.value for call in self.calls for deed in call if _like(deed, "read", name, False, "")]
        return values[-1] if values else ""

    def shown(self, label: str) -> str:
        """The watched value of that label when the first run began; "" if it is not watched."""
        return self.traces[0].initial.state.get(label, "") if self.traces else ""

    def ended(self, label: str) -> str:
        """The watched value of that label when the first run was over; "" if it is not watched."""
        return _last(self.traces[0]).state.get(label, "") if self.traces else ""

    def breaks(self, rule: str) -> bool:
        """Whether a rule of the scenario was broken in one of the runs."""
        return any(rule == each.name and each.broken for trace in self.traces for each in trace.invariants)

    @property
    def rounds(self) -> tuple[list[list[int]], list[str]]:
        """The last steps of the longest run, which has no end: the answer's lines on the stack at each, and the words
        of each, once.
        """
        last = max((trace.steps for trace in self.traces), key=len, default=[])[-ROUND:]
        stacks = [
            [line for file, _, line in before.frames.get(step.thread, []) if file == self.file]
            for before, step in pairwise(last)
        ]
        return stacks, list(dict.fromkeys(step.text for step in last))

    @property
    def waits_for_itself(self) -> bool:
        """Whether a thread asked in the answer for a lock that it held already."""
        return any(self._asks_again(_last(trace), inside=True) for trace in self.traces)

    @property
    def waits_for_what_it_kept(self) -> bool:
        """Whether a thread had left the answer when it asked for a lock that it held already."""
        return any(self._asks_again(_last(trace), inside=False) for trace in self.traces)

    def _asks_again(self, end: Moment, inside: bool) -> bool:
        own = {who for who, frames in end.frames.items() if any(file == self.file for file, _, _ in frames)}
        return any("held by itself" in why and (who in own) == inside for who, why in end.blocked.items())

    @property
    def waits_for_ever_with_a_lock(self) -> bool:
        """Whether a thread was blocked when the run was over, and held a lock."""
        ends = [_last(trace) for trace in self.traces]
        return any(end.status.get(who) == "blocked" for end in ends for who in end.locks.values())

    @property
    def keeps(self) -> str:
        """A sentence about a lock whose holder had ended when the run was over, or ""."""
        for trace in self.traces:
            for lock, holder in _last(trace).locks.items():
                if _last(trace).status.get(holder) == "done":
                    return f"{holder} has ended and still holds {lock}"
        return ""


def sampled(scenario: Scenario, most: int = LONGEST) -> Iterator[Trace]:
    """Two runs to look at where none fails: the thread named first always goes first, and the one named last."""
    for which in (0, -1):
        run = Manual(scenario)
        try:
            for _ in range(most):
                if not (able := run.choices()):
                    break
                run.step(able[which])
            trace = run.trace
        finally:
            run.close()  # the program's functions are as they were
        yield trace


def _like(deed: Deed, op: str, name: str, own: bool, holding: str) -> bool:
    return (
        deed.op == op
        and (not name or deed.name == name)
        and (not own or deed.own)
        and (not holding or holding in deed.holding)
    )


def _calls(trace: Trace, file: str) -> Iterator[list[Deed]]:
    """The steps of each call, thread by thread."""
    for thread in trace.threads:
        call: list[Deed] = []
        last = trace.initial
        for step in trace.steps:
            if step.thread == thread:
                inside = step.file == file or any(f == file for f, _, _ in last.frames.get(thread, []))
                if inside:
                    call.append(_deed(step, file, {_short(k) for k, who in last.locks.items() if who == thread}))
                elif call:
                    yield call
                    call = []
            last = step
        if call:
            yield call


def _deed(step: Step, file: str, holding: set[str]) -> Deed:
    return Deed(step.op, _short(step.name), step.value, step.file == file, frozenset(holding))


def _short(name: str) -> str:
    return name.rpartition(".")[2]


def _last(trace: Trace) -> Moment:
    return trace.steps[-1] if trace.steps else trace.initial
