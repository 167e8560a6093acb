# SPDX-License-Identifier: GPL-2.0-or-later
"""What the course promises about itself, checked: `mini-qemu audit`.

Every exercise fails as shipped, its solution and the other right answers pass, each wrong answer fails with a reply of
its own, hints are there, and no small change of the solution passes (see mutation.py);
every question has its true answer among its choices; every notebook asks only what exists, shows the starter that is
graded, and names in its prose only what is in the code. A complaint is a sentence that tells the author what to do.
Reported, not complained about: functions of the miniature that no lesson names.
"""

from __future__ import annotations

import ast
import json
import re
import textwrap
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from lessons.authoring import terms
from lessons.authoring.mutation import Score, score
from lessons.exercises import exercise, exercises, question, questions
from lessons.exercises.check import check_source, hint
from lessons.exercises.model import Exercise, OrderExercise, Question
from lessons.places import NOTEBOOKS, ROOT, notebooks
from lessons.replace import functions, modules
from lessons.views.source import SourceError, function_named
from mini_qemu.fixes import any_fix

MOST_SECONDS = 2.0
MOST_GUESSED = 0.6  # share of questions that one rule of guessing may get right
NAME = re.compile(r"`([A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)+)(?:\(\))?`")
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
ASKS = {"Predict", "Reveal", "Quiz"}


def audit() -> Iterator[str]:
    """All complaints."""
    for asked in exercises().values():
        yield from of_exercise(asked)
        yield from of_mutants(asked)
    for one in questions().values():
        yield from of_question(one)
    yield from of_choices()
    yield from of_lessons()
    for path in notebooks():
        yield from of_notebook(path)
    prose = [(path, [text for kind, text in cells(path) if kind == "markdown"]) for path in notebooks()]
    yield from terms.complaints(prose)
    yield from unused()


# ---- exercises and questions


def of_exercise(asked: Exercise) -> Iterator[str]:
    if check_source(asked.starter, asked):
        yield f"{asked.name}: the starter passes, so there is nothing to do; let it show the bug"
    start = time.process_time()  # what others do on this machine does not count
    verdict = check_source(asked.solution, asked)
    if not verdict:
        yield f"{asked.name}: the solution does not pass: {' '.join(verdict.say)}"
    for wrong in asked.wrong:
        found = check_source(wrong.answer, asked)
        if found:
            yield f"{asked.name}: the wrong answer {wrong.name} passes; no trial refutes it, add one"
        elif found.reply != wrong.name:
            got = found.reply or "none"
            yield f"{asked.name}: the wrong answer {wrong.name} gets the reply {got}; order or narrow the `when`s"
    yield from _right_answers(asked)
    seconds = (time.process_time() - start) / (1 + len(asked.wrong) + len(asked.right))
    if seconds > MOST_SECONDS:
        yield f"{asked.name}: an answer takes {seconds:.1f} s to grade; make the trials smaller"
    if len({wrong.reply for wrong in asked.wrong}) < len(asked.wrong):
        yield f"{asked.name}: two wrong answers share one reply; say what is different"
    if not asked.hints or not all(hint(asked.name, n + 1) for n in range(len(asked.hints))):
        yield f"{asked.name}: there are no hints; write at least one"
    if not (NOTEBOOKS / f"{asked.lesson}.ipynb").exists():
        yield f"{asked.name}: its lesson {asked.lesson} is not there"


def _right_answers(asked: Exercise) -> Iterator[str]:
    for right in asked.right:
        found = check_source(right.answer, asked)
        if not found:
            yield f"{asked.name}: the right answer {right.name} is refused: {' '.join(found.say)}"
        elif right.remark and right.name not in found.reply.split():
            yield f"{asked.name}: the right answer {right.name} does not get its remark; widen its `when`"
        elif found.but and (right.praise or not right.remark):
            yield f"{asked.name}: the right answer {right.name} gets a remark meant for another: {found.say[0]}"
    if isinstance(asked, OrderExercise):
        for order in (*asked.also_right, *asked.right_but):
            if not check_source(order, asked):
                yield f"{asked.name}: the order {order} is refused, and is said to be right"


def of_choices() -> Iterator[str]:
    """The right answer cannot be guessed from where it is or from how long it is."""
    right = [(list(one.choices), list(one.choices.values()), one.truth()) for one in questions().values()]
    where = {
        "first": [keys[0] == truth for keys, _, truth in right],
        "last": [keys[-1] == truth for keys, _, truth in right],
        "longest": [len(texts[keys.index(truth)]) == max(map(len, texts)) for keys, texts, truth in right],
        "shortest": [len(texts[keys.index(truth)]) == min(map(len, texts)) for keys, texts, truth in right],
    }
    for word, hits in where.items():
        if sum(hits) > len(hits) * MOST_GUESSED:
            yield f"the right choice is the {word} in {sum(hits)} of {len(hits)} questions; vary it"


def of_lessons() -> Iterator[str]:
    """Each lesson but the first asks something about an earlier one."""
    for lesson in sorted({one.lesson for one in questions().values()})[1:]:
        if not any(one.lesson == lesson and one.name.endswith("/earlier") for one in questions().values()):
            yield f"{lesson}: no question looks back at an earlier lesson; add one that is called .../earlier"


def of_mutants(asked: Exercise) -> Iterator[str]:
    """Every small change of the solution is refused, or is listed as equivalent with its reason."""
    found = scored(asked)
    for name in found.survived:
        yield f"{asked.name}: a mutant passes: {name}; add a trial that refutes it, or list it in `equivalent`"
    for name in set(asked.equivalent) - set(found.equivalent):
        yield f"{asked.name}: `equivalent` lists a mutant that is refused or is none: {name}"


@cache
def _scored(name: str) -> Score:
    return score(exercise(name))


def scored(asked: Exercise) -> Score:
    """The fate of its mutants, computed once."""
    return _scored(asked.name)


def of_question(asked: Question) -> Iterator[str]:
    truth = asked.truth()
    if truth not in asked.choices:
        yield f"{asked.name}: the truth is {truth!r}, which is not among the choices"
    for key in asked.replies:
        if key not in asked.choices or key == truth:
            yield f"{asked.name}: a reply is for {key!r}, which is not a wrong choice"
    for key in asked.choices:
        if key != truth and key not in asked.replies:
            yield f"{asked.name}: the wrong choice {key!r} has no reply; say what is wrong with it"
    if not (NOTEBOOKS / f"{asked.lesson}.ipynb").exists():
        yield f"{asked.name}: its lesson {asked.lesson} is not there"


# ---- notebooks


@cache
def cells(path: Path) -> tuple[tuple[str, str], ...]:
    """(kind, source) of every cell."""
    found = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return tuple((cell["cell_type"], "".join(cell["source"])) for cell in found)


def calls(path: Path) -> Iterator[tuple[str, list[str], str]]:
    """Every call with texts as arguments: (function, texts, source of its cell)."""
    for kind, source in cells(path):
        if kind != "code":
            continue
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                texts = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
                yield node.func.id, texts, source


def of_notebook(path: Path) -> Iterator[str]:
    for function, texts, source in calls(path):
        try:
            yield from _of_call(path, function, texts, source)
        except (LookupError, SourceError) as error:
            yield f"{path.name}: {function}({', '.join(map(repr, texts))}): {error}"
    known = words() | {name for kind, source in cells(path) if kind == "code" for name in IDENTIFIER.findall(source)}
    for kind, source in cells(path):
        if kind == "markdown":
            for name in NAME.findall(source):
                if name not in known:
                    yield f"{path.name}: the text names `{name}`, which is not in the code; has it another name now?"


def _of_call(path: Path, function: str, texts: list[str], source: str) -> Iterator[str]:
    if function in ASKS:
        for name in texts:
            if question(name).lesson != path.stem:
                yield f"{path.name}: {name} is a question of {question(name).lesson}"
    elif function == "check":
        asked = exercise(texts[-1])
        if asked.lesson != path.stem:
            yield f"{path.name}: {asked.name} is an exercise of {asked.lesson}"
        if asked.kind != "order" and textwrap.dedent(asked.starter).strip() not in source:
            yield f"{path.name}: the cell of {asked.name} does not contain the starter; copy it from the exercise"
    elif function == "hint":
        hint(texts[0])
        exercise(texts[0])
    elif function == "show":
        for name in texts:
            function_named(name)
    elif function in ("patch", "side_by_side"):
        for name in texts:
            any_fix(name)


@cache
def words() -> frozenset[str]:
    """Every identifier in the code of the miniature and of the course."""
    found: set[str] = set()
    for folder in ("mini_qemu", "lessons"):
        for path in (ROOT / folder).rglob("*.py"):
            found.update(IDENTIFIER.findall(path.read_text(encoding="utf-8")))
    return frozenset(found)


def unused() -> Iterator[str]:
    """Exercises and questions that no notebook asks."""
    asked = {text for path in notebooks() for _, texts, _ in calls(path) for text in texts}
    for name in [*exercises(), *questions()]:
        if name not in asked:
            yield f"{name}: no notebook asks it"


# ---- what no lesson names


def unnamed() -> dict[str, list[str]]:
    """Functions of the miniature that no notebook names, by module."""
    text = "\n".join(source for path in notebooks() for _, source in cells(path))
    said = set(IDENTIFIER.findall(text))
    left = {module: [name for name in functions(module) if name not in said] for module in modules()}
    return {module: names for module, names in left.items() if names}
