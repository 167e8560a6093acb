# SPDX-License-Identifier: GPL-2.0-or-later
"""What check changes in a notebook's kernel: a syntax error in a cell that calls check becomes one sentence."""

from __future__ import annotations

from typing import Any

from lessons.exercises.feedback import syntax_sentence


def watch_syntax() -> None:
    """Install the hook, if this is a notebook. The cell still counts as failed, and the next ones run."""
    from IPython import get_ipython

    shell = get_ipython()
    if shell is None:
        return

    def tell(self: Any, kind: Any, error: Any, traceback: Any, tb_offset: Any = None) -> None:
        cell = getattr(shell, "_mini_qemu_cell", "")
        if "check(" in cell and isinstance(error, SyntaxError):
            print(f"not yet. {syntax_sentence(error)}")
        else:
            self.showsyntaxerror()

    shell.set_custom_exc((SyntaxError,), tell)
    shell.events.register("pre_run_cell", lambda info: setattr(shell, "_mini_qemu_cell", info.raw_cell))
