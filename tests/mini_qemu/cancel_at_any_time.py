"""A whole cancel: connected, stalled in the first page, cancelled, cleaned up. Too large for a lesson."""

from __future__ import annotations

from lessons.scenarios.stage import SourceSide, connects, reap, stall
from mini_qemu.io_channel import Wire
from mini_qemu.monitor import qmp_migrate_cancel
from mini_qemu.process import main_loop_wait, qemu_mutex_lock_iothread, qemu_mutex_unlock_iothread
from mini_qemu.qemu_thread import Channel
from mini_qemu.sched import Scenario


def setup() -> SourceSide:
    w = SourceSide("return-path", pages=1)
    stall(w, 4)
    # what comes back is cut at once, as a socket is
    w.ioc.wire = Wire(Channel("the line to the source"), w.ioc.wire.outgoing)
    return w


def main(w: SourceSide) -> None:
    connects(w)
    w.stalled.wait()
    qemu_mutex_lock_iothread(w.qemu)
    qmp_migrate_cancel(w.qemu)
    qemu_mutex_unlock_iothread(w.qemu)
    main_loop_wait(w.qemu)
    reap(w)


def check(w: SourceSide) -> None:
    """Cancel wakes the threads before it sets the state: an accepted cancel can end as failed. That is upstream's."""
    assert w.ms.state in ("cancelled", "failed")


scenario = Scenario("cancel-at-any-time", setup=setup, threads={"main": main}, check=check)
