# SPDX-License-Identifier: GPL-2.0-or-later
"""What to say about an answer that was tried: accepted, with a remark or with praise; or the reason why it fails.

A reply is chosen by what the answer did: its findings, the rules it broke, the operations it made. The exercise's own
replies come first, then mistakes with a lock that are the same everywhere, then a general sentence. Its source is read
for the line that stopped, a loop that waits, and a forgotten return.
"""

from __future__ import annotations

import ast
from collections import Counter
from dataclasses import replace

from lessons.exercises.answer import Code, place_in, word_for
from lessons.exercises.feedback import Counts, Feedback
from lessons.exercises.model import Exercise, OrderExercise, Outcome, otherwise
from lessons.functions import home_of
from mini_qemu.sched import Finding, Result, Trace

TOLD = 3
"""Steps of one round of a loop that are told."""


def accepted(
    asked: Exercise, outcomes: list[Outcome], proved: list[str], order: str, counts: Counts | None
) -> Feedback:
    """An answer that passes every trial. ``proved``: a sentence a trial; ``order``: its letters, if it is an order."""
    remarks = [one for one in asked.right if one.when and any(map(one.when, outcomes))]
    but = [one.remark for one in remarks if not one.praise]
    praise = [one.remark for one in remarks if one.praise]
    if isinstance(asked, OrderExercise):
        but += [asked.right_but[order]] if order in asked.right_but else []
        praise += [asked.also_right[order]] if order in asked.also_right else []
    why = praise or ([] if but else [asked.why])
    names = " ".join(one.name for one in remarks)
    return Feedback(
        asked.name, True, (*but, *why), reply=names, but=bool(but), proved=tuple(proved), counts=counts
    )


def rejected(asked: Exercise, outcome: Outcome, trace: Trace | None, function: Code, source: str) -> Feedback:
    """An answer that fails a trial, with the run that shows it."""
    result, trial = outcome.result, outcome.trial
    if not result.failing and result.stands:
        say = _loops(outcome, function, source)
        return Feedback(asked.name, False, (say, f"That was seen when {trial.about}."), on=trial.on, reply="loop")
    if not result.failing and result.stopped_by:
        return Feedback(asked.name, False, (_too_many(outcome, function),), on=trial.on, reply="many")
    if trial.must_abort and not result.failing:
        return _silent(asked, outcome)
    number = f"{result.failing:,} of {result.runs:,} interleavings fail" if result.runs > 1 else "it fails"
    alone = len(trial.scenario.functions) == 1
    own, stops = _own(result, function, source, alone) if asked.kind != "order" else ("", "")
    bare = stops in (SLIP, LOOP)
    reply, say = ("", "") if bare or asked.kind == "order" else _misused_lock(outcome)
    if not bare and not reply:
        fit = (w for w in asked.wrong if w.when(outcome) and not (stops and w.when(_unfound(outcome))))
        reply, say = next(((w.name, w.reply) for w in fit), ("", ""))
    if stops in INSTEAD and not reply:
        say = INSTEAD[stops]
    finding = trace.finding if trace else result.failure.finding if result.failure else None
    parts = [part for part in (own, say) if part] or [_general(finding)]
    if say and trace is None and finding and finding.kind == "check":  # nothing to play: say it
        parts.append(f"{finding.message[:1].upper()}{finding.message[1:]}.")
    parts.append(f"When {trial.about}: {number}{'' if result.classes else ', and more were not tried'}.")
    if not (stops and outcome.always) and (nothing := _returns_nothing(source, asked)):
        parts.insert(0, nothing)
    return Feedback(asked.name, False, tuple(parts), trace, trial.on, reply)


def _unfound(outcome: Outcome) -> Outcome:
    """The same without its findings. A reply that still fits is not about what stopped the answer."""
    return replace(outcome, result=replace(outcome.result, findings=Counter(), outcomes=Counter(), examples={}))


def _silent(asked: Exercise, outcome: Outcome) -> Feedback:
    """A mistake elsewhere must abort, and this answer hides it."""
    wrong = next((w for w in asked.wrong if w.when is not otherwise and w.when(outcome)), None)
    say = [wrong.reply] if wrong else []
    say.append(f"When {outcome.trial.about}: nothing aborts, and the mistake stays hidden.")
    return Feedback(asked.name, False, tuple(say), on=outcome.trial.on, reply=wrong.name if wrong else "silent")


ITSELF = "Your thread asks for a lock that it already holds, so it waits for itself. Take the lock once."
UNLOCKS = (
    "On some path you release a lock that you have released before, or never taken. Take it once and release it once on"
    " every path; `with` does that."
)
KEEPS = "A thread returns and keeps a lock, so the next one waits for ever. Release it on every path; `with` does that."


def keeps_a_lock(asked: Exercise, outcome: Outcome) -> Feedback:
    """No run fails, but a lock is never given back: the next caller would find it."""
    say = (KEEPS, f"When {outcome.trial.about}: {outcome.deeds.keeps}.")
    return Feedback(asked.name, False, say, on=outcome.trial.on, reply="keeps")


def _misused_lock(outcome: Outcome) -> tuple[str, str]:
    """A mistake with a lock that is the same in every exercise: its name and a sentence, or two empty texts."""
    if outcome.says("which it does not hold"):
        return "unlocks", UNLOCKS
    if outcome.deeds.waits_for_itself:
        return "itself", ITSELF
    if outcome.deeds.keeps or outcome.deeds.waits_for_what_it_kept:
        return "keeps", KEEPS
    return "", ""


def _own(result: Result, function: Code, source: str, alone: bool) -> tuple[str, str]:
    """A sentence about a finding in the answer's own lines, or ""; and what stopped it there, if it was an exception: a
    SLIP, not the bug at work, one that the answer RAISED, or ANOTHER one.
    """
    file, first = home_of(function)
    for failure in result.examples.values():
        finding = failure.finding
        if finding.file != file and finding.function in _called_in(source) and _slipped(finding):
            return f"`{finding.function}` stopped with {finding.message}. Look at what you give it.", LOOP
        if finding.file != file:
            continue
        line = place_in(finding.line, function, source)
        if finding.kind == "livelock":
            cure = "nothing in it makes it end" if alone else "let it wait for something that another thread does"
            return f"{line} is in a loop that never ends: {cure}.", LOOP
        if finding.kind == "crash" and finding.message.startswith("assertion failed"):
            return f"{line}: {finding.message}.", RAISED
        if finding.kind == "crash":
            what = f"{line} stopped with {finding.message.removesuffix(': ')}."
            if NO_OBJECT in finding.message:
                return what, ""
            if _slipped(finding):
                return what, SLIP
            raises = {node.lineno for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Raise)}
            raised = finding.line - first + 1 in raises or finding.message.startswith("SystemExit")
            return what, RAISED if raised else ANOTHER
        if finding.kind in ("misuse", "use-after-free"):
            return f"{line}: {finding.message}.", ""
    return "", ""


NO_OBJECT = "None has no"  # that is how a race may end


def _slipped(finding: Finding) -> bool:
    return finding.message.startswith(SLIPS) and NO_OBJECT not in finding.message


def _called_in(source: str) -> set[str]:
    calls = (node.func for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call))
    return {call.id for call in calls if isinstance(call, ast.Name)}


LOOP, SLIP, RAISED, ANOTHER = "loop", "slip", "raised", "another"
INSTEAD = {
    SLIP: "Fix that line first.",
    ANOTHER: "Fix that line first.",
    RAISED: "Nobody catches that: return instead.",
}
SLIPS = ("NameError", "AttributeError", "TypeError", "UnboundLocalError", "ImportError")


def _loops(outcome: Outcome, function: Code, source: str) -> str:
    """What an answer does that waits in a loop: where, and which steps it makes over and over."""
    stacks, said = outcome.deeds.rounds
    first = home_of(function)[1]
    loops = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.While | ast.For)
        and stacks
        and all(any(node.lineno <= line - first + 1 <= (node.end_lineno or 0) for line in stack) for stack in stacks)
    ]
    line = max((node.lineno for node in loops), default=0)
    where = f"Line {line} of your {word_for(function)}" if line else f"Your {word_for(function)}"
    does = f" Over and over: {'; '.join(said)}." if said and len(said) <= TOLD else ""
    cure = SLEEPS if outcome.trial.scenario.visible is None else SLEEPS_IN_PYTHON
    return f"{where} goes round and round while it waits, so there is no end of interleavings to try.{does} {cure}"


SLEEPS = "Do not look again and again: join, or take a lock or a semaphore."
SLEEPS_IN_PYTHON = (
    "Do not look again and again, nor with a timeout: sleep until another thread wakes you. `join()`, an Event, a"
    " Condition, a Semaphore and a Queue can do that."
)


def _too_many(outcome: Outcome, function: Code) -> str:
    return (
        f"When {outcome.trial.about}: your {word_for(function)} makes so many steps, in so many threads, that there are"
        f" too many interleavings to try. The first {outcome.result.runs:,} do not fail, which proves nothing. Do with"
        " fewer: put what belongs together into one hold of a lock."
    )


_GENERAL = {
    "deadlock": "Your answer leads to a deadlock.",
    "abandoned": KEEPS,
    "leak": "Your answer leaves a thread behind that nobody ever joins.",
    "crash": "It still crashes.",
    "check": "Nothing crashes, but the result is wrong.",
    "misuse": "A thread or a lock is used against its rules.",
    "use-after-free": "Something is used after it was freed.",
    "livelock": "A thread goes round in a loop that never ends.",
}


_ADVICE = {
    "deadlock": "Look what each thread waits for, and which line of yours should have ended that wait.",
    "leak": "Join it, on every path.",
    "crash": "Play the run, and look which step before it came too early, or is missing.",
    "check": "Play the run, and look which step of yours should have made it otherwise.",
    "misuse": "Lock before you unlock, and join each thread once, after it was made.",
    "use-after-free": "Use it before it is freed, or hold the lock or a reference that keeps it alive.",
    "livelock": "Let it wait for something that another thread does.",
}


def _general(finding: Finding | None) -> str:
    if finding is None:
        return "It fails."
    if _slipped(finding):
        return f"Your answer stopped with {finding.message}. Fix that first."
    kind = "check" if finding.message.startswith("AssertionError: ") else finding.kind
    head, advice = _GENERAL.get(kind, "It fails."), _ADVICE.get(kind, "")
    return f"{head} The shortest failing run ends like this: {finding.message}. {advice}".rstrip()


def _returns_nothing(source: str, asked: Exercise) -> str:
    """The forgotten return: said beside whatever came of it."""

    def returns(text: str) -> bool:
        try:
            top = ast.parse(text).body[0]
        except SyntaxError:
            return True
        return not isinstance(top, ast.FunctionDef) or any(_returned(node) for node in top.body)

    if asked.kind == "order" or not returns(asked.solution) or returns(source):
        return ""
    return "Your function returns nothing, so its caller gets None: is there a `return` missing in its last line?"


def _returned(node: ast.AST) -> bool:
    """Whether a statement of a function, or one in it, returns a value. Functions inside return to themselves."""
    if isinstance(node, ast.FunctionDef | ast.Lambda):
        return False
    value = node.value if isinstance(node, ast.Return) else None
    return value is not None or any(map(_returned, ast.iter_child_nodes(node)))
