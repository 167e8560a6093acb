"""Everybody who clones, reviews or opens the course on a phone pays for an output that carries too much."""

from __future__ import annotations

from lessons.places import notebooks

MOST = 1_500_000  # bytes, for eleven of them; each carries the player once, compressed


def test_all_notebooks_together_are_small():
    sizes = {path.name: path.stat().st_size for path in notebooks()}
    assert sum(sizes.values()) < MOST, f"which output grew? {sizes}"
