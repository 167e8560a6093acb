"""The hook that a server runs before it saves a notebook."""

from __future__ import annotations

from typing import Any

import pytest

from lessons.authoring.normalise import WIDGET_VIEW
from lessons.commands.saving import before_saving
from lessons.player.at_rest import MARK, html_at_rest


def notebook(*outputs: dict[str, Any]) -> dict[str, Any]:
    cells = [
        {"cell_type": "code", "source": "", "outputs": [{"output_type": "display_data", "data": data}]}
        for data in outputs
    ]
    return {"type": "notebook", "content": {"cells": cells, "metadata": {}}}


def data_of(model: dict[str, Any]) -> list[dict[str, Any]]:
    return [output["data"] for cell in model["content"]["cells"] for output in cell["outputs"]]


def test_a_widget_with_a_form_at_rest_is_saved_as_that_form():
    form = html_at_rest({"mode": "player"}, "<p>a run</p>")
    model = notebook({WIDGET_VIEW: {"model_id": "1"}, "text/html": form, "text/plain": "a run"})
    before_saving(model, path="mine.ipynb", contents_manager=None)
    (data,) = data_of(model)
    assert WIDGET_VIEW not in data
    assert "a run" in "".join(data["text/html"])


def test_one_copy_of_the_player_is_saved():
    form = html_at_rest({"mode": "player"}, "<p>a run</p>")
    model = notebook({"text/html": form}, {"text/html": form})
    before_saving(model)
    assert [MARK in "".join(data["text/html"]) for data in data_of(model)] == [True, False]


def test_other_peoples_widgets_stay():
    model = notebook({WIDGET_VIEW: {"model_id": "1"}, "text/plain": "IntSlider()"})
    before_saving(model)
    assert WIDGET_VIEW in data_of(model)[0]


@pytest.mark.parametrize(
    "model",
    [
        {},
        {"type": "file", "content": "text"},
        {"type": "notebook", "content": None},
        {"type": "notebook", "content": {}},
        {"type": "notebook", "content": {"cells": [{"cell_type": "markdown"}, {"cell_type": "code", "outputs": [{}]}]}},
    ],
)
def test_what_is_not_such_a_notebook_is_saved_as_it_is(model: dict[str, Any]):
    before_saving(model)
