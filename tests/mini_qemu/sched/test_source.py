"""What runs is what the file says: a file that changed is read again, or refused until it is imported again."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from mini_qemu.sched import InstrumentationError, explore

PROGRAM = """
from __future__ import annotations
from mini_qemu.sched import Scenario, Shared

class Box(Shared):
    value: int = 0

def put(box):
    box.value = {value}

def twice(box):
    def once(other: Box) -> None:
        other.value = {value}
    once(box)
    put(box)

sc = Scenario("put", Box, {{"A": {body}}}, check=lambda box: box.value == 7)

def main():
    seen = [0]
    def inner():
        (lambda: seen.__setitem__(0, {value}))()
    inner()
    assert seen[0] == 7
"""


def load(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("mine", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    exec(compile(file.read_text(encoding="utf-8"), str(file), "exec"), module.__dict__)
    return module


def write(file: Path, value: str, body: str = "put") -> None:
    file.write_text(PROGRAM.format(value=value, body=body), encoding="utf-8")


@pytest.mark.parametrize("body", ["put", "twice"])
def test_an_edited_file_that_is_run_again_is_run_as_it_is_now(tmp_path: Path, body: str):
    file = tmp_path / "mine.py"
    write(file, "7", body)
    assert explore(load(file).sc).verdict == "proved"
    write(file, "7_000", body)
    assert explore(load(file).sc).verdict == "failed"
    write(file, "7", body)
    assert explore(load(file).sc).verdict == "proved"


@pytest.mark.parametrize("body", ["put", "twice"])
@pytest.mark.parametrize("seen", [True, False], ids=["explored before", "not explored before"])
def test_a_file_that_changed_and_was_not_imported_again_is_refused(tmp_path: Path, body: str, seen: bool):
    file = tmp_path / "mine.py"
    write(file, "7", body)
    module = load(file)
    if seen:
        assert explore(module.sc).verdict == "proved"
    write(file, "7_000", body)
    with pytest.raises(InstrumentationError, match=r"mine.py:\d+: \S+ is not what its file says.* Import it again"):
        explore(module.sc)


def test_the_same_holds_for_an_ordinary_program(tmp_path: Path):
    file = tmp_path / "mine.py"
    write(file, "7")
    module = load(file)
    assert explore(module.main).verdict == "proved"
    write(file, "7_000")
    with pytest.raises(InstrumentationError, match="the file has changed"):
        explore(module.main)
    assert explore(load(file).main).verdict == "failed"


def test_code_that_pytest_rewrote_is_taken_on_trust():
    def main() -> None:
        value = 6 + 1
        assert value == 7, "pytest has rewritten this statement"

    assert explore(main).verdict == "proved"


def test_a_class_in_main_may_use_a_module_that_the_file_imports(tmp_path: Path):
    file = tmp_path / "mine.py"
    file.write_text(
        """
import threading

def main():
    class Account:
        def __init__(self):
            self.lock, self.balance = threading.Lock(), 0

        def deposit(self):
            with self.lock:
                self.balance += 1

    account = Account()
    threads = [threading.Thread(target=account.deposit) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert account.balance == 2
""",
        encoding="utf-8",
    )
    assert explore(load(file).main).verdict == "proved"
