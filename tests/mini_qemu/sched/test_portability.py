"""The same counts, schedules and sentences in every process, on every Python from 3.11 on, and in a browser's Python.

`account.py` is run elsewhere and its text compared with the one from here. The slow tests need what a developer's
machine may lack: further Pythons (found on the path, or fetched by uv), and Node with npm, which fetches Pyodide into
pytest's cache. In CI (`CI=true`) Node is required; elsewhere a test that cannot run is skipped and says so.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
ACCOUNT = ["-m", "tests.mini_qemu.sched.account"]
PYODIDE = "pyodide@314.0.7"


def run(command: list[str], **environment: str) -> str:
    """Standard output of ``command``, started in the repository."""
    done = subprocess.run(
        command, cwd=REPOSITORY, env={**os.environ, **environment}, capture_output=True, text=True, timeout=1_200
    )
    assert done.returncode == 0, f"{' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


def works(python: list[str]) -> bool:
    return bool(shutil.which(python[0])) and not subprocess.run([*python, "-c", ""], capture_output=True).returncode


def first_difference(here: str, there: str) -> str:
    """The first lines in which two accounts differ, with what they belong to; empty if none."""
    for number, (a, b) in enumerate(zip(here.splitlines(), there.splitlines(), strict=False), start=1):
        if a != b:
            return f"line {number}: here {a.strip()}, there {b.strip()}"
    return "" if here.strip() == there.strip() else "one is longer than the other"


@pytest.fixture(scope="module")
def here() -> str:
    return run([sys.executable, *ACCOUNT], PYTHONHASHSEED="1")


def test_hash_order_decides_nothing(here: str) -> None:
    assert first_difference(here, run([sys.executable, *ACCOUNT], PYTHONHASHSEED="2")) == ""


@pytest.mark.slow
@pytest.mark.parametrize("minor", [11, 12, 13, 14])
def test_another_python_says_the_same(minor: int, here: str) -> None:
    if sys.version_info[:2] == (3, minor):
        pytest.skip("this is that Python")
    python = f"python3.{minor}"
    candidates = ([python], ["uv", "run", "--no-project", "--python", python, "python"])
    command = next((candidate for candidate in candidates if works(candidate)), None)
    if command is None:
        pytest.skip(f"no {python} on this machine")
    assert first_difference(here, run([*command, *ACCOUNT])) == ""


@pytest.fixture(scope="module")
def pyodide(request: pytest.FixtureRequest) -> Path:
    """The folder of a browser's Python, which is CPython 3.14 or later."""
    if not shutil.which("npm") or not shutil.which("node"):
        if os.environ.get("CI"):
            pytest.fail("Node and npm are required here")
        pytest.skip("no Node on this machine")
    folder = Path(str(request.config.cache.mkdir("pyodide"))) if request.config.cache else REPOSITORY / ".pytest_cache"
    found = folder / "node_modules" / "pyodide"
    if not (found / "pyodide.mjs").exists():
        run(["npm", "install", "--prefix", str(folder), "--no-audit", "--no-fund", PYODIDE])
    return found


@pytest.mark.slow
def test_a_browsers_python_says_the_same(here: str, pyodide: Path) -> None:
    script = Path(__file__).with_name("account_in_pyodide.mjs")
    assert first_difference(here, run(["node", str(script), str(pyodide), str(REPOSITORY)])) == ""


HERE = "tests/mini_qemu/sched"
NEED_THREADS_OR_PROCESSES = (  # which a browser's Python has not
    "test_instrument.py::test_native_mode_runs_the_same_functions_on_real_threads",
    "test_many.py::test_threads_and_processes_agree",
    "test_many.py::test_dask_serves_as_well",
    "ordinary/test_against_python.py::test_real_threads_show_nothing_that_was_not_explored",
    "ordinary/test_mark.py",
    "ordinary/test_odd.py::test_an_interrupt_leaves_everything_in_place",
    "ordinary/test_words.py::test_a_word_returns_what_it_returns_in_python[pools]",
)
NEED_HYPOTHESIS = ("test_differential.py", "test_replay.py")  # which is not pure Python any more


@pytest.mark.slow
def test_the_engines_tests_pass_in_a_browsers_python(pyodide: Path) -> None:
    script = Path(__file__).with_name("tests_in_pyodide.mjs")
    left_out = [f"--deselect={HERE}/{name}" for name in NEED_THREADS_OR_PROCESSES]
    left_out += [f"--ignore={HERE}/{name}" for name in (*NEED_HYPOTHESIS, Path(__file__).name)]
    packages = sysconfig.get_paths()["purelib"]
    options = ["-c", "/dev/null", "--rootdir=.", "--noconftest", "--import-mode=importlib", "-o", "markers=slow"]
    chosen = [*options, "-m", "not slow", "-q", HERE, *left_out]
    told = run(["node", str(script), str(pyodide), str(REPOSITORY), packages, *chosen])
    assert re.search(r"^\d{3} passed", told, re.M), told
