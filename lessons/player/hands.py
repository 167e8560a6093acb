# SPDX-License-Identifier: GPL-2.0-or-later
"""What each thread has in its hand after each step: values it has read and not used up, pointers it has copied.

A local that is bound right after a read comes from what was read; a parameter does if it is the value that was read. A
value read in the middle of a line is in hand until the thread leaves the line. Each item is stale as soon as what it
came from is another, and gone when the object it points to is freed: that is what every race in this course looks
like. Everything is taken from the trace.
Left out: locals that come from no shared variable, and values that went through a container or a message.
"""

from __future__ import annotations

import linecache
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypedDict

from mini_qemu.sched import Local, Moment, Step, Trace
from mini_qemu.sched.trace import Access

MOST = 4  # items a thread, fewer where there are many threads; those that are stale or gone come first
FEWEST = 2
Key = tuple[str, int, str]
Place = tuple[str, str]
_BECOMES = re.compile(r"(?:becomes|=) (.*)$")


class Item(TypedDict, total=False):
    """One thing in a hand, as the player draws it."""

    name: str
    text: str
    source: str
    stale: str
    gone: bool
    to: str


@dataclass(frozen=True)
class _Origin:
    """Where a value came from: the variable, what it was, and at which step it was read."""

    place: Place
    name: str
    value: str
    step: int


@dataclass(frozen=True)
class _Write:
    value: str
    thread: str
    step: int


class _Hands:
    """Goes through the run and knows, for each local, where it came from."""

    def __init__(self, trace: Trace) -> None:
        self.most = max(FEWEST, MOST - len(trace.threads) // 2)
        self.before: Moment = trace.initial
        self.origins: dict[str, dict[Key, _Origin]] = {thread: {} for thread in trace.threads}
        self.between: dict[str, list[_Origin]] = {thread: [] for thread in trace.threads}  # read, not bound
        self.last: dict[Place, _Write] = {}
        self.freed: dict[str, Step] = {}  # the mark of an object -> the step that freed it

    def after(self, step: Step) -> None:
        """Take in one step."""
        thread = step.thread
        if step.op in ("write", "cas"):
            found = _BECOMES.search(step.text)
            if became := found[1] if found else step.state.get(step.name, ""):
                self.last[step.object, step.field] = _Write(became, thread, step.index)
        for aside in step.asides:
            if aside.op == "write":
                self.last[aside.name, ""] = _Write(step.state.get(aside.name, aside.value), thread, step.index)
        for mark, thing in step.things.items():
            if thing.freed:
                self.freed.setdefault(mark, step)
        bound = self._bind(step)
        read = step.op == "read"
        origin = _Origin((step.object, step.field), step.name, step.value, step.index)
        stays = _line(step, thread) == _line(self.before, thread)
        kept = self.between[thread] if stays and step.op != "write" else []
        loose = read and stays and not bound and step.value
        self.between[thread] = [*kept, origin] if loose else kept
        self.before = step

    def _bind(self, step: Step) -> bool:
        """Give the locals that this step bound their origin; whether it bound any to what it read."""
        thread, known = step.thread, self.origins[step.thread]
        old = {_key(one): one for one in self.before.hands.get(thread, [])}
        frames = {(one.function, one.depth) for one in old.values()}
        origin, bound, now = _Origin((step.object, step.field), step.name, step.value, step.index), False, {}
        locals_ = step.hands.get(thread, [])
        for one in locals_:
            key = _key(one)
            if key in old and (old[key].text == one.text or _same_object(old[key], one)):
                if key in known:
                    now[key] = known[key]
            elif step.op == "read" and ((one.function, one.depth) in frames or one.text == step.value):
                now[key], bound = origin, True
            elif aside := next((a for a in reversed(step.asides) if _gives(a, one)), None):
                now[key] = _Origin((aside.name, ""), aside.name, aside.value, step.index)
            elif one.thing and (copied := next((o for k, o in now.items() if _points(locals_, k, one)), None)):
                now[key] = copied
        self.origins[thread] = now
        return bound

    def items(self, thread: str, moment: Moment) -> list[Item]:
        """What the thread has in its hand now, the worst first."""
        found: list[tuple[int, int, Item]] = []
        seen: set[tuple[str, str]] = set()
        for one in moment.hands.get(thread, []):
            origin = self.origins[thread].get(_key(one))
            alike = (one.thing, "") if one.thing else (one.text, origin.name if origin else "")
            if origin is None or alike in seen or (one.thing in self.freed and self.freed[one.thing].thread == thread):
                continue
            seen.add(alike)
            found.append(self._item(thread, one, origin))
        loose = [Local("", 0, origin.name.rpartition(".")[2], origin.value) for origin in self.between[thread]]
        for one, origin in zip(loose, self.between[thread], strict=True):
            found.append(self._item(thread, one, origin))
        items = [item for _, _, item in sorted(found, key=lambda entry: entry[:2])]
        return items[: 1 if self.most == FEWEST and items and "stale" in items[0] else self.most]

    def _item(self, thread: str, one: Local, origin: _Origin) -> tuple[int, int, Item]:
        item = Item(name=one.name, text=one.text, source=f"{origin.name}, read at step {origin.step}")
        if one.thing:
            item["to"] = one.thing
        write = self.last.get(origin.place)
        field = origin.name.rpartition(".")[2]
        if one.thing in self.freed:
            item["gone"] = True
            item["stale"] = f"freed by {self.freed[one.thing].thread}"
        elif write and write.step > origin.step and write.thread != thread and write.value != origin.value:
            was = f": {origin.value}" if len(origin.value) <= 8 else ""
            changed = f"{field}{was} → {write.value}"
            item["stale"] = f"now {write.value}" if field == one.name else changed
        rank = 0 if item.get("gone") else 1 if "stale" in item else 2 if one.thing else 3
        return rank, -origin.step, item


def hands(trace: Trace) -> Iterator[dict[str, list[Item]]]:
    """What everybody has in hand at the start, and then after each step."""
    view = _Hands(trace)
    yield {thread: [] for thread in trace.threads}
    for step in trace.steps:
        view.after(step)
        yield {thread: view.items(thread, step) for thread in trace.threads}


def _gives(aside: Access, one: Local) -> bool:
    """Whether the line that made this access binds the local to what it read."""
    line = linecache.getline(aside.file, aside.line)
    bound = re.search(rf"\b{re.escape(one.name)}\s*:?=(?!=)", line)
    return aside.op == "read" and aside.value == one.text and bound is not None


def _key(one: Local) -> Key:
    return one.function, one.depth, one.name


def _same_object(old: Local, new: Local) -> bool:
    """The same object under another name: freed, or named by a sentence meanwhile."""
    return bool(old.thing) and old.thing == new.thing


def _points(locals_: list[Local], key: Key, one: Local) -> bool:
    return any(_key(other) == key and other.thing == one.thing for other in locals_)


def _line(moment: Moment, thread: str) -> tuple[str, str, int] | None:
    frames = moment.frames.get(thread)
    return frames[-1] if frames else None
