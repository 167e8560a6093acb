# SPDX-License-Identifier: GPL-2.0-or-later
"""A JupyterLite with the course in it: JupyterLab and Python in the visitor's browser, from static files.

The notebooks are the course's own, marked as trusted, so that the players draw before a cell has run: where there is
no server there is no signature to compare with. Four extensions come along: the kernel, two for the widgets, and the
course's own, which stores what a learner saves so that it can be read again (see lessons/labextension).
Left out: other applications of Jupyter than JupyterLab, and everything the installed environment happens to have.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from lessons.authoring.site import python
from lessons.places import EXTENSION, NOTEBOOKS, SETTINGS, notebooks

EXTENSIONS = ("@jupyterlite/pyodide-kernel-extension", "@jupyter-widgets/jupyterlab-manager", "anywidget")


def build(out: Path) -> None:
    """Build it in a folder, which is emptied first."""
    shutil.rmtree(out, ignore_errors=True)
    with tempfile.TemporaryDirectory() as name:
        draft = Path(name)
        packages = python.build(draft / "static" / "pyodide")
        contents(draft / "files")
        write(draft / "jupyter-lite.json", settings(packages))
        write(draft / "jupyter_lite_config.json", what_to_build(out))
        shutil.copy(SETTINGS / "overrides.json", draft)
        python.run(sys.executable, "-m", "jupyterlite_core", "build", cwd=draft)
    # A picture of a notebook is asked for beside the page for a moment, before JupyterLab gives it its place.
    shutil.copytree(NOTEBOOKS / "images", out / "lab" / "images")


def contents(folder: Path) -> None:
    """What a learner finds in the file browser."""
    shutil.copytree(NOTEBOOKS / "images", folder / "images")
    for path in notebooks():
        write(folder / path.name, served(path))


def served(path: Path) -> dict[str, Any]:
    """A notebook as a server would serve it: each text in one piece, code cells marked as trusted."""
    import nbformat

    notebook = dict(nbformat.read(path, as_version=4))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell["metadata"]["trusted"] = True
    return notebook


def settings(packages: list[str]) -> dict[str, Any]:
    """What JupyterLite reads when it starts in a browser."""
    kernel = {
        "pyodideUrl": "./static/pyodide/pyodide.mjs",
        "disablePyPIFallback": True,
        "loadPyodideOptions": {
            "packages": packages,
            # Else Python looks for each module beside the notebook first: a request a module, 2 s of the start.
            "env": {"HOME": "/home/pyodide", "PYTHONSAFEPATH": "1"},
        },
    }
    return {
        "jupyter-lite-schema-version": 0,
        "jupyter-config-data": {
            "appName": "mini_qemu",
            "exposeAppInBrowser": True,
            "litePluginSettings": {"@jupyterlite/pyodide-kernel-extension:kernel": kernel},
        },
    }


def what_to_build(out: Path) -> dict[str, Any]:
    """What `jupyter lite build` reads."""
    extensions = Path(sys.prefix) / "share" / "jupyter" / "labextensions"
    return {
        "LiteBuildConfig": {
            "apps": ["lab"],
            "contents": ["files"],
            "output_dir": str(out.resolve()),
            "federated_extensions": [*(str(extensions / name) for name in EXTENSIONS), str(EXTENSION)],
            "ignore_sys_prefix": ["federated_extensions"],
            "no_sourcemaps": True,
            "no_unused_shared_packages": True,
        }
    }


def write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1), encoding="utf-8")
