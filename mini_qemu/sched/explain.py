# SPDX-License-Identifier: GPL-2.0-or-later
"""A failure in two or three sentences: who read what before who wrote it, with the lines, and what came of it.

Strategy: in a minimised trace every preemption matters. For each, find the variable that the interrupted thread and the
others both use around it, and tell the accesses in their order; where nobody was interrupted, the last value that the
failing thread had from another. Then the rule of the scenario that this broke first, which is why it matters; then the
finding. Everything said is taken from the trace. `chain` gives the same story as data: the few steps that it names.
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass, replace

from .minimise import shortest_trace
from .ordinary.program import Explorable
from .replay import replay
from .result import Failure, Result
from .scenario import Finding
from .trace import Step, Trace, short_file

_ACCESSES = {"read", "write", "cas"}
_WAKES = {"wake", "wake_or_time_out"}
_WIDTH = 100
MOST_HOPS = 2
"""Values handed from thread to thread that are told."""


@dataclass(frozen=True)
class Beat:
    """One step of the story: which, whose, what it did in a few words, and the sentence it is in."""

    step: int
    thread: str
    text: str
    sentence: str = ""


@dataclass(frozen=True)
class _Part:
    """A sentence of the story and the steps it names, in their order."""

    sentence: str
    beats: tuple[Beat, ...] = ()


def explain(scenario: Explorable, failure: Result | Failure | Trace | str | None = None) -> str:
    """Why the scenario fails, from its simplest failing run (or from the trace given): a line, or more, for each
    sentence. Says so if nothing failed.
    """
    if isinstance(failure, Result) and failure.failure is None:
        return f"Nothing to explain: {failure!r}"
    if isinstance(failure, Trace):
        trace = failure
    elif isinstance(failure, str):
        trace = replay(scenario, failure)
    else:
        trace = shortest_trace(scenario, failure)
    sentences = [part.sentence for part in _story(trace)]
    told = textwrap.TextWrapper(_WIDTH, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
    return "\n".join(told.fill(sentence) for sentence in dict.fromkeys(sentences) if sentence)


def chain(trace: Trace) -> list[Beat]:
    """The steps that explain a failing trace, each once, in their order; the last is where it shows. Empty if nothing
    failed.
    """
    if trace.finding is None or not trace.steps:
        return []
    beats: dict[int, Beat] = {}
    for part in _story(trace):
        for beat in part.beats:
            if beat.step not in beats:
                beats[beat.step] = Beat(beat.step, beat.thread, beat.text, part.sentence)
    return [beats[step] for step in sorted(beats)]


def _story(trace: Trace) -> list[_Part]:
    found = _freed_before(trace) or _around_switches(trace) or _woken_late(trace) or _from_another(trace)
    return [part for part in [*found, *_rule(trace), _ending(trace)] if part.sentence]


def _freed_before(trace: Trace) -> list[_Part]:
    """For a use after free: who freed the object, and where it was touched afterwards."""
    if trace.finding is None or trace.finding.kind != "use-after-free" or not trace.steps:
        return []
    touch = trace.steps[-1]
    freed = next((s for s in reversed(trace.steps[:-1]) if s.op == "free" and s.object == touch.object), None)
    if freed is None:
        return []
    sentence = f"{_at(freed, f'freed {freed.object}')} before {_at(touch, 'touched it')}."
    return [_Part(sentence, (*_copied(trace, touch), *_counted(trace, freed), _beat(freed), _beat(touch)))]


def _copied(trace: Trace, touch: Step) -> tuple[Beat, ...]:
    """Where the thread that touches a freed object had read the pointer to it."""
    mine = (s for s in reversed(trace.steps[:-1]) if s.thread == touch.thread and s.op == "read")
    read = next((s for s in mine if s.name == touch.object), None)
    return (_beat(read),) if read else ()


def _counted(trace: Trace, freed: Step) -> tuple[Beat, ...]:
    """Where the thread that freed an object had read a count in it that another thread changed meanwhile."""
    earlier = trace.steps[: freed.index - 1]
    for read in reversed([s for s in earlier if s.thread == freed.thread and s.op == "read"]):
        others = [s for s in earlier[read.index :] if s.thread != freed.thread and s.op in ("write", "cas")]
        wrote = next((s for s in others if s.name == read.name and s.op == "cas"), None)
        if read.object == freed.object and wrote is not None:
            return _beat(read), _beat(wrote)
    return ()


def _around_switches(trace: Trace) -> list[_Part]:
    """One sentence for each interruption that changed what a thread saw."""
    steps = trace.steps
    told: list[_Part] = []
    for i in range(1, len(steps)):
        interrupted = steps[i - 1].thread
        if steps[i].thread == interrupted or _status_before(trace, i, interrupted) != "ready":
            continue
        back = next((j for j in range(i, len(steps)) if steps[j].thread == interrupted), len(steps))
        part = _conflict(steps[:i], steps[i:back], steps[back:], interrupted)
        if not {beat.step for beat in part.beats} <= {beat.step for one in told for beat in one.beats}:
            told.append(part)
    return told


def _woken_late(trace: Trace) -> list[_Part]:
    """For a thread that waited on a condition: who notified it, and who then changed what it used, before it woke."""
    steps, finding = trace.steps, trace.finding
    woke = next((s for s in reversed(steps) if finding and s.thread == finding.thread and s.op in _WAKES), None)
    if woke is None:
        return []
    before = steps[: woke.index - 1]
    asleep = next((s.index for s in reversed(before) if s.thread == woke.thread and s.op == "wait"), 0)
    notified = next((s for s in before[asleep:] if s.op == "notify" and s.object == woke.object), None)
    if notified is None:
        return []
    used = {s.name for s in _accesses(steps[woke.index - 1 :]) if s.thread == woke.thread}
    for other in reversed(_accesses(before[notified.index :])):
        if other.thread != woke.thread and other.op == "write" and other.name in used:
            notice = _at(notified, f"notified {woke.object}")
            sentence = f"{notice}, and {woke.thread} could wake. {_told(other)} first."
            return [_Part(sentence, (_beat(notified), _beat(other), _beat(woke)))]
    return []


def _from_another(trace: Trace) -> list[_Part]:
    """The last value that the thread which stopped had read from another; and the one that this other had, if it was
    from another one again.
    """
    steps, finding = _accesses(trace.steps), trace.finding
    if finding is None or not finding.stops:
        return []
    told: list[_Part] = []
    thread, end = finding.thread, len(steps)
    while len(told) < MOST_HOPS:
        pair = _handed_over(steps[:end], thread)
        if pair is None:
            break
        wrote, read = pair
        told.insert(0, _Part(f"{_told(wrote)} before {_told(read)}.", (_beat(wrote), _beat(read))))
        thread, end = wrote.thread, steps.index(wrote)
    return told


def _handed_over(steps: list[Step], thread: str) -> tuple[Step, Step] | None:
    """The last value that the thread read and another one had written: the write, and the read."""
    for i, read in reversed(list(enumerate(steps))):
        if read.thread == thread and read.op == "read":
            earlier = (s for s in reversed(steps[:i]) if s.object == read.object and s.name == read.name)
            wrote = next((s for s in earlier if s.op in ("write", "cas")), None)
            if wrote is not None and wrote.thread != thread:
                return wrote, read
    return None


def _rule(trace: Trace) -> list[_Part]:
    """The invariant that broke first, where, and what it says."""
    broken = [invariant for invariant in trace.invariants if invariant.broken]
    if not broken:
        return []
    first = min(broken, key=lambda invariant: invariant.broken)
    step = trace.steps[first.broken - 1]
    sentence = f"{_at(step, f'broke {first.name}')}: {first.meaning[:1].lower()}{first.meaning[1:]}"
    return [_Part(sentence, (Beat(step.index, step.thread, f"{step.thread} breaks {first.name}"),))]


def _status_before(trace: Trace, i: int, thread: str) -> str:
    return trace.steps[i - 1].status.get(thread, "unborn")


def _conflict(before: list[Step], between: list[Step], after: list[Step], thread: str) -> _Part:
    """The accesses around an interruption of ``thread`` that explain it best, in their order.

    First choice: a value it had read was overwritten, and it wrote back what it had made of the old one. Then: what it
    reads as soon as it goes on was written meanwhile. Then any conflicting pair, nearest first.
    """
    mine = [s for s in reversed(_accesses(before)) if s.thread == thread]
    then = [s for s in _accesses(after) if s.thread == thread]
    others = _accesses(between)
    for read in mine:
        other = _rival(read, others)
        later = next((s for s in then if s.op == "write" and s.name == read.name), None)
        if read.op == "read" and other is not None and later is not None:
            sentence = f"{_told(read)} before {_told(other)}; then {_told(later)}, from what it had read."
            return _Part(sentence, (_beat(read), _beat(other), _beat(later)))
    for later in then[:1]:
        other = _rival(later, others[::-1])
        if other is not None:
            return _Part(f"{_told(other)} before {_told(later)}.", (_beat(other), _beat(later)))
    for first in mine:
        other = _rival(first, others)
        if other is not None:
            held_up = ", and went on with what it had read" if first.op == "read" else ""
            return _Part(f"{_told(first)} before {_told(other)}{held_up}.", (_beat(first), _beat(other)))
    if between and before:
        last = before[-1]
        return _Part(f"{thread} was held up{_in(last)} while {_names(between)} went on.", (_beat(last),))
    return _Part("")


def _accesses(steps: list[Step]) -> list[Step]:
    """Every access of shared memory, with those that a thread makes between two steps in the form of one."""
    found = []
    for step in steps:
        found += [step] if step.op in _ACCESSES else []
        for aside in step.asides:
            said = vars(aside) | {"object": aside.name, "text": f"{step.thread} {aside.text}"}
            found.append(replace(step, **said))
    return found


def _rival(step: Step, others: list[Step]) -> Step | None:
    """The first of ``others`` that conflicts with ``step``; two atomic exchanges explain nothing."""
    for other in others:
        if other.name == step.name and "write" in (step.op, other.op) and other.object == step.object:
            return other
    return None


def _names(steps: list[Step]) -> str:
    names = list(dict.fromkeys(step.thread for step in steps))
    return " and ".join(names)


def _told(step: Step) -> str:
    """An access in the past tense: "A read value (0) in add (counter.py:7)"."""
    said = step.text.removeprefix(f"{step.thread} ").removesuffix(f": {step.value}")
    word, _, rest = said.partition(" ")
    if step.op == "write":
        rest = rest.partition(": ")[0] if _RAISED.search(rest) else rest
    value = f" ({step.value})" if step.op == "read" else ""
    what = f"exchanged {step.name}" if step.op == "cas" else f"{_past(word)} {rest}{value}"
    return _at(step, what)


def _past(verb: str) -> str:
    """ "appends" becomes "appended"."""
    stem = verb.removesuffix("s")
    if stem in _IRREGULAR:
        return _IRREGULAR[stem]
    if stem.endswith("ie"):
        return f"{stem[:-1]}ed"
    return f"{stem}d" if stem.endswith("e") else f"{stem}{'p' if stem == 'pop' else ''}ed"


_RAISED = re.compile(r": [A-Z]\w*(Error|Exception)\b")
_IRREGULAR = {"read": "read", "write": "wrote", "take": "took", "put": "put", "get": "got", "find": "found"}


def _beat(step: Step) -> Beat:
    """A step in a few words, without its place: "B writes value = 1"."""
    field = step.name.rpartition(".")[2]
    if step.op == "write" and step.value == "None":
        return Beat(step.index, step.thread, f"{step.thread} clears {field}")
    if step.op in _ACCESSES:
        return Beat(step.index, step.thread, step.text.replace(step.name, field).replace(step.object, field))
    if step.op == "free":
        return Beat(step.index, step.thread, f"{step.thread} frees {step.object.rpartition('.')[2]}")
    return Beat(step.index, step.thread, step.text)


def _at(step: Step, what: str) -> str:
    return f"{step.thread} {what}{_in(step)}"


def _in(where: Step | Finding) -> str:
    """Where it was, for the end of a phrase; nothing for what no function of the program did."""
    return f" in {where.function} ({short_file(where.file)}:{where.line})" if where.function else ""


def _ending(trace: Trace) -> _Part:
    finding = trace.finding
    if finding is None:
        return _Part("The run ends without a finding." if trace.finished else "The run is not finished.")
    last = len(trace.steps)
    place = _in(finding)
    if finding.kind == "livelock":
        stands = f"; {finding.thread} stands{place}" if place else ""
        return _Part(f"In the end {finding.message}{stands}.", (Beat(last, finding.thread, "livelock"),))
    if finding.stops:
        end = Beat(last, finding.thread, f"{finding.thread}: {finding.kind}")
        return _Part(f"{finding.thread} then stopped{place}: {finding.message}.", (end,))
    said = {
        "deadlock": "Nobody can move any more",
        "leak": "At the end something is left behind",
        "check": "At the end the check fails",
        "abandoned": "At the end a lock is still held",
    }[finding.kind]
    thread = trace.steps[-1].thread if trace.steps else ""
    shown = finding.message if finding.kind == "check" else finding.kind
    return _Part(f"{said}: {finding.message}.", (Beat(last, thread, shown),))
