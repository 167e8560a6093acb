# SPDX-License-Identifier: GPL-2.0-or-later
"""What can be judged: an answer as a function or class with its source, or a sentence that says why not."""

from __future__ import annotations

import inspect
import re
import traceback
from collections.abc import Iterator
from types import FunctionType
from typing import Any

from lessons.exercises.model import Exercise, OrderExercise
from lessons.exercises.mounting import function_from
from lessons.functions import home_of, source_of
from mini_qemu.sched import ScenarioError

Code = FunctionType | type


class Refused(Exception):
    """An answer that cannot be run; the message is the feedback."""


def function_of(answer: Any, asked: Exercise) -> tuple[Code, str, str]:
    """The answer as a function or class, its source, and, for an order, the letters."""
    if isinstance(asked, OrderExercise):
        return _ordered(answer, asked)
    model = function_from(asked.solution, asked.entry)
    word = word_for(model)
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


def word_for(answer: Code) -> str:
    return "class" if isinstance(answer, type) else "function"


def place_in(line: int, function: Code, source: str) -> str:
    """A line, counted from the top of the answer; or of the cell, if it stands in a helper beside the answer."""
    inside = line - home_of(function)[1] + 1
    if 1 <= inside <= len(source.splitlines()):
        return f"Line {inside} of your {word_for(function)}"
    return f"Line {line} of your cell"


OTHER_LOCK = re.compile(r"; use mini_qemu\.sched\.[\w, ]+")


def readable(error: Exception, function: Code) -> str:
    """A refusal of the engine, with the line counted from the top of the answer."""
    text, word = OTHER_LOCK.sub("; use the program's own locks and threads", str(error)), word_for(function)
    file, first = home_of(function)
    head, _, rest = text.partition(f"{file}:")
    number, _, tail = rest.partition(":")
    if number.isdigit():
        return f"{head}{place_in(int(number), function, source_of(function))}:{tail}"
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
