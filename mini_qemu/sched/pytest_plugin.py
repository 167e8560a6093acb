# SPDX-License-Identifier: GPL-2.0-or-later
"""`@pytest.mark.interleavings`: the body of a test runs in every interleaving of the threads it starts.

    @pytest.mark.interleavings
    def test_two_deposits():
        account = Account()
        threads = [threading.Thread(target=account.deposit) for _ in range(2)]
        ...
        assert account.balance == 2

pytest loads this module by itself where the package is installed. Keywords of the mark go to `explore`: ``method``,
``limit_seconds`` (60), ``limit_runs``. A test fails with the shortest failing run and the schedule that replays it; it
fails as well if not every interleaving could be run.
"""

from __future__ import annotations

import functools
import unittest
from typing import Any

_KEYWORDS = ("method", "limit_seconds", "limit_runs")


def pytest_configure(config: Any) -> None:
    """Make the mark known."""
    config.addinivalue_line("markers", "interleavings: run the test in every interleaving of the threads it starts")


def pytest_runtest_setup(item: Any) -> None:
    """Refuse a mark that would say nothing: on a test that unittest runs, or with a keyword that there is not."""
    mark = item.get_closest_marker("interleavings")
    if mark is None:
        return
    if issubclass(getattr(item, "cls", None) or object, unittest.TestCase):
        raise TypeError(f"{item.name}: unittest runs the tests of a TestCase itself, in one interleaving; mark a "
                        "function, or a method of a class without a base")  # fmt: skip
    unknown = [name for name in mark.kwargs if name not in _KEYWORDS]
    if unknown or mark.args:
        raise TypeError(f"{item.name}: the mark interleavings takes the keywords {', '.join(_KEYWORDS)}; not "
                        f"{', '.join([*unknown, *map(repr, mark.args)])}")  # fmt: skip


def pytest_pyfunc_call(pyfuncitem: Any) -> bool | None:
    """Explore a test that has the mark; leave the others to pytest."""
    mark = pyfuncitem.get_closest_marker("interleavings")
    if mark is None:
        return None
    from .command import report
    from .explore import explore
    from .first_run import try_out

    given = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    test = functools.partial(pyfuncitem.obj, **given) if given else pyfuncitem.obj
    try_out(test)
    result = explore(test, **{"limit_seconds": 60.0, **mark.kwargs})
    if result.verdict != "proved":
        raise AssertionError(report(test, result))
    return True
