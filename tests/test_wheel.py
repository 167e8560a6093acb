"""What pip installs is a usable course: the wheel is built, unpacked elsewhere, and asked."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from email import message_from_bytes
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

pytestmark = pytest.mark.slow
Run = Callable[..., str]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "site")
    return folder / "site"


def run(site: Path, cwd: Path, *arguments: str) -> str:
    environment = os.environ | {"PYTHONPATH": str(site), "HOME": str(cwd)}
    command = [sys.executable, "-m", "lessons", *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, check=True, capture_output=True, text=True).stdout


def test_carries_the_notebooks(site: Path, tmp_path: Path):
    assert f"Your notebooks are in {tmp_path / 'mine'}" in run(site, tmp_path, "lab", "mine", "--no-start")
    ours = {path.name: path.read_bytes() for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert {path.name: path.read_bytes() for path in (tmp_path / "mine").glob("*.ipynb")} == ours


def test_keeps_its_promises(site: Path, tmp_path: Path):
    program = """if 1:
        from lessons import places
        from lessons.authoring import audit
        assert not places.CHECKOUT and places.MATRIX.is_file() and len(places.notebooks()) > 6, places.NOTEBOOKS
        complaints = [*audit.unused()]
        for path in places.notebooks():
            complaints += audit.of_notebook(path)
        assert not complaints, complaints
    """
    environment = os.environ | {"PYTHONPATH": str(site)}
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=environment, check=True)


def test_shows_what_was_recorded(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MINI_QEMU_REAL", "")
    environment = os.environ | {"PYTHONPATH": str(site)}
    program = "from lessons.real import play, recording; print(play(recording.scenes()['survivor']))"
    said = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert "Recorded on" in said.stdout, said.stderr


def test_explores(site: Path, tmp_path: Path):
    assert "none fails" in run(site, tmp_path, "explore", "precopy-return-path", "--with", "join_created_thread")


def test_says_what_it_is(site: Path):
    (info,) = site.glob("mini_qemu-*.dist-info")
    metadata = message_from_bytes((info / "METADATA").read_bytes())
    assert "Framework :: Jupyter :: JupyterLab :: 4" in metadata.get_all("Classifier", [])
    assert metadata["Author"] == "The mini_qemu authors"
    assert metadata.get_payload().startswith("# mini_qemu"), "the README"
    scripts = "[console_scripts]\nmini-qemu = lessons.__main__:main\n"
    plugin = "[pytest11]\ninterleavings = mini_qemu.sched.pytest_plugin\n"
    assert (info / "entry_points.txt").read_text() == f"{scripts}\n{plugin}"
    assert (site / "mini_qemu" / "py.typed").exists()
    assert (site / "lessons" / "py.typed").exists()
