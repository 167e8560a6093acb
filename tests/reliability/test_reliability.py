"""The short form of `make fuzz` and `make soak`: the same trials, fewer of them, nothing written."""

from __future__ import annotations

import pytest

from tests.reliability.__main__ import FUZZ, SOAK, run
from tests.reliability.figures import Figure, page
from tests.reliability.streams import Mutator, described

SHORT = {
    "streams": 20_000, "requests": 300, "schedule texts": 2000, "runs to draw": 200, "progress files": 300,
    "submitted notebooks": 200, "faults": 20, "in a row": 100,
}  # fmt: skip
KINDS = [(kind, name) for kind, table in (("fuzz", FUZZ), ("soak", SOAK)) for name in table if name in SHORT]


def test_only_what_has_tests_of_its_own_has_no_short_form():
    """All unit tests in another order; an interrupt at any moment, which `test_every_call` makes at every place."""
    assert {*FUZZ, *SOAK} - set(SHORT) == {"any order", "interrupts"}


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "name"), KINDS)
def test_nothing_is_found(kind: str, name: str):
    assert run(kind, name, SHORT[name], 1, seed=2, keep=False) == []


def test_a_seed_makes_the_same_streams():
    one, two, other = (Mutator(seed) for seed in (5, 5, 6))
    first = [one.make() for _ in range(50)]
    assert first == [two.make() for _ in range(50)]
    assert first != [other.make() for _ in range(50)]


def test_the_independent_reader_knows_every_page():
    for stream, count in zip(Mutator(0).seeds, (8, 8, 8, 8, 0, 0), strict=True):
        assert len(described(stream)) == count


def test_the_page_tells_what_was_found():
    figure = Figure("streams", "python -m x", "streams", 10, seed=3)
    figure.count("refused")
    figure.found("it fell over")
    assert "| streams | 2 streams | 20 % of 10 |" in page({"streams": figure})
    assert "finding: `it fell over`" in page({"streams": figure})
