"""Our one-step words have the outcomes of CPython's own source, and every outcome that real threads show."""

import sys
import threading

import pytest

from mini_qemu.sched.ops import OPENS
from mini_qemu.sched.ordinary.sync import DOWN

from . import against_python


def differences(seeds, free=0):
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        found = [against_python.check(seed, free) for seed in seeds]
    finally:
        sys.setswitchinterval(interval)
    compared = sum(one[0] for one in found if isinstance(one, tuple))
    return compared, [one for one in found if isinstance(one, str)]


def test_random_programs_end_as_with_pythons_own_source():
    compared, differ = differences(range(60))
    assert differ == []
    assert compared >= 50


def test_the_comparison_notices_a_semaphore_that_never_waits():
    scripts = [[("acquire", ()), ("acquire", ())], [("release", ())]]
    waits, OPENS[DOWN] = OPENS[DOWN], None
    try:
        ours = against_python.outcomes(against_python.program("Semaphore", scripts, threading, None), 1000)
    finally:
        OPENS[DOWN] = waits
    theirs = against_python.outcomes(against_python.program("Semaphore", scripts, *against_python.reference()), 1000)
    assert ours != theirs


@pytest.mark.slow
def test_hundreds_of_random_programs_end_as_with_pythons_own_source():
    compared, differ = differences(range(100_000, 100_400))  # a quarter has too many outcomes to compare
    assert differ == []
    assert compared >= 260


@pytest.mark.slow
def test_real_threads_show_nothing_that_was_not_explored():
    assert differences(range(200_000, 200_100), free=20)[1] == []
