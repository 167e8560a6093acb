# SPDX-License-Identifier: GPL-2.0-or-later
"""Are the trials strict enough? Small changes of each solution, every one of which some trial must refute.

A mutant is the solution with one thing changed: a statement dropped, two swapped, a test negated, a comparison or a
number moved by one, a lock not taken, a constant returned. Where lines are put in order, the mutants are all other
orders. A mutant that passes is either a hole in the trials or equivalent to the solution; an equivalent one is listed
in the exercise with its reason (`equivalent`, or `also_right` and `right_but` for orders). The score is the share of
mutants that are refused or listed: the goal is all of them.
Left out: two changes at once.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations

from lessons.exercises.judge import survives
from lessons.exercises.model import Exercise, OrderExercise

OPPOSITE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.Lt: ast.GtE,
    ast.GtE: ast.Lt,
    ast.Gt: ast.LtE,
    ast.LtE: ast.Gt,
}
BY_ONE: dict[type[ast.cmpop], type[ast.cmpop]] = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
OTHER_WAY: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
}


@dataclass(frozen=True)
class Mutant:
    """A changed solution; `name` says what was changed, in words that stay the same as long as the solution does."""

    name: str
    answer: str


@dataclass(frozen=True)
class Score:
    """What became of the mutants of one exercise."""

    refused: tuple[str, ...]
    equivalent: tuple[str, ...]
    survived: tuple[str, ...]

    @property
    def total(self) -> int:
        return len(self.refused) + len(self.equivalent) + len(self.survived)


def mutants(asked: Exercise) -> Iterator[Mutant]:
    """Every mutant of the exercise's solution, each text once."""
    if isinstance(asked, OrderExercise):
        for letters in permutations(asked.solution):
            if (order := "".join(letters)) != asked.solution:
                yield Mutant(order, order)
        return
    seen = {ast.unparse(ast.parse(asked.solution)) + "\n"}
    for name, tree in _changes(ast.parse(asked.solution)):
        text = ast.unparse(ast.fix_missing_locations(tree)) + "\n"
        if text not in seen:
            seen.add(text)
            yield Mutant(name, text)


def score(asked: Exercise) -> Score:
    """Judge every mutant."""
    listed = set(asked.equivalent)
    if isinstance(asked, OrderExercise):
        listed |= {*asked.also_right, *asked.right_but}
    fates: dict[str, list[str]] = {"refused": [], "equivalent": [], "survived": []}
    for mutant in mutants(asked):
        passed = survives(mutant.answer, asked)
        fates["refused" if not passed else "equivalent" if mutant.name in listed else "survived"].append(mutant.name)
    return Score(*(tuple(fates[fate]) for fate in ("refused", "equivalent", "survived")))


# ---- the changes


class _Instead(ast.NodeTransformer):
    """Puts one expression in another's place."""

    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self.old = old
        self.new = new

    def visit(self, node: ast.AST) -> ast.AST:
        return self.new if node is self.old else self.generic_visit(node)


def _changes(solution: ast.Module) -> Iterator[tuple[str, ast.Module]]:
    """(what was changed, the changed tree), for each place of the solution."""
    for place, node in enumerate(ast.walk(solution)):
        for name in _possible(node):
            tree = copy.deepcopy(solution)
            twin = list(ast.walk(tree))[place]
            if name.startswith("keep the"):
                _Instead(twin, _side(twin, name)).visit(tree)
            else:
                _apply(name, twin)
            yield f"{name} in line {_line(node, solution)}: {_excerpt(node)}", tree


def _possible(node: ast.AST) -> Iterator[str]:
    body = _statements(node)
    for i, statement in enumerate(body):
        yield f"drop statement {i + 1} ({_excerpt(statement)})"
        if i + 1 < len(body) and not isinstance(statement, ast.FunctionDef | ast.ClassDef):
            yield f"swap statements {i + 1} and {i + 2}"
        if isinstance(statement, ast.With):
            yield f"take no lock at statement {i + 1}"
    if isinstance(node, ast.If | ast.While | ast.IfExp):
        yield "negate the test"
    if isinstance(node, ast.Return):
        yield from ("return True", "return False", "return None")
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        if type(node.ops[0]) in OPPOSITE:
            yield "turn the comparison round"
        if type(node.ops[0]) in BY_ONE:
            yield "move the comparison by one"
    if isinstance(node, ast.BinOp) and type(node.op) in OTHER_WAY:
        yield "compute the other way"
    if isinstance(node, ast.BinOp | ast.BoolOp):
        yield from ("keep the left side", "keep the right side")
    if isinstance(node, ast.Constant) and type(node.value) in (int, float, bool):
        yield "another constant"


def _apply(name: str, node: ast.AST) -> None:
    words = name.split()
    if name.startswith("drop statement"):
        _statements(node)[int(words[2]) - 1] = ast.Pass()
    elif name.startswith("swap statements"):
        body, i = _statements(node), int(words[2]) - 1
        body[i], body[i + 1] = body[i + 1], body[i]
    elif name.startswith("take no lock"):
        body, i = _statements(node), int(words[-1]) - 1
        held = body[i]
        assert isinstance(held, ast.With)
        body[i : i + 1] = held.body
    elif name == "negate the test":
        assert isinstance(node, ast.If | ast.While | ast.IfExp)
        node.test = ast.UnaryOp(ast.Not(), node.test)
    elif name.startswith("return"):
        assert isinstance(node, ast.Return)
        node.value = ast.Constant({"True": True, "False": False, "None": None}[words[1]])
    elif name == "turn the comparison round":
        assert isinstance(node, ast.Compare)
        node.ops = [OPPOSITE[type(node.ops[0])]()]
    elif name == "move the comparison by one":
        assert isinstance(node, ast.Compare)
        node.ops = [BY_ONE[type(node.ops[0])]()]
    elif name == "compute the other way":
        assert isinstance(node, ast.BinOp)
        node.op = OTHER_WAY[type(node.op)]()
    elif name == "another constant":
        assert isinstance(node, ast.Constant)
        assert isinstance(node.value, int | float)
        node.value = not node.value if isinstance(node.value, bool) else node.value + 1


def _side(node: ast.AST, name: str) -> ast.expr:
    left = name == "keep the left side"
    if isinstance(node, ast.BoolOp):
        return node.values[0 if left else -1]
    assert isinstance(node, ast.BinOp)
    return node.left if left else node.right


def _statements(node: ast.AST) -> list[ast.stmt]:
    """The body of a compound statement, or nothing."""
    body = getattr(node, "body", None)
    return body if isinstance(body, list) and not isinstance(node, ast.Module) else []


def _line(node: ast.AST, solution: ast.Module) -> int:
    at = getattr(node, "lineno", None)
    return at if isinstance(at, int) else solution.body[0].lineno


def _excerpt(node: ast.AST) -> str:
    return ast.unparse(node).splitlines()[0]
