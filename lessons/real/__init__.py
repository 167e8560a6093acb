# SPDX-License-Identifier: GPL-2.0-or-later
"""Labs with real processes: QEMU, mini_qemu, and you at one end of the line between them.

    def no_verdict(lab):                        # a scene: a function that takes a lab
        source = lab.qemu("source")
        you = lab.listen("you")
        source.migrate(you)
        you.read_stream()
        source.until(guest="finish-migrate")

    play(no_verdict)                            # runs it, and shows who did what as a transcript

A lab lives in a temporary folder: unix sockets, memory dumps, logs. Whatever it starts ends with it, and with the
kernel, however that ends (keeper.py). Every wait is bounded. Without a QEMU, `play` shows what the same scene did when
it was recorded, and says so. Transcripts hold states and messages only: no times, no process numbers, no paths.
"""

from __future__ import annotations

from lessons.real.lab import Lab
from lessons.real.play import play
from lessons.real.problems import LabError, Missing

__all__ = ["Lab", "LabError", "Missing", "play"]
