"""A failure in two or three sentences: who read what before who wrote it, with the lines, and what came of it.

Strategy: in a minimised trace every preemption matters. For each, find the variable that the interrupted thread and the
others both use around it, and tell the accesses in their order; then tell the finding. Everything said is taken from
the trace.
"""

from __future__ import annotations

from .explore import Failure, Result, replay
from .minimise import minimise
from .scenario import Scenario
from .trace import Step, Trace, short_file

_ACCESSES = {"read", "write", "cas"}


def explain(scenario: Scenario, failure: Result | Failure | Trace | str | None = None) -> str:
    """Why the scenario fails, from its simplest failing run (or from the trace given). Says so if nothing failed."""
    if isinstance(failure, Result) and failure.failure is None:
        return f"Nothing to explain: {failure!r}"
    if isinstance(failure, Trace):
        trace = failure
    elif isinstance(failure, str):
        trace = replay(scenario, failure)
    else:
        trace = replay(scenario, minimise(scenario, failure))
    sentences = _around_switches(trace)
    sentences.append(_ending(trace))
    return " ".join(dict.fromkeys(sentence for sentence in sentences if sentence))


def _around_switches(trace: Trace) -> list[str]:
    """One sentence for each interruption that changed what a thread saw."""
    steps = trace.steps
    told: list[str] = []
    for i in range(1, len(steps)):
        interrupted = steps[i - 1].thread
        if steps[i].thread == interrupted or _status_before(trace, i, interrupted) != "ready":
            continue
        back = next((j for j in range(i, len(steps)) if steps[j].thread == interrupted), len(steps))
        told.append(_conflict(steps[:i], steps[i:back], steps[back:], interrupted))
    return told


def _status_before(trace: Trace, i: int, thread: str) -> str:
    return trace.steps[i - 1].status.get(thread, "unborn")


def _conflict(before: list[Step], between: list[Step], after: list[Step], thread: str) -> str:
    """The accesses around an interruption of ``thread`` that conflict: nearest first."""
    for mine in reversed([s for s in before if s.thread == thread and s.op in _ACCESSES]):
        for other in between:
            if (
                other.op in _ACCESSES
                and (other.object, other.field) == (mine.object, mine.field)
                and "read" not in (mine.op, other.op)
            ):
                return f"{_told(mine)} before {_told(other)}."
            if (
                other.op in _ACCESSES
                and (other.object, other.field) == (mine.object, mine.field)
                and mine.op != other.op
            ):
                later = next(
                    (
                        s
                        for s in after
                        if s.thread == thread and s.op == "write" and (s.object, s.field) == (mine.object, mine.field)
                    ),
                    None,
                )
                if mine.op == "read" and later is not None:
                    return f"{_told(mine)} before {_told(other)}; then {_told(later)}, from what it had read."
                if mine.op == "read":
                    return f"{_told(mine)} before {_told(other)}, and went on with what it had read."
                return f"{_told(mine)}; while it was held up there, {_told(other)}."
    if between and before:
        last = before[-1]
        place = f"{last.function} ({short_file(last.file)}:{last.line})"
        return f"{thread} was held up in {place} while {_names(between)} went on."
    return ""


def _names(steps: list[Step]) -> str:
    names = list(dict.fromkeys(step.thread for step in steps))
    return " and ".join(names)


def _told(step: Step) -> str:
    """An access in the past tense: "A read value (0) in add (counter.py:7)"."""
    name = step.text.removeprefix(step.thread).split()[1].rstrip(":")
    what = {"read": f"read {name} ({step.value})", "write": f"wrote {name} = {step.value}", "cas": f"exchanged {name}"}[
        step.op
    ]
    return f"{step.thread} {what} in {step.function} ({short_file(step.file)}:{step.line})"


def _ending(trace: Trace) -> str:
    finding = trace.finding
    if finding is None:
        return "The run ends without a finding." if trace.finished else "The run is not finished."
    place = f" in {finding.function} ({short_file(finding.file)}:{finding.line})" if finding.function else ""
    if finding.stops:
        return f"{finding.thread} then stopped{place}: {finding.message}."
    said = {
        "deadlock": "Nobody can move any more",
        "leak": "At the end something is left behind",
        "check": "At the end the check fails",
    }[finding.kind]
    return f"{said}: {finding.message}."
