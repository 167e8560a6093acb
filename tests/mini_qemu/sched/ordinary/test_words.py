"""Python's own words return under control what they return without it."""

import pytest

from mini_qemu.sched import explore

from . import words


@pytest.mark.parametrize("function", words.ALL, ids=lambda function: function.__name__)
def test_a_word_returns_what_it_returns_in_python(function):
    expected = list(map(repr, function()))

    def main():
        for number, (found, wanted) in enumerate(zip(map(repr, function()), expected, strict=True)):
            assert found == wanted, (number, found, wanted)

    result = explore(main, limit_runs=20)
    assert result.findings == {}, list(result.outcomes)
