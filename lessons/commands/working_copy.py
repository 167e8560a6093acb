# SPDX-License-Identifier: GPL-2.0-or-later
"""A learner's folder: the notebooks of the course are copied into it once and belong to the learner from then on.

No file that is there already is ever written over, whatever it holds and wherever it came from. A small record beside
the notebooks says what the course looked like when each was copied; it tells when the course has something newer. The
learner then fetches the newer notebook under another name.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

RECORD = ".mini_qemu_notebooks.json"


class CannotWrite(Exception):
    """A folder in which no notebook can be put; the message says what to do instead."""


@dataclass
class Copied:
    """What happened to each notebook of the course, by file name."""

    folder: Path
    new: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    outdated: list[str] = field(default_factory=list)
    """Kept as well, but the course has changed since they were copied."""

    def sentences(self) -> list[str]:
        """What there is to tell the learner; nothing if all is as it was."""
        said = []
        if self.new and not self.kept:
            said.append(f"Your notebooks are in {self.folder}. They are yours: the course never writes over them.")
        elif self.new:
            said.append(f"Added to {self.folder}: {_listed(self.new)}. Your other notebooks are kept as they are.")
        else:
            said.append(f"Your notebooks in {self.folder} are kept as they are.")
        if self.outdated:
            number = self.outdated[0][:2]
            said.append(
                f"The course has a newer version of {_listed(self.outdated)}. Yours stays; to get the new one beside "
                f"it, run `mini-qemu lab --fresh {number}`."
            )
        return said


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


def copy_into(folder: Path, notebooks: Iterable[Path]) -> Copied:
    """Put every notebook that is not there yet into the folder, which is made if needed.

    Raises CannotWrite if the folder is not one, or if nothing can be written in it.
    """
    made_of = _read_record(folder)
    copied = Copied(folder)
    writable(folder)
    for source in notebooks:
        if (folder / source.name).exists():
            copied.kept.append(source.name)
            if made_of.get(source.name, digest(source)) != digest(source):
                copied.outdated.append(source.name)
            continue
        _copy(source, folder / source.name)
        made_of[source.name] = digest(source)
        copied.new.append(source.name)
    if copied.new:
        _store(folder / RECORD, json.dumps(made_of, indent=1, sort_keys=True) + "\n")
    return copied


def fresh(folder: Path, source: Path) -> Path:
    """A new copy of one notebook beside the learner's, under a name that is still free."""
    writable(folder)
    number = 1
    while True:
        suffix = "" if number == 1 else f"-{number}"
        target = folder / f"{source.stem}-fresh{suffix}.ipynb"
        if not target.exists():
            _copy(source, target)
            return target
        number += 1


def unchanged(folder: Path, notebooks: Iterable[Path]) -> list[Path]:
    """The notebooks of the folder that are still the course's, byte for byte: those that may be trusted unseen."""
    pairs = [(folder / source.name, source) for source in notebooks]
    return [ours for ours, source in pairs if ours.is_file() and digest(ours) == digest(source)]


def latest(folder: Path, notebooks: Iterable[Path]) -> Path | None:
    """The notebook that the learner saved last, or None if none differs from the course's."""
    pairs = [(folder / source.name, source) for source in notebooks]
    edited = [ours for ours, source in pairs if ours.is_file() and digest(ours) != digest(source)]
    return max(edited, key=lambda path: path.stat().st_mtime, default=None)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def writable(folder: Path) -> None:
    """Raise CannotWrite, with a sentence, unless files can be made in the folder. It is made if it is not there."""
    elsewhere = "name another folder, as in `mini-qemu lab ANOTHER_FOLDER`"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, probe = tempfile.mkstemp(prefix=".mini_qemu_", dir=folder)
        os.close(handle)
        os.unlink(probe)
    except (FileExistsError, NotADirectoryError):
        raise CannotWrite(f"{folder} is a file, not a folder; {elsewhere}.") from None
    except OSError as error:
        raise CannotWrite(f"Nothing can be written in {folder} ({error.strerror}); {elsewhere}.") from None


def _copy(source: Path, target: Path) -> None:
    """All or nothing: a full disk leaves no half notebook that would be kept from then on."""
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        shutil.copyfile(source, draft)
        draft.replace(target)
    except OSError as error:
        raise CannotWrite(f"{target} cannot be written ({error.strerror}).") from None
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def _store(path: Path, text: str) -> None:
    with suppress(OSError):  # without the record nothing is lost but the news of a newer notebook
        path.write_text(text, encoding="utf-8")


def _read_record(folder: Path) -> dict[str, str]:
    try:
        found = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}
