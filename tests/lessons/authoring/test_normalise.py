"""`make notebooks`: what differs from run to run goes, what the lesson shows stays, a second run changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from lessons.authoring.normalise import WIDGET_VIEW, Cell, Notebook, clean, dumps, loads, main, run

PATHS = sorted((Path(__file__).parents[3] / "notebooks").glob("*.ipynb"))


def code(source: str, *outputs: Cell, **more: object) -> Cell:
    return {"cell_type": "code", "metadata": {}, "source": source, "execution_count": 7, "outputs": [*outputs], **more}


def book(*cells: Cell) -> Notebook:
    return {"cells": [*cells], "metadata": {"widgets": {}}, "nbformat": 4, "nbformat_minor": 5}


def test_what_differs_from_run_to_run_is_taken_out():
    view = {"output_type": "execute_result", "metadata": {"m": 1}, "execution_count": 9, "data": {WIDGET_VIEW: {}}}
    raw = book(
        code("lab", {**view, "data": {WIDGET_VIEW: {}, "text/plain": "proved"}}, id="lab", metadata={"execution": {}}),
        code("other", {**view}, id="lab"),
        code("", id="blank"),
        code("1 / 0", {"output_type": "error", "ename": "E", "evalue": "e", "traceback": ["/home/me"]}, id="err"),
    )
    normal = clean(raw)
    lab, copied, blank, failing = normal["cells"]
    assert lab["outputs"][0]["data"] == {"text/plain": ["proved"]}
    assert (lab["execution_count"], lab["outputs"][0]["execution_count"], lab["metadata"]) == (1, 1, {})
    assert (copied["id"], copied["outputs"]) == ("lab-again", [])
    assert blank["execution_count"] is None
    assert failing["outputs"][0]["traceback"] == ["E: e"]
    assert "widgets" not in normal["metadata"]
    assert clean(normal) == normal


def test_a_stream_is_one_text_wherever_it_was_cut():
    said = [("stdout", "a"), ("stdout", "b\nc"), ("stderr", "d"), ("stdout", "e")]
    pieces = [{"output_type": "stream", "name": name, "text": text} for name, text in said]
    outputs = clean(book(code("x", *pieces, id="x")))["cells"][0]["outputs"]
    assert [(piece["name"], piece["text"]) for piece in outputs] == [
        ("stdout", ["ab\n", "c"]),
        ("stderr", ["d"]),
        ("stdout", ["e"]),
    ]


def test_a_run_keeps_the_output_that_may_differ_and_a_failing_notebook_stays_as_it_was(tmp_path, capsys):
    good, bad = tmp_path / "good.ipynb", tmp_path / "bad.ipynb"
    good.write_text(dumps(book(code("import time"), code("# NBVAL_IGNORE_OUTPUT\n# the clock\ntime.time_ns()"))))
    bad.write_text(before := dumps(book(code("1 / 0"))))
    assert main([str(good), str(bad)]) == 1
    first = good.read_text()
    assert '"data"' in first
    assert main([str(good)]) == 0
    assert good.read_text() == first
    assert bad.read_text() == before
    assert "bad.ipynb: FAILED, not changed" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("path", PATHS[::3], ids=lambda path: path.stem)  # nbval compares what all of them show
def test_a_second_run_changes_nothing(path: Path):
    def without_pictures(notebook: Notebook) -> Notebook:  # their bytes change with the version of matplotlib
        for cell in notebook["cells"]:
            for output in cell.get("outputs", []):
                output.get("data", {}).pop("image/png", None)
        return notebook

    stored = loads(path.read_text(encoding="utf-8"))
    assert without_pictures(run(stored, path.parent)) == without_pictures(stored)
