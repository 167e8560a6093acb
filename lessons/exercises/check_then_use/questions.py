# SPDX-License-Identifier: GPL-2.0-or-later
"""02: the prediction before the race, the wardrobe once more, and a question about lesson 01."""

from __future__ import annotations

from lessons.exercises.model import Question
from lessons.scenarios import twins
from lessons.scenarios.cancel_vs_exit import scenario as ends
from lessons.scenarios.precopy_return_path import scenario as success
from mini_qemu.sched import explore, minimise, replay

LESSON = "02_check_then_use"


def _what_is_used() -> str:
    kinds = set(explore(ends).findings)
    return {("crash", "use-after-free"): "either", ("crash",): "null", ("use-after-free",): "freed"}.get(
        tuple(sorted(kinds)), "safe"
    )


def _who_broke_the_first_rule() -> str:
    trace = replay(success, minimise(success, kind="crash"))
    first = min(rule.broken for rule in trace.invariants if rule.broken)
    return trace.steps[first - 1].thread


QUESTIONS = (
    Question(
        "check-then-use/what",
        LESSON,
        "main tests `from_dst_file`, finds a file, and shuts it down. The return path thread may take the file away at"
        " any time. What can main end up using?",
        {
            "safe": "Only the file it found: two lines are too quick for anything else",
            "null": "The file, or NULL if the pointer was cleared between the two lines",
            "freed": "The file, or one that has been freed since main found it",
            "either": "The file, NULL, or a file that has been freed",
        },
        _what_is_used,
        "NULL takes a thread that comes exactly between the test and the use. A freed file takes less: it can be freed"
        " at any moment while main is still busy with it. The pointer is fine; what it points to is gone.",
        {
            "safe": "Two lines are enough for another thread to come in between. There is no lock.",
            "null": "That can happen, and the worse half is missing: main may read the pointer in time, and the file"
            " goes while main uses it.",
            "freed": "That can happen. main also reads the pointer twice, and the second time it may be NULL.",
        },
    ),
    Question(
        "check-then-use/counter",
        LESSON,
        "The wardrobe again. Looking and taking now happen at the counter, where only one person fits; the owner takes"
        " the coat there, too. Can the attendant still reach for an empty hook?",
        {"yes": "Yes: the owner can still come between looking and taking", "no": "No"},
        lambda: "yes" if explore(twins.one_at_the_counter).failing else "no",
        "Both need the same place, and the attendant keeps it from the look to the coat: one critical section.",
        {"yes": "To take the coat, the owner needs the counter. The attendant stands there from the look to the coat."},
    ),
    Question(
        "check-then-use/earlier",
        LESSON,
        "From lesson 01: main aborted at the assertion. Which thread broke the first rule?",
        {
            "main": "main, which cleaned up too early",
            "live_migration": "live_migration, which ended the migration without joining",
            "return path": "return path, which cleared its pointer before it had ended",
        },
        _who_broke_the_first_rule,
        "The migration was over and the thread it had created was not joined. main only met the consequences.",
        {
            "main": "main trusted that everybody had been waited for. Somebody should have done the waiting.",
            "return path": "It may clear its own pointer at any time. It never promised what others read into it.",
        },
    ),
)
