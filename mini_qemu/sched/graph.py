# SPDX-License-Identifier: GPL-2.0-or-later
"""The graph of a scenario's states, as `states` finds them: what can still be reached from where.

A livelock is a state from which no end can be reached: whatever the scheduler does, some thread moves for ever. That is
a property of the graph alone: walk back from the ends, and what was not met is hopeless. No fairness is assumed, so a
loop that another thread can end is not a livelock, however long it may turn.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable

Cost = tuple[int, int]
"""(preemptions, steps)."""


class StateGraph:
    """States by number, 0 the first. ``edges[s]``: thread number -> the state after its step; ``ends``: where nobody
    can move; ``failing``: finding -> the states in which it is first seen.
    """

    def __init__(self) -> None:
        self.edges: list[dict[int, int]] = []
        self.ends: list[int] = []
        self.failing: dict[tuple[str, str], list[int]] = {}

    def add(self) -> int:
        """A new state."""
        self.edges.append({})
        return len(self.edges) - 1

    def note(self, finding: tuple[str, str], state: int) -> None:
        self.failing.setdefault(finding, []).append(state)

    def hopeless(self) -> set[int]:
        """The states from which no end and no failure can be reached, and to which no failure leads."""
        before: list[list[int]] = [[] for _ in self.edges]
        for state, edges in enumerate(self.edges):
            for after in edges.values():
                before[after].append(state)
        failed = [state for states in self.failing.values() for state in states]
        left = set(range(len(self.edges))) - _closure([*self.ends, *failed], before)
        return left - reached(failed, self.edges)

    def going_round(self, hopeless: Collection[int]) -> tuple[list[int], list[int]]:
        """The threads that move for ever in some part of ``hopeless`` that is never left, and the states of that part.

        The last state that a depth-first walk over the reversed edges is done with lies in such a part (Kosaraju).
        """
        before: dict[int, list[int]] = {state: [] for state in hopeless}
        for state in hopeless:
            for after in self.edges[state].values():
                before[after].append(state)
        seen: set[int] = set()
        last = -1
        for root in sorted(hopeless):
            if root not in seen:
                last = root  # done with after everything that it reaches, and after every earlier root
                seen |= _closure([root], before, seen)
        around = _closure([last], {state: list(self.edges[state].values()) for state in hopeless})
        return sorted({tid for state in around for tid in self.edges[state]}), sorted(around)

    def shortest(self, goals: Collection[int]) -> list[int] | None:
        """The threads to schedule in order to reach one of ``goals``: fewest preemptions, then fewest steps."""
        heap: list[tuple[int, int, int, int, int]] = [(0, 0, 0, 0, -1)]  # preemptions, steps, number, state, mover
        came: dict[tuple[int, int], tuple[int, int]] = {}
        best: dict[tuple[int, int], Cost] = {}
        done: set[tuple[int, int]] = set()
        pushed = 0
        while heap:
            preemptions, steps, _, state, current = heapq.heappop(heap)
            if (state, current) in done:
                continue
            done.add((state, current))
            if state in goals:
                return self._path(came, (state, current))
            for tid, after in self.edges[state].items():
                if (after, tid) not in done:
                    pushed += 1
                    interrupts = tid != current and current in self.edges[state]
                    heapq.heappush(heap, (preemptions + interrupts, steps + 1, pushed, after, tid))
                    cost = preemptions + interrupts, steps + 1
                    if (after, tid) not in best or cost < best[after, tid]:
                        best[after, tid], came[after, tid] = cost, (state, current)
        return None

    def _path(self, came: dict[tuple[int, int], tuple[int, int]], at: tuple[int, int]) -> list[int]:
        """Who moved, from the first state to ``at``."""
        path = []
        while at in came:
            path.append(at[1])
            at = came[at]
        return path[::-1]


def reached(roots: Iterable[int], edges: list[dict[int, int]]) -> set[int]:
    """The states that can be reached from ``roots``, and these."""
    return _closure(roots, [list(after.values()) for after in edges])


def _closure(
    roots: Iterable[int], edges: list[list[int]] | dict[int, list[int]], known: Collection[int] = ()
) -> set[int]:
    """Everything that can be reached from ``roots`` without passing ``known``."""
    seen = set(roots)
    todo = list(seen)
    while todo:
        for state in edges[todo.pop()]:
            if state not in seen and state not in known:
                seen.add(state)
                todo.append(state)
    return seen
