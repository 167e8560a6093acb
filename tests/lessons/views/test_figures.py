"""A figure says in its sentence what it shows, and is drawn from the result."""

from __future__ import annotations

from lessons.scenarios.warmups import lost_update
from lessons.views.figures import how_rare, outcomes
from lessons.widgets.free_running import FreeRuns
from mini_qemu.sched import explore


def test_the_sentence_is_the_result():
    figure = outcomes(before=explore(lost_update))
    assert repr(figure) == "Before: of 4 interleavings 2 end well, 2 end in a check."
    png = figure.png()
    assert png is not None
    assert png.startswith(b"\x89PNG")


def test_how_rare_says_what_does_not_differ_from_machine_to_machine():
    result = explore(lost_update)
    clean, failing = FreeRuns("tls", runs=10), FreeRuns("tls", runs=9, failing=3)
    assert repr(how_rare(clean, all=result)) == repr(how_rare(failing, all=result))
    assert how_rare(clean, all=result).png() != how_rare(failing, all=result).png()
    assert how_rare(FreeRuns("tls"), all=result).png(), "before the first of them is made"
