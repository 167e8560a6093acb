# SPDX-License-Identifier: GPL-2.0-or-later
"""Bandwidth and downtime. Mirrors migration_rate_limit and migration_update_counters of migration/migration.c.

Time is cut in slices of 100 ms. Whoever has sent a slice's share sleeps for the rest of it; a request for a page wakes
the sleeper. What was sent in a slice tells the bandwidth, and bandwidth times the downtime that is allowed tells how
much may be left when the guest is stopped. Only a real process has this: in a scenario time does not pass.
Left out: auto-converge, the time to set up, statistics.
"""

from __future__ import annotations

import threading
import time
from typing import Any

from mini_qemu.migration_state import MIGRATION_STATUS_POSTCOPY_ACTIVE, MigrationState
from mini_qemu.ram import TARGET_PAGE_SIZE, RAMState

SLICE = 0.1
PAGES_PER_ITERATION = 256
PAGES_PER_LOOK = 64


class RateLimit:
    """The migration thread's; `parameters` may change meanwhile."""

    def __init__(self, rs: RAMState, parameters: dict[str, Any]) -> None:
        self.rs = rs
        self.parameters = parameters
        self.urgent = threading.Semaphore(0)
        self.start = time.monotonic()
        self.sent_before = 0
        self.choose_pages(parameters["max-bandwidth"])

    def choose_pages(self, bandwidth: int) -> None:
        """So many pages in one go that a slice's share is not exceeded by much."""
        share = int(bandwidth * SLICE) // TARGET_PAGE_SIZE if bandwidth else PAGES_PER_ITERATION
        self.rs.pages_per_iteration = max(1, min(PAGES_PER_ITERATION, share))
        self.rs.pages_per_look = min(PAGES_PER_LOOK, self.rs.pages_per_iteration)

    def wait(self, s: MigrationState) -> None:
        in_postcopy = s.state == MIGRATION_STATUS_POSTCOPY_ACTIVE
        bandwidth = self.parameters["max-postcopy-bandwidth" if in_postcopy else "max-bandwidth"]
        sent = self.rs.transferred - self.sent_before
        passed = time.monotonic() - self.start
        if bandwidth and sent >= bandwidth * SLICE and passed < SLICE:
            self.urgent.acquire(timeout=SLICE - passed)
            passed = time.monotonic() - self.start
        if passed >= SLICE:
            s.threshold_size = max(1, int(sent / passed * self.parameters["downtime-limit"] / 1000))
            self.start = time.monotonic()
            self.sent_before = self.rs.transferred
            self.choose_pages(bandwidth)
