# SPDX-License-Identifier: GPL-2.0-or-later
"""How optimal DPOR turns races round: what has to be run for one, and whether it will be run anyway.

Names are those of the paper (see `dpor.py`): ``notdep(e, E)`` are the events after e that do not happen after it; the
weak initials of a sequence are the threads whose next event may come first in it.

Strategy: of ten reversals nine ask for nothing new, and each race is reversed again in every run that it is part of,
since what follows it is new. So a sequence is the mask of its events, in their order, which grows with the run; and
what shows that it is covered, whatever comes after, is kept as long as its events are. Only a sequence that is
inserted is spelt out.
"""

from __future__ import annotations

from typing import Any

from .execution import Execution, Reversal
from .ops import ANOTHER_OBJECT, CAS, CAS_FAILED, JOIN, KIND_MASK, RECV, RECV_END, depends

Node = list[Any]
"""A branch of a wakeup tree: ``[tid, code, branches after it]``."""


class Reversals:
    """The races of E, and the wakeup trees that their reversals go into."""

    def __init__(self, E: Execution, sleep: list[dict[int, int]], wut: list[list[Node]]) -> None:
        self.E = E
        self.sleep = sleep
        self.wut = wut
        self.races: list[Reversal] = []  # in the order of their second events
        self.notdep: dict[int, tuple[int, int]] = {}  # e -> notdep(e, E), and how many events of E it looked at
        self.covered: dict[int, int] = {}  # e -> the event that shows that notdep(e, E) is covered, whatever is added
        self._dependent: dict[int, int] = {}

    def truncate(self, length: int) -> None:
        """E is truncated."""
        below = (1 << length) - 1
        self.races = [race for race in self.races if race[1] < length]
        self.notdep = {e: (w & below, min(n, length)) for e, (w, n) in self.notdep.items() if e < length}
        self.covered = {e: f for e, f in self.covered.items() if f < length}

    def take(self, blocked: list[Reversal]) -> None:
        """Make sure that for each race (e, e') of the run E, e' is also tried before e: insert notdep(e, E).e' into
        wut[e] unless what is there, or what is asleep, covers it. ``blocked``: races of events that did not come.
        """
        E, covered = self.E, self.covered
        self._dependent.clear()
        commuting: dict[int, dict[int, int]] = {}
        for e, i, tid, code in self.races + blocked if blocked else self.races:
            if e in covered:
                continue
            asleep = commuting.get(e)
            if asleep is None:
                asleep = commuting[e] = self._commuting(e)
                if e in covered:
                    continue
            if code & KIND_MASK == RECV_END and E.code[e] & KIND_MASK == RECV:
                code += RECV - RECV_END  # before e it finds the item that e took
            elif code & KIND_MASK in (CAS, CAS_FAILED):
                code = E.code_before(e, i)  # before e it may turn out otherwise
            w = self.notdep[e][0]
            for q, q_code in asleep.items():
                if q == tid:
                    if not w & self._before(i, tid, code):
                        break
                elif q_code ^ code >= ANOTHER_OBJECT or not depends(q_code, code):
                    break
            else:
                self._insert(self.wut[e], w, i, tid, code)

    def dependent(self, code: int) -> int:
        """The events that an operation with this code depends on."""
        found = self._dependent.get(code)
        if found is None:
            found = self._dependent[code] = self.E.dependent(code)
        return found

    def _before(self, i: int, tid: int, code: int) -> int:
        """The events that e', number ``i`` or still blocked, comes after, were it the last of the run."""
        E = self.E
        own = (E.of.get(tid, 0) & (1 << i) - 1).bit_length() - 1
        before = self.dependent(code) | (E.past[own] if own >= 0 else E.birth.get(tid, (0, 0))[0])
        if code & KIND_MASK == JOIN:
            before |= E.past_of(E.about[i])  # a join comes after its thread's end
        return before

    def _commuting(self, e: int) -> dict[int, int]:
        """The threads asleep before ``e`` that have no event in w = notdep(e, E) and whose next one commutes with all
        of it. If one has its first event in w, and that may come first, w is covered.
        """
        E, found = self.E, {}
        w, n = self.notdep.get(e) or (0, e + 1)
        bit = 1 << n
        for past in E.past[n:]:
            if not past >> e & 1:
                w |= bit
            bit <<= 1
        self.notdep[e] = w, len(E.past)
        for q, code in self.sleep[e].items():
            own = E.of.get(q, 0) & w
            if own:
                first = own & -own
                f = first.bit_length() - 1
                if E.past[f] & w == first:
                    self.covered[e] = f
                    break
            elif not self.dependent(code) & w:
                found[q] = code
        return found

    def _insert(self, branches: list[Node], w: int, i: int, tid: int, code: int) -> None:
        """Insert w.e' into a wakeup tree whose first branch is the one that was just run, unless a leaf of it is an
        equivalent beginning.
        """
        E = self.E
        gone = False  # e' itself was taken off the end of the sequence
        inside = branches[1:]
        while True:
            for branch in inside:
                q, q_code, _ = branch
                own = E.of.get(q, 0) & w
                if own:
                    first = own & -own
                    if E.past[first.bit_length() - 1] & w != first:
                        continue
                    w ^= first
                elif q == tid and not gone:
                    if w & self._before(i, tid, code):
                        continue
                    gone = True
                elif self.dependent(q_code) & w or (not gone and depends(q_code, code)):
                    continue
                break
            else:
                break
            following = branch[2]
            if not following:
                return  # a leaf: what is behind it will be explored freely
            branches = inside = following
        tail: list[Node] = [] if gone else [[tid, code, []]]
        while w:
            f = w.bit_length() - 1
            w ^= 1 << f
            tail = [[E.tid[f], E.code[f], tail]]
        branches.extend(tail)
