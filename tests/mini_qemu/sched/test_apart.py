"""A child reports whole, or not at all; and then why."""

from __future__ import annotations

import os
import sys

import pytest

from mini_qemu.sched.apart import Stopped, in_a_child

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a process with threads forks on Linux only")


def test_a_child_reports_whole_or_not_at_all():
    assert in_a_child(lambda: b"x" * 1_000_000, 5, 256) == b"x" * 1_000_000

    def fails() -> bytes:
        raise ValueError

    with pytest.raises(Stopped) as caught:
        in_a_child(fails, 5, 256)
    assert caught.value.kind == "silent"


@pytest.mark.parametrize(
    ("work", "kind", "detail"),
    [
        (lambda: os._exit(3), "exit", "3"),
        (lambda: os.kill(os.getpid(), 11), "signal", "11"),
        (lambda: bytes(2**40), "memory", ""),
        (lambda: bytes(sum(range(10**12))), "time", ""),
    ],
    ids=["exit", "signal", "memory", "time"],
)
def test_each_end_has_its_kind(work, kind: str, detail: str):
    with pytest.raises(Stopped) as caught:
        in_a_child(work, 1, 256)
    assert (caught.value.kind, caught.value.detail) == (kind, detail)
    assert bool(caught.value.frames) == (kind == "time")
