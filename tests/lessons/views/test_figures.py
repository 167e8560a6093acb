"""A figure says in its sentence what it shows, and is drawn from the result."""

from __future__ import annotations

import io

import matplotlib.image
import pytest
from matplotlib.colors import to_rgb

from lessons.scenarios.warmups import lost_update
from lessons.views.figures import INK, PAPER, how_rare, outcomes
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


def luminance(colour: str) -> float:
    """As WCAG 2 defines it."""
    red, green, blue = (x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in to_rgb(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_labels_can_be_read_in_both_themes():
    """The paper is part of the picture, so no theme shines through; the words on it have a contrast of at least 4.5."""
    assert (luminance(PAPER) + 0.05) / (luminance(INK) + 0.05) >= 4.5
    png = outcomes(before=explore(lost_update)).png()
    assert png is not None
    pixels = matplotlib.image.imread(io.BytesIO(png))
    assert (pixels[..., 3] == 1).all()
    assert pixels[2, 2, :3].tolist() == pytest.approx(to_rgb(PAPER), abs=0.01)
    darkest = pixels[..., :3].sum(axis=2).min()
    assert darkest <= sum(to_rgb(INK)) + 0.02, "the words are drawn in that ink"
