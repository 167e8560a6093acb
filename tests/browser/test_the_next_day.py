"""What a learner saved shows itself again: no cell asks for a widget whose kernel is gone, and the players play.

Here in JupyterLab and Notebook 7 as they start by themselves. In JupyterLab as `mini-qemu lab` starts it, each lesson's
own test ends with its next day; JupyterLite is in test_site.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from lessons.authoring.normalise import WIDGET_VIEW, loads
from lessons.commands.saving import before_saving
from lessons.places import EXTENSION
from lessons.player.at_rest import has_player, with_module
from tests.browser.jupyterlab import ROOT, JupyterLab, Notebook, Notebook7, quiet

NAMES = [path.name for path in sorted((ROOT / "notebooks").glob("0*.ipynb"))]


@pytest.fixture(scope="module", params=[JupyterLab, Notebook7])
def by_itself(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterLab]:
    server = request.param(tmp_path_factory.mktemp("by-itself"), hook=False)
    yield server
    server.close()


@pytest.mark.parametrize("name", [NAMES[0], NAMES[2]])
def test_without_the_course_having_started_the_server(by_itself, one_window, name):
    with quiet(one_window, known="reading 'schema'") as page:  # raised by Notebook 7.6 when it loads its settings
        book = Notebook(page, by_itself, name)
        book.run_all()
        assert book.errors() == []
        assert book.page.locator(".jp-Notebook .mqp").count()
        book.save_and_open_again()
        book.plays_at_rest()


@pytest.mark.parametrize("name", NAMES)
def test_the_extension_and_the_hook_store_the_same(page, name):
    """Each output as it is fresh from the kernel: with a view, and with the module of the player."""
    content = loads((ROOT / "notebooks" / name).read_text(encoding="utf-8"))
    for output in (output for cell in content["cells"] for output in cell.get("outputs", [])):
        data = output.get("data", {})
        data |= {key: "".join(value) for key, value in data.items() if isinstance(value, list)}
        data[WIDGET_VIEW] = {"model_id": "gone"}
        if has_player(data.get("text/html", "")):
            data["text/html"] = with_module(data["text/html"])
    page.add_script_tag(path=EXTENSION / "static" / "saving.js")
    stored = page.evaluate(
        """async (content) => (await window._JUPYTERLAB["mini-qemu"].get("./extension"))().stored(content)""", content
    )
    before_saving({"type": "notebook", "content": content})
    for output in (output for cell in content["cells"] for output in cell.get("outputs", [])):
        data = output.get("data", {})
        data |= {key: "".join(value) for key, value in data.items() if isinstance(value, list)}
    assert json.dumps(stored) == json.dumps(content)
