"""The teacher's guide: its programs run, its answers are the engine's, and it forgets no lesson."""

from __future__ import annotations

import contextlib
import io
import re
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lessons.exercises import exercise
from lessons.exercises.check import check_source
from lessons.places import notebooks
from mini_qemu.sched import Mutex, Scenario, Shared, explore

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "lessons" / "TEACHING.md"
TEXT = GUIDE.read_text(encoding="utf-8")
PROGRAMS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


def run(program: str, folder: Path) -> tuple[dict[str, Any], str]:
    """The names that a program defines, and what it prints. It lies in a file, as a reader's would."""
    file = folder / "museum.py"
    file.write_text(program, encoding="utf-8")
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        names = runpy.run_path(str(file))
    return names, out.getvalue()


def answer(question: int) -> str:
    (text,) = re.findall(rf"^\*\*{question}\.\*\*.*?\*Answer: (.*?)\*$", TEXT, re.DOTALL | re.MULTILINE)
    return " ".join(text.split())


def test_the_museum_prints_what_stands_below_it(tmp_path: Path):
    (printed,) = re.findall(r"```text\n(.*?)```", TEXT, re.DOTALL)
    names, said = run(PROGRAMS[-1], tmp_path)
    assert printed.splitlines() == [line.rstrip() for line in said.splitlines()]
    assert explore(names["museum"](names["guarded_door"])).verdict == "proved"
    code = [line for line in PROGRAMS[-1].splitlines() if line.strip()]
    assert len(code) <= 30, "the guide promises thirty lines"


# ---- the exam


class Counter(Shared):
    value: int = 0

    def __init__(self) -> None:
        self.lock = Mutex()


def add(s: Counter) -> None:
    s.value = s.value + 1


def locked(s: Counter) -> None:
    with s.lock:
        s.value = s.value + 1


class Table(Shared):
    forks: list[Mutex]

    def __init__(self) -> None:
        self.forks = [Mutex(f"fork {number}") for number in range(3)]


def philosopher(number: int) -> Callable[[Table], None]:
    def eats(table: Table) -> None:
        with table.forks[number], table.forks[(number + 1) % 3]:
            pass

    return eats


def counters(body: Callable[[Counter], None], threads: int) -> Scenario:
    names = "ABC"[:threads]
    return Scenario("exam", Counter, dict.fromkeys(names, body), check=lambda s: s.value == threads)


@pytest.mark.parametrize(("question", "body", "threads"), [(1, add, 2), (2, add, 3), (3, locked, 2)])
def test_the_counters_of_the_exam(question: int, body: Callable[[Counter], None], threads: int):
    result = explore(counters(body, threads))
    assert answer(question) == f"{result.runs} and {result.failing}."


def test_the_philosophers_of_the_exam():
    table = Scenario("exam", Table, {f"P{number}": philosopher(number) for number in range(3)})
    result = explore(table)
    assert answer(4) == f"{result.failing} of {result.runs}."
    assert set(result.findings) == {"deadlock"}


def test_the_box_of_the_exam(tmp_path: Path):
    wrong, right = PROGRAMS[0], PROGRAMS[0].replace(
        "    box.done = True\n    box.result = 42\n", "    box.result = 42\n    box.done = True\n"
    )  # fmt: skip
    assert answer(5).startswith("yes; write `result` before `done`")
    assert explore(run(wrong, tmp_path)[0]["exam_5"]).verdict == "failed"
    assert explore(run(right, tmp_path)[0]["exam_5"]).verdict == "proved"


def test_the_clean_up_of_the_exam():
    judged = check_source("ADEBC", exercise("survived/order"))
    assert judged.reply == "wait_before_stop"
    assert any("fails and the destination waits for more" in said for said in judged.say)


def test_the_clean_runs_of_the_exam():
    judged = exercise("clean-runs/fill")
    names: dict[str, Any] = {}
    exec(judged.solution, names)
    assert round(names[judged.entry](3_000), 4) == 0.001


# ---- nothing is forgotten


def test_every_lesson_has_its_row_with_the_minutes_it_says():
    for path in notebooks():
        if not path.name[0].isdigit():
            continue
        (row,) = [
            line for line in TEXT.splitlines() if line.startswith(f"| [{path.name[:2]}](../notebooks/{path.name})")
        ]
        minutes = re.search(r"\*\*Time:\*\* about (\d+) minutes", path.read_text(encoding="utf-8"))
        assert minutes is not None, path.name
        assert row.split("|")[2].strip() == minutes[1], path.name


def test_the_wrong_answers_are_those_that_the_exercises_know():
    rows = re.findall(r"^\| `([\w-]+/[\w-]+)` \| `(\w+)`", TEXT, re.MULTILINE)
    assert len(rows) > 10
    for name, wrong in rows:
        assert wrong in [one.name for one in exercise(name).wrong], (name, wrong)


def test_links_lead_somewhere():
    headings = {re.sub(r"[^\w -]", "", line.lstrip("# ").lower()).replace(" ", "-")
                for line in TEXT.splitlines() if line.startswith("#")}  # fmt: skip
    for target in re.findall(r"\]\(([^)]+)\)", TEXT):
        file, _, anchor = target.partition("#")
        if file:
            assert (GUIDE.parent / file).exists(), target
        else:
            assert anchor in headings, target
