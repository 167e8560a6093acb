# SPDX-License-Identifier: GPL-2.0-or-later
"""The scene: which objects a run's picture shows, and how they are after each step.

It is derived from the watched state. A watched value that is an object, or says that it stands for one, puts that
object into the picture; what it points to is an arrow, a count of references is drawn as marks that can be counted, a
list as a list. A freed object stays as a ghost: an arrow to it is the bug. A scenario without objects has threads,
values and locks in its scene, and so has a learner's own program.
Left out: objects that no watched value ever stands for.
"""

from __future__ import annotations

from typing import Any, TypedDict

from mini_qemu.sched import Moment, Points, Thing, Trace


class Place(TypedDict):
    """Where an object has its place: the same in the whole run. `watch` is the watched label that it stands for."""

    id: str
    kind: str
    label: str
    column: int
    watch: str


class Scene:
    """The objects of one run. `plan` is the layout, `at` a moment of it."""

    def __init__(self, trace: Trace) -> None:
        moments: list[Moment] = [trace.initial, *trace.steps]
        self.first: dict[str, Thing] = {}
        self.last: dict[str, Thing] = {}
        self.points: dict[str, Points] = {}
        self.words: dict[str, str] = {}
        self.order: dict[str, int] = {}  # by the first watched value that points there
        self.inner: set[str] = set()
        for moment in moments:
            for mark, thing in moment.things.items():
                self.first.setdefault(mark, thing)
                self.last[mark] = thing
                self.inner.update(thing.to)
            for label, points in moment.points.items():
                self.points[label] = points
                for mark in points.to:
                    self.order.setdefault(mark, trace.labels.index(label))
                    self.words.setdefault(mark, points.word) if points.kind != "list" else None
        self.counted = {mark: label for label, p in self.points.items() if p.kind == "count" for mark in p.to}
        self.lists = [label for label, p in self.points.items() if p.kind == "list"]

    def plan(self) -> list[Place]:
        places = []
        deep = 1 if self.inner - self.inner.symmetric_difference(self.last) else 0
        for mark, thing in sorted(self.last.items(), key=lambda item: self.order[item[0]]):
            kind = "counted" if mark in self.counted else "object"
            named = f"{self.words.get(mark, '')} {thing.name}".strip()
            column = deep if mark in self.inner else 0
            places.append(Place(id=mark, kind=kind, label=named, column=column, watch=self.counted.get(mark, "")))
        for label in self.lists if places else []:
            places.append(Place(id=f"list {label}", kind="list", label=label, column=deep, watch=label))
        return places

    def at(self, moment: Moment) -> dict[str, Any]:
        """How the objects are: text, count, gone, to, items."""
        found: dict[str, Any] = {}
        for mark, thing in moment.things.items():
            found[mark] = self._thing(mark, thing)
        if found:
            for label in self.lists:
                points = moment.points.get(label)
                items = [{"text": moment.things[m].name, "to": m} for m in (points.to if points else ())]
                found[f"list {label}"] = {"items": items, "empty": moment.state.get(label, "").replace("[]", "empty")}
        return found

    def _thing(self, mark: str, thing: Thing) -> dict[str, Any]:
        if thing.freed:
            return {"gone": True}
        began = self.first[mark].fields
        count = thing.fields.get("ref")
        changed = [f"{f} = {v}" for f, v in thing.fields.items() if f != "ref" and began.get(f) != v]
        found: dict[str, Any] = {"text": ", ".join(changed)} if changed else {}
        if mark in self.counted and count is not None:
            found["count"] = int(count)
        if thing.to:
            found["to"] = list(thing.to)
        return found

    @staticmethod
    def arrows(moment: Moment) -> dict[str, list[str]]:
        """Watched label -> the objects it points to."""
        return {label: list(points.to) for label, points in moment.points.items() if points.kind == "pointer"}
