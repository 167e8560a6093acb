# SPDX-License-Identifier: GPL-2.0-or-later
"""Which variables two threads can share without an object: globals that functions assign, and cells of closures.

A local variable belongs to one call of one function, so to one thread, unless a function inside it uses it too.
Strategy: one walk over a file's syntax tree resolves every name as Python's compiler does. A captured variable that is
bound once, and outside loops, is a constant for those who capture it; one that is bound again (``nonlocal``, a loop's
variable, a second assignment) is shared state, and every use of it is watched.

Left out: names that `exec` or ``globals()[...]`` bind, and class bodies, whose names are attributes.
"""

from __future__ import annotations

import ast
import functools
import linecache
from collections import Counter
from dataclasses import dataclass, field

from mini_qemu.sched.source import tree_of

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_LOOPS = (ast.For, ast.AsyncFor, ast.While)

Place = tuple[int, int]
"""Where a function or comprehension begins: line and column of its first character."""


@dataclass
class Scope:
    """A function or comprehension: ``bound`` counts its own bindings by name, a binding in a loop as two."""

    parent: Scope | None
    bound: Counter[str] = field(default_factory=Counter)
    outer: set[str] = field(default_factory=set)  # declared nonlocal
    module: set[str] = field(default_factory=set)  # declared global
    used: set[str] = field(default_factory=set)
    shared: set[str] = field(default_factory=set)

    def owner(self, name: str) -> Scope | None:
        """The scope whose variable ``name`` is, seen from here; None for a global."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.module:
                return None
            if name in scope.bound and name not in scope.outer:
                return scope
            scope = scope.parent
        return None


@dataclass
class Names:
    """What the functions of a file share, by place of the function: ``cells`` it uses, those of its own variables, and
    ``globals`` that some function binds. ``declared`` are all of those, ``bare`` the globals that functions use.
    """

    cells: dict[Place, frozenset[str]]
    own: dict[Place, frozenset[str]]
    globals: dict[Place, frozenset[str]]
    declared: frozenset[str]
    bare: frozenset[str]


def names_of(filename: str) -> Names:
    """The shared variables of a file, or of a notebook's cell."""
    return _names(filename, "".join(linecache.getlines(filename)))


@functools.lru_cache(maxsize=64)
def _names(filename: str, source: str) -> Names:
    return shared_names(tree_of(filename, source))


def shared_names(tree: ast.Module) -> Names:
    """The shared variables of a file, or of a notebook's cell."""
    scopes: dict[Place, Scope] = {}
    _walk(tree, None, scopes, 0)
    declared = {name for scope in scopes.values() for name in scope.module}
    for scope in scopes.values():  # a nonlocal binding is one of the owner's, and a second one
        for name in scope.outer:
            if scope.parent is not None and (owner := scope.parent.owner(name)) is not None:
                owner.bound[name] += 2
    for scope in scopes.values():
        for name in scope.used | set(scope.bound):
            owner = scope.owner(name)
            if owner is not None and owner is not scope and owner.bound[name] > 1:
                owner.shared.add(name)
    cells = {
        place: frozenset(
            name
            for name in scope.used | set(scope.bound) | scope.outer
            if (owner := scope.owner(name)) is not None and name in owner.shared
        )
        for place, scope in scopes.items()
    }
    module = {
        place: frozenset(
            name
            for name in scope.used | set(scope.bound) | scope.module
            if name in declared and scope.owner(name) is None
        )
        for place, scope in scopes.items()
    }
    own = {place: frozenset(scope.shared) for place, scope in scopes.items()}
    bare = {name for scope in scopes.values() for name in scope.used if scope.owner(name) is None}
    return Names(cells, own, module, frozenset(declared), frozenset(bare))


def place(node: ast.AST) -> Place:
    """Where ``node`` is in its file."""
    return getattr(node, "lineno", 0), getattr(node, "col_offset", 0)


def _walk(node: ast.AST, scope: Scope | None, scopes: dict[Place, Scope], loops: int) -> None:
    """Note what ``node`` binds and uses in ``scope``, which is inside ``loops`` loops of its own."""
    if isinstance(node, _FUNCTIONS):
        _function(node, scope, scopes, loops)
    elif isinstance(node, _COMPREHENSIONS):
        inner = scopes[place(node)] = Scope(scope)
        for i, generator in enumerate(node.generators):
            _walk(generator.iter, inner if i else scope, scopes, loops)
            _walk(generator.target, inner, scopes, 1)
            for test in generator.ifs:
                _walk(test, inner, scopes, 1)
        for part in [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]:
            _walk(part, inner, scopes, 1)
    elif isinstance(node, ast.ClassDef):
        _bind(scope, node.name, loops)
        for child in [*node.decorator_list, *node.bases, *node.keywords]:
            _walk(child, scope, scopes, loops)
        for child in node.body:  # its own names are attributes; functions inside see the scope around
            for inner_node in _functions_in(child):
                _walk(inner_node, scope, scopes, loops)
    else:
        _simple(node, scope, loops)
        inside = loops + isinstance(node, _LOOPS)
        for child in ast.iter_child_nodes(node):
            _walk(child, scope, scopes, inside)


def _function(node: Function, scope: Scope | None, scopes: dict[Place, Scope], loops: int) -> None:
    inner = scopes[place(node)] = Scope(scope)
    arguments = node.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    inner.bound.update(argument.arg for argument in every if argument is not None)
    outside = [*arguments.defaults, *(d for d in arguments.kw_defaults if d is not None)]
    if not isinstance(node, ast.Lambda):
        _bind(scope, node.name, loops)
        outside += node.decorator_list
    for child in outside:
        _walk(child, scope, scopes, loops)
    for statement in [node.body] if isinstance(node, ast.Lambda) else node.body:
        _walk(statement, inner, scopes, 0)


def _functions_in(node: ast.AST) -> list[ast.AST]:
    """The outermost functions in a statement of a class body."""
    if isinstance(node, (*_FUNCTIONS, *_COMPREHENSIONS, ast.ClassDef)):
        return [node]
    return [found for child in ast.iter_child_nodes(node) for found in _functions_in(child)]


def _simple(node: ast.AST, scope: Scope | None, loops: int) -> None:
    if scope is None:
        return
    if isinstance(node, ast.Name):
        if isinstance(node.ctx, ast.Load):
            scope.used.add(node.id)
        else:
            _bind(scope, node.id, loops)
    elif isinstance(node, ast.Global):
        scope.module.update(node.names)
    elif isinstance(node, ast.Nonlocal):
        scope.outer.update(node.names)
    elif isinstance(node, ast.For):
        for target in ast.walk(node.target):
            if isinstance(target, ast.Name):
                _bind(scope, target.id, loops + 1)
    elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
        _bind(scope, node.name, loops)
    elif isinstance(node, ast.Import | ast.ImportFrom):
        for alias in node.names:
            _bind(scope, (alias.asname or alias.name).split(".")[0], loops)


def _bind(scope: Scope | None, name: str, loops: int) -> None:
    if scope is not None:
        scope.bound[name] += 2 if loops else 1
