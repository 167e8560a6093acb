"""The normal form of a notebook: what `make notebooks` writes and tests/notebooks/test_hygiene.py expects.

Every notebook is run from top to bottom, then whatever differs from run to run or from machine to machine is taken out:
widget views (they belong to a kernel that is gone), all copies of the player but the first, timing, tracebacks with
their paths, the editor's own metadata.
What remains is the lesson: cells, outputs, numbers in order. A second run changes nothing.

Left out: judging the outputs. That is nbval's task, and it needs the cells to carry their execution count.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from lessons.authoring import terms
from lessons.glossary import PAGE, with_definitions
from lessons.player.at_rest import has_player, with_module, without_module

Notebook = dict[str, Any]
Cell = dict[str, Any]

NOTEBOOK_METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {"name": "python", "pygments_lexer": "ipython3"},
}
CELL_METADATA = {"tags", "jupyter", "nbgrader", "editable", "deletable"}  # what authors and graders set
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
TEXTS = {"text/plain", "text/html", "text/markdown", "text/latex", "image/svg+xml"}  # stored line by line
IGNORED = "NBVAL_IGNORE_OUTPUT"


def text_of(lines: str | list[str]) -> str:
    """Notebook files hold a text as one string or as a list of lines."""
    return lines if isinstance(lines, str) else "".join(lines)


def lines_of(text: str | list[str]) -> list[str]:
    return text_of(text).splitlines(keepends=True)


def clean(notebook: Notebook) -> Notebook:
    """The normal form of a notebook that has been run. Changes nothing on a notebook that has it."""
    cells: list[Cell] = []
    count = 0
    seen: set[str] = set()
    carried = False  # the player's module, by an output above
    for position, cell in enumerate(notebook["cells"], start=1):
        new: Cell = {
            "cell_type": cell["cell_type"],
            "id": free_id(cell.get("id") or f"cell-{position}", seen),
            "metadata": {key: value for key, value in cell["metadata"].items() if key in CELL_METADATA},
            "source": lines_of(cell["source"]),
        }
        if cell["cell_type"] == "markdown":
            new["source"] = lines_of(with_definitions(text_of(cell["source"])))
        if cell["cell_type"] == "code":
            runs = bool(text_of(cell["source"]).strip())
            count += runs
            new["execution_count"] = count if runs else None
            new["outputs"] = clean_outputs(cell["outputs"], count)
            carried = keep_one_player(new["outputs"], carried)
        elif cell.get("attachments"):
            new["attachments"] = cell["attachments"]
        cells.append(new)
    return {"cells": cells, "metadata": NOTEBOOK_METADATA, "nbformat": 4, "nbformat_minor": 5}


def free_id(wanted: str, seen: set[str]) -> str:
    """An id once given stays; a copied cell gets one of its own."""
    while wanted in seen:
        wanted += "-again"
    seen.add(wanted)
    return wanted


def clean_outputs(outputs: Sequence[Cell], count: int) -> list[Cell]:
    cleaned: list[Cell] = []
    for output in outputs:
        kind = output["output_type"]
        new: Cell = {"output_type": kind}
        if kind == "stream":
            last = cleaned[-1] if cleaned else {}
            if last.get("name") == output["name"]:  # pieces of one stream: where it was cut depends on timing
                last["text"] = lines_of(text_of(last["text"]) + text_of(output["text"]))
                continue
            new |= {"name": output["name"], "text": lines_of(output["text"])}
        elif kind == "error":  # the sentence; the frames hold paths of this machine
            new |= {key: output[key] for key in ("ename", "evalue")}
            new["traceback"] = [f"{output['ename']}: {output['evalue']}"]
        else:
            data = {mime: value for mime, value in output["data"].items() if mime != WIDGET_VIEW}
            if not data:
                continue
            new["data"] = {mime: lines_of(value) if mime in TEXTS else value for mime, value in data.items()}
            new["metadata"] = {}
            if kind == "execute_result":
                new["execution_count"] = count
        cleaned.append(new)
    return cleaned


def keep_one_player(outputs: Sequence[Cell], carried: bool) -> bool:
    """The module of the player stays with the first output of a notebook that has a player: True once it is there."""
    for output in outputs:
        data = output.get("data", {})
        text = text_of(data.get("text/html", ""))
        if has_player(text):
            data["text/html"] = lines_of(without_module(text) if carried else with_module(text))
            carried = True
    return carried


def dumps(notebook: Notebook) -> str:
    """As nbformat and JupyterLab write it."""
    return json.dumps(notebook, ensure_ascii=False, indent=1, sort_keys=True, separators=(",", ": ")) + "\n"


def loads(text: str) -> Notebook:
    notebook: Notebook = json.loads(text)
    return notebook


def run(notebook: Notebook, folder: Path) -> Notebook:
    """Run all cells in a fresh kernel. An output that is declared to differ each time is kept once it is there."""
    import nbformat
    from nbclient import NotebookClient

    done = nbformat.reads(dumps(clean(notebook)), as_version=4)
    kept = {cell.id: cell.outputs for cell in done.cells if IGNORED in cell.source and cell.get("outputs")}
    NotebookClient(
        done,
        kernel_name="python3",
        timeout=120,
        record_timing=False,
        store_widget_state=False,
        resources={"metadata": {"path": str(folder)}},
    ).execute(env={**os.environ, "MINI_QEMU_PATIENT": "1"})
    for cell in done.cells:
        if cell.id in kept:
            cell.outputs = kept[cell.id]
    return clean(loads(nbformat.writes(done)))


def normalise(path: Path) -> str:
    """Run one notebook and store it; the answer is a sentence for the author. A failing notebook stays as it was."""
    before = path.read_text(encoding="utf-8")
    try:
        after = dumps(clean(terms.page()) if path.name == PAGE else run(loads(before), path.parent))
    except Exception as error:  # whatever a cell raised: report it and go on with the next notebook
        return f"{path}: FAILED, not changed. {error}"
    if after == before:
        return f"{path}: as it was"
    path.write_text(after, encoding="utf-8")
    return f"{path}: stored"


def main(arguments: Sequence[str] | None = None) -> int:
    prog = "python -m lessons.authoring.normalise"
    parser = argparse.ArgumentParser(prog=prog, description="Run notebooks and store them.")
    parser.add_argument("notebooks", nargs="+", type=Path, metavar="NOTEBOOK")
    paths = parser.parse_args(arguments).notebooks
    failed = False
    with ThreadPoolExecutor(max_workers=2) as pool:
        for sentence in pool.map(normalise, paths):
            print(sentence, flush=True)
            failed |= ": FAILED" in sentence
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
