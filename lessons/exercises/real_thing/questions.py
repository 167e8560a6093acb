# SPDX-License-Identifier: GPL-2.0-or-later
"""07: three predictions, why yank is out-of-band, and a question about lesson 01.

What QEMU says is read off the recordings, which a test compares with a live run; the rest is explored.
"""

from __future__ import annotations

from lessons.exercises.model import Question
from lessons.real import recording
from lessons.scenarios import hung_destination
from lessons.scenarios.yank_in_postcopy import at_the_end
from mini_qemu.fixes import fixes
from mini_qemu.sched import explore

LESSON = "07_the_real_thing"


def _source(scene: str) -> list[str]:
    """What the source of a scene showed and was told when it was recorded."""
    return recording.of(scene).transcript.of("source")


def _ways_out() -> str:
    seen = _source("no_verdict")
    after = {
        name: seen[seen.index(typed) + 1]
        for name, typed in (("yank", "yank, out-of-band"), ("cancel", "migrate_cancel"))
    }
    helps = [name for name, state in after.items() if state.endswith("guest running")]
    return "both" if len(helps) == 2 else helps[0] if helps else "neither"


def _guests() -> str:
    transcript = recording.of("split_brain").transcript
    return str(sum(transcript.of(who)[-1].endswith("guest running") for who in ("source", "destination")))


def _last_wait() -> str:
    with fixes.all():
        result = explore(at_the_end)
    always = result.findings["deadlock"] == result.runs
    return "hangs" if always else "fails"


def _deaf() -> str:
    seen = _source("blocked")
    before = seen[: seen.index("yank, out-of-band")]
    return (
        "main" if any(text.startswith("no answer") for text in before) and before[-1] == "an answer at once" else "fast"
    )


def _completed_without_a_verdict() -> str:
    with fixes.none():
        outcomes = explore(hung_destination.scenario).outcomes
    return "yes" if any("the source is completed" in message for _, message in outcomes) else "no"


QUESTIONS = (
    Question(
        "real-thing/way-out",
        LESSON,
        "The destination has read the whole stream and never sends SHUT. The source waits, and its guest is stopped."
        " Which command makes the guest run again?",
        {
            "yank": "`yank`: only it cuts the connection",
            "both": "Either of them: `yank` or `migrate_cancel`",
            "cancel": "`migrate_cancel`: `yank` would leave the guest stopped",
        },
        _ways_out,
        "Here the main loop is free, and a cancel shuts the same connection. The guest runs again after both.",
        {
            "yank": "A cancel shuts the connection as well. Yank is for the day when the main loop does not listen.",
            "cancel": "After a yank the migration has failed, and a source whose migration failed lets its guest run.",
        },
        teller="QEMU",
    ),
    Question(
        "real-thing/two-guests",
        LESSON,
        "The destination did send SHUT, and somebody on the line swallowed it. You yank the source. How many of the two"
        " guests run now?",
        {"0": "None: each side waits for the other", "1": "One, as always", "2": "Both"},
        _guests,
        "The destination is done and runs. The source does not know that, takes the yank for a failure, and runs too."
        " Yank is safe only if somebody makes sure that the other side is dead.",
        {
            "0": "The destination waits for nobody after its SHUT. It runs already.",
            "1": "Exactly one would need an agreement. The last message of an agreement can always be lost.",
        },
        teller="QEMU",
    ),
    Question(
        "real-thing/last-wait",
        LESSON,
        "A postcopy, with all five fixes on. The destination has everything and sends no SHUT. You yank the source."
        " What becomes of it?",
        {
            "fails": "It fails, as a precopy does",
            "pauses": "It pauses, and a new connection can recover it",
            "hangs": "It hangs for ever",
        },
        _last_wait,
        "The return path thread takes the dead line for a pause and waits for the migration thread. That one has sent"
        " everything and joins the return path thread.",
        {
            "fails": "In a precopy it would. In a postcopy a dead line is not a failure: both threads try to pause.",
            "pauses": "The return path thread does pause. The migration thread would have to wake it, and joins it.",
        },
    ),
    Question(
        "real-thing/deaf",
        LESSON,
        "Why is `yank` an out-of-band command?",
        {
            "fast": "It is an emergency, and out-of-band commands are served faster",
            "lock": "Nothing may interrupt it while it cuts connections",
            "main": "The main loop may be what hangs, and every other command needs it",
        },
        _deaf,
        "In the lab, `query-status` got no answer while `query-yank`, out-of-band, got one at once. A thread of its own"
        " answers, which needs neither the main loop nor the BQL.",
        {
            "fast": "On a healthy machine both are answered at once. The difference shows when the main loop is stuck.",
            "lock": "Out-of-band commands run at the same time as everything else. That is why they must not block.",
        },
        teller="QEMU",
    ),
    Question(
        "real-thing/earlier",
        LESSON,
        "From lesson 01: the same silent destination and the same yank, in the model *before* patch 1. Can the source"
        " come to believe that the migration is completed?",
        {
            "yes": "Yes: it may not wait for the thread that saw the error",
            "no": "No: a yank is an error, and errors are never lost",
        },
        _completed_without_a_verdict,
        "The return path thread clears its file and only then ends. A source that looks in between sees no file, joins"
        " nobody, and never hears of the error.",
        {"no": "The error is known to the return path thread. The source hears of it in the join, if there is a join."},
    ),
)
