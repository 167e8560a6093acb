"""Pages on demand, a line that is cut and made anew, and everybody's ways out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest

from tests.mini_qemu.native.harness import Machine, QmpProblem, Stage, wait_for

MIB = 1 << 20
SIZE = 8


def pair(stage: Stage, *capabilities: str) -> tuple[Machine, Machine]:
    """A source with a guest that writes, slow enough that it does not come to an end by itself; a reader waits."""
    b = stage.mini("b", "-m", str(SIZE), "-cpu", "reader,seed=5", "-incoming", "defer")
    a = stage.mini("a", "-m", str(SIZE), "-cpu", "writer,seed=4")
    for machine in (a, b):
        machine.qmp.capabilities("return-path", *capabilities)
    b.qmp("migrate-incoming", uri=stage.uri())
    wait_for(lambda: all(a.ram(4096, start) != bytes(4096) for start in (0, 4096)), "the guest has begun to write")
    return a, b


def start_postcopy(stage: Stage, after: int = 1 << 53) -> tuple[Machine, Machine]:
    """Most pages are still there when the guest changes sides; they follow at a speed of `after`."""
    a, b = pair(stage, "postcopy-ram")
    a.qmp("migrate-set-parameters", downtime_limit=0, max_bandwidth=MIB, max_postcopy_bandwidth=after)
    a.qmp("migrate", uri=stage.uri())
    assert a.qmp.wait_status("active", "failed") == "active"
    a.qmp("migrate-start-postcopy")
    assert a.qmp.wait_status("postcopy-active", "completed", "failed") == "postcopy-active"
    return a, b


def settle_in_postcopy(a: Machine, b: Machine) -> None:
    """The guest runs at the destination and the source sends pages: a line cut before that fails the migration."""
    assert b.qmp.wait_event("RESUME")
    before = a.qmp("query-migrate")["ram"]["transferred"]
    wait_for(lambda: a.qmp("query-migrate")["ram"]["transferred"] > before, "the source sends pages")


def same_memory(a: Machine, b: Machine) -> None:
    left, arrived = a.ram(SIZE * MIB), b.ram(SIZE * MIB)
    assert any(left)
    assert hashlib.sha256(left).digest() == hashlib.sha256(arrived).digest()


def completed(a: Machine, b: Machine) -> None:
    assert a.qmp.wait_status("completed", "failed") == "completed"
    assert b.qmp.wait_status("completed", "failed") == "completed"
    a.settled("postmigrate")
    b.settled("running")
    same_memory(a, b)


def test_the_guest_asks_for_pages(stage: Stage):
    a, b = start_postcopy(stage, MIB)
    wait_for(lambda: a.qmp("query-migrate")["ram"]["postcopy-requests"] > 0, "a page was asked for")
    a.qmp("migrate-set-parameters", max_postcopy_bandwidth=0)
    completed(a, b)


def pause_by_source(a: Machine, b: Machine) -> None:
    a.qmp.oob("migrate-pause")


def yank_source(a: Machine, b: Machine) -> None:
    a.qmp.oob("yank", instances=[{"type": "migration"}])


def yank_destination(a: Machine, b: Machine) -> None:
    b.qmp.oob("yank", instances=[{"type": "migration"}])


@pytest.mark.parametrize("cut", [pause_by_source, yank_source, yank_destination])
def test_a_line_that_is_cut_is_made_anew(stage: Stage, cut: Callable[[Machine, Machine], None]):
    """Not by migrate-pause at the destination: there it uses a file that the listen thread frees meanwhile, as
    upstream, and now and then that ends the process."""
    a, b = start_postcopy(stage, MIB)
    assert b.qmp.wait_status("postcopy-active") == "postcopy-active"
    settle_in_postcopy(a, b)
    with_a_line = a.descriptors()
    for round_ in range(2):
        cut(a, b)
        assert a.qmp.wait_status("postcopy-paused", "completed", "failed") == "postcopy-paused"
        assert b.qmp.wait_status("postcopy-paused", "completed", "failed") == "postcopy-paused"
        # the source says so before its return path thread sleeps too; resumed by then, that one closes the new file
        # (the story hasty-resume). When both have closed theirs, the descriptor is gone.
        wait_for(lambda: a.descriptors() < with_a_line, "both threads of the source have let go of the line")
        assert a.qmp("query-yank") == b.qmp("query-yank") == [{"type": "migration"}]
        uri = stage.uri(f"again{round_}")
        with pytest.raises(QmpProblem):
            a.qmp.oob("migrate-pause")
        with pytest.raises(QmpProblem):
            a.qmp("migrate", uri=uri)
        b.qmp.oob("migrate-recover", uri=uri)
        with pytest.raises(QmpProblem):
            b.qmp.oob("migrate-recover", uri=uri)
        if round_:
            a.qmp("migrate-set-parameters", max_postcopy_bandwidth=0)
        a.qmp("migrate", uri=uri, resume=True)
        assert a.qmp.wait_status("postcopy-active", "failed") == "postcopy-active"
        assert b.qmp.wait_status("postcopy-active", "failed") == "postcopy-active"
    completed(a, b)


def test_cancel_in_precopy_and_again(stage: Stage):
    a, b = pair(stage)
    a.qmp("migrate-set-parameters", downtime_limit=0, max_bandwidth=MIB)
    a.qmp("migrate", uri=stage.uri())
    assert a.qmp.wait_status("active", "failed") == "active"
    a.qmp("migrate_cancel")
    # an accepted cancel can end as failed: it wakes the threads before it sets the state
    assert a.qmp.wait_status("cancelled", "failed", "completed") in ("cancelled", "failed")
    a.settled("running")
    assert b.wait() == 1
    assert b.errors()
    c = stage.mini("c", "-m", str(SIZE), "-incoming", stage.uri("n"), "-S")
    c.qmp.capabilities("return-path")
    a.qmp("migrate-set-parameters", downtime_limit=300, max_bandwidth=0)
    a.qmp("migrate", uri=stage.uri("n"))
    assert a.qmp.wait_status("completed", "failed") == "completed"
    assert c.qmp.wait_status("completed", "failed") == "completed"
    same_memory(a, c)


def test_yank_in_precopy(stage: Stage):
    a, b = pair(stage)
    a.qmp("migrate-set-parameters", downtime_limit=0, max_bandwidth=MIB)
    a.qmp("migrate", uri=stage.uri())
    assert a.qmp.wait_status("active", "failed") == "active"
    a.qmp.oob("yank", instances=[{"type": "migration"}])
    assert a.qmp.wait_status("failed", "completed") == "failed"
    a.settled("running")
    assert b.wait() == 1
