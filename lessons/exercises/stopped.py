# SPDX-License-Identifier: GPL-2.0-or-later
"""What a learner reads when an answer had to be stopped, or changed what it must not change: one sentence a kind.

The kinds are those of `mini_qemu.sched.apart.Stopped`, and "touched", which `untouched` notices.
"""

from __future__ import annotations


def sentence_for(kind: str, detail: str, seconds: float, megabytes: int) -> str:
    """`detail`: an exit status, the number of a signal, or the names that were changed."""
    return {
        "time": f"The answer was stopped after {seconds:g} s: it is in a loop that never ends, or does far too much.",
        "memory": f"The answer needs more than {megabytes:,} MB of memory: it builds something far too large.",
        "exit": f"The answer ended the process that judged it (exit status {detail}); an answer only returns.",
        "signal": f"The answer crashed Python itself (signal {detail}), as endless recursion does.",
        "touched": f"The answer changes the course itself ({detail}); it may change only what it is given.",
        "silent": "The answer kept the judge from reporting; an answer only returns.",
    }[kind]
