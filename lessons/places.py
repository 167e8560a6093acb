# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the files of the course lie: in a checkout beside the packages, in an installed wheel inside `lessons`.

There is one source, the folder `notebooks/` of the repository; a wheel carries a copy of it (see pyproject.toml).
"""

from __future__ import annotations

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
ROOT = PACKAGE.parent  # of the repository, or site-packages
CHECKOUT = (ROOT / "pyproject.toml").is_file() and (ROOT / "notebooks").is_dir()

NOTEBOOKS = ROOT / "notebooks" if CHECKOUT else PACKAGE / "notebooks"
SETTINGS = ROOT / ".jupyterlab" if CHECKOUT else PACKAGE / "jupyterlab"  # what JupyterLab is started with
EXTENSION = PACKAGE / "labextension" / "mini-qemu"  # of JupyterLab, ready to be served
MATRIX = ROOT / "tests" / "golden" / "matrix.txt" if CHECKOUT else PACKAGE / "golden" / "matrix.txt"


def notebooks() -> list[Path]:
    """The notebooks of the course, in the order of the lessons."""
    return sorted(NOTEBOOKS.glob("*.ipynb"))
