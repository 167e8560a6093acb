"""Two hundred migrations by one process, of every ending: nothing may be left behind. `make soak` makes a thousand."""

from __future__ import annotations

from tests.mini_qemu.native.harness import Stage
from tests.reliability.many import migrate_many_times


def test_nothing_is_left(stage: Stage):
    migrate_many_times(stage, 200)
