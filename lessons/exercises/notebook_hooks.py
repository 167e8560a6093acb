# SPDX-License-Identifier: GPL-2.0-or-later
"""What check changes in a notebook's kernel: a syntax error in a cell that calls check gets the card of a verdict."""

from __future__ import annotations

from typing import Any

from lessons.exercises import exercises
from lessons.exercises.feedback import Feedback, syntax_sentence
from lessons.exercises.way import CHECK


def verdict_on(cell: str, error: SyntaxError) -> Feedback | None:
    """The verdict on a cell that Python cannot read; None if it calls no check."""
    if "check(" not in cell:
        return None
    named = CHECK.search(cell)
    asked = exercises().get(named[1]) if named else None
    name, hints = (asked.name, asked.hints) if asked else ("your answer", ())
    return Feedback(name, False, (syntax_sentence(error),), hints=hints)


def watch_syntax() -> None:
    """Install the hook, if this is a notebook. The cell still counts as failed, and the next ones run."""
    from IPython import get_ipython
    from IPython.display import display

    shell = get_ipython()
    if shell is None:
        return

    def tell(self: Any, kind: Any, error: Any, traceback: Any, tb_offset: Any = None) -> None:
        verdict = verdict_on(getattr(shell, "_mini_qemu_cell", ""), error) if isinstance(error, SyntaxError) else None
        if verdict is None:
            self.showsyntaxerror()
        else:
            display(verdict)

    shell.set_custom_exc((SyntaxError,), tell)
    shell.events.register("pre_run_cell", lambda info: setattr(shell, "_mini_qemu_cell", info.raw_cell))
