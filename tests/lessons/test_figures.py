"""A figure says in its sentence what it shows, and is drawn from the result."""

from __future__ import annotations

from lessons.figures import outcomes
from lessons.scenarios.warmups import lost_update
from mini_qemu.sched import explore


def test_the_sentence_is_the_result():
    figure = outcomes(before=explore(lost_update))
    assert repr(figure) == "Before: of 4 interleavings 2 end well, 2 end in a check."
    png = figure.png()
    assert png is not None
    assert png.startswith(b"\x89PNG")
