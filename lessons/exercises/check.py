# SPDX-License-Identifier: GPL-2.0-or-later
"""Grade an answer by running it in every interleaving: `check(my_function, "missing-join/write")`.

The answer is put into the miniature, every trial of the exercise is explored, and the first one that fails is shown:
why, how often, and the simplest run that fails, to play. Doing nothing fails too, because a migration must also end
as it should. Whatever an answer does (another signature, a forgotten return, an endless loop, an exception, a deadlock
of its own) ends as a sentence that names the line; nothing is raised, so that the cells below still work.
`assert check(...)` works as well: the feedback is true if the answer is accepted.
"""

from __future__ import annotations

import ast
import html
import inspect
import re
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import FunctionType
from typing import Any

from lessons.exercises import exercise, progress
from lessons.exercises.model import Exercise, Outcome, function_from
from lessons.player.player import Player
from lessons.replace import BadReplacement
from mini_qemu.fixes import fixes
from mini_qemu.sched import (
    Finding,
    InstrumentationError,
    Result,
    Scenario,
    SchedError,
    Trace,
    explore,
    minimise,
    replay,
)

MOST_RUNS = 1_500  # more than any answer needs that is right; one that spins in a loop is told so
MOST_SECONDS = 8.0  # for a machine that is very busy: a verdict should not depend on the clock
FEW_RUNS = 600  # up to here the simplest run that fails is searched for


class Refused(Exception):
    """An answer that cannot be run; the message is the feedback."""


@dataclass(frozen=True)
class Feedback:
    """What is said about an answer. True if it is accepted."""

    exercise: str
    passed: bool
    say: tuple[str, ...]
    trace: Trace | None = None
    on: tuple[str, ...] = ()
    reply: str = ""
    hints: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        head = f"{self.exercise}: {'accepted' if self.passed else 'not yet'}."
        text = [head, *self.say]
        if self.trace is not None:
            steps = len(self.trace.steps)
            text.append(f"The simplest run that fails has {steps} step{'' if steps == 1 else 's'}. Play it below.")
        return "\n".join(text).replace("`", "")

    def _repr_html_(self) -> str:
        mark = "✓" if self.passed else "✕"
        head = f"<b>{mark} {html.escape(self.exercise)}: {'accepted' if self.passed else 'not yet'}.</b>"
        said = "".join(f"<p>{_code(line)}</p>" for line in self.say)
        player = Player(self.trace, title="The simplest run that fails", on=self.on)._repr_html_() if self.trace else ""
        folded = "".join(
            f"<details><summary>Hint {number}</summary>{_code(text)}</details>"
            for number, text in enumerate(self.hints, start=1)
        )
        return f"<p>{head}</p>{said}{folded}{player}"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": self._repr_html_()}


def _code(text: str) -> str:
    """Escaped, with `this` as code."""
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", html.escape(text))


def check(answer: Callable[..., Any] | str, name: str) -> Feedback:
    """Grade an answer: a function you wrote, or, where lines are to be ordered, their letters: check("BCA", ...)."""
    asked = exercise(name)
    try:
        function, source = _function(answer, asked)
        feedback = _grade(function, source, asked)
    except Refused as error:
        feedback = Feedback(name, False, (str(error),))
    if feedback.passed:
        progress.record("solved", name)
        return feedback
    return replace(feedback, hints=asked.hints)


def check_source(source: str, asked: Exercise) -> Feedback:
    """Grade an answer that is a text, as the course's own answers are."""
    if asked.kind == "order":
        return check(source, asked.name)
    try:
        function = function_from(source, asked.entry)
    except SyntaxError as error:
        return Feedback(asked.name, False, (syntax_sentence(error),))
    except Exception as error:  # whatever the text does when it is run
        return Feedback(asked.name, False, (f"Your text does not define {asked.entry}: {error}.",))
    return check(function, asked.name)


def hint(name: str, number: int = 1) -> str:
    """A hint; the next number says more."""
    hints = exercise(name).hints
    if not 1 <= number <= len(hints):
        return f"{name} has {len(hints)} hints: hint({name!r}, 1) to hint({name!r}, {len(hints)})."
    more = f" (More: hint({name!r}, {number + 1}).)" if number < len(hints) else ""
    return hints[number - 1] + more


def syntax_sentence(error: SyntaxError) -> str:
    """A syntax error as one sentence."""
    text = (error.text or "").strip()
    shown = f", `{text}`" if text else ""
    return f"Python cannot read line {error.lineno}{shown}: {error.msg}. Mend that line and run the cell again."


# ---- is it something that can be run?


def _function(answer: Any, asked: Exercise) -> tuple[FunctionType, str]:
    if asked.kind == "order":
        return _ordered(answer, asked)
    if not isinstance(answer, FunctionType):
        raise Refused(f"Give check your function: check({asked.entry}, {asked.name!r}). What came is {answer!r}.")
    model = function_from(asked.solution, asked.entry)
    wanted, given = inspect.signature(model), inspect.signature(answer)
    if list(wanted.parameters) != list(given.parameters) and not _same_shape(wanted, given):
        raise Refused(
            f"{asked.entry} is called with ({_names(wanted)}), but yours takes ({_names(given)}): change the line"
            f" `def {answer.__name__}({_names(given)}):`."
        )
    try:
        if answer.__code__.co_filename == "<string>":  # from eval or exec; Python 3.13 would take `-c`'s text for it
            raise OSError
        source = textwrap.dedent(inspect.getsource(answer))
    except (OSError, TypeError):
        raise Refused("The source of your function cannot be found: define it in a cell of the notebook.") from None
    return answer, source


def _same_shape(wanted: inspect.Signature, given: inspect.Signature) -> bool:
    def shape(signature: inspect.Signature) -> list[tuple[Any, bool]]:
        return [(p.kind, p.default is p.empty) for p in signature.parameters.values()]

    return shape(wanted) == shape(given)


def _names(signature: inspect.Signature) -> str:
    return ", ".join(signature.parameters)


def _ordered(answer: Any, asked: Exercise) -> tuple[FunctionType, str]:
    letters = "".join(asked.lines)
    example = f"check({letters[::-1]!r}, {asked.name!r})"
    if not isinstance(answer, str):
        raise Refused(f"Write the letters in the order you want, as in {example}. What came is {answer!r}.")
    order = "".join(answer.replace(",", " ").split()).upper()
    if not order:
        raise Refused(f"No order yet. Write the letters in the order you want, as in {example}.")
    for letter in order:
        if letter not in asked.lines:
            raise Refused(f"There is no line {letter}; the lines are {', '.join(letters)}.")
    missing = [letter for letter in letters if letter not in order]
    twice = sorted({letter for letter in order if order.count(letter) > 1})
    if missing or twice:
        said = [f"{letter} is missing" for letter in missing] + [f"{letter} stands twice" for letter in twice]
        raise Refused(f"Each line is needed once: {', '.join(said)}.")
    source = asked.assemble(order)
    return function_from(source, asked.entry, "your order"), order


# ---- run it


def _grade(function: FunctionType, source: str, asked: Exercise) -> Feedback:
    told: list[str] = []
    for trial in asked.trials:
        try:
            with fixes.only(*trial.on), asked.mount(function):
                result = explore(trial.scenario, "dpor", MOST_RUNS, MOST_SECONDS)
                if result.verdict != "proved":
                    outcome = Outcome(trial, result, source)
                    trace = _simplest(trial.scenario, result)
                    return _failed(asked, outcome, trace, function)
        except (BadReplacement, InstrumentationError, SchedError) as error:
            raise Refused(_readable(error, function)) from error
        well = f"{result.runs:,} interleavings, all run, none fails" if result.runs > 1 else "it is well"
        told.append(f"When {trial.about}: {well}.")
    return Feedback(asked.name, True, (*told, asked.why))


def _simplest(scenario: Scenario, result: Result) -> Trace | None:
    if result.failure is None:
        return None
    few = result.runs <= FEW_RUNS
    trace = replay(scenario, minimise(scenario, result) if few else result.failure.schedule)
    return trace if trace.steps else None


def _failed(asked: Exercise, outcome: Outcome, trace: Trace | None, function: FunctionType) -> Feedback:
    result, trial = outcome.result, outcome.trial
    if not result.failing:
        say = _loops(function)
        return Feedback(asked.name, False, (say, f"That was seen when {trial.about}."), on=trial.on, reply="loop")
    number = f"{result.failing:,} of {result.runs:,} interleavings fail" if result.runs > 1 else "it fails"
    own = _own(result, function) if asked.kind != "order" else ""
    wrong = next((w for w in asked.wrong if w.when(outcome)), None)
    say = wrong.reply if wrong else own or _general(trace.finding if trace else None)
    parts = [say, f"When {trial.about}: {number}{'' if result.classes else ', and more were not tried'}."]
    if own and wrong:
        parts.insert(1, own)
    if nothing := _returns_nothing(outcome.source, asked):
        parts.append(nothing)
    return Feedback(asked.name, False, tuple(parts), trace, trial.on, wrong.name if wrong else "")


def _own(result: Result, function: FunctionType) -> str:
    """A finding in the answer's own lines: exceptions and endless loops."""
    first = function.__code__.co_firstlineno
    for failure in result.examples.values():
        finding = failure.finding
        if finding.file != function.__code__.co_filename:
            continue
        line = f"Line {finding.line - first + 1} of your function"
        if finding.kind == "livelock":
            return f"{line} is in a loop that never ends: let it wait for something that another thread does."
        if finding.kind == "crash" and not finding.message.startswith("assertion failed"):
            return f"{line} stopped with {finding.message}. Mend that line first."
        if finding.kind in ("misuse", "use-after-free"):
            return f"{line}: {finding.message}."
    return ""


def _loops(function: FunctionType) -> str:
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    line = next((node.lineno for node in ast.walk(tree) if isinstance(node, ast.While | ast.For)), None)
    where = f"Line {line} of your function" if line else "Your function"
    return (
        f"{where} goes round and round while it waits, so there is no end of interleavings to try. Do not look again"
        " and again: join, or take a lock or a semaphore."
    )


_GENERAL = {
    "deadlock": "Your answer lets the threads wait for each other.",
    "leak": "A thread is left behind: nobody ever joined it.",
    "crash": "The assertion still fires.",
    "check": "Nothing crashes, but the migration does not end as it should.",
    "misuse": "A thread or a lock is used against its rules.",
    "use-after-free": "Something is used after it was freed.",
    "livelock": "A thread goes round in a loop that never ends.",
}


def _general(finding: Finding | None) -> str:
    if finding is None:
        return "It fails."
    head = _GENERAL.get(finding.kind, "It fails.")
    return f"{head} The simplest run ends like this: {finding.message}."


def _returns_nothing(source: str, asked: Exercise) -> str:
    """The forgotten return: said beside whatever came of it."""

    def returns(text: str) -> bool:
        try:
            return any(isinstance(n, ast.Return) and n.value is not None for n in ast.walk(ast.parse(text)))
        except SyntaxError:
            return True

    if asked.kind == "order" or not returns(asked.solution) or returns(source):
        return ""
    return "Your function returns nothing, so its caller gets None: is there a `return` missing in its last line?"


def _readable(error: Exception, function: FunctionType) -> str:
    """An engine's refusal, with the line counted from the top of the answer."""
    text, file = str(error), function.__code__.co_filename
    head, _, rest = text.partition(f"{file}:")
    number, _, tail = rest.partition(":")
    if number.isdigit():
        return f"{head}Line {int(number) - function.__code__.co_firstlineno + 1} of your function:{tail}"
    return text


# ---- syntax errors in a cell that calls check


def watch_syntax() -> None:
    """In a notebook, a syntax error in a cell that calls check becomes one sentence too. The cell still counts as
    failed, and the next ones run."""
    from IPython import get_ipython

    shell = get_ipython()
    if shell is None:
        return

    def tell(self: Any, kind: Any, error: Any, traceback: Any, tb_offset: Any = None) -> None:
        cell = getattr(shell, "_mini_qemu_cell", "")
        if "check(" in cell and isinstance(error, SyntaxError):
            print(f"not yet. {syntax_sentence(error)}")
        else:
            self.showsyntaxerror()

    shell.set_custom_exc((SyntaxError,), tell)
    shell.events.register("pre_run_cell", lambda info: setattr(shell, "_mini_qemu_cell", info.raw_cell))


if "IPython" in sys.modules:
    watch_syntax()

__all__ = ["Feedback", "check", "check_source", "hint", "syntax_sentence", "watch_syntax"]
