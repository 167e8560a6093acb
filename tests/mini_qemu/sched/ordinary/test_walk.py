"""A walk through the language and the library: right is proved, wrong fails or is refused.

Each program is called by its verdict. A refusal names file and line, and says what to write instead.
"""

import threading

import pytest

from mini_qemu.sched import InstrumentationError, explore

from . import walk_alone, walk_language, walk_library, walk_patterns, walk_whole, walk_words

PROGRAMS = {
    f"{module.__name__.rpartition('_')[2]}-{name}": main
    for module in (walk_alone, walk_language, walk_library, walk_patterns, walk_whole, walk_words)
    for name, main in vars(module).items()
    if name.startswith(("proved_", "fails_", "refused_"))
}
if not hasattr(threading, "get_native_id"):  # a browser's threads have none
    del PROGRAMS["words-proved_native_id"]
SLOW = [pytest.param(name, marks=pytest.mark.slow if i % 3 else ()) for i, name in enumerate(PROGRAMS)]
"""Every third is tried each time."""


@pytest.mark.parametrize("name", SLOW)
def test_what_the_program_is_called_by(name):
    verdict = name.partition("-")[2].partition("_")[0]
    if verdict == "refused":
        with pytest.raises(InstrumentationError, match=r"walk_\w+\.py:\d+.*[;.] \w+"):
            explore(PROGRAMS[name])
        return
    result = explore(PROGRAMS[name])
    assert result.verdict == {"proved": "proved", "fails": "failed"}[verdict], result
    assert verdict == "proved" or result.failing


def test_what_a_generator_expression_runs_over_is_its_own():
    assert explore(walk_whole.proved_expressions_over_ranges).classes == 1
