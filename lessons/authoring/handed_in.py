# SPDX-License-Identifier: GPL-2.0-or-later
"""Find who has handed in what: in a folder, or in a zip as Moodle or Canvas lets a teacher download it.

A learner is a file that lies at the top of the folder, or a subfolder with files in it, or a zip with all it holds.
Names are never compared, so two learners of one name stay two. Only the numbers that Moodle and Canvas put into the
names of what they download say that two things belong to one learner:

    Moodle   `Ada Lovelace_4711_assignsubmission_file/...`   the participant 4711
    Canvas   `lovelaceada_1234_5678_notebook.ipynb`          the user 1234, also with LATE in it

Nobody is left out without a word: a learner without a file that can hold answers is in the list, with why.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import mkdtemp

CODE = re.compile(r".+\.(py|ipynb(\.(txt|json))?)", re.IGNORECASE)  # some browsers save a notebook as .ipynb.txt
TEACHERS = (".csv", ".md", ".json", ".toml", ".cfg")  # beside the learners' files, these are the teacher's own
MOODLE = re.compile(r"(?P<name>[^/]+)_(?P<id>\d+)_assignsubmission_(file|onlinetext).*", re.DOTALL)
CANVAS = re.compile(r"(?!anon_)(?P<name>[^/]+?)_(LATE_)?(?P<id>\d+)_\d+_.*", re.DOTALL)
MOST_BYTES = 1 << 30
DEEPEST = 2  # zips in zips

Found = tuple[PurePosixPath, Path, str]
"""Where it lay, where it is now, and why it cannot be read or ""."""


@dataclass(frozen=True)
class Handed:
    """A file of a learner. `name` is what the teacher sees; `problem` says why it cannot be read, or is ""."""

    learner: str
    name: str
    path: Path
    problem: str = ""


def handed_in(where: Path, room: Path, form: str = "plain") -> list[Handed]:
    """Every file that may hold answers, in order; zips are unpacked below `room`.

    With form "canvas" the files of one Canvas user at the top of the folder are one learner's. In any other folder such
    a name may be chance.
    """
    if where.is_dir():
        found = _walk(where, PurePosixPath(), room)
    elif where.suffix.lower() == ".zip":
        found = _unzipped(where, PurePosixPath(where.name), PurePosixPath(), room)
    else:
        return [Handed(where.stem, where.name, where)]
    labels: dict[str, str] = {}
    theirs: dict[str, list[Found]] = {}
    for inside, path, problem in found:
        key, label = _owner(inside, form)
        if key == inside.name and inside.suffix.lower() in TEACHERS:
            continue
        if key not in labels:
            labels[key] = label if label not in labels.values() else key
        theirs.setdefault(labels[key], []).append((inside, path, problem))
    return [handed for learner, files in theirs.items() for handed in _readable(learner, files)]


def _readable(learner: str, files: list[Found]) -> Iterator[Handed]:
    good = [one for one in files if one[2] or CODE.fullmatch(one[1].name)]
    for inside, path, problem in good:
        yield Handed(learner, str(inside), path, problem)
    if not good:
        names = ", ".join(inside.name for inside, _, _ in files)
        yield Handed(learner, names, files[0][1], "This is neither a notebook nor a Python file.")


def _owner(inside: PurePosixPath, form: str) -> tuple[str, str]:
    """What tells a learner from all others, and how the learner is shown."""
    patterns = (MOODLE, CANVAS) if form == "canvas" else (MOODLE,)
    for pattern in patterns:
        for part in inside.parts:
            if named := pattern.fullmatch(part):
                return f"number {named['id']}", PurePosixPath(part).stem if part == inside.name else part
    zips = [n for n, part in enumerate(inside.parts) if part.lower().endswith(".zip")]
    above = "/".join(inside.parts[: zips[0]] if zips else inside.parts[:-1])
    return (f"{above}/", above) if above else (inside.parts[0], PurePosixPath(inside.parts[0]).stem)


def _walk(folder: Path, name: PurePosixPath, room: Path, depth: int = 0) -> Iterator[Found]:
    """Every file, in the order of the names. Hidden folders, and those of macOS's archiver, are not looked into."""
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_dir() or any(part.startswith(".") or part == "__MACOSX" for part in parts):
            continue
        inside = name.joinpath(*parts)
        if path.suffix.lower() == ".zip" and depth < DEEPEST:
            yield from _unzipped(path, inside, inside, room, depth + 1)
        else:
            yield inside, path, ""


def _unzipped(path: Path, shown: PurePosixPath, name: PurePosixPath, room: Path, depth: int = 0) -> Iterator[Found]:
    target = Path(mkdtemp(dir=room))
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(one.file_size for one in archive.infolist()) > MOST_BYTES:
                yield shown, path, f"This zip holds more than {MOST_BYTES >> 20} MB; unpack it yourself."
                return
            archive.extractall(target)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, OSError):
        yield shown, path, "This zip cannot be unpacked: it is torn, or has a password."
        return
    found = list(_walk(target, name, room, depth))
    yield from found or [(shown, path, "This zip is empty.")]
