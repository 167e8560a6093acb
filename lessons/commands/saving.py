# SPDX-License-Identifier: GPL-2.0-or-later
"""What a learner saves can be read again tomorrow: a hook for the server that saves notebooks.

JupyterLab stores a widget as a reference to a model in the kernel. When the kernel is gone, the cell says "Error
displaying widget: model not found". Everything the course displays has a form at rest in the same output, so the hook
takes the reference out, and JupyterLab shows that form when the notebook is opened again. It also keeps one copy of
the player. Outputs without a form at rest, such as other people's widgets, are left alone.
The module is a server extension, which `.jupyterlab/jupyter_server_config.py` switches on; a hook of the learner's own
still runs. Left out: places without a server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lessons.authoring.normalise import WIDGET_VIEW, keep_one_player

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp


def _load_jupyter_server_extension(server: ServerApp) -> None:
    """Jupyter calls this when the server starts."""
    server.contents_manager.register_pre_save_hook(before_saving)


def before_saving(model: dict[str, Any], **_: Any) -> None:
    """Change the notebook in `model` before it is written. Other files, and what is not a notebook, stay as they are.

    Jupyter calls it with keywords, see `ContentsManager.pre_save_hook`. It never raises: a notebook that cannot be read
    is saved as it is.
    """
    content = model.get("content")
    if model.get("type") != "notebook" or not isinstance(content, dict):
        return
    carried = False
    for cell in content.get("cells", []):
        outputs = [one for one in cell.get("outputs", []) if isinstance(one.get("data"), dict)]
        for output in outputs:
            if "text/html" in output["data"]:
                output["data"].pop(WIDGET_VIEW, None)
        carried = keep_one_player(outputs, carried)
