# SPDX-License-Identifier: GPL-2.0-or-later
"""Functions as things to copy, to rename and to make from text: what answers and wrong fixes are made with.

Nothing here knows the miniature or the explorer. A function made from text has a source that players can show: it is
put into `linecache` under a made-up file name, which `inspect` and tracebacks read as they read a file.
"""

from __future__ import annotations
import __future__

import ast
import builtins
import inspect
import linecache
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
    copy.__kwdefaults__, copy.__qualname__ = function.__kwdefaults__, function.__qualname__
    copy.__module__ = function.__module__
    return copy


def from_text(text: str, name: str, filename: str, scope: Mapping[str, Any]) -> FunctionType:
    """Run a text and return the function of that name that it defines. LookupError if it defines none."""
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    defined = dict(scope)
    exec(compile(text, filename, "exec", ANNOTATIONS, dont_inherit=True), defined)
    made = defined.get(name)
    if not isinstance(made, FunctionType):
        raise LookupError(f"the answer defines no function {name!r}")
    return made


def text_of(function: FunctionType, name: str = "") -> str:
    """The source of a function without its decorators, under its own name or another."""
    source = textwrap.dedent(inspect.getsource(function))
    node = ast.parse(source).body[0]
    assert isinstance(node, ast.FunctionDef), f"{function.__name__} is not written with def"
    text = "\n".join(source.splitlines()[node.lineno - 1 :]) + "\n"
    return text.replace(f"def {node.name}(", f"def {name or node.name}(", 1)
