"""What people hand to the course: schedules, runs to draw, a progress file, notebooks as submissions.

Each comes damaged: a character gone, doubled or changed, a value of another type in a structure. It is read, or refused
by the exception that its door is documented to raise; nothing else.
"""

from __future__ import annotations

import copy
import json
import os
import random
import re
import tempfile
from collections.abc import Callable
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lessons.exercises import progress
from lessons.player import Player
from lessons.player.at_rest import unpacked
from lessons.player.player import trace_data
from mini_qemu.sched import DivergenceError, Scenario, ScheduleError, Shared, explore, replay
from tests.reliability.figures import Figure

ROOT = Path(__file__).parents[2]
HOSTILE = (
    "</script><b>", "<!--", "\u2028", '"', "'", "\0", "\ud800", "🦆", "&lt;", "<img src=x onerror=y>", "", "9" * 50,
)  # fmt: skip
STRANGE = (0x20, 0x30, 0x41, 0x7F, 0x661, 0xB2, 0x1F986)


class Counter(Shared):
    value: int = 0


def add(s: Counter) -> None:
    s.value = s.value + 1


LOST_UPDATE = Scenario("lost-update", setup=Counter, threads={"A": add, "B b": add}, check=lambda s: s.value == 2)


def damaged(text: str, chance: random.Random) -> str:
    letters = list(text)
    for _ in range(chance.choice((1, 1, 2, 4, 8))):
        at = chance.randrange(len(letters) + 1)
        kind = chance.randrange(4)
        if kind == 0:
            del letters[at : at + chance.choice((1, 1, 2, 9))]
        elif kind == 1:
            letters[at:at] = letters[at : at + chance.choice((1, 3, 20))]
        elif kind == 2:
            letters[at:at] = chance.choice((*HOSTILE, ":", "#", "1", "'", "\\", "{", "]", ",", "v"))
        else:
            letters[at : at + 1] = chr(chance.choice((*STRANGE, chance.randrange(256))))
    return "".join(letters)


def other(value: Any, chance: random.Random) -> Any:
    """The same structure with one value of it, at any depth, replaced or missing."""
    value = copy.deepcopy(value)
    inside: Any = value
    while True:
        keys = list(inside) if isinstance(inside, dict) else list(range(len(inside)))
        if not keys:
            return value
        key = chance.choice(keys)
        if isinstance(inside[key], dict | list) and inside[key] and chance.random() < 0.9:
            inside = inside[key]
            continue
        if chance.random() < 0.2:
            del inside[key]
        else:
            inside[key] = chance.choice((None, 0, -1, 1.5, True, "", [], {}, [None], {"x": 1}, *HOSTILE))
        return value


def schedules(to: Figure, count: int, seed: int) -> None:
    chance = random.Random(seed)
    failure = explore(LOST_UPDATE).failure
    assert failure is not None
    seeds = (failure.schedule, "v1:A2 'B b'2 A1", "v1:", "v1:A2 'B \\'b'1#123abc")
    for number in range(count):
        text = damaged(chance.choice(seeds), chance)
        try:
            replay(LOST_UPDATE, text, strict=chance.random() < 0.5)
            to.count("read")
        except (ScheduleError, DivergenceError) as error:
            to.count("refused") if len(str(error)) > 20 else to.found(f"no sentence: {error!r} for {text!r}")
        except Exception as error:
            to.found(f"{error!r} for {text!r}, number {number}")


class Tags(HTMLParser):
    """The elements of a page, and their attributes that are programs."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.seen |= {name for name, _ in attrs if name.startswith("on")}


def traces(to: Figure, count: int, seed: int) -> None:
    """A run's data with other texts in it: the page holds no element that the data brought, and its JSON is they."""
    chance = random.Random(seed)
    failure = explore(LOST_UPDATE).failure
    assert failure is not None
    data = trace_data(replay(LOST_UPDATE, failure.schedule))
    wanted = Tags()
    wanted.feed(Player(data)._repr_html_())
    for number in range(count):
        changed = strings_replaced(data, chance)
        try:
            page = Player(changed)._repr_html_()
        except Exception as error:
            to.found(f"{error!r}, number {number}")
            continue
        tags = Tags()
        tags.feed(page)
        inside = re.search(r'previousElementSibling, "([^"]*)"', page)
        whole = json.loads(json.dumps(changed, ensure_ascii=False).encode(errors="replace"))
        if tags.seen - wanted.seen:
            to.found(f"the page has {tags.seen - wanted.seen}, number {number}")
        elif inside is None or unpacked(inside[1])["trace"] != whole:
            to.found(f"the page's data are not the run's, number {number}")
        else:
            to.count("drawn")


def strings_replaced(data: Any, chance: random.Random) -> Any:
    """Some of the texts (not the keys) replaced by hostile ones, the same everywhere."""
    swaps: dict[str, str] = {}

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: walk(item) if key not in ("file", "op") else item for key, item in value.items()}
        if isinstance(value, list):
            return [walk(item) for item in value]
        if isinstance(value, str) and value not in swaps and value not in ("A", "B b"):
            swaps[value] = value + chance.choice(HOSTILE[:6]) if chance.random() < 0.2 else value
        return swaps.get(value, value) if isinstance(value, str) else value

    return walk(data)


def progress_files(to: Figure, count: int, seed: int) -> None:
    chance = random.Random(seed)
    good = {"predicted": {"a": 1}, "solved": {"x/y": {"seconds": 3}}, "broken": {}, "answered": {"q": [1]}}
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "progress.json"
        before = os.environ.get("MINI_QEMU_PROGRESS")
        os.environ["MINI_QEMU_PROGRESS"] = str(file)
        try:
            for number in range(count):
                text = json.dumps(other(good, chance)) if chance.random() < 0.5 else damaged(json.dumps(good), chance)
                file.write_bytes(text.encode("utf-8", "surrogatepass"))
                try:
                    found = progress.load()
                    progress.record("solved", "z", True)
                    kept = progress.done("solved", "z")
                except Exception as error:
                    to.found(f"{error!r} for {text!r}, number {number}")
                    continue
                whole = all(isinstance(found[kind], dict) for kind in progress.KINDS) and kept is True
                to.count("read or put aside") if whole else to.found(f"{found!r} for {text!r}")
        finally:
            os.environ.pop("MINI_QEMU_PROGRESS")
            if before is not None:
                os.environ["MINI_QEMU_PROGRESS"] = before


def submission() -> dict[str, Any]:
    """A small notebook as a learner would hand it in: an order, a function, a question to nobody."""
    sources = (
        "check('ABC', 'survived/order')", "def f(s):\n    pass\n\ncheck(f, 'no/such')",
        "# check(g, 'count/write')\n", "x = (", "check('count/order')", "def h(:\ncheck(h, 'hold/fill')",
    )  # fmt: skip
    cells = [{"cell_type": "code", "metadata": {}, "outputs": [], "source": text.splitlines(True)} for text in sources]
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def submissions(to: Figure, count: int, seed: int) -> None:
    """Read, or refused as no submission, in a sentence."""
    from lessons.authoring.submission import NotASubmission, answers

    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "answers.ipynb"
        for number in range(count):
            whole = submission()
            if chance.random() < 0.6:
                whole = other(whole, chance)
            text = json.dumps(whole)
            if chance.random() < 0.5:
                text = damaged(text, chance)
            file.write_bytes(text.encode("utf-8", "surrogatepass"))
            try:
                answers(file)
                to.count("read")
            except NotASubmission as error:
                to.count("refused") if len(str(error)) > 15 else to.found(f"no sentence: {error!r}, number {number}")
            except Exception as error:
                to.found(f"{error!r} for {text[:300]!r}, number {number}")


KINDS: dict[str, Callable[[Figure, int, int], None]] = {
    "schedule texts": schedules,
    "runs to draw": traces,
    "progress files": progress_files,
}
if find_spec("lessons.authoring.submission"):
    KINDS["submitted notebooks"] = submissions
