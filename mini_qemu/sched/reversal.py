# SPDX-License-Identifier: GPL-2.0-or-later
"""How optimal DPOR turns a race round: what has to be run for it, and whether it will be run anyway.

Names are those of the paper (see `dpor.py`): ``notdep(e, E)`` are the events after e that do not happen after it, WI
the weak initials of a sequence: the threads whose next event may come first in it.

Strategy: of ten races nine ask for nothing new. So a sequence is the mask of its events (it keeps their order), and
what it takes to see that nothing is new is found once for each e, or each code, and used for all races of the run. Only
a sequence that is inserted is spelt out.
"""

from __future__ import annotations

from typing import Any

from .execution import Execution, Reversal
from .ops import JOIN, RECV, RECV_END, depends, kind_of

Node = list[Any]
"""A branch of a wakeup tree: ``[tid, code, branches after it]``."""


def reverse(E: Execution, races: list[Reversal], sleep: list[dict[int, int]], wut: list[list[Node]]) -> None:
    """Make sure that for each race (e, e') of the run E, e' is also tried before e: insert notdep(e, E).e' into wut[e]
    unless what is there, or what is asleep, covers it.
    """
    run = _Run(E)
    known: dict[int, tuple[int, dict[int, int] | None]] = {}
    for e, i, tid, code in races:
        found = known.get(e)
        if found is None:
            w = E.after(e)
            found = known[e] = w, run.commuting(sleep[e], w)
        w, commuting = found
        if commuting is None:
            continue
        if kind_of(code) == RECV_END and kind_of(E.code[e]) == RECV:
            code += RECV - RECV_END  # before e it finds the item that e took
        before = run.dependent(code) | run.before(i, tid, code)
        if not any(not w & before if q == tid else not depends(c, code) for q, c in commuting.items()):
            run.insert(wut[e], w, before, tid, code)


class _Run:
    """A finished run, and what the reversals of its races have asked about it."""

    def __init__(self, E: Execution) -> None:
        self.E = E
        self.past = E.past
        self.of = E.of
        self._dependent: dict[int, int] = {}

    def dependent(self, code: int) -> int:
        """The events that an operation with this code depends on."""
        found = self._dependent.get(code)
        if found is None:
            found = self._dependent[code] = self.E.dependent(code)
        return found

    def before(self, i: int, tid: int, code: int) -> int:
        """The events that happen before e', number ``i`` or still blocked, whatever else comes before it."""
        own = (self.of.get(tid, 0) & (1 << i) - 1).bit_length() - 1
        before = self.past[own] if own >= 0 else self.E.birth.get(tid, (0, 0))[0]
        if kind_of(code) == JOIN:
            before |= self.E.past_of(self.E.about[i])  # a join comes after its thread's end
        return before

    def commuting(self, sleep: dict[int, int], w: int) -> dict[int, int] | None:
        """The sleeping threads that have no event in ``w`` and whose next one commutes with all of it. None if one has
        its first event in it, and that may come first: then w is covered, whatever follows it.
        """
        found = {}
        for q, code in sleep.items():
            own = self.of.get(q, 0) & w
            if own:
                first = own & -own
                if self.past[first.bit_length() - 1] & w == first:
                    return None
            elif not self.dependent(code) & w:
                found[q] = code
        return found

    def insert(self, branches: list[Node], w: int, before: int, tid: int, code: int) -> None:
        """Insert w.e' into a wakeup tree whose first branch is the one that was just run, unless a leaf of it is an
        equivalent beginning. ``before``: the events that e', of ``tid`` with ``code``, comes after.
        """
        gone = False  # e' itself was taken off the end of the sequence
        start = 1
        while True:
            for branch in branches[start:]:
                q, q_code, below = branch
                own = self.of.get(q, 0) & w
                if own:
                    first = own & -own
                    if self.past[first.bit_length() - 1] & w != first:
                        continue
                    w ^= first
                elif q == tid and not gone:
                    if before & w:
                        continue
                    gone = True
                elif self.dependent(q_code) & w or (not gone and depends(q_code, code)):
                    continue
                break
            else:
                break
            if not below:
                return  # a leaf: what is behind it will be explored freely
            branches, start = below, 0
        tail: list[Node] = [] if gone else [[tid, code, []]]
        while w:
            f = w.bit_length() - 1
            w ^= 1 << f
            tail = [[self.E.tid[f], self.E.code[f], tail]]
        branches.extend(tail)
