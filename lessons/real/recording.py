# SPDX-License-Identifier: GPL-2.0-or-later
"""What the scenes of lesson 07 did when they were recorded: `recorded/SCENE.json`, made by `mini-qemu real record`.

A recording belongs to the text of its scene: a learner who changes the scene has a scene of their own, and
gets no recording of another one for it. Comments and layout do not count.
"""

from __future__ import annotations

import ast
import hashlib
import io
import json
import tokenize
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType
from typing import Any

from lessons.functions import from_text
from lessons.places import NOTEBOOKS
from lessons.real.transcript import Entry, Transcript

FOLDER = Path(__file__).parent / "recorded"
LESSON = "07_the_real_thing"
LAYOUT = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}


def fingerprint(text: str) -> str:
    """Of the text of a scene."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    words = "\n".join(token.string for token in tokens if token.type not in LAYOUT)
    return hashlib.sha256(words.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Recording:
    """`qemu`: its version, or "" if the scene needs none; `day` as in 2026-11-27; `of` is the scene's fingerprint."""

    scene: str
    of: str
    qemu: str
    day: str
    transcript: Transcript

    def origin(self) -> str:
        programs = f"QEMU {self.qemu}" if self.qemu else "mini_qemu"
        return f"Recorded on {self.day} with {programs}, not run now."


def load(scene: str, text: str) -> Recording | None:
    """The recording of this very scene, if there is one."""
    if not (FOLDER / f"{scene}.json").is_file():
        return None
    found = of(scene)
    return found if found.of == fingerprint(text) else None


def of(scene: str) -> Recording:
    """The recording of the lesson's scene of that name. Raises FileNotFoundError if there is none."""
    found = json.loads((FOLDER / f"{scene}.json").read_text(encoding="utf-8"))
    result = bytes.fromhex(found["result"]) if found["result"] is not None else None
    transcript = Transcript([Entry(*entry) for entry in found["entries"]], result, found["qemu"], live=False)
    return Recording(scene, found["of"], found["qemu"], found["day"], transcript)


def store(recording: Recording) -> Path:
    """Write it; returns where."""
    result = recording.transcript.result
    data = {
        "scene": recording.scene,
        "of": recording.of,
        "qemu": recording.qemu,
        "day": recording.day,
        "result": result.hex() if isinstance(result, bytes) else None,
        "entries": [[entry.who, entry.kind, entry.text] for entry in recording.transcript.entries],
    }
    path = FOLDER / f"{recording.scene}.json"
    FOLDER.mkdir(exist_ok=True)
    path.write_text(dumps(data), encoding="utf-8")
    return path


def dumps(data: Mapping[str, Any]) -> str:
    """JSON, an entry a line, so that a diff shows what a scene does differently."""
    entries = ",\n  ".join(json.dumps(entry, ensure_ascii=False) for entry in data["entries"])
    head = json.dumps({key: value for key, value in data.items() if key != "entries"}, ensure_ascii=False, indent=1)
    return f'{head[:-2]},\n "entries": [\n  {entries}\n ]\n}}\n'


def scenes(path: Path | None = None) -> dict[str, FunctionType]:
    """The scenes of the lesson, from its notebook: every function whose first parameter is `lab`."""
    book = json.loads((path or NOTEBOOKS / f"{LESSON}.ipynb").read_text(encoding="utf-8"))
    found: dict[str, FunctionType] = {}
    for cell in book["cells"]:
        if cell["cell_type"] != "code":
            continue
        text = "".join(cell["source"])
        for node in ast.parse(text).body if "(lab)" in text else []:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and [a.arg for a in node.args.args] == ["lab"]:
                source = "\n".join(text.splitlines()[node.lineno - 1 : node.end_lineno]) + "\n"
                found[node.name] = from_text(source, node.name, f"<scene {node.name}>", {"__name__": "lessons.scenes"})
    return found
