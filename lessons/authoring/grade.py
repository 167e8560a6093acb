# SPDX-License-Identifier: GPL-2.0-or-later
"""Grade a whole file of answers, as a teacher does: every call of check(...) in a notebook or a Python file.

Each cell (of a Python file: the whole) that calls check is run by itself, with nothing but the course's names. The last
answer to an exercise counts. Whatever a cell does wrong is a sentence about that exercise.
"""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

from lessons.exercises import exercise
from lessons.exercises.check import Feedback, check_source, syntax_sentence

CALL = re.compile(r"""check\(\s*.*?["']([\w-]+/[\w-]+)["']\s*\)""", re.DOTALL)


def grade_file(path: Path) -> dict[str, Feedback]:
    """Exercise -> verdict. ValueError if the file is no notebook and no Python."""
    found: dict[str, Feedback] = {}
    for source in _cells(path):
        for name in CALL.findall(source):
            found[name] = _grade(source, name)
    return found


def _cells(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        return [text]
    try:
        cells = json.loads(text)["cells"]
    except (ValueError, KeyError, TypeError):
        raise ValueError("this is not a notebook") from None
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def _grade(source: str, name: str) -> Feedback:
    try:
        asked = exercise(name)
    except LookupError as error:
        return Feedback(name, False, (str(error),))
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        return Feedback(name, False, (syntax_sentence(error),))
    call = next(
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and any(isinstance(a, ast.Constant) and a.value == name for a in node.args)
    )
    if asked.kind == "order":
        given = call.args[0]
        letters = given.value if isinstance(given, ast.Constant) else ""
        return check_source(letters if isinstance(letters, str) else "", asked)
    wanted = call.args[0].id if isinstance(call.args[0], ast.Name) else asked.entry
    made = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    if wanted not in [node.name for node in made]:
        return Feedback(name, False, (f"The cell defines no function {wanted!r}.",))
    text = "\n".join(ast.get_source_segment(source, node) or "" for node in made)
    return check_source(text.replace(f"def {wanted}(", f"def {asked.entry}("), asked)
