"""`@pytest.mark.interleavings`, in a project as people have them: the code in src, its tests beside."""

import subprocess
import sys

import pytest

SOURCES = {
    "src/bank/__init__.py": "from .account import Account",
    "src/bank/account.py": """
import threading
from .journal import note

class Account:
    def __init__(self):
        self.balance, self.lock = 0, threading.Lock()

    def bare(self):
        note("deposit")
        self.balance += 1

    def locked(self):
        with self.lock:
            self.bare()
""",
    "src/bank/journal.py": """
notes = []

def note(what):
    notes.append(what)
""",
    "tests/test_bank.py": """
import threading, unittest, pytest
from bank import Account

def both(deposit):
    threads = [threading.Thread(target=deposit) for _ in range(2)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()

@pytest.fixture
def account(): return Account()

@pytest.mark.interleavings
def test_bare(account):
    both(account.bare)
    assert account.balance == 2

@pytest.mark.interleavings
def test_locked(account):
    both(account.locked)
    assert account.balance == 2

class TestMethod:
    def setup_method(self): self.account = Account()

    @pytest.mark.interleavings
    def test_bare_method(self):
        both(self.account.bare)
        assert self.account.balance == 2

@pytest.mark.interleavings(limit=3)
def test_keyword(account): both(account.bare)

class TestOfUnittest(unittest.TestCase):
    @pytest.mark.interleavings
    def test_case(self):
        account = Account()
        both(account.bare)
        self.assertEqual(account.balance, 2)
""",
}


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """What pytest says about that project, where the mark is known by the package's entry point."""
    folder = tmp_path_factory.mktemp("project")
    for name, source in SOURCES.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source, encoding="utf-8")
    options = ["-q", "-rfEp", "-p", "no:cacheprovider", "-o", "pythonpath=src"]
    command = [sys.executable, "-m", "pytest", *options, str(folder)]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False).stdout


def test_a_test_runs_in_every_interleaving_with_the_code_it_tests(said):
    assert "test_bare: failed. 8 interleavings, all run: 4 fail (4 crash)" in said, said
    assert '--replay "v1:main' in said
    assert "PASSED tests/test_bank.py::test_locked" in said


def test_a_method_does_too(said):
    assert "test_bare_method: failed. 8 interleavings, all run: 4 fail (4 crash)" in said, said


def test_a_mark_that_would_say_nothing_is_refused(said):
    assert "test_case: unittest runs the tests of a TestCase itself, in one interleaving" in said, said
    assert "test_keyword: the mark interleavings takes the keywords method, limit_seconds, limit_runs; not" in said
    assert "2 failed, 1 passed, 2 errors" in said
