# SPDX-License-Identifier: GPL-2.0-or-later
"""Every term of the course, defined once.

A notebook introduces a term as a bold link to the glossary: `**[race](glossary.ipynb#race)**`. The normal form of a
notebook adds the definition as the link's title, so that a reader sees it on hover; `lessons.authoring.terms` writes
the glossary's own notebook from this table and complains about a term that is used before it is introduced.
Left out: words that a reader of Python knows (function, thread, lock as an object).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

PAGE = "glossary.ipynb"
_LINK = re.compile(rf"\[([^\]]+)\]\({re.escape(PAGE)}#([a-z0-9-]+)(?: \"[^\"]*\")?\)")


@dataclass(frozen=True)
class Term:
    """`definition` completes "NAME: ..." on hover; `more` is what the page adds; `forms` count as the term, too."""

    name: str
    lesson: str
    definition: str
    more: str = ""
    forms: tuple[str, ...] = ()

    @property
    def anchor(self) -> str:
        return self.name.replace(" ", "-")


TERMS = (
    # ---- 00, the words of the field
    Term(
        "step",
        "00",
        "one access to shared memory, or one operation on a lock, a queue or a thread",
        "The explorer can stop a thread before each of its steps. No other thread sees what lies between.",
    ),
    Term(
        "interleaving",
        "00",
        "one order in which the steps of all threads can happen",
        "Orders that no thread can tell apart count as one interleaving: swapping two reads of a variable changes"
        " nothing, swapping a read and a write may.",
    ),
    Term(
        "race",
        "00",
        "a bug whose effect depends on the order in which threads take their steps",
        "Also called a race condition. The program may be correct in most interleavings; one bad one is enough.",
        ("race condition",),
    ),
    Term(
        "data race",
        "00",
        "two accesses to one variable, at least one of them a write, with nothing that orders them",
        "A data race can be harmless, and a race can do without one: in check-then-act every access holds the lock.",
    ),
    Term(
        "atomic",
        "00",
        "happening as one step: no other thread can come in between",
        "A read of one variable is atomic here, and so is a compare-and-exchange. `n = n + 1` is not.",
        ("atomically",),
    ),
    Term(
        "critical section",
        "00",
        "code that runs while a lock is held, so that at most one thread is inside",
    ),
    Term(
        "atomicity violation",
        "00",
        "a bug in which steps that belong together are not one critical section",
        "Check-then-act is the classic: the answer to the check is old by the time you act on it.",
    ),
    Term(
        "blocked",
        "00",
        "unable to take a step until another thread does something",
        "A thread is blocked on a lock that another thread holds, on an empty queue, or on a join.",
    ),
    Term(
        "deadlock",
        "00",
        "a set of threads in which each is blocked until another one of the set moves",
        "The usual shape: two locks, taken in two orders.",
        ("deadlocks",),
    ),
    Term(
        "preemption",
        "00",
        "a switch away from a thread that could have taken its next step",
        "Also called an involuntary context switch. A switch away from a blocked thread is not a preemption.",
        ("preemptions",),
    ),
    Term(
        "shortest failing run",
        "00",
        "the failing run with the fewest preemptions and, among those, the fewest steps",
        "It is the easiest one to understand, and the one this course shows you.",
    ),
    Term(
        "schedule",
        "00",
        "the text that says which thread takes each step, so that a run can be replayed",
        '`v1:A2 B1` means: two steps of A, then one of B.',
        ("schedules",),
    ),
    Term(
        "scenario",
        "00",
        "a small concurrent program: a starting state, a few threads, and what must hold at the end",
        forms=("scenarios",),
    ),
    Term(
        "proved",
        "00",
        "the verdict that every interleaving of a scenario was run and none failed",
        "The other verdicts are *failed* and *incomplete*. Incomplete means that the explorer stopped early; it proves"
        " nothing.",
    ),
    # ---- 01, the machine room and its first bug
    Term(
        "migration",
        "01",
        "moving a running guest from one QEMU process, the source, to another, the destination",
        forms=("migrations",),
    ),
    Term(
        "precopy",
        "01",
        "a migration that sends the guest's memory first and stops the guest only at the end",
        "What the guest changes meanwhile is sent again.",
    ),
    Term(
        "return path",
        "01",
        "the channel on which the destination answers the source, and the source's thread that reads those answers",
    ),
    Term(
        "yank",
        "01",
        "QEMU's emergency command that cuts hung connections, and the list of connections that it may cut",
        "Every connection has to be put on the list when it opens and taken off before it goes away.",
    ),
    Term(
        "join",
        "01",
        "to wait until a thread has ended",
        "Everything that the thread did happens before everything after the join.",
        ("joins", "joined", "joining"),
    ),
    Term(
        "leak",
        "01",
        "something that was acquired and is never given back: here, a thread that nobody joins",
    ),
    Term(
        "BQL",
        "01",
        "the big QEMU lock, which the main thread holds while it works",
    ),
    Term(
        "reference count",
        "01",
        "the number of users that an object has, kept in the object; at zero it is freed",
        forms=("reference counts",),
    ),
    Term(
        "order violation",
        "01",
        "a bug in which one thread relies on another having finished something, and nothing makes it wait",
    ),
    Term(
        "happens-before",
        "01",
        "the order that the program itself enforces: within a thread, from a release of a lock to the next acquire,"
        " from a thread's last step to its join",
        "Two steps without such an order can happen either way round, on any machine, today or in ten years.",
    ),
    Term(
        "invariant",
        "01",
        "a statement that must hold after every step",
        "The player calls it a *rule*. The first rule to break is usually closer to the bug than the crash is.",
        ("invariants",),
    ),
    # ---- 02
    Term(
        "dangling pointer",
        "02",
        "a pointer to an object that has been freed",
        "Python has none. The model does: a freed object traps when it is touched.",
        ("dangling pointers", "dangling"),
    ),
    Term(
        "use-after-free",
        "02",
        "touching an object through a dangling pointer",
    ),
    Term(
        "out-of-band",
        "02",
        "of a monitor command: answered at once by a thread of its own, even while the main thread is stuck",
    ),
    # ---- 03, 04
    Term(
        "predicate",
        "03",
        "a function that answers a question with yes or no",
        forms=("predicates",),
    ),
    Term(
        "type confusion",
        "04",
        "using an object as if it were of another type",
        "C cannot notice it: a cast is a promise, not a check.",
    ),
    Term(
        "bisect",
        "04",
        "to search history for the commit that introduced a bug, halving the range each time",
        "`git bisect` may stop at any commit, so every commit of a series should work.",
    ),
    # ---- 06
    Term(
        "semaphore",
        "06",
        "a counter on which threads wait until another thread posts",
        "A post that comes first is kept: the next wait ends at once.",
        ("semaphores",),
    ),
    Term(
        "waker",
        "06",
        "the thread that ends a wait: it posts, sends, closes or ends",
        "A wait is safe if there is a waker on every way out of the code that others wait for, the failures included.",
        ("wakers",),
    ),
    Term(
        "regression",
        "06",
        "something that worked and that a change has broken",
        forms=("regressions",),
    ),
    # ---- 07
    Term(
        "QMP",
        "07",
        "the QEMU Machine Protocol: commands, replies and events as JSON over a socket",
        "`qmp-shell` and the Python package `qemu.qmp` speak it, and so does mini_qemu.",
    ),
    Term(
        "split brain",
        "07",
        "two sides that both believe to be the only one and act",
        "After a migration: one guest that runs twice, on one disk.",
    ),
    # ---- 08
    Term(
        "PCT",
        "08",
        "probabilistic concurrency testing: random priorities, lowered at a few random steps",
        "Burckhardt, Kothari, Musuvathi and Nagarakatte, ASPLOS 2010.",
    ),
    Term(
        "depth",
        "08",
        "the number of ordering constraints that a run must meet for a bug to show",
    ),
    # ---- 09
    Term(
        "condition",
        "09",
        "an object on which a thread waits, without the lock, until another one notifies it",
        "Also called a condition variable. A notification says that something has changed, not that it is still so:"
        " wait in a loop.",
        ("conditions", "condition variable"),
    ),
)  # fmt: skip


class NoSuchTerm(LookupError):
    """A link to a term that the glossary does not have; the message lists the near ones."""


def term(anchor: str) -> Term:
    """The term with this anchor. Raises NoSuchTerm."""
    for one in TERMS:
        if one.anchor == anchor:
            return one
    raise NoSuchTerm(f"The glossary has no {anchor!r}. Add it to lessons/glossary.py, or link to one it has.")


def with_definitions(markdown: str) -> str:
    """The same text, every link to the glossary titled with the term's definition."""

    def titled(link: re.Match[str]) -> str:
        one = term(link[2])
        return f'[{link[1]}]({PAGE}#{one.anchor} "{one.definition}")'

    return _LINK.sub(titled, markdown)
