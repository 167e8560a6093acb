# SPDX-License-Identifier: GPL-2.0-or-later
"""The end of a real process that finds itself in a state it must not be in. Mirrors assert() and abort() of C.

In a scenario a failed assertion is a finding. Here it ends the process by SIGABRT, whichever thread it befalls, and so
does every exception that nobody catches: a thread never dies alone. The message is written as C's library writes it.
Left out: core files are the operating system's business.
"""

from __future__ import annotations

import ast
import linecache
import os
import sys
import threading
import traceback
from pathlib import Path
from types import TracebackType

import mini_qemu
from mini_qemu.native.main_loop import report

ROOT = Path(mini_qemu.__file__).parent.parent
SEAM = ("/mini_qemu/sched/", "/mini_qemu/qemu_thread.py")


def describe(program: str, error: BaseException) -> str:
    """`program: file:line: function: Assertion 'condition' failed.`, or what else has happened there."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not any(s in f.filename for s in SEAM)]
    frame = frames[-1] if frames else traceback.FrameSummary("?", 0, "?")
    path = Path(frame.filename)
    where = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
    condition = assertion_at(frame.filename, frame.lineno or 0) if isinstance(error, AssertionError) else None
    if condition is not None:
        what = f"Assertion `{condition}' failed."
        if str(error):
            what += f" ({error})"
    elif isinstance(error, AssertionError):
        what = f"abort(): {error}"
    else:
        what = f"{type(error).__name__}: {error}"
    return f"{program}: {where}:{frame.lineno}: {frame.name}: {what}"


def assertion_at(filename: str, line: int) -> str | None:
    """The condition of the assert statement on this line."""
    try:
        tree = ast.parse("".join(linecache.getlines(filename)))
    except SyntaxError:
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert) and node.lineno <= line <= (node.end_lineno or node.lineno):
            return ast.unparse(node.test)
    return None


def install(program: str) -> None:
    """From now on no error of any thread goes unseen."""

    def end(kind: type[BaseException], error: BaseException | None, _: TracebackType | None) -> None:
        try:
            error = error or kind()
            text = describe(program, error)
            if not isinstance(error, AssertionError):
                text += "\n" + "".join(traceback.format_exception(error, limit=20)).rstrip()
            report(text)
        finally:
            os.abort()

    def end_thread(args: threading.ExceptHookArgs) -> None:
        end(args.exc_type, args.exc_value, args.exc_traceback)

    sys.excepthook = end
    threading.excepthook = end_thread
