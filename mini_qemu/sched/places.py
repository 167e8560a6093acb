# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a thread stands and where an exception was raised, in the program under test rather than in the engine."""

from __future__ import annotations

import functools
import os
import site
import sys
import sysconfig
from typing import Any

OWN_FILES = __file__.rpartition("/")[0] if "/" in __file__ else __file__.rpartition("\\")[0]

_INSTALLED = [
    os.path.dirname(os.__file__),  # a zip file, in a browser
    *(sysconfig.get_paths()[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")),
    *site.getsitepackages(), site.getusersitepackages(),
]  # fmt: skip
LIBRARIES = tuple(sorted({folder for folder in _INSTALLED if folder}))  # a browser has no user's folder
"""How the names of files begin that are not part of the program: the standard library, and what is installed."""


@functools.cache
def is_library(module: str) -> bool:
    """Whether ``module`` comes with Python or was installed, wherever: pip leaves a ``.dist-info`` beside a package."""
    file = getattr(sys.modules.get(module), "__file__", None) or ""
    if file.startswith(LIBRARIES):
        return True
    top = getattr(sys.modules.get(module.partition(".")[0]), "__file__", None) or file
    folder = os.path.dirname(top)
    if os.path.basename(top).startswith("__init__."):
        folder = os.path.dirname(folder)
    return os.path.isdir(folder) and any(name.endswith(".dist-info") for name in os.listdir(folder))


Frame = tuple[str, str, int]
"""(file, function, line)."""


def frames_of(gen: Any) -> list[Frame]:
    """Where a suspended thread stands: (file, function, line) from the outermost frame to the innermost, without the
    engine's own.
    """
    frames = []
    while gen is not None and getattr(gen, "gi_frame", None) is not None:
        code = gen.gi_code
        if not code.co_filename.startswith(OWN_FILES):
            frames.append((code.co_filename, code.co_qualname, gen.gi_frame.f_lineno))
        gen = gen.gi_yieldfrom
    return frames


def place_in(gen: Any) -> Frame:
    """Where a suspended thread stands: the innermost of `frames_of`, or nowhere."""
    found = None
    while gen is not None and getattr(gen, "gi_frame", None) is not None:
        if not gen.gi_code.co_filename.startswith(OWN_FILES):
            found = gen
        gen = gen.gi_yieldfrom
    if found is None:
        return "", "", 0
    return found.gi_code.co_filename, found.gi_code.co_qualname, found.gi_frame.f_lineno


def place_of(error: BaseException) -> Frame:
    """Where ``error`` was raised, in the program under test rather than in the engine."""
    place = ("", "", 0)
    traceback = error.__traceback__
    while traceback is not None:
        code = traceback.tb_frame.f_code
        if not code.co_filename.startswith(OWN_FILES):
            place = (code.co_filename, code.co_qualname, traceback.tb_lineno)
        traceback = traceback.tb_next
    return place
