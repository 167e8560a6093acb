# SPDX-License-Identifier: GPL-2.0-or-later
"""The Python that runs in a visitor's browser: Pyodide, the libraries that the kernel and the course need, the course.

npm's `pyodide` brings the interpreter, the standard library and a lock file; PyPI has the libraries as pure wheels;
the course's own wheel is built from this checkout. All are named in a lock file of ours, which the kernel loads whole
before it starts. So a notebook needs no %pip, and nothing is ever looked for on a CDN: what is not in the lock file
does not exist.
Left out: the kernel's own lock add-on, because it sends what npm's package lacks to the CDN; matplotlib, because
no registry has it for Pyodide (a figure then shows its sentence).
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from lessons.authoring.site import DOWNLOADS
from lessons.places import ROOT

INTERPRETER = ("pyodide.mjs", "pyodide.js", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip")
FOR_THE_KERNEL = ("micropip", "packaging", "ipython", "jedi", "typing-extensions")  # and what those depend on
FOR_THE_WIDGETS = ("anywidget", "comm", "ipywidgets", "psygnal", "traitlets")
KERNEL = Path("share/jupyter/labextensions/@jupyterlite/pyodide-kernel-extension/static/pypi")
OF_THE_KERNEL = ("ipykernel", "piplite", "pyodide_kernel")  # wheels that the kernel's extension brings

Lock = dict[str, Any]


def build(out: Path) -> list[str]:
    """Put the interpreter, all wheels and the lock file into a folder. Returns the names of the packages."""
    from jupyterlite_pyodide_kernel.constants import PYODIDE_PYTHON_VERSION, PYODIDE_VERSION

    out.mkdir(parents=True)
    interpreter = from_npm("pyodide", PYODIDE_VERSION)
    for name in INTERPRETER:
        shutil.copy(interpreter / name, out)
    lock: Lock = json.loads((interpreter / "pyodide-lock.json").read_text(encoding="utf-8"))
    wanted = [*with_dependencies(FOR_THE_KERNEL, lock["packages"]), *FOR_THE_WIDGETS]
    download([requirement(name, lock["packages"]) for name in wanted], PYODIDE_PYTHON_VERSION, out)
    for name in OF_THE_KERNEL:
        (wheel,) = (Path(sys.prefix) / KERNEL).glob(f"{name}-*.whl")
        shutil.copy(wheel, out)
    the_course(out)
    lock["packages"] = dict(map(entry, sorted(out.glob("*.whl"))))
    (out / "pyodide-lock.json").write_text(json.dumps(lock, indent=1), encoding="utf-8")
    return list(lock["packages"])


def from_npm(name: str, version: str) -> Path:
    """A package of npm, unpacked; downloaded once."""
    folder = DOWNLOADS / f"{name}-{version}"
    if not folder.is_dir():
        DOWNLOADS.mkdir(parents=True, exist_ok=True)
        run("npm", "pack", "--silent", "--pack-destination", str(DOWNLOADS), f"{name}@{version}")
        with tarfile.open(DOWNLOADS / f"{name}-{version}.tgz") as archive:
            archive.extractall(folder, filter="data")
    return folder / "package"


def with_dependencies(names: Iterable[str], known: Lock) -> list[str]:
    """The names and all they depend on, as the lock file spells them."""
    by_name = {canonical(name): name for name in known}
    found: list[str] = []
    todo = list(names)
    while todo:
        name = by_name[canonical(todo.pop())]
        if name not in found:
            found.append(name)
            todo += known[name]["depends"]
    return sorted(found)


def requirement(name: str, known: Lock) -> str:
    """Which version: Pyodide's, else the one installed here, whose other half is in the browser, else the newest."""
    if name in known:
        return f"{name}=={known[name]['version']}"
    try:
        return f"{name}=={version(name)}"
    except PackageNotFoundError:
        return name


def download(requirements: list[str], python: str, out: Path) -> None:
    pure = ("--platform", "any", "--python-version", python, "--implementation", "py", "--abi", "none")
    run(sys.executable, "-m", "pip", "download", "-q", "--no-deps", *pure, "-d", str(out), *requirements)


def the_course(out: Path) -> None:
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out), cwd=ROOT)


def entry(wheel: Path) -> tuple[str, Lock]:
    """A wheel in the words of the lock file. Dependencies are not named: everything in the file is loaded."""
    name, version = wheel.name.split("-")[:2]
    return canonical(name), {
        "name": canonical(name),
        "version": version,
        "file_name": wheel.name,
        "sha256": hashlib.sha256(wheel.read_bytes()).hexdigest(),
        "install_dir": "site",
        "package_type": "package",
        "imports": [],
        "depends": [],
        "unvendored_tests": False,
    }


def canonical(name: str) -> str:
    return name.lower().replace("_", "-")


def run(*command: str, cwd: Path | None = None) -> None:
    """Run a program quietly; if it fails, its words are shown and CalledProcessError is raised."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True)
    if done.returncode:
        print(done.stdout, done.stderr, sep="\n", file=sys.stderr)
    done.check_returncode()
