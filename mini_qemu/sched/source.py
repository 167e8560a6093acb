# SPDX-License-Identifier: GPL-2.0-or-later
"""The text that a function was compiled from: what is shown and rewritten must be what the program would run.

A file can change after it was imported, and after Python has kept its lines. So the text is read afresh when the file
is newer, compiled, and compared with the code that is there. Code that was rewritten on import, as pytest rewrites
functions with `assert`, cannot be compared and is taken on trust.
"""

from __future__ import annotations
import __future__

import ast
import functools
import linecache
import os
from types import CodeType, ModuleType

from .errors import InstrumentationError
from .script import with_main

FUTURES = __future__.annotations.compiler_flag  # what a file may import from there and changes its code


def source_of(code: CodeType) -> str:
    """The text of the file or cell of ``code``. Raises InstrumentationError if there is none or it is another one."""
    where = f"{code.co_filename}:{code.co_firstlineno}"
    linecache.checkcache(code.co_filename)
    lines = [] if code.co_filename == "<string>" else linecache.getlines(code.co_filename)  # not `-c`'s text, in 3.13
    if not lines:
        raise InstrumentationError(
            f"{where}: the source of {code.co_name} is not available, so it cannot run under the explorer; define it "
            "in a file or a notebook cell"
        )
    source = "".join(lines)
    there = _compiled(code.co_filename, source, code.co_flags & FUTURES).get((code.co_firstlineno, code.co_name))
    _seen[code.co_filename] = _stamp(code.co_filename)
    if there and not any(_same(code, other) for other in there):
        raise InstrumentationError(
            f"{where}: {code.co_name} is not what its file says now: the file has changed. Import it again (restart "
            "the kernel)"
        )
    return source


_seen: dict[str, tuple[int, int] | None] = {}
"""File -> what it looked like when its text was last read here."""


def changed_files() -> set[str]:
    """The files that are not as they were when their text was last read."""
    return {file for file, stamp in _seen.items() if _stamp(file) != stamp}


def _stamp(file: str) -> tuple[int, int] | None:
    """Size and time of a file; None for a notebook cell."""
    try:
        found = os.stat(file)
    except (OSError, ValueError):
        return None
    return found.st_size, found.st_mtime_ns


_scripts: set[str] = set()
"""The files that were loaded as scripts: their trees have a function `main`."""


def load_script(module: ModuleType, filename: str) -> None:
    """Run the file in ``module``, but for what it does as a script, which becomes the function `main`."""
    _scripts.add(filename)
    source = "".join(linecache.getlines(filename))
    exec(compile(tree_of(filename, source), filename, "exec", dont_inherit=True), vars(module))


@functools.lru_cache(maxsize=64)
def tree_of(filename: str, source: str) -> ast.Module:
    """A file's syntax tree. A cell may hold lines for IPython alone (``%time``, ``!ls``): they are left out."""
    try:
        tree = ast.parse(source, filename)
        return with_main(tree) if filename in _scripts else tree
    except SyntaxError:
        lines = ["" if line.lstrip().startswith(("%", "!")) else line for line in source.split("\n")]
        return ast.parse("\n".join(lines), filename)


@functools.lru_cache(maxsize=64)
def _compiled(filename: str, source: str, flags: int) -> dict[tuple[int, str], list[CodeType]]:
    """All code of a file by first line and name. Empty if it does not compile as a whole, as a cell with ``await``.

    Each statement is compiled by itself, too, as IPython does, and as a class in a rewritten function is: the compiler
    calls the functions of a module in another way if it sees the import.
    """
    found: dict[tuple[int, str], list[CodeType]] = {}
    try:
        tree = tree_of(filename, source)
        parts = [tree, *(ast.Module([node], []) for node in tree.body)]
        waiting = [compile(part, filename, "exec", flags=flags, dont_inherit=True) for part in parts]
    except (SyntaxError, ValueError):
        return found
    while waiting:
        inside = [const for const in waiting.pop().co_consts if isinstance(const, CodeType)]
        for code in inside:
            found.setdefault((code.co_firstlineno, code.co_name), []).append(code)
        waiting += inside
    return found


def _same(one: CodeType, other: CodeType) -> bool:
    if any(name.startswith("@py") for name in (*one.co_varnames, *one.co_names)):
        return True
    if (one.co_code, one.co_names, one.co_varnames) != (other.co_code, other.co_names, other.co_varnames):
        return False
    if len(one.co_consts) != len(other.co_consts):
        return False
    return all(
        _same(a, b) if isinstance(a, CodeType) and isinstance(b, CodeType) else repr(a) == repr(b)
        for a, b in zip(one.co_consts, other.co_consts, strict=True)
    )
