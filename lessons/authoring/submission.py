# SPDX-License-Identifier: GPL-2.0-or-later
"""Find the answers in a notebook or a Python file that somebody has handed in. Nothing in it is run.

A call that ends in the name of an exercise, as in `check(my_function, "missing-join/fill")`, says what is answered by
what. The function may be defined in any cell: the last definition up to the call counts, else the first one after it.
Other functions of the notebook, its imports from the miniature and its constants come along. Loops, prints and whatever
else a notebook does at its top level stay out, and so does whatever it has made of the name `check`.

Where the cell with the call was deleted, a function with the name that the exercise asks for is the answer. An answer
that cannot be one (no such function, a syntax error, an import that no exercise needs) is a sentence. Notebooks of
formats 3 and 4 are read.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lessons.exercises import exercises
from lessons.exercises.feedback import syntax_sentence
from lessons.exercises.model import Exercise

NAMED = re.compile(r"""["']([\w-]+/[\w-]+)["']\s*\)""")
MAGIC = re.compile(r"^(\s*)([%!?].*|.*\?\s*)$", re.MULTILINE)
SWITCHES = ("fixes", "history", "later")
MAY_IMPORT = {"mini_qemu", "__future__", "collections", "contextlib", "dataclasses", "functools", "itertools", "math"}
MAY_IMPORT |= {"queue", "random", "threading", "time", "typing"}
NEVER = {"__import__", "breakpoint", "compile", "delattr", "eval", "exec", "exit", "globals", "input", "locals", "open"}
NEVER |= {"quit", "setattr", "vars"}


class NotASubmission(ValueError):
    """A file without answers that can be read; the message says why."""


@dataclass(frozen=True)
class Answer:
    """One answer: `text` is the source of its function or the letters of an order; or it is `refused`, with why."""

    exercise: str
    text: str = ""
    refused: str = ""


Definition = ast.FunctionDef | ast.ClassDef


@dataclass
class _Notebook:
    """The cells of a file, parsed: what is defined where, and what calls name an exercise."""

    functions: list[tuple[int, Definition, str]] = field(default_factory=list)
    constants: dict[str, str] = field(default_factory=dict)
    preamble: list[str] = field(default_factory=list)
    calls: list[tuple[int, ast.expr, Exercise]] = field(default_factory=list)
    broken: dict[str, str] = field(default_factory=dict)
    """Exercises named in a cell that is not Python, with the sentence about it."""
    unknown: list[str] = field(default_factory=list)
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    """Cells that are not Python, each with the sentence about it."""
    no_functions: dict[str, str] = field(default_factory=dict)
    """Names of what is nearly a function, with the sentence about it."""


def answers(path: Path) -> list[Answer]:
    """All answers of a file, one for each exercise, in the order of the course. Raises NotASubmission, or OSError."""
    return answers_in(cells(path), path.stem)


def answers_in(sources: Sequence[str], name: str) -> list[Answer]:
    """All answers of the code cells of a notebook. `name`: what it is called; its lesson is read off that too."""
    book = _Notebook()
    for position, source in enumerate(sources):
        _read(book, position, source)
    found = {asked.name: _answer(book, position, given, asked) for position, given, asked in book.calls}
    for exercise, sentence in book.broken.items():
        found.setdefault(exercise, Answer(exercise, refused=sentence))
    for asked in _touched(book, name):
        if asked.name in found:
            continue
        if (here := _last(book, asked.entry, len(book.functions))) is not None:
            found[asked.name] = _function(book, here, asked)
        elif why := _why_not(book, asked.entry):
            found[asked.name] = Answer(asked.name, refused=why)
    known = [found[one] for one in exercises() if one in found]
    return known + [Answer(one, refused=f"There is no exercise {one!r}.") for one in book.unknown]


def lessons_of(path: Path, given: list[Answer]) -> list[str]:
    """Whose exercises a submission is about: those it answers; else the lesson that its file name tells."""
    lessons = {exercises()[answer.exercise].lesson for answer in given if answer.exercise in exercises()}
    lessons |= {asked.lesson for asked in exercises().values() if asked.lesson in path.stem}
    return sorted(lessons)


def cells(path: Path) -> list[str]:
    """The code of a file: a notebook's code cells, or the whole of a Python file."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise NotASubmission("This is not text in UTF-8.") from None
    if ".ipynb" not in path.name.lower():
        return [text]
    if not text.strip():
        raise NotASubmission("This file is empty.")
    try:
        return _code(json.loads(text))
    except (ValueError, KeyError, TypeError, RecursionError):
        raise NotASubmission("This is not a notebook.") from None


def _code(book: Any) -> list[str]:
    """The code cells of a notebook. Format 3 keeps them in worksheets and calls their text input."""
    if not isinstance(book, dict):
        raise TypeError
    sheets = book.get("worksheets", [book])
    found = [cell for sheet in sheets for cell in sheet["cells"] if cell["cell_type"] == "code"]
    return ["".join(cell["source"] if "source" in cell else cell["input"]) for cell in found]


def _read(book: _Notebook, position: int, source: str) -> None:
    source = MAGIC.sub(r"\1pass", source)
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        why = syntax_sentence(error) if isinstance(error, SyntaxError) else "Python cannot read the cell."
        book.unreadable.append((source, why))
        book.broken.update({name: why for name in NAMED.findall(source) if name in exercises()})
        return
    for node in _top(tree.body):
        if isinstance(node, Definition):
            book.functions.append((position, node, source))
        elif isinstance(node, ast.AsyncFunctionDef):
            book.no_functions[node.name] = f"{node.name} is an async function; write def without async."
        elif isinstance(node, ast.Import | ast.ImportFrom) and not _stray_imports(node):
            book.preamble.append(ast.unparse(node))
        elif isinstance(node, ast.Assign):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            if isinstance(node.value, ast.Lambda):
                book.no_functions.update({name: f"{name} is a lambda; write it with def." for name in names})
            elif _is_literal(node.value):
                book.constants.update(dict.fromkeys(names, ast.unparse(node.value)))
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and len(both := _arguments(call)) >= 2:
            name = _text(both[-1]) or (_text(both[-1].id, book) if isinstance(both[-1], ast.Name) else "")
            if name in exercises():
                book.calls.append((position, both[0], exercises()[name]))
            elif isinstance(call.func, ast.Name) and call.func.id == "check" and re.fullmatch(r"[\w-]+/[\w-]+", name):
                book.unknown.append(name)


def _arguments(call: ast.Call) -> list[ast.expr]:
    """The arguments of a call, in the order of check(answer, name), however they were passed."""
    named = {keyword.arg: keyword.value for keyword in call.keywords}
    return [*call.args, *(named[name] for name in ("answer", "name") if name in named)]


def _top(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements at the top level, also those under an `if`, `with` or `try`."""
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.With | ast.Try):
            yield from _top([*node.body, *getattr(node, "orelse", [])])


def _touched(book: _Notebook, name: str) -> list[Exercise]:
    """The exercises of the lessons that this file is about, whether it answers them or not.

    Where neither a call nor the file's name tells, the names of its functions do: no two exercises ask for one name.
    """
    lessons = {asked.lesson for _, _, asked in book.calls} | {exercises()[name].lesson for name in book.broken}
    lessons |= {asked.lesson for asked in exercises().values() if asked.lesson in name}
    if not lessons:
        return [asked for asked in exercises().values() if any(n.name == asked.entry for _, n, _ in book.functions)]
    return [asked for asked in exercises().values() if asked.lesson in lessons]


# ---- one answer


def _answer(book: _Notebook, position: int, given: ast.expr, asked: Exercise) -> Answer:
    if asked.kind == "order":
        text = _text(given) or (_text(given.id, book) if isinstance(given, ast.Name) else "")
        return Answer(asked.name, text) if text else Answer(asked.name, refused="There is no order: write the letters.")
    if not isinstance(given, ast.Name):
        return Answer(asked.name, refused=f"check was given `{ast.unparse(given)[:60]}`, not the name of a function.")
    before = sum(1 for at, _, _ in book.functions if at <= position)
    here = _last(book, given.id, before)
    if here is None:
        here = next((n for n in range(before, len(book.functions)) if book.functions[n][1].name == given.id), None)
    if here is None:
        why = _why_not(book, given.id) or " ".join(
            [f"The notebook defines no function {given.id!r}.", *list(book.broken.values())[:1]]
        )
        return Answer(asked.name, refused=why)
    return _function(book, here, asked)


def _why_not(book: _Notebook, name: str) -> str:
    """What is wrong with the definition of this name, where Python cannot read it or it is not a function; or ""."""
    defines = re.compile(rf"^\s*(async\s+)?(def|class)\s+{re.escape(name)}\b", re.MULTILINE)
    torn = (why for source, why in reversed(book.unreadable) if defines.search(source))
    return next(torn, book.no_functions.get(name, ""))


def _last(book: _Notebook, name: str, before: int) -> int | None:
    """The last function of that name among the first ones."""
    return next((n for n in reversed(range(before)) if book.functions[n][1].name == name), None)


def _function(book: _Notebook, here: int, asked: Exercise) -> Answer:
    """The function, with its helpers, as a text that defines the exercise's `entry`."""
    _, node, source = book.functions[here]
    others = {other.name: (other, text) for _, other, text in book.functions if other.name != asked.entry}
    others.pop(node.name, None)
    needed = _needed(node, {name: other for name, (other, _) in others.items()})
    all_of_it = [node, *(others[name][0] for name in needed)]
    if stray := next(filter(None, map(_stray, all_of_it)), ""):
        return Answer(asked.name, refused=stray)
    used = {part.id for one in all_of_it for part in ast.walk(one) if isinstance(part, ast.Name)}
    parts = [*dict.fromkeys(book.preamble)]
    parts += [f"{name} = {value}" for name, value in book.constants.items() if name in used]
    parts += [_segment(text, other) for other, text in (others[name] for name in needed)]
    own = _segment(source, node)
    if node.name != asked.entry:
        own = re.sub(rf"\b(def|class)\s+{re.escape(node.name)}\b", rf"\1 {asked.entry}", own, count=1)
        own += f"\n\n{node.name} = {asked.entry}"
    return Answer(asked.name, "\n\n".join([*parts, own]) + "\n")


def _segment(source: str, node: Definition) -> str:
    lines = source.splitlines(keepends=True)
    first = min([node.lineno, *(at.lineno for at in node.decorator_list)])
    text = "".join(lines[first - 1 : node.end_lineno]).rstrip()
    indent = len(lines[first - 1]) - len(lines[first - 1].lstrip())
    return "\n".join(line[indent:] if not line[:indent].strip() else line for line in text.splitlines())


def _needed(node: Definition, helpers: dict[str, Definition]) -> list[str]:
    """The functions and classes of the notebook that this one uses, those that they use included."""
    found: list[str] = []
    waiting: list[Definition] = [node]
    while waiting:
        for name in ast.walk(waiting.pop()):
            if isinstance(name, ast.Name) and name.id in helpers and name.id not in found:
                found.append(name.id)
                waiting.append(helpers[name.id])
    return found


# ---- what no answer needs


def _stray(node: Definition) -> str:
    """Why this function is not judged, or "". An answer may use the miniature, not the judge's machinery."""
    for part in ast.walk(node):
        line = f"Line {getattr(part, 'lineno', node.lineno) - node.lineno + 1} of {node.name}"
        if isinstance(part, ast.Import | ast.ImportFrom) and (names := _stray_imports(part)):
            return f"{line} imports {', '.join(names)}; an answer needs nothing but the miniature."
        if isinstance(part, ast.Name) and part.id in NEVER:
            return f"{line} uses {part.id}; an answer needs nothing but the miniature."
        if isinstance(part, ast.Attribute) and part.attr.startswith("__"):
            return f"{line} reaches for {part.attr}; an answer needs nothing but the miniature."
        if _turns_a_fix(part):
            return f"{line} turns a fix of the course on or off; write the fix instead."
    return ""


def _stray_imports(node: ast.Import | ast.ImportFrom) -> list[str]:
    names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or "."]
    return [name for name in names if name.partition(".")[0] not in MAY_IMPORT]


def _turns_a_fix(part: ast.AST) -> bool:
    if isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute):
        return isinstance(part.func.value, ast.Name) and part.func.value.id in SWITCHES
    if isinstance(part, ast.Attribute) and isinstance(part.ctx, ast.Store | ast.Del):
        return isinstance(part.value, ast.Name) and part.value.id in SWITCHES
    return isinstance(part, ast.Name) and part.id in ("as_of", "only")


def _is_literal(node: ast.expr) -> bool:
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return False
    return True


def _text(node: Any, book: _Notebook | None = None) -> str:
    """The text that an expression or a constant of the notebook is, or ""."""
    if book is not None and isinstance(node, str):
        value = ast.literal_eval(book.constants.get(node, "''"))
        return value if isinstance(value, str) else ""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
