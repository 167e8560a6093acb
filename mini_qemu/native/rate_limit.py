# SPDX-License-Identifier: GPL-2.0-or-later
"""Bandwidth and downtime. Mirrors migration_rate_limit and migration_update_counters of migration/migration.c.

Time is cut in slices of 100 ms. A thread that has sent a slice's share sleeps for the rest of it; a request for a page
wakes the sleeper. A page may be larger than what is left of a share, so what was sent beyond it is owed by the next
slices: on average the limit holds. What was sent in a slice tells the bandwidth, and bandwidth times the downtime that
is allowed tells how much may be left when the guest is stopped. Only a real process has this: in a scenario time does
not pass.
Left out: auto-converge.
"""

from __future__ import annotations

import threading
import time
from typing import Any

from mini_qemu.migration_state import MIGRATION_STATUS_POSTCOPY_ACTIVE, MigrationState
from mini_qemu.ram import TARGET_PAGE_SIZE, RAMState, ram_bytes_remaining

SLICE = 0.1
PAGES_PER_ITERATION = 256
PAGES_PER_LOOK = 64


class RateLimit:
    """The migration thread's; `parameters` may change meanwhile. `query-migrate` reads what was measured."""

    def __init__(self, rs: RAMState, parameters: dict[str, Any]) -> None:
        self.rs = rs
        self.parameters = parameters
        self.urgent = threading.Event()
        self.start = time.monotonic()
        self.sent_before = 0
        self.pages_before = 0
        self.debt = 0.0
        # measured in the last slice that had traffic
        self.bytes_per_second = 0.0
        self.pages_per_second = 0.0
        self.expected_downtime: float = parameters["downtime-limit"]
        self.choose_pages(parameters["max-bandwidth"] * SLICE, parameters["max-bandwidth"] == 0)

    def make_urgent_request(self) -> None:
        """Return path thread: somebody waits for a page. The request is in its queue already."""
        self.urgent.set()

    def choose_pages(self, left: float, unlimited: bool) -> None:
        """So many pages in one go that the share is exceeded by less than one. None while something is owed, except
        the one that somebody waits for."""
        if unlimited:
            pages = PAGES_PER_ITERATION
        elif left > 0:
            pages = max(1, min(PAGES_PER_ITERATION, int(left) // TARGET_PAGE_SIZE))
        else:
            pages = 1 if self.rs.src_page_requests else 0
        self.rs.pages_per_iteration = pages
        self.rs.pages_per_look = min(PAGES_PER_LOOK, pages)

    def wait(self, s: MigrationState) -> None:
        in_postcopy = s.state == MIGRATION_STATUS_POSTCOPY_ACTIVE
        bandwidth = self.parameters["max-postcopy-bandwidth" if in_postcopy else "max-bandwidth"]
        left = bandwidth * SLICE - self.debt - (self.rs.transferred - self.sent_before)
        passed = time.monotonic() - self.start
        if bandwidth and left <= 0 and passed < SLICE:
            self.urgent.clear()
            if not self.rs.src_page_requests:
                self.urgent.wait(SLICE - passed)
            passed = time.monotonic() - self.start
        if passed >= SLICE:
            self.update_counters(s, bandwidth, passed)
            left = bandwidth * SLICE - self.debt
        self.choose_pages(left, not bandwidth)

    def update_counters(self, s: MigrationState, bandwidth: int, passed: float) -> None:
        """A slice is over."""
        sent = self.rs.transferred - self.sent_before
        pages = self.rs.normal_pages + self.rs.duplicate_pages - self.pages_before
        self.debt = max(0.0, self.debt + sent - bandwidth * passed) if bandwidth else 0.0
        if pages:
            self.bytes_per_second = sent / passed
            self.pages_per_second = pages / passed
            s.threshold_size = max(1, int(self.bytes_per_second * self.parameters["downtime-limit"] / 1000))
            self.expected_downtime = ram_bytes_remaining(self.rs) / self.bytes_per_second * 1000
        self.start += passed
        self.sent_before += sent
        self.pages_before += pages
