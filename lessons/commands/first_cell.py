# SPDX-License-Identifier: GPL-2.0-or-later
"""What a kernel says when a cell is run before the cells it needs: which cell to run, instead of a bare NameError.

A kernel that the course's JupyterLab starts runs kernel_start.py first, and that installs this. The notebook itself
says which of its cells binds the name. Any other NameError, a learner's typo among them, is shown as always.
Left out: kernels that something else starts; there the first line of each notebook's first code cell has to do.
"""

from __future__ import annotations

import ast
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def watch_names() -> None:
    """Install the hook, if this is a notebook's kernel."""
    from IPython import get_ipython
    from IPython.display import display

    shell = get_ipython()
    if shell is None:
        return

    def tell(self: Any, kind: Any, error: Any, traceback: Any, tb_offset: Any = None) -> None:
        said = sentence(getattr(error, "name", None) or "", Path(os.environ.get("JPY_SESSION_NAME", "")))
        if said:
            display({"text/plain": said, "text/html": f"<p><b>✕ {said}</b></p>"}, raw=True)
        else:
            self.showtraceback((kind, error, traceback), tb_offset=tb_offset)

    shell.set_custom_exc((NameError,), tell)


def sentence(name: str, notebook: Path) -> str:
    """Which cell of the notebook to run for this name; "" if none of them binds it."""
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    except (OSError, ValueError, KeyError):
        return ""
    sources = ["".join(cell["source"]) for cell in cells if cell.get("cell_type") == "code"]
    number = next((n for n, source in enumerate(filter(str.strip, sources), 1) if name in bound(source)), 0)
    if not name or not number:
        return ""
    return f"{name} comes from cell [{number}] of this notebook. Run cell [{number}] first, then this one again."


def bound(source: str) -> Iterator[str]:
    """The names that a cell binds at its top level."""
    try:
        body = ast.parse(source).body
    except SyntaxError:
        return
    for node in body:
        match node:
            case ast.Import() | ast.ImportFrom():
                yield from ((alias.asname or alias.name).partition(".")[0] for alias in node.names)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name
            case ast.Assign() | ast.AnnAssign() | ast.For() | ast.With():
                found = (one for one in ast.walk(node) if isinstance(one, ast.Name))
                yield from (one.id for one in found if isinstance(one.ctx, ast.Store))
