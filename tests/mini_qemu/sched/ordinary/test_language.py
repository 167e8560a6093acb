"""Each part of the language: under control where it touches shared state, or refused with file, line and a way out."""

import pytest

from mini_qemu.sched import InstrumentationError, explore

from . import language


@pytest.mark.parametrize(("name", "expected"), language.EXPECTED.items())
def test_every_part_of_the_language_is_judged_rightly(name, expected):
    main = getattr(language, name)
    if expected == "refused":
        with pytest.raises(InstrumentationError, match=r"language\.py:\d+: .*; (hold|write|use|read|pass|close)"):
            explore(main)
    else:
        assert explore(main).verdict == expected
