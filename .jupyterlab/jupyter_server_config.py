# SPDX-License-Identifier: GPL-2.0-or-later
"""JupyterLab as the course starts it: what is saved can be read again when the kernel is gone, and a cell that is run
too early says which cell to run first."""

import os
from pathlib import Path

import lessons.commands

c = get_config()  # noqa: F821  Jupyter puts it there
c.ServerApp.jpserver_extensions.update({"lessons.commands.saving": True})
os.environ.setdefault("PYTHONSTARTUP", str(Path(lessons.commands.__file__).with_name("kernel_start.py")))
