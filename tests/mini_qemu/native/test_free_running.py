"""The same functions called plainly, on threads of the operating system: both ends in one Python, every fix on."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from lessons.scenarios import migration_test
from lessons.scenarios.stage import SourceSide
from mini_qemu.fixes import fixes
from mini_qemu.migration_incoming import migration_incoming_get_current
from mini_qemu.migration_state import migration_object_init
from mini_qemu.monitor import (
    QmpError,
    qmp_migrate_cancel,
    qmp_migrate_incoming,
    qmp_migrate_pause,
    qmp_migrate_recover,
    qmp_migrate_set_capabilities,
    qmp_migrate_start_postcopy,
    qmp_query_migrate,
    qmp_query_yank,
    qmp_yank,
)
from mini_qemu.process import QemuProcess
from mini_qemu.ram import RAMBlock
from mini_qemu.savevm import machine_init
from mini_qemu.sched import Scenario, explore

MIGRATION = [{"type": "migration"}]


def run(scenario: Scenario) -> SourceSide:
    """The scenario's threads, for real."""
    w: SourceSide = scenario.setup()
    threads = [threading.Thread(target=fn, args=(w, *args)) for fn, args in scenario.functions.values()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    return w


PRECOPIES = (migration_test.test_precopy, migration_test.test_multifd, migration_test.test_tls)


@pytest.mark.parametrize("scenario", PRECOPIES, ids=lambda scenario: scenario.name)
def test_both_ends_for_real(scenario: Scenario):
    with fixes.all():
        for _ in range(20):
            w = run(scenario)
            migration_test.check(w)  # type: ignore[arg-type]


def test_postcopy_for_real():
    with fixes.all():
        w = run(migration_test.test_postcopy)
        for thread in threading.enumerate():
            if thread.name.startswith("postcopy/"):
                thread.join(10)
    migration_test.check(w)  # type: ignore[arg-type]
    assert [block.pages for block in w.peer.ram_state.blocks] == [block.pages for block in w.qemu.ram_state.blocks]


def test_a_page_that_the_guest_needs_is_asked_for():
    """Both ends and a page fault at any time: none of the interleavings fails."""
    scenario = migration_test.test_postcopy
    threads = {**scenario.threads, "guest": faults_at_once}
    with fixes.all():
        result = explore(Scenario("page-fault", scenario.setup, threads, check=migration_test.check))
    assert result.verdict == "proved"
    assert result.classes
    assert result.classes > 12


def faults_at_once(w: migration_test.BothEnds) -> None:
    w.mis.faults.send((w.peer.ram_state.blocks[0], 0))


def machine(*capabilities: str) -> QemuProcess:
    qemu = QemuProcess()
    machine_init(qemu, RAMBlock("ram", 1))
    migration_object_init(qemu, *capabilities)
    return qemu


def test_query_yank_follows_the_instance():
    qemu = machine()
    assert qmp_query_yank(qemu) == []
    qmp_migrate_incoming(qemu)
    assert qmp_query_yank(qemu) == MIGRATION
    assert qmp_yank(qemu, MIGRATION) == {}  # nothing is registered: nothing happens
    with pytest.raises(QmpError, match="already"):
        qmp_migrate_incoming(qemu)


def test_yank_of_what_is_not_there_yanks_nothing():
    qemu = machine()
    qmp_migrate_incoming(qemu)
    with pytest.raises(QmpError, match="chardev:mon0") as caught:
        qmp_yank(qemu, [*MIGRATION, {"type": "chardev", "id": "mon0"}])
    assert caught.value.reply()["error"]["class"] == "DeviceNotFound"


def test_commands_refuse_what_makes_no_sense():
    qemu = machine()
    assert qmp_query_migrate(qemu) == {}
    assert qmp_migrate_cancel(qemu) == {}
    for command in (qmp_migrate_pause, qmp_migrate_start_postcopy):
        with pytest.raises(QmpError) as caught:
            command(qemu)
        assert caught.value.reply()["error"]["class"] == "GenericError"
    migration_incoming_get_current(qemu)
    with pytest.raises(QmpError, match="paused"):
        qmp_migrate_recover(qemu)
    with pytest.raises(QmpError, match="colo"):
        qmp_migrate_set_capabilities(qemu, [{"capability": "colo", "state": True}])
    qmp_migrate_set_capabilities(qemu, [{"capability": "postcopy-ram", "state": True}])
    assert qemu.current_migration.capabilities == {"postcopy-ram"}


def test_no_module_is_missing_its_licence():
    for path in (Path(__file__).parents[3] / "mini_qemu").rglob("*.py"):
        if path.name != "__init__.py":
            assert path.read_text(encoding="utf-8").startswith("# SPDX-License-Identifier: GPL-2.0-or-later"), path.name
