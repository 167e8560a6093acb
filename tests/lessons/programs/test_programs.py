"""Lesson 09's programs: each fails as it stands and is proved with its fix, and a cell holds what its file holds."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest

from lessons.functions import from_text
from lessons.places import NOTEBOOKS
from mini_qemu.sched import control, explain, explore, shortest_trace

BAKERY = (("if len(", "while len("),)
SETTINGS = (
    ("    only = None", "    only = None\n    lock = threading.Lock()"),
    (
        """
        if cls.only is None:
            cls.only = cls()
        return cls.only
""",
        """
        with cls.lock:
            if cls.only is None:
                cls.only = cls()
            return cls.only
""",
    ),
)
PRICES = (
    ("threading.Lock()", "threading.RLock()"),
    (
        """
        if price is None:
            price = self.ask(item)
            with self.lock:
                self.known[item] = price
""",
        """
            if price is None:
                price = self.known[item] = self.ask(item)
""",
    ),
)
REPORTS = (
    ("        self.open = True\n", "        self.open = True\n        self.lock = threading.Lock()\n"),
    (
        """
        if not self.open:
            return False
        self.jobs.put(job)
""",
        """
        with self.lock:
            if not self.open:
                return False
            self.jobs.put(job)
""",
    ),
    (
        """
        self.open = False
        self.jobs.put(None)""",
        """
        with self.lock:
            self.open = False
            self.jobs.put(None)""",
    ),
)
PROGRAMS = {  # name: what repairs it, interleavings, failing ones, interleavings when repaired
    "bakery": (BAKERY, 40, 12, 40),
    "settings": (SETTINGS, 6, 1, 2),
    "prices": (PRICES, 20, 18, 2),
    "reports": (REPORTS, 5, 2, 3),
}
HOME = "lessons.programs.repaired"


def repaired(name: str) -> Callable[[], Any]:
    text = inspect.getsource(import_module(f"lessons.programs.{name}"))
    for old, new in PROGRAMS[name][0]:
        assert old in text
        text = text.replace(old, new)
    control(HOME)
    made: Callable[[], Any] = from_text(text, name, f"<{name}, repaired>", {"__name__": HOME})
    return made


@pytest.mark.parametrize("name", PROGRAMS)
def test_it_fails_and_the_fix_is_proved(name: str):
    _, runs, failing, runs_repaired = PROGRAMS[name]
    found = explore(getattr(import_module(f"lessons.programs.{name}"), name))
    proved = explore(repaired(name))
    assert (found.verdict, found.classes, found.failing) == ("failed", runs, failing)
    assert (proved.verdict, proved.classes) == ("proved", runs_repaired), proved


def test_the_cells_hold_what_the_files_hold():
    book = json.loads((NOTEBOOKS / "09_your_own_bug.ipynb").read_text(encoding="utf-8"))
    cells = ["".join(cell["source"]) for cell in book["cells"] if cell["cell_type"] == "code"]
    for name in PROGRAMS:
        text = inspect.getsource(import_module(f"lessons.programs.{name}")).partition("import threading\n")[2].strip()
        assert any(text in cell for cell in cells), f"no cell of lesson 09 holds lessons/programs/{name}.py as it is"


def test_the_shortest_failing_run_tells_the_story():
    bakery = import_module("lessons.programs.bakery").bakery
    assert explain(bakery).splitlines() == [
        "baker notified shelf.changed in Shelf.put (bakery.py:19), and Ann could wake. Bob popped 'rye' from",
        "  shelf.loaves in Shelf.take (bakery.py:26) first.",
        "Ann then stopped in Shelf.take (bakery.py:26): IndexError: pop from empty list.",
    ]
    assert shortest_trace(bakery).labels == ["shelf.loaves"]
