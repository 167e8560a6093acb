# SPDX-License-Identifier: GPL-2.0-or-later
"""Judge an answer by running it in every interleaving: `check(my_function, "missing-join/write")`.

An answer is a function, a class, or the letters of an order.

The answer is put into the miniature, every trial of the exercise is explored, and the first one that fails is shown:
why, how often, and the shortest failing run, to play. Doing nothing fails too, because each trial also says how it must
end. An answer that passes may get a remark: accepted, but not nice; or praise for what it does better. Whatever an
answer does (another signature, a forgotten return, an endless loop, an exception, a deadlock
of its own) ends as a sentence that names the line; nothing is raised, so that the cells below still work.
`assert check(...)` works as well: the feedback is true if the answer is accepted.
"""

from __future__ import annotations

import ast
import inspect
import pickle
import re
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import FunctionType
from typing import Any

from lessons.exercises import exercise, progress
from lessons.exercises.deeds import LONGEST, Deeds, sampled
from lessons.exercises.feedback import Counts, Feedback, syntax_sentence
from lessons.exercises.model import Exercise, OrderExercise, Outcome, Trial, otherwise
from lessons.exercises.mounting import function_from
from lessons.exercises.notebook_hooks import watch_syntax
from lessons.exercises.stopped import sentence_for
from lessons.exercises.untouched import watching
from lessons.functions import home_of, source_of
from lessons.replace import BadReplacement, helpers_at_home
from mini_qemu.fixes import only
from mini_qemu.sched import (
    Finding,
    InstrumentationError,
    Result,
    Scenario,
    ScenarioError,
    SchedError,
    Trace,
    explore,
    minimise,
    replay,
)
from mini_qemu.sched.apart import Stopped, in_a_child

MOST_RUNS = 2_500  # more than any right answer needs
MOST_SECONDS = 20.0  # for a machine that is very busy: a verdict should not depend on the clock
MOST_CPU_SECONDS = 15.0  # and for an answer that never comes back: processor time
MOST_MEGABYTES = 1_024  # and memory, on top of what the notebook uses
APART = sys.platform == "linux"  # elsewhere a notebook's process cannot fork, or must not
MINIMISE_UP_TO = 600  # runs up to which the shortest failing run is searched for; above, the first one found is shown
EXAMPLES = 4  # failing runs in which an answer's deeds are looked at
ROUNDS = 400  # steps of a run without an end that are looked at
TOLD = 3  # steps of one round that are told


class Refused(Exception):
    """An answer that cannot be run; the message is the feedback."""


def check(answer: Callable[..., Any] | type | str, name: str) -> Feedback:
    """Judge an answer: a function or class, or, where lines are to be ordered, their letters: check("BCA", ...).

    Linux judges in a child process, so that no answer can hurt the one who asks.
    """
    return _check(answer, exercise(name), _judge_apart if APART else _judge_here)


def _check(answer: Callable[..., Any] | type | str, asked: Exercise, judge: Callable[..., Feedback]) -> Feedback:
    try:
        feedback = judge(*_function(answer, asked), asked)
    except Refused as error:
        feedback = Feedback(asked.name, False, (str(error),))
    if feedback.passed:
        progress.record("solved", asked.name)
        return feedback
    return replace(feedback, hints=asked.hints)


def check_source(source: str, asked: Exercise) -> Feedback:
    """Judge an answer that is a text, as the course's own answers are, here. To be safe from it, use `Judge`."""
    if asked.kind == "order":
        return _check(source, asked, _judge_here)
    try:
        function = function_from(source, asked.entry)
    except SyntaxError as error:
        return Feedback(asked.name, False, (syntax_sentence(error),))
    except Exception as error:  # whatever the text does when it is run
        return Feedback(asked.name, False, (f"Your text does not define {asked.entry}: {error}.",))
    return _check(function, asked, _judge_here)


def hint(name: str, number: int = 1) -> str:
    """A hint; the next number says more."""
    hints = exercise(name).hints
    if not 1 <= number <= len(hints):
        return f"{name} has {len(hints)} hints: hint({name!r}, 1) to hint({name!r}, {len(hints)})."
    more = f" (More: hint({name!r}, {number + 1}).)" if number < len(hints) else ""
    return hints[number - 1] + more


# ---- is it something that can be run?


def _function(answer: Any, asked: Exercise) -> tuple[Code, str, str]:
    """The answer as a function or class, its source, and, for an order, the letters."""
    if isinstance(asked, OrderExercise):
        return _ordered(answer, asked)
    model = function_from(asked.solution, asked.entry)
    word = _word(model)
    if type(answer) is not type(model):
        raise Refused(f"Give check your {word}: check({asked.entry}, {asked.name!r}). Got {answer!r}.")
    for name, wanted in _called(model, asked.entry):
        given = dict(_called(answer, asked.entry)).get(name)
        if given is None:
            raise Refused(f"{name} is called, and your class has no such method: write it as a `def` in the class.")
        _same_call(name, inspect.signature(wanted), given)
    try:
        source = source_of(answer)
        if home_of(answer)[0] == "<string>":  # from eval or exec; Python 3.13 would take `-c`'s text for it
            raise OSError
    except (OSError, TypeError, SyntaxError):
        raise Refused(f"The source of your {word} cannot be found: define it in a cell of the notebook.") from None
    return answer, source, ""


Code = FunctionType | type


def _word(answer: Code) -> str:
    return "class" if isinstance(answer, type) else "function"


def _called(answer: Code, entry: str) -> Iterator[tuple[str, FunctionType]]:
    """What is called of an answer, and under which name: the function, or the methods without an underscore."""
    if isinstance(answer, FunctionType):
        yield entry, answer
    else:
        methods = ((name, f) for name, f in vars(answer).items() if isinstance(f, FunctionType))
        yield from ((f"{entry}.{name}", f) for name, f in methods if name == "__init__" or not name.startswith("_"))


def _same_call(name: str, wanted: inspect.Signature, answer: FunctionType) -> None:
    given = inspect.signature(answer)
    if list(wanted.parameters) != list(given.parameters) and not _same_shape(wanted, given):
        raise Refused(
            f"{name} is called with ({_parameters(wanted)}), but yours takes ({_parameters(given)}): change the line"
            f" `def {answer.__name__}({_parameters(given)}):`."
        )
    if inspect.isgeneratorfunction(answer) or inspect.iscoroutinefunction(answer):
        raise Refused(f"{name} must be a plain function: no `async def`, and no `yield` in it.")


def _same_shape(wanted: inspect.Signature, given: inspect.Signature) -> bool:
    def shape(signature: inspect.Signature) -> list[tuple[Any, bool]]:
        return [(p.kind, p.default is p.empty) for p in signature.parameters.values()]

    return shape(wanted) == shape(given)


def _parameters(signature: inspect.Signature) -> str:
    return ", ".join(signature.parameters)


def _ordered(answer: Any, asked: OrderExercise) -> tuple[Code, str, str]:
    letters = "".join(asked.lines)
    example = f"check({letters[::-1]!r}, {asked.name!r})"
    if not isinstance(answer, str):
        raise Refused(f"Write the letters in the order you want, as in {example}. Got {answer!r}.")
    order = "".join(answer.replace(",", " ").split()).upper()
    if not order:
        raise Refused(f"No order yet. Write the letters in the order you want, as in {example}.")
    for letter in order:
        if letter not in asked.lines:
            raise Refused(f"There is no line {letter}; the lines are {', '.join(letters)}.")
    missing = [letter for letter in letters if letter not in order]
    twice = sorted({letter for letter in order if order.count(letter) > 1})
    if missing or twice:
        said = [f"{letter} is missing" for letter in missing] + [f"{letter} is there twice" for letter in twice]
        raise Refused(f"Each line is needed once: {', '.join(said)}.")
    source = asked.assemble(order)
    return function_from(source, asked.entry, "your order"), source, order


# ---- run it


def _judge_apart(function: Code, source: str, order: str, asked: Exercise) -> Feedback:
    """Judge in a child; what fails there is replayed here, for the player, once it is known to end."""

    def work() -> bytes:
        trial, problem = None, None
        with watching() as watch:
            try:
                feedback, trial = _judge(function, source, order, asked)
            except Refused as error:
                feedback = Feedback(asked.name, False, (str(error),))
            except MemoryError:
                raise
            except BaseException as error:  # what an answer changed may have broken the judge: say that first
                problem = f"Your answer cannot be judged: {type(error).__name__}: {error}."
        if watch.changed:
            problem = sentence_for("touched", ", ".join(watch.changed[:3]), MOST_CPU_SECONDS, MOST_MEGABYTES)
        if problem is not None:
            feedback, trial = Feedback(asked.name, False, (problem,)), None
        schedule = feedback.trace.schedule if feedback.trace else ""
        number = asked.trials.index(trial) if trial and schedule else None
        return pickle.dumps((replace(feedback, trace=None), number, schedule))

    try:
        report: tuple[Feedback, int | None, str] = pickle.loads(in_a_child(work, MOST_CPU_SECONDS, MOST_MEGABYTES))
    except Stopped as error:
        raise Refused(sentence_for(error.kind, error.detail, MOST_CPU_SECONDS, MOST_MEGABYTES)) from None
    feedback, number, schedule = report
    if number is None:
        return feedback
    trial = asked.trials[number]
    try:
        with _in_place(function, asked, trial):
            return replace(feedback, trace=replay(trial.scenario, schedule))
    except SchedError:  # it does not do the same twice
        return feedback


def _judge_here(function: Code, source: str, order: str, asked: Exercise) -> Feedback:
    return _judge(function, source, order, asked)[0]


def _judge(function: Code, source: str, order: str, asked: Exercise) -> tuple[Feedback, Trial | None]:
    """The feedback, and the trial that failed."""
    proved: list[str] = []
    passed: list[Outcome] = []
    for trial in asked.trials:
        try:
            with _in_place(function, asked, trial):
                result = explore(trial.scenario, "dpor", MOST_RUNS, MOST_SECONDS, limit_steps=LONGEST)
                failed = not trial.passed_by(result)
                shortest = _shortest(trial.scenario, result) if failed else None
                looked = _examples if result.failing and not trial.must_abort else _sampled
                traces = looked(trial.scenario, result)
                outcome = Outcome(trial, result, Deeds(traces, home_of(function)[0]), order)
        except (BadReplacement, InstrumentationError, SchedError) as error:
            raise Refused(_readable(error, function)) from error
        if failed:
            return _failed(asked, outcome, shortest, function, source), trial
        if outcome.deeds.keeps:
            return _keeps(asked, outcome), trial
        passed.append(outcome)
        proved.append(f"When {trial.about}: {_well(trial, result)}.")
    return _passed(asked, passed, proved, order), None


@contextmanager
def _in_place(function: Code, asked: Exercise, trial: Trial) -> Iterator[None]:
    with only(*trial.on), trial.under(), helpers_at_home(function), asked.mount(function):
        yield


def survives(source: str, asked: Exercise) -> bool:
    """Whether an answer passes every trial. Explains nothing, so it takes less time than `check_source`."""
    try:
        answer = source if isinstance(asked, OrderExercise) else function_from(source, asked.entry)
        function, _, _ = _function(answer, asked)
        for trial in asked.trials:
            with _in_place(function, asked, trial):
                first = not trial.must_abort
                result = explore(trial.scenario, "dpor", MOST_RUNS, MOST_SECONDS, first=first, limit_steps=LONGEST)
                if not trial.passed_by(result):
                    return False
                if Deeds(sampled(trial.scenario), home_of(function)[0]).keeps:
                    return False
    except (Refused, BadReplacement, InstrumentationError, SchedError):
        return False
    return True


def _well(trial: Trial, result: Result) -> str:
    if trial.must_abort:
        return "it aborts, as it must"
    return f"{result.runs:,} interleavings, all run, none fails" if result.runs > 1 else "it passes"


def _examples(scenario: Scenario, result: Result) -> Iterator[Trace]:
    shown = sorted(result.examples.values(), key=lambda failure: (*failure.cost, failure.schedule))[:EXAMPLES]
    return (replay(scenario, failure.schedule) for failure in shown)


def _sampled(scenario: Scenario, result: Result) -> Iterator[Trace]:
    return sampled(scenario, ROUNDS if result.stands else LONGEST)


def _shortest(scenario: Scenario, result: Result) -> Trace | None:
    if result.failure is None:
        return None
    few = result.runs <= MINIMISE_UP_TO
    trace = replay(scenario, minimise(scenario, result) if few else result.failure.schedule)
    return trace if trace.steps else None


def _passed(asked: Exercise, outcomes: list[Outcome], proved: list[str], order: str) -> Feedback:
    remarks = [one for one in asked.right if one.when and any(map(one.when, outcomes))]
    but = [one.remark for one in remarks if not one.praise]
    praise = [one.remark for one in remarks if one.praise]
    if isinstance(asked, OrderExercise):
        but += [asked.right_but[order]] if order in asked.right_but else []
        praise += [asked.also_right[order]] if order in asked.also_right else []
    why = praise or ([] if but else [asked.why])
    names = " ".join(one.name for one in remarks)
    counts = _counts(asked, outcomes)
    return Feedback(
        asked.name, True, (*but, *why), reply=names, but=bool(but), proved=tuple(proved), counts=counts
    )


_before: dict[str, tuple[Trial, int, int] | None] = {}  # exercise -> the trial its starter fails, failing, runs


def _counts(asked: Exercise, outcomes: list[Outcome]) -> Counts | None:
    """What the code to begin with did in the first trial it fails, beside what this answer does there."""
    if asked.name not in _before:
        _before[asked.name] = _starter_fails(asked)
    found = _before[asked.name]
    now = next((one.result.runs for one in outcomes if found and one.trial is found[0]), 0)
    return Counts(found[0].about, found[1], found[2], now) if found and now else None


def _starter_fails(asked: Exercise) -> tuple[Trial, int, int] | None:
    answer = asked.starter if isinstance(asked, OrderExercise) else function_from(asked.starter, asked.entry)
    function, _, _ = _function(answer, asked)
    for trial in asked.trials:
        if trial.must_abort:
            continue
        with _in_place(function, asked, trial):
            result = explore(trial.scenario, "dpor", MOST_RUNS, MOST_SECONDS)
        if result.failing and result.classes:  # all were run
            return trial, result.failing, result.runs
    return None


def _failed(asked: Exercise, outcome: Outcome, trace: Trace | None, function: Code, source: str) -> Feedback:
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


def _keeps(asked: Exercise, outcome: Outcome) -> Feedback:
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
        line = _place(finding.line, function, source)
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


def _place(line: int, function: Code, source: str) -> str:
    """A line, counted from the top of the answer; or of the cell, if it stands in a helper beside the answer."""
    inside = line - home_of(function)[1] + 1
    if 1 <= inside <= len(source.splitlines()):
        return f"Line {inside} of your {_word(function)}"
    return f"Line {line} of your cell"


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
    where = f"Line {line} of your {_word(function)}" if line else f"Your {_word(function)}"
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
        f"When {outcome.trial.about}: your {_word(function)} makes so many steps, in so many threads, that there are"
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


OTHER_LOCK = re.compile(r"; use mini_qemu\.sched\.[\w, ]+")


def _readable(error: Exception, function: Code) -> str:
    """A refusal of the engine, with the line counted from the top of the answer."""
    text, word = OTHER_LOCK.sub("; use the program's own locks and threads", str(error)), _word(function)
    file, first = home_of(function)
    head, _, rest = text.partition(f"{file}:")
    number, _, tail = rest.partition(":")
    if number.isdigit():
        return f"{head}{_place(int(number), function, source_of(function))}:{tail}"
    if "is not deterministic" in text:
        return (
            f"Your {word} does not do the same when the same happens. Decide by what it is given alone: no random"
            " number, no clock, and nothing that it remembers from an earlier call."
        )
    if "RecursionError" in text:
        return f"Your {word} calls itself without end. Wait for something that another thread does, or return."
    hidden = re.match(r"\S*\.py:\d+: (.*?) in code the explorer does not control", text)
    if hidden:
        return (
            f"{hidden[1]} where the explorer cannot see it, inside a call such as `hasattr` or `getattr`. Read the"
            f" field in a plain line of your {word} instead."
        )
    cause = error.__cause__
    if isinstance(error, ScenarioError) and cause is not None:  # raised while the scenario was being prepared
        lines = [at.lineno or 0 for at in traceback.extract_tb(cause.__traceback__) if at.filename == file]
        if not lines:
            return f"What your {word} returned cannot be used: {type(cause).__name__}: {cause}."
        line = lines[-1] - first + 1
        return f"Line {line} of your {word} stopped with {type(cause).__name__}: {cause}."
    return text


if "IPython" in sys.modules:
    watch_syntax()

__all__ = ["Feedback", "check", "check_source", "hint", "survives", "syntax_sentence"]
