# SPDX-License-Identifier: GPL-2.0-or-later
"""08: a scenario that asks a function for numbers, and remembers what it said."""

from __future__ import annotations

import math

from lessons.exercises.model import Outcome, When
from mini_qemu.sched import Shared


class Asked(Shared):
    """`answers`: what the function said, one number for each question, in their order."""

    answers: tuple[float, ...] = ()


def watch_answers(w: Asked) -> dict[str, object]:
    return {f"answer {i}": answer for i, answer in enumerate(w.answers, start=1)}


def close(given: object, wanted: float, within: float = 1e-9) -> bool:
    """Whether what was answered is that number, to a relative precision."""
    return isinstance(given, int | float) and math.isclose(given, wanted, rel_tol=within)


def said(*numbers: float, within: float = 0.01) -> When:
    """Whether the answers were these numbers, as far as they were asked for."""

    def when(o: Outcome) -> bool:
        texts = [o.deeds.ended(f"answer {i}") for i in range(1, len(numbers) + 1)]
        given = [float(text) if _is_number(text) else math.nan for text in texts]
        return all(close(g, n, within) or g == n for g, n in zip(given, numbers, strict=True))

    return when


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
