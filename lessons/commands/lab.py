# SPDX-License-Identifier: GPL-2.0-or-later
"""Open the course in JupyterLab, on notebooks of your own: `mini-qemu lab`.

The notebooks are copied to your folder once (see working_copy.py) and trusted, so that players draw before you have run
a cell. JupyterLab opens on the notebook you saved last, or on the first. It runs with the course's settings, beside
whatever settings of your own there are. Everything that can go wrong on the way is said in one sentence.
"""

from __future__ import annotations

import argparse
import os
import re
import socket
import sys
import webbrowser
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path

from lessons.commands import working_copy
from lessons.places import CHECKOUT, NOTEBOOKS, SETTINGS, notebooks

FOLDER = "mini-qemu-notebooks"
OWN_FOLDERS = {  # where Jupyter keeps its things when the home cannot be written
    "JUPYTER_CONFIG_DIR": "config",
    "JUPYTER_DATA_DIR": "data",
    "JUPYTER_RUNTIME_DIR": "runtime",
    "JUPYTERLAB_SETTINGS_DIR": "settings",
    "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
    "IPYTHONDIR": "ipython",
}


class CannotStart(Exception):
    """JupyterLab cannot be started; the message is the sentence for the learner."""


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="mini-qemu lab",
        description="Open the course in JupyterLab. Your notebooks are copied once and never written over.",
        epilog="Any other option is JupyterLab's own, for example --ServerApp.ip=0.0.0.0.",
    )
    made.add_argument("folder", nargs="?", type=Path, default=Path(FOLDER), help=f"your folder (default: {FOLDER})")
    made.add_argument("--fresh", metavar="01", help="add a new copy of one notebook beside yours, and open it")
    made.add_argument("--port", type=int, help="the port to use (default: a free one from 8888 on)")
    made.add_argument("--no-browser", action="store_true", help="print the address instead of opening a browser")
    made.add_argument("--no-start", action="store_true", help="copy and trust the notebooks, start nothing")
    if CHECKOUT:
        made.add_argument("--edit", action="store_true", help="for authors: open the course's own notebooks")
    return made


def main(arguments: Sequence[str]) -> int:
    options, rest = parser().parse_known_args(arguments)
    try:
        return _start(options, rest)
    except (CannotStart, working_copy.CannotWrite) as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _start(options: argparse.Namespace, rest: Sequence[str]) -> int:
    stray = [word for word in rest if not word.startswith("-")]
    if stray:
        raise CannotStart(f"One folder is enough: what is {stray[0]!r} for? `mini-qemu lab --help` lists the options.")
    if find_spec("jupyterlab") is None:
        raise CannotStart("JupyterLab is not installed here; install the course with `pip install 'mini-qemu[lab]'`.")
    if options.port is not None and not _free(options.port):
        raise CannotStart(f"Port {options.port} is in use; name another, or leave --port out to get a free one.")
    source = chosen(options.fresh) if options.fresh else None
    if getattr(options, "edit", False):
        folder, first = NOTEBOOKS, NOTEBOOKS / notebooks()[0].name
    else:
        folder = options.folder.expanduser().resolve()
        for sentence in working_copy.copy_into(folder, notebooks()).sentences():
            print(sentence)
        first = working_copy.latest(folder, notebooks()) or folder / notebooks()[0].name
        if source is not None:
            first = working_copy.fresh(folder, source)
            print(f"A fresh copy is in {first.name}; your own {source.name} is kept as it is.")
    if where := give_jupyter_a_home(folder):
        print(f"Your home folder cannot be written, so Jupyter keeps its own files in {where}.")
    fresh = [first] if source is not None else []
    trust([*working_copy.unchanged(folder, notebooks()), *fresh])
    if options.no_start:
        return 0
    print("JupyterLab is starting. Stop it with Control-C here.", flush=True)
    return run_jupyterlab(folder, first, [*_flags(options), *rest])


def chosen(text: str) -> Path:
    """The notebook that `01`, `1`, `missing_join` or a file name means."""
    digits = text.zfill(2) if text.isdigit() else text
    wanted = Path(digits).name.removesuffix(".ipynb")
    for path in notebooks():
        if path.stem == wanted or re.fullmatch(rf"{re.escape(wanted)}_.*|\d\d_{re.escape(wanted)}", path.stem):
            return path
    raise CannotStart(f"There is no notebook {text!r}; there are {', '.join(path.stem[:2] for path in notebooks())}.")


def _free(port: int) -> bool:
    if not 0 < port < 65536:
        raise CannotStart(f"{port} is not a port; ports are numbers from 1 to 65535.")
    with socket.socket() as probe:
        if os.name == "posix":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except PermissionError:
            raise CannotStart(f"Port {port} needs an administrator; name one above 1023.") from None
        except OSError:
            return False
    return True


def _flags(options: argparse.Namespace) -> list[str]:
    flags = []
    if options.port is not None:
        flags += [f"--ServerApp.port={options.port}", "--ServerApp.port_retries=0"]
    if not options.no_browser and not _has_browser():
        print("No browser was found on this machine: open the address that JupyterLab prints below.")
        options.no_browser = True
    if options.no_browser:
        flags.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        flags.append("--allow-root")  # the user of a container
    return flags


def _has_browser() -> bool:
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True


def give_jupyter_a_home(folder: Path) -> Path | None:
    """Where the home cannot be written, Jupyter keeps its files in the learner's folder. Returns where, if so."""
    from jupyter_core.paths import jupyter_config_dir, jupyter_data_dir, jupyter_runtime_dir

    try:
        for needed in (jupyter_config_dir(), jupyter_data_dir(), jupyter_runtime_dir()):
            working_copy.writable(Path(needed))
    except (working_copy.CannotWrite, RuntimeError):
        home = folder / ".jupyter"
        for variable, name in OWN_FOLDERS.items():
            os.environ[variable] = str(home / name)
        for name in OWN_FOLDERS.values():
            (home / name).mkdir(parents=True, exist_ok=True)
        return home
    return None


def trust(paths: Iterable[Path]) -> None:
    """Sign notebooks that are the course's own, so that JupyterLab shows their players at once."""
    import nbformat
    from nbformat.sign import NotebookNotary

    notary = NotebookNotary()
    for path in paths:
        notary.sign(nbformat.read(path, as_version=4))
    notary.store.close()


def run_jupyterlab(folder: Path, first: Path, flags: Sequence[str]) -> int:
    from jupyterlab.labapp import LabApp

    command = [
        f"--ServerApp.root_dir={folder}",
        f"--LabApp.default_url=/lab/tree/{first.name}",
        f"--LabApp.app_settings_dir={SETTINGS}",
        "--Application.log_level=WARN",  # the address and what is wrong, not each request
        *flags,
    ]
    config = SETTINGS / "jupyter_server_config.py"
    if config.is_file():
        command.insert(0, f"--config={config}")
    LabApp.launch_instance(command)
    return 0
