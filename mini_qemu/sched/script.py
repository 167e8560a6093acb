# SPDX-License-Identifier: GPL-2.0-or-later
"""A script as a program that can be explored: what it does when it is run becomes a function, `main`.

A file that defines `main` is taken as it is, without a call of it at the bottom. In any other, `main` is what is
under ``if __name__ == "__main__":``, or, without that line, what follows the last definition and import. Its variables
stay those of the module, because the functions above use them.

Left out: a file that imports this package explores by itself, and is left alone.
"""

from __future__ import annotations

import ast
import dis
from collections.abc import Sequence

MAIN = "main"


def with_main(tree: ast.Module) -> ast.Module:
    """The module of a script, with a function `main` if it has anything to run. `tree` itself is not changed."""
    body = tree.body
    if any(isinstance(node, _FUNCTIONS) and node.name == MAIN for node in body):
        return ast.Module([node for node in body if not _calls_main(node)], tree.type_ignores)
    if any(_imports_us(node) for node in ast.walk(tree)):
        return tree
    guard = next((node for node in body if isinstance(node, ast.If) and ast.unparse(node.test) in _GUARDS), None)
    if guard is not None:
        made = [_function(guard.body, guard) if node is guard else node for node in body]
        return ast.Module(made, tree.type_ignores)
    last = max((i for i, node in enumerate(body) if isinstance(node, _DEFINITIONS)), default=-1) + 1
    if any(_acts(node) for node in body[last:]):
        return ast.Module([*body[:last], _function(body[last:], body[last])], tree.type_ignores)
    return tree


_FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef
_DEFINITIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom
_GUARDS = {"__name__ == '__main__'", "'__main__' == __name__"}


def _calls_main(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and ast.unparse(node.value) == f"{MAIN}()"


def _imports_us(node: ast.AST) -> bool:
    names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
    names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
    return any(name.split(".")[0] == __name__.split(".")[0] for name in names)


def _acts(node: ast.stmt) -> bool:
    """Something is called for what it does, not for its value."""
    return any(isinstance(one, ast.Expr) and isinstance(one.value, ast.Call) for one in ast.walk(node))


def _function(body: Sequence[ast.stmt], at: ast.stmt) -> ast.stmt:
    """``def main():`` with this body, at the line where the statement ``at`` begins."""
    code = compile(ast.Module(list(body), []), "<script>", "exec", dont_inherit=True)
    stored = {one.argval for one in dis.get_instructions(code) if one.opname in ("STORE_NAME", "DELETE_NAME")}
    (made,) = ast.parse(f"def {MAIN}(): pass").body
    assert isinstance(made, ast.FunctionDef)
    made.body = [*([ast.Global(sorted(stored))] if stored else []), *body]
    made.lineno, made.end_lineno, made.end_col_offset = at.lineno, body[-1].end_lineno, body[-1].end_col_offset
    for part in (made.args, *made.body[: -len(body)]):
        ast.copy_location(part, made)
    return made
