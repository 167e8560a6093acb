# SPDX-License-Identifier: GPL-2.0-or-later
"""PYTHONSTARTUP of the kernels that the course's JupyterLab starts: a cell run too early says which cell to run first.

It runs in the notebook's own namespace, so it leaves no name there. A kernel whose Python has no course is left alone.
"""

try:
    from lessons.commands.first_cell import watch_names
except ImportError:
    pass
else:
    watch_names()
    del watch_names
