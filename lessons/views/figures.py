# SPDX-License-Identifier: GPL-2.0-or-later
"""Figures, drawn from results and never from numbers in a text. Each says in a sentence beneath it what it shows.

One style for all: petroff6, whose colours a colour-blind reader tells apart; hatches and words say the same without
colour. A figure brings its own paper: no one ink can be read on the ground of both themes. matplotlib is imported when
something is drawn; where it is missing the sentence remains.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from typing import Any

from mini_qemu.sched import Result

INK, PAPER = "#3d444d", "#f6f7f9"
HATCH = {"": "", "leak": "//", "crash": "xx", "deadlock": "..", "check": "++", "use-after-free": "\\\\"}
COLOUR = {"": 0, "leak": 1, "crash": 2, "deadlock": 3, "check": 4, "use-after-free": 5}


class Figure:
    """A picture and the sentence that says the same. The sentence is what nbval compares."""

    def __init__(self, sentence: str, draw: Callable[[], Any]) -> None:
        self.sentence = sentence
        self.draw = draw

    def __repr__(self) -> str:
        return self.sentence

    def png(self) -> bytes | None:
        """The picture; None without matplotlib."""
        try:
            import matplotlib  # noqa: F401
        except ImportError:
            return None
        figure = self.draw()
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=110, facecolor=PAPER, metadata={"Software": None})
        return buffer.getvalue()

    def _ipython_display_(self) -> None:
        from IPython.display import HTML, display

        png = self.png()
        if png is not None:
            import base64

            bundle = {"image/png": base64.b64encode(png).decode(), "text/plain": repr(self)}
            display(bundle, raw=True)
        display(HTML(f"<p><em>{self.sentence}</em></p>"), metadata={})


@contextmanager
def _styled(height: float) -> Any:
    """A figure of that height (inches), its axes, and the colours; drawn upon inside, in the style of the course.

    Made without pyplot: nothing but `Figure` displays it, and a kernel need not load a backend of its own.
    """
    import matplotlib
    from matplotlib import figure, style
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    wanted: Any = dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color", "axes.edgecolor"), INK)
    wanted |= {"axes.facecolor": PAPER}
    wanted |= {"font.size": 10, "axes.spines.top": False, "axes.spines.right": False, "hatch.linewidth": 0.6}
    with style.context("petroff6"), matplotlib.rc_context(wanted):
        made = figure.Figure(figsize=(7.2, height), layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.1))
        yield made, made.subplots(), [entry["color"] for entry in matplotlib.rcParams["axes.prop_cycle"]]


def shares(result: Result) -> dict[str, int]:
    """How many runs end how: "" for those without a finding, else the kind."""
    found = {"": result.runs - result.failing, **dict(sorted(result.findings.items()))}
    return {kind: count for kind, count in found.items() if count}


def outcomes(**results: Result) -> Figure:
    """How the interleavings end, a bar for each result: outcomes(before=..., after=...)."""

    def draw() -> Any:
        with _styled(0.75 + 0.5 * len(results)) as (figure, axes, colours):
            for row, result in enumerate(results.values()):
                _bar(axes, colours, row, result)
            axes.set_yticks(range(len(results)), [name.replace("_", " ") for name in results])
            axes.invert_yaxis()
            axes.set_xlim(0, max(result.runs for result in results.values()) * 1.12)
            axes.set_xlabel("interleavings, all of them run")
            axes.spines["left"].set_visible(False)
            axes.tick_params(axis="y", length=0)
            figure.legend(*_once(axes), loc="outside upper right", ncols=6, frameon=False, fontsize=9)
            return figure

    return Figure(" ".join(_told(name.replace("_", " "), result) for name, result in results.items()), draw)


def _bar(axes: Any, colours: list[str], row: int, result: Result) -> None:
    left = 0
    for kind, count in shares(result).items():
        colour = colours[COLOUR.get(kind, 5)]
        face = {"facecolor": colour + "55", "edgecolor": colour, "hatch": HATCH.get(kind, "")}
        axes.barh(row, count, left=left, height=0.55, label=kind or "ends well", **face)
        left += count
    axes.text(left, row, f"  {result.runs:,}", va="center")


def _once(axes: Any) -> tuple[list[Any], list[str]]:
    handles, labels = axes.get_legend_handles_labels()
    first: Mapping[str, Any] = {label: handle for handle, label in reversed(list(zip(handles, labels, strict=True)))}
    return [first[label] for label in dict.fromkeys(labels)], list(dict.fromkeys(labels))


def _told(name: str, result: Result) -> str:
    parts = [f"{count:,} {'end well' if not kind else f'end in a {kind}'}" for kind, count in shares(result).items()]
    return f"{name[:1].upper()}{name[1:]}: of {result.runs:,} interleavings {', '.join(parts)}."


def how_rare(free: Any, **results: Result) -> Figure:
    """How often each way of running finds anything, on a logarithmic scale: how_rare(runs, at_random=..., pct=...).

    Where nothing was found an arrow points down from the largest share that this many clean runs leave possible.
    """
    rows: list[tuple[str, int, int]] = [("real threads", free.runs, free.failing)]
    rows += [(name.replace("_", " "), result.runs, result.failing) for name, result in results.items()]

    def draw() -> Any:
        with _styled(0.9 + 0.42 * len(rows)) as (figure, axes, colour):
            for row, (_, runs, failing) in enumerate(rows):
                share = failing / runs if failing else min(1.0, 3 / max(runs, 1))
                look = colour[2 if failing else 0]
                axes.plot([share], [row], marker="o" if failing else "<", markersize=9, color=look)
                axes.hlines(row, 1e-5, share, color=look, linestyles="-" if failing else ":")
                none = f"none of {runs:,}: less than this" if runs else "no run made yet: nothing is known"
                said = f"{failing:,} of {runs:,}" if failing else none
                side, off = ("left", 10) if share < 0.02 else ("right", -8)
                axes.annotate(
                    said, (share, row), (off, 5), textcoords="offset points", ha=side, va="bottom", fontsize=9
                )
            axes.set_yticks(range(len(rows)), [name for name, _, _ in rows])
            axes.set_ylim(len(rows) - 0.5, -0.7)
            axes.set_xscale("log")
            axes.set_xlim(1e-5, 1.3)
            axes.set_xlabel("share of runs that fail")
            return figure

    told = [f"{name}: {failing:,} of {runs:,} runs" for name, runs, failing in rows[1:]]
    return Figure(f"Failing runs: {'; '.join(told)}. Above them the real threads.", draw)
