# SPDX-License-Identifier: GPL-2.0-or-later
"""Views of the code that runs: one source, four ways to look at it, nothing kept twice.

A fix site is a statement `if fixes.NAME:` with the fixed arm first. It is found in the live source by `ast`, and
its lines are only ever hidden, greyed or unindented, so every view has the author's layout and comments:

* `show("migration.migration_completion")`: as it runs now, the arm that does not run greyed;
* `patch("join_created_thread")`: what the patch changes, as a unified diff headed by the upstream commit;
* `side_by_side("join_created_thread")`: the functions it touches, before and after;
* `function_at(file, line)`: the same as data, for the player's panes.

Statements that a fix needs but that are always there end in the comment `# + NAME` (or follow a comment line that
does); a diff shows them as added, but for a `return`, which a function cannot do without.
Sites of later fixes (`later.NAME`) are folded away while they are off: only the arm that runs is shown, as if there
were no switch, unless the caller names the fix.
Left out: sites spread over `elif`; the fix sites of the miniature never have that shape.
"""

from __future__ import annotations

import ast
import difflib
import html
import inspect
import linecache
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

from mini_qemu.fixes import any_fix, fixes, history, later

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "mini_qemu"


class SourceError(LookupError):
    """A piece of source that was asked for and is not there."""


@dataclass(frozen=True)
class Site:
    """`if fixes.NAME:` at `line`; the arms as (first, last) line, `off` is empty (first > last) without an else."""

    fix: str
    line: int
    end: int
    on: tuple[int, int]
    off: tuple[int, int]
    passes: tuple[int, ...] = ()  # lines of an arm that is nothing but `pass`

    def hidden(self, is_on: bool) -> range:
        """The lines of the arm that does not run."""
        first, last = self.off if is_on else self.on
        return range(first, last + 1)


@dataclass(frozen=True)
class Function:
    """The source of one function as it is in its file."""

    file: str
    name: str
    first: int
    lines: tuple[str, ...]
    sites: tuple[Site, ...]


def now() -> dict[str, bool]:
    """Every switch a site may ask, as it stands now."""
    return {switch.name: bool(getattr(group, switch.name)) for group in (fixes, history, later) for switch in group}


def setting(on: Iterable[str] | None) -> dict[str, bool]:
    """Exactly these fixes on; None: as it stands now. An unknown name is refused with the names there are."""
    state = now()
    if on is not None:
        wanted = {any_fix(name).name for name in on}
        state.update({fix.name: fix.name in wanted for fix in (*fixes, *later)})
    return state


# ---- reading


def read(file: str) -> str:
    """The text of a file or of a notebook cell."""
    linecache.checkcache(file)
    text = "".join(linecache.getlines(file))
    if not text:
        raise SourceError(f"the source of {file} cannot be read")
    return text


def shown_path(file: str) -> str:
    """A file's name as readers know it, the same on every machine."""
    path = Path(file)
    if path.is_absolute() and path.is_relative_to(ROOT):
        return path.relative_to(ROOT).as_posix()
    if "ipykernel" in file or file.startswith(("<ipython", "<stdin", "<string")):
        return "notebook cell"
    if file.startswith("<"):  # a function put in another's place, see lessons.replace
        return file.strip("<>").rpartition(": ")[2]
    return path.name if path.is_absolute() else path.as_posix()


@lru_cache(maxsize=256)
def _parse(text: str) -> ast.Module:
    return ast.parse(text)


@lru_cache(maxsize=256)
def _sites(text: str) -> tuple[Site, ...]:
    lines = text.splitlines()
    return tuple(
        _site(node, lines)
        for node in ast.walk(_parse(text))
        if isinstance(node, ast.If)
        and isinstance(node.test, ast.Attribute)
        and isinstance(node.test.value, ast.Name)
        and node.test.value.id in ("fixes", "history", "later")
    )


def _site(node: ast.If, lines: list[str]) -> Site:
    """Where the arms are. A comment belongs to the arm it is in: up to `else:`, up to the next dedent."""
    assert isinstance(node.test, ast.Attribute)
    end = node.end_lineno or node.lineno
    while end < len(lines) and lines[end].lstrip().startswith("#") and _indent(lines[end]) > node.col_offset:
        end += 1
    passes = tuple(
        arm[0].lineno for arm in (node.body, node.orelse) if len(arm) == 1 and isinstance(arm[0], ast.Pass)
    )
    if not node.orelse:
        return Site(node.test.attr, node.lineno, end, (node.lineno + 1, end), (end + 1, end), passes)
    turn = next(
        n for n in range(node.orelse[0].lineno, node.body[-1].end_lineno or 0, -1)
        if lines[n - 1].strip().startswith(("else:", "elif ")) and _indent(lines[n - 1]) == node.col_offset
    )  # fmt: skip
    return Site(node.test.attr, node.lineno, end, (node.lineno + 1, turn - 1), (turn + 1, end), passes)


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


@lru_cache(maxsize=256)
def _functions(text: str) -> tuple[tuple[str, int, int], ...]:
    """(name, first line, last line) of every function, decorators included."""
    return tuple(
        (node.name, min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)]), node.end_lineno or 0)
        for node in ast.walk(_parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


def _cut(file: str, text: str, name: str, first: int, last: int) -> Function:
    lines = tuple(text.splitlines()[first - 1 : last])
    return Function(file, name, first, lines, tuple(s for s in _sites(text) if first <= s.line <= last))


def function_at(file: str, line: int) -> Function:
    """The innermost function around a line; for a line outside all functions, the whole file."""
    text = read(file)
    around = [found for found in _functions(text) if found[1] <= line <= found[2]]
    if not around:
        return _cut(file, text, shown_path(file), 1, len(text.splitlines()))
    return _cut(file, text, *max(around, key=lambda found: found[1]))


def function_named(target: str | Callable[..., Any]) -> Function:
    """A function given as such or as "module.function" of the miniature."""
    if isinstance(target, str):
        module_name, _, name = target.removeprefix("mini_qemu.").rpartition(".")
        try:
            found: Any = import_module(f"mini_qemu.{module_name}") if module_name else None
        except ModuleNotFoundError:
            found = None
        if found is None:
            modules = sorted(path.stem for path in PACKAGE.glob("*.py") if not path.stem.startswith("__"))
            raise SourceError(f"{target!r} is not of the form 'module.function'; modules: {', '.join(modules)}")
        if not hasattr(found, name):
            here = [value for value in vars(found).values() if inspect.isfunction(value)]
            names = [function.__name__ for function in here if function.__module__ == found.__name__]
            near = difflib.get_close_matches(name, names, n=3, cutoff=0.4) or sorted(names)
            raise SourceError(f"there is no {name!r} in {module_name}.py; did you mean {' or '.join(near)}?")
        found = getattr(found, name)
    else:
        found = target
    found = inspect.unwrap(found)
    code = getattr(found, "__code__", None)
    if code is None:
        try:
            lines, first = inspect.getsourcelines(found)
            file = inspect.getsourcefile(found) or ""
        except (TypeError, OSError):
            raise SourceError(f"{target!r} has no source to show; give a function or a class") from None
        return _cut(file, read(file), found.__name__, first, first + len(lines) - 1)
    return function_at(code.co_filename, code.co_firstlineno)


def folded_lines(function: Function, state: Mapping[str, bool], shown: Iterable[str] = ()) -> tuple[set[int], set[int]]:
    """Of the later fixes that are off and not in `shown`: the lines to leave out, and those to move to the left."""
    out: set[int] = set()
    left: set[int] = set()
    for site in function.sites:
        if site.fix in later.names and not state[site.fix] and site.fix not in shown:
            stays = {*range(site.off[0], site.off[1] + 1)} - {*site.passes}
            out |= {*range(site.line, site.end + 1)} - stays
            left |= stays
    return out, left


def grey_lines(function: Function, state: Mapping[str, bool]) -> set[int]:
    """The lines that do not run."""
    return {line for site in function.sites for line in site.hidden(state.get(site.fix, True))}


_NEEDED = re.compile(r"\s*#\s*\+\s*(\w+)\s*$")


def needed(line: str) -> str:
    """The fix that a line says it is there for, or ""."""
    found = _NEEDED.search(line)
    return found[1] if found else ""


def kept_lines(function: Function, state: Mapping[str, bool]) -> list[int]:
    """The statements that run although the fix they are there for is off."""
    return [
        number
        for number, line in enumerate(function.lines, function.first)
        if (fix := needed(line)) and not state.get(fix, True) and not line.lstrip().startswith(("#", "def "))
    ]


# ---- resolving: the text a reader would see if there were no switches


def resolved(text: str, state: Mapping[str, bool]) -> str:
    """A module with every site replaced by the arm that runs, and without the lines of fixes that are off."""
    rows = text.splitlines()
    lines: list[str | None] = list(rows)
    marked = {n: found[1] for n, row in enumerate(rows, 1) if (found := _NEEDED.search(row))}
    for line in marked:
        lines[line - 1] = _NEEDED.sub("", rows[line - 1])
    for node in ast.walk(_parse(text)):
        above = node.lineno - 1 if isinstance(node, ast.stmt) else 0
        if not isinstance(node, ast.stmt) or isinstance(node, ast.Return):
            continue
        start = above if above in marked and rows[above - 1].lstrip().startswith("#") else node.lineno
        if start in marked and not state.get(marked[start], True):
            end = node.end_lineno or node.lineno
            lines[start - 1 : end] = [None] * (end - start + 1)
    for site in _sites(text):
        is_on = state.get(site.fix, True)
        first, last = site.on if is_on else site.off
        arm = [line if line is None or not line.strip() else line[4:] for line in lines[first - 1 : last]]
        if [line.strip() for line in arm if line is not None] == ["pass"]:
            arm = []
        rest = site.end - site.line + 1 - len(arm)
        lines[site.line - 1 : site.end] = [*arm, *[None] * rest]
    return _reached(_tidy([line for line in lines if line is not None]))


def _reached(text: str) -> str:
    """Without the statements that follow a `return` or a `break`: an arm that ends so replaces what comes after it."""
    lines = text.splitlines()
    for node in ast.walk(_parse(text)):
        for block in (getattr(node, name, None) for name in ("body", "orelse", "finalbody")):
            if isinstance(block, list):
                end = next((i for i, part in enumerate(block) if isinstance(part, ast.Return | ast.Break)), None)
                if end is not None and block[end + 1 :]:
                    first, last = (block[end].end_lineno or 0) + 1, block[-1].end_lineno or 0
                    lines[first - 1 : last] = [""] * (last - first + 1)
    gone = {i for i, (old, new) in enumerate(zip(text.splitlines(), lines, strict=True)) if old and not new}
    return "\n".join(line for i, line in enumerate(lines) if i not in gone) + "\n"


def _tidy(lines: list[str]) -> str:
    """At most two blank lines in a row, `pass` where a block has become empty."""
    out: list[str] = []
    for number, line in enumerate(lines):
        if not line.strip() and len(out) > 1 and not out[-1].strip() and not out[-2].strip():
            continue
        out.append(line)
        following = next((later for later in lines[number + 1 :] if later.strip()), "")
        if _opens(line) and _indent(following) <= _indent(line):
            out.append(" " * (_indent(line) + 4) + "pass")
    return "\n".join(out) + "\n"


def _opens(line: str) -> bool:
    return bool(re.match(r"\s*(if|else|elif|for|while|with|try|finally|except|def|class)\b.*:\s*$", line))


# ---- views


class View:
    """Text for terminals, tests and screen readers; the same as HTML for notebooks."""

    def __init__(self, text: str, markup: str) -> None:
        self.text = text
        self.markup = markup

    def __repr__(self) -> str:
        return self.text

    def __add__(self, other: View) -> View:
        return View(f"{self.text}\n\n{other.text}", self.markup + other.markup)

    def _repr_html_(self) -> str:
        return self.markup


_PRE = "margin:0;padding:8px 12px;line-height:1.45;white-space:pre;overflow-x:auto;background:transparent;"
_PRE += "font-family:var(--jp-code-font-family,monospace)"  # an exported page has no style for it
_ADDED = "text-decoration:none;background:rgba(0,158,115,.22)"
_GONE = "text-decoration:none;background:rgba(213,94,0,.22)"


def _mark(text: str, tag: str, style: str) -> str:
    """Escaped, and within a tag if there is a style and something to see."""
    return f'<{tag} style="{style}">{html.escape(text)}</{tag}>' if style and text.strip() else html.escape(text)


def _caption(text: str) -> str:
    return f"<p><small>{html.escape(text)}</small></p>"


def show(
    target: str | Callable[..., Any],
    on: Iterable[str] | None = None,
    *,
    start: str = "",
    lines: int = 0,
    later: Iterable[str] = (),
) -> View:
    """A function as it runs now (or with exactly the fixes in `on`): what does not run is greyed and marked with ~.

    Of a long function a part: `lines` of it, from the first line that contains `start`. Sites of later fixes are shown
    if the fix is on or named in `later`. Two views add up to one.
    """
    function, state = function_named(target), setting(on)
    grey = grey_lines(function, state)
    out, left = folded_lines(function, state, [any_fix(name).name for name in later])
    asked = [f"{s.fix} {'on' if state.get(s.fix, True) else 'off'}" for s in function.sites if s.line not in out]
    title = ", ".join([f"{shown_path(function.file)}: {function.name}", *dict.fromkeys(asked)])
    every = enumerate(function.lines, function.first)
    kept = [(n, line[4:] if n in left else line) for n, line in every if n not in out]
    numbered = _part(kept, target, start, lines)
    text = "\n".join([title, *((("~ " if n in grey else "  ") + line).rstrip() for n, line in numbered)])
    rows = (
        " " * _indent(line) + _mark(line.lstrip(), "s", "opacity:.7" if n in grey else "") for n, line in numbered
    )
    return View(text, _caption(title) + f'<pre style="{_PRE}">' + "\n".join(rows) + "</pre>")


def _part(
    numbered: list[tuple[int, str]], target: str | Callable[..., Any], start: str, lines: int
) -> list[tuple[int, str]]:
    """The lines asked for, moved to the left margin, with dots where something was left out."""
    first = next((i for i, (_, line) in enumerate(numbered) if start in line), None)
    if first is None:
        raise SourceError(f"no line of {target!r} contains {start!r}")
    if not start and not lines:
        return numbered
    part = numbered[first : first + lines] if lines else numbered[first:]
    margin = min((_indent(line) for _, line in part if line.strip()), default=0)
    above = [(0, "...")] if first else []
    below = [(0, "...")] if part[-1] != numbered[-1] else []
    return [*above, *((n, line[margin:]) for n, line in part), *below]


def _versions(fix_name: str) -> list[tuple[str, str, str]]:
    """(path, before, after) of each module the fix touches; earlier fixes on, later ones off, as in history."""
    fix = any_fix(fix_name)
    line = [*fixes.names, *later.names]
    before = {name: line.index(name) < line.index(fix.name) for name in line} | {old.name: True for old in history}
    after = {**before, fix.name: True}
    out = []
    for path in sorted(PACKAGE.glob("*.py")):
        text = path.read_text(encoding="utf-8")
        if fix.name not in text or path.name == "fixes.py":
            continue
        old, new = resolved(text, before), resolved(text, after)
        if old != new:
            out.append((shown_path(str(path)), old, new))
    return out


def _heading(fix_name: str) -> str:
    fix = any_fix(fix_name)
    which = f"upstream, {fix.date}" if fix.date else f"patch {fix.patch} of {len(fixes)}"
    return f"{which}: {fix.title}\nupstream commit {fix.commit}"


def patch(fix_name: str, context: int = 3) -> View:
    """What a fix changes in the miniature, as a unified diff."""
    lines = _heading(fix_name).split("\n")
    for path, old, new in _versions(fix_name):
        left, right = old.splitlines(), new.splitlines()
        diff = difflib.unified_diff(left, right, f"a/{path}", f"b/{path}", lineterm="", n=context)
        lines += [_hunk(line, left) if line.startswith("@@") else line for line in diff]
    rows = []
    for number, line in enumerate(lines):
        if number < 2 or line.startswith(("+++ ", "--- ", "@@")):
            rows.append(f"<b>{html.escape(line)}</b>")
        else:
            style = {"+": _ADDED, "-": _GONE}.get(line[:1], "")
            rows.append(_mark(line, "ins" if style == _ADDED else "del", style))
    return View("\n".join(lines), f'<pre style="{_PRE}">' + "\n".join(rows) + "</pre>")


def _hunk(line: str, old: list[str]) -> str:
    """Name the function a hunk is in, as git does; its line numbers, which move with every edit, say less."""
    start = int(line.split()[1].split(",")[0].lstrip("-"))
    inside = (row.strip() for row in reversed(old[:start]) if re.match(r"\s*(def|class) ", row))
    return f"@@ {next(inside, 'at the top').split('(')[0].rstrip(':')} @@"


def side_by_side(fix_name: str, context: int = 4) -> View:
    """The functions a patch changes, before and after, line by line; `context`: how many equal lines to keep around."""
    text = [_heading(fix_name)]
    markup = [_caption(_heading(fix_name).replace("\n", ", "))]
    for path, old, new in _versions(fix_name):
        for name, left, right in _changed_functions(old, new):
            text.append(f"\n{path}: {name}")
            pairs = list(_near(list(_align(left, right)), context))
            width = max([len("before"), *(len(a) for a, _, _ in pairs)])
            text.append(f"  {'before':<{width}}   after")
            text += [f"{sign} {a:<{width}} | {b}".rstrip() for a, b, sign in pairs]
            markup.append(_caption(f"{path}: {name}") + _table(pairs))
    return View("\n".join(text), "".join(markup))


def _changed_functions(old: str, new: str) -> Iterator[tuple[str, list[str], list[str]]]:
    """Outermost functions and classes' methods that differ; a function only one side has is beside nothing."""

    def named(text: str) -> dict[str, list[str]]:
        lines = text.splitlines()
        found: dict[str, list[str]] = {}
        for top in ast.parse(text).body:
            if isinstance(top, ast.FunctionDef):
                found[top.name] = lines[top.lineno - 1 : top.end_lineno]
            elif isinstance(top, ast.ClassDef):
                methods = [sub for sub in top.body if isinstance(sub, ast.FunctionDef)]
                found[top.name] = lines[top.lineno - 1 : methods[0].lineno - 1 if methods else top.end_lineno]
                found.update({f"{top.name}.{sub.name}": lines[sub.lineno - 1 : sub.end_lineno] for sub in methods})
        return found

    before, after = named(old), named(new)
    for name in [*before, *(name for name in after if name not in before)]:
        left, right = before.get(name, []), after.get(name, [])
        if left != right:
            yield name, left, right


def _align(left: list[str], right: list[str]) -> Iterator[tuple[str, str, str]]:
    for kind, a, b, c, d in difflib.SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        for i in range(max(b - a, d - c)):
            old, new = (left[a + i] if a + i < b else ""), (right[c + i] if c + i < d else "")
            yield old, new, " " if kind == "equal" else "*"


def _near(pairs: list[tuple[str, str, str]], context: int) -> Iterator[tuple[str, str, str]]:
    """The rows that differ, those around them, the first (it names the function), and an ellipsis for the rest."""
    keep = {0} | {i + d for i, pair in enumerate(pairs) if pair[2] == "*" for d in range(-context, context + 1)}
    for i, pair in enumerate(pairs):
        if i in keep:
            yield pair
        elif i - 1 in keep:
            yield "...", "...", " "


def _table(pairs: list[tuple[str, str, str]]) -> str:
    def column(index: int, tag: str, style: str) -> str:
        rows = (_mark(pair[index], tag, style if pair[2] == "*" else "") for pair in pairs)
        pre = f'<pre style="{_PRE}">' + "\n".join(rows) + "</pre>"
        return f'<td style="text-align:left;vertical-align:top">{pre}</td>'

    head = "".join(f'<th style="text-align:left">{word}</th>' for word in ("before", "after"))
    body = column(0, "del", _GONE) + column(1, "ins", _ADDED)
    rows = f"<thead><tr>{head}</tr></thead><tbody><tr>{body}</tr></tbody>"
    return f'<table style="width:100%;table-layout:fixed">{rows}</table>'
