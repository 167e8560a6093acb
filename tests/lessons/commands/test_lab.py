"""`mini-qemu lab`: a folder, trust, a server with the course's settings, and a sentence for each thing that fails."""

from __future__ import annotations

import ast
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from lessons.__main__ import main
from lessons.authoring.normalise import WIDGET_VIEW
from lessons.commands import lab
from lessons.places import PACKAGE, notebooks


@pytest.fixture(autouse=True)
def a_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Trust and settings of these tests are kept in a home of their own."""
    for name in lab.OWN_FOLDERS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def test_copies_and_trusts(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    from nbformat import read
    from nbformat.sign import NotebookNotary

    assert main(["lab", str(tmp_path / "mine"), "--no-start"]) == 0
    assert "They are yours" in capsys.readouterr().out
    notary = NotebookNotary()
    for path in notebooks():
        assert notary.check_signature(read(tmp_path / "mine" / path.name, as_version=4))
    notary.store.close()


def test_a_notebook_that_is_not_the_courses_is_not_trusted(tmp_path: Path):
    from nbformat import read
    from nbformat.sign import NotebookNotary

    foreign = json.loads(notebooks()[0].read_text(encoding="utf-8"))
    foreign["cells"][0]["source"] = ["somebody else's"]
    (tmp_path / "mine").mkdir()
    path = tmp_path / "mine" / notebooks()[0].name
    path.write_text(json.dumps(foreign), encoding="utf-8")
    assert main(["lab", str(tmp_path / "mine"), "--no-start"]) == 0
    notary = NotebookNotary()
    assert not notary.check_signature(read(path, as_version=4))
    notary.store.close()


@pytest.mark.parametrize("name", ["01", "1", "missing_join", "01_missing_join", "01_missing_join.ipynb"])
def test_a_notebook_can_be_named_in_several_ways(name: str):
    assert lab.chosen(name).name == "01_missing_join.ipynb"


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["lab", *arguments]) == 1
    said = capsys.readouterr().err.strip()
    assert "\n" not in said, "one sentence"
    return said


def test_each_problem_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert refused(["--port", str(port)], capsys).startswith(f"Port {port} is in use; name another")
    assert "70000 is not a port" in refused(["--port", "70000"], capsys)
    assert "no notebook '77'" in refused(["--fresh", "77"], capsys)
    assert "One folder is enough" in refused(["a", "b"], capsys)
    (tmp_path / "file").touch()
    assert "is a file, not a folder" in refused(["file"], capsys)
    assert not (tmp_path / lab.FOLDER).exists(), "a refused command changes nothing"
    monkeypatch.setattr(lab, "find_spec", lambda name: None)
    assert "pip install 'mini-qemu[lab]'" in refused([], capsys)


def test_python_too_old_is_one_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(sys, "version_info", (3, 9, 18, "final", 0))
    assert main(["lab"]) == 2
    assert capsys.readouterr().err == "The course needs Python 3.11 or later; this is Python 3.9.\n"


@pytest.mark.parametrize("name", ["__init__.py", "__main__.py"])
def test_an_old_python_can_read_as_far_as_that_sentence(name: str):
    ast.parse((PACKAGE / name).read_text(encoding="utf-8"), feature_version=(3, 8))


def test_a_browser_that_is_missing_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    options, _ = lab.parser().parse_known_args([])

    def none() -> None:
        raise lab.webbrowser.Error("could not locate runnable browser")

    monkeypatch.setattr(lab.webbrowser, "get", none)
    assert "--no-browser" in lab._flags(options)
    assert capsys.readouterr().out.startswith("No browser was found on this machine: open the address")


def test_opens_the_notebook_that_was_saved_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    opened: list[str] = []
    monkeypatch.setattr(lab, "run_jupyterlab", lambda folder, first, flags: opened.append(first.name) or 0)
    assert main(["lab", str(tmp_path / "mine"), "--no-browser"]) == 0
    edited = tmp_path / "mine" / "02_check_then_use.ipynb"
    edited.write_text(edited.read_text(encoding="utf-8").replace("pointer", "POINTER"), encoding="utf-8")
    assert main(["lab", str(tmp_path / "mine"), "--no-browser"]) == 0
    assert main(["lab", str(tmp_path / "mine"), "--no-browser", "--fresh", "2"]) == 0
    assert opened == ["00_start_here.ipynb", "02_check_then_use.ipynb", "02_check_then_use-fresh.ipynb"]


def answer(url: str, saved: dict[str, Any] | None = None) -> Any:
    """What the server says; it prints its address a moment before it listens."""
    body = None if saved is None else json.dumps(saved).encode()
    request = urllib.request.Request(url, data=body, method="GET" if saved is None else "PUT")
    for _ in range(200):
        with suppress(urllib.error.URLError), urllib.request.urlopen(request, timeout=20) as found:
            return json.load(found)
        time.sleep(0.05)
    raise AssertionError(f"{url} does not answer")


@pytest.mark.slow
@pytest.mark.parametrize("home", ["writable", "unwritable"])
def test_the_server_answers(home: str, tmp_path: Path, a_home: Path):
    """The real thing: the command, its server, one notebook read from it, saved and read again."""
    if home == "unwritable":  # a file where the home should be: not even root can write there
        a_home.rmdir()
        a_home.touch()
    command = [sys.executable, "-u", "-m", "lessons", "lab", str(tmp_path / "mine"), "--no-browser"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    guard = threading.Timer(60, server.kill)
    guard.start()  # a server that says nothing ends the loop below
    assert server.stdout is not None
    said, address = "", None
    try:
        while address is None and (line := server.stdout.readline()):
            said += line
            address = re.search(r"(http://127\.0\.0\.1:\d+)/lab/tree/00_start_here\.ipynb\?(token=\w+)", line)
        assert address, said
        notebook = f"{address[1]}/api/contents/01_missing_join.ipynb?{address[2]}"
        found = answer(notebook)
        code = next(cell for cell in found["content"]["cells"] if cell["cell_type"] == "code")
        assert code["metadata"]["trusted"] is True
        shown = {"text/html": "<p>at rest</p>", WIDGET_VIEW: {"model_id": "1"}}
        code["outputs"] = [{"output_type": "display_data", "metadata": {}, "data": dict(shown)}]
        answer(notebook, {"type": "notebook", "format": "json", "content": found["content"]})
        code = next(cell for cell in answer(notebook)["content"]["cells"] if cell["cell_type"] == "code")
        assert list(code["outputs"][0]["data"]) == ["text/html"]
    finally:
        guard.cancel()
        server.send_signal(signal.SIGTERM)
        server.communicate()
    assert "Warning" not in said
    assert ("Your home folder cannot be written" in said) == (home == "unwritable")
    assert (tmp_path / "mine" / ".jupyter").exists() == (home == "unwritable")
