# SPDX-License-Identifier: GPL-2.0-or-later
"""Functions and classes as things to copy, to rename and to make from text: what answers and wrong fixes are made with.

Nothing here knows the miniature or the explorer. A function made from text has a source that players can show: it is
put into `linecache` under a made-up file name, which `inspect` and tracebacks read as they read a file.
"""

from __future__ import annotations
import __future__

import ast
import builtins
import inspect
import linecache
import re
import textwrap
from collections.abc import Mapping
from types import CodeType, FunctionType
from typing import Any

ANNOTATIONS = __future__.annotations.compiler_flag  # annotations are not evaluated


def names_of(code: CodeType) -> set[str]:
    """Every global or attribute name that the code uses, nested functions included."""
    nested = [names_of(const) for const in code.co_consts if isinstance(const, CodeType)]
    return set(code.co_names).union(*nested)


def unknown_to(function: FunctionType) -> set[str]:
    """The names of `names_of` that are neither globals of the function nor built in."""
    return {n for n in names_of(function.__code__) if n not in function.__globals__ and not hasattr(builtins, n)}


def with_names(function: FunctionType, names: Mapping[str, Any]) -> FunctionType:
    """A copy of the function that also sees these names as globals. The original is left as it is."""
    scope = {**function.__globals__, **names}
    copy = FunctionType(function.__code__, scope, function.__name__, function.__defaults__, function.__closure__)
    if scope.get(function.__name__) is function:  # it may call itself
        scope[function.__name__] = copy
    copy.__kwdefaults__, copy.__qualname__ = function.__kwdefaults__, function.__qualname__
    copy.__module__ = function.__module__
    return copy


def from_text(text: str, name: str, filename: str, scope: Mapping[str, Any]) -> Any:
    """Run a text and return the function or class of that name that it defines. LookupError if it defines none."""
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    defined = dict(scope)
    exec(compile(text, filename, "exec", ANNOTATIONS, dont_inherit=True), defined)
    made = defined.get(name)
    if not isinstance(made, FunctionType | type):
        raise LookupError(f"the answer defines no {'class' if name[:1].isupper() else 'function'} {name!r}")
    return made


def text_of(thing: FunctionType | type, name: str = "") -> str:
    """The source of a function or class without its decorators, under its own name or another."""
    source = source_of(thing)
    node = ast.parse(source).body[0]
    assert isinstance(node, ast.FunctionDef | ast.ClassDef), f"{thing.__name__} is written with neither def nor class"
    text = "\n".join(source.splitlines()[node.lineno - 1 :]) + "\n"
    return re.sub(rf"^(def|class) {node.name}\b", rf"\1 {name or node.name}", text, count=1)


def source_of(thing: FunctionType | type) -> str:
    """The source of a function or class, not indented. OSError if it cannot be found."""
    if isinstance(thing, FunctionType):
        return textwrap.dedent(inspect.getsource(thing))
    file, first, last = _span(thing)
    return textwrap.dedent("".join(linecache.getlines(file)[first - 1 : last]))


def home_of(thing: FunctionType | type) -> tuple[str, int]:
    """File and first line of a function or class. OSError if they are not known."""
    if isinstance(thing, FunctionType):
        return thing.__code__.co_filename, thing.__code__.co_firstlineno
    return _span(thing)[:2]


def _span(cls: type) -> tuple[str, int, int]:
    """File, first and last line of a class, decorators included. Its methods know the file; a cell's class does not."""
    code = next((f.__code__ for f in vars(cls).values() if isinstance(f, FunctionType)), None)
    lines = linecache.getlines(code.co_filename) if code else []
    for node in ast.walk(ast.parse("".join(lines))):
        if isinstance(node, ast.ClassDef) and code and node.name == cls.__qualname__.rpartition(".")[2]:
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            if first <= code.co_firstlineno <= (node.end_lineno or 0):
                return code.co_filename, first, node.end_lineno or first
    raise OSError(f"the source of {cls.__name__} cannot be found")
