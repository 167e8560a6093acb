# SPDX-License-Identifier: GPL-2.0-or-later
"""What a learner has done: predictions made, races broken, exercises solved. One small file in the working folder.

Nothing depends on it. If it is lost the course starts from nothing; if it cannot be read it is put aside under another
name and that is said; if it cannot be written the course goes on and says so too.
MINI_QEMU_PROGRESS names another file, or, empty, none at all: that is how tests and `make notebooks` run.
Left out: accounts, times, scores.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

FILE = ".mini_qemu_progress.json"
KINDS = ("predicted", "broken", "solved", "answered")

note = ""  # what there is to say about the file itself


def path() -> Path | None:
    """Where the progress is kept; None: nowhere."""
    named = os.environ.get("MINI_QEMU_PROGRESS")
    if named is not None:
        return Path(named) if named else None
    return Path.cwd() / FILE


_memory: dict[str, dict[str, Any]] = {}  # of this kernel, where there is no file


def load() -> dict[str, dict[str, Any]]:
    """Everything noted so far: kind -> name -> what."""
    global note
    file = path()
    if file is None:
        return _whole(_memory)
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return _whole({})
    except (OSError, UnicodeDecodeError) as error:
        return _aside(file, error)
    try:
        found = json.loads(text)
        if not isinstance(found, dict) or not all(isinstance(found.get(kind, {}), dict) for kind in KINDS):
            raise ValueError("it does not have the form of one")
    except ValueError as error:
        return _aside(file, error)
    return _whole(found)


def _whole(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {kind: dict(found.get(kind, {})) for kind in KINDS}


def _aside(file: Path, error: Exception) -> dict[str, dict[str, Any]]:
    """A file that cannot be read is kept under another name: it may be somebody's, and it may be repaired by hand."""
    global note
    kept = file.with_name(file.name + ".unreadable")
    with suppress(OSError):
        file.replace(kept)
    note = f"The progress file could not be read ({error}); it was kept as {kept.name}, and counting starts anew."
    return _whole({})


def record(kind: str, name: str, value: Any = True) -> None:
    """Note that something was done. A file that cannot be written is not the learner's problem: say it, go on."""
    global note
    if kind not in KINDS:
        raise ValueError(f"progress is one of {', '.join(KINDS)}, not {kind!r}")
    found = load()
    found[kind][name] = value
    file = path()
    if file is None:
        _memory.clear()
        _memory.update(found)
        return
    try:
        draft = file.with_name(f"{file.name}.{os.getpid()}")
        draft.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        draft.replace(file)
    except OSError as error:
        note = f"Your progress could not be saved ({error.strerror}); everything else works."


def done(kind: str, name: str) -> Any:
    """What was noted under this name, or None."""
    return load()[kind].get(name)


def reset() -> str:
    """Forget everything. Notebooks and answers stay as they are."""
    global note
    note = ""
    _memory.clear()
    file = path()
    if file is not None:
        with suppress(OSError):
            file.unlink(missing_ok=True)
    return "Your progress is forgotten; the notebooks themselves are as they were."
