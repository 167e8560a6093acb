# SPDX-License-Identifier: GPL-2.0-or-later
"""What most stories need: a source whose connection has just been made, and somebody at the other end.

Everything here happens before the threads start, in a fixed order, so it costs no interleavings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from mini_qemu.channel import socket_outgoing_migration
from mini_qemu.io_channel import (
    QIOChannel,
    Wire,
    qio_channel_read,
    qio_channel_shutdown,
    qio_channel_socket_pair,
    qio_channel_write,
)
from mini_qemu.migration import (
    migrate_fd_cleanup_bh,
    migration_completion,
    migration_iteration_finish,
    qmp_migrate,
    source_return_path_thread,
)
from mini_qemu.migration_state import MigrationState, migration_object_init
from mini_qemu.monitor import QmpError, qmp_yank
from mini_qemu.process import (
    QemuProcess,
    main_loop_wait,
    qemu_bh_new,
    qemu_mutex_lock_iothread,
    qemu_mutex_unlock_iothread,
)
from mini_qemu.qemu_file import qemu_fflush, qemu_file_get_return_path, qemu_put_byte
from mini_qemu.qemu_file_channel import qemu_fopen_channel_output
from mini_qemu.qemu_thread import QEMU_THREAD_JOINABLE, Channel, QemuSemaphore, qemu_thread_create, qemu_thread_join
from mini_qemu.qom import object_unref
from mini_qemu.ram import RAMBlock
from mini_qemu.savevm import machine_init
from mini_qemu.sched import control, peek
from mini_qemu.yank_functions import migration_ioc_register_yank

control("lessons.scenarios")

PING = bytes.fromhex("08 0002 0004")
FOOTER = bytes.fromhex("7e")
PONG = bytes.fromhex("0002 0004")
SHUT_0 = bytes.fromhex("0001 0004 00000000")


class Source:
    """A source on which `migrate` has been accepted; `ioc` is the connection, not yet handed to the migration."""

    def __init__(self, *capabilities: str, pages: int = 0) -> None:
        self.qemu = QemuProcess("source")
        self.peer = QemuProcess("destination")
        for qemu in (self.qemu, self.peer):
            machine_init(qemu, *([RAMBlock("ram", pages)] if pages else []))
        self.heard = b""  # for a destination that keeps what it reads
        self.ioc2: Any = None  # for a second connection
        self.peer_ioc2: Any = None
        self.paused = QemuSemaphore(name="paused")
        self.parked = QemuSemaphore(name="parked")
        self.ms: MigrationState = migration_object_init(self.qemu, *capabilities)
        error = qmp_migrate(self.ms)
        assert error is None, error
        self.stalled = QemuSemaphore(name="stalled")
        self.ioc, self.peer_ioc = qio_channel_socket_pair(self.qemu, self.peer)


class Offstage(Exception):
    """A thread has come to where the story leaves it."""


class Bell(QemuSemaphore):
    """Put in place of a semaphore: rings before it waits, so that others know that a thread has come this far."""

    def __init__(self, rings: QemuSemaphore) -> None:
        super().__init__()
        self.rings = rings

    def wait(self) -> None:
        self.rings.post()
        super().wait()


class Late(Channel):
    """Put in place of a direction of the wire: its reader hears that the line is dead when `tell` is called.

    A story about something else is spared the orders in which closes and readers can meet.
    """

    over = False  # the reader's

    def recv(self) -> Any:
        if self.over:
            return None
        item = super().recv()
        if item is None:
            self.over = True
        return item

    def tell(self) -> None:
        super().send(None)

    def close(self) -> None:
        """Not heard."""

    def shutdown(self) -> None:
        """Not heard."""


class Stalling(Late):
    """And one of the sends does not return until somebody shuts the line down."""

    def __init__(self, name: str, at: int, stalled: QemuSemaphore) -> None:
        super().__init__(name)
        self.at = at
        self.stalled = stalled
        self.sent = 0  # there is one sender
        self.cut = QemuSemaphore(name="the line")

    def send(self, item: bytes) -> None:
        self.sent += 1
        if self.sent == self.at:
            self.stalled.post()
            self.cut.wait()
            raise BrokenPipeError
        super().send(item)

    def shutdown(self) -> None:
        self.cut.post()


class Wings(QemuSemaphore):
    """Put in place of a semaphore nobody will post in this story: who waits on it has left the stage."""

    def wait(self) -> None:
        raise Offstage


def running(*capabilities: str, state: str = "active") -> Source:
    """A migration that is under way: both files are open and the channel is registered; no thread has been started."""
    w = Source("return-path", *capabilities)
    under_way(w, state)
    return w


def under_way(w: Source, state: str) -> None:
    migration_ioc_register_yank(w.ioc)
    w.ms.to_dst_file = qemu_fopen_channel_output(w.ioc)
    object_unref(w.ioc)
    w.ms.rp_state.from_dst_file = qemu_file_get_return_path(w.ms.to_dst_file)
    w.ms.state = state
    w.ms.cleanup_bh = qemu_bh_new(w.qemu, migrate_fd_cleanup_bh, w.ms)


def return_path(w: Source) -> None:
    """The return path thread, where the story starts it by hand."""
    try:
        source_return_path_thread(w.ms)
    except Offstage:
        pass


def start_return_path(w: Source) -> None:
    """What open_return_path_on_source does after it has opened the file."""
    w.ms.rp_state.rp_thread = qemu_thread_create(
        "return path", source_return_path_thread, w.ms, QEMU_THREAD_JOINABLE
    )
    w.ms.rp_state.rp_thread_created = True


def oob_yanks(w: Source) -> None:
    """An operator loses patience, at any time."""
    yank(w.qemu)


def oob_yanks_before_the_next_send(w: Source) -> None:
    """The line is cut before the migration thread can come to its end: only then is there more to send."""
    oob_yanks(w)
    w.stalled.post()


def sends_once_more(w: Source) -> None:
    w.stalled.wait()
    qemu_put_byte(w.ms.to_dst_file, 0)
    qemu_fflush(w.ms.to_dst_file)


def yank(qemu: QemuProcess) -> None:
    """That there is nothing to yank any more is a fair answer."""
    try:
        qmp_yank(qemu, [{"type": "migration"}])
    except QmpError:
        pass


def says_shut(w: Source) -> None:
    """A destination that has everything already."""
    qio_channel_write(w.peer_ioc, SHUT_0)


def hangs_up(w: Source) -> None:
    """The line goes dead: whoever reads or writes at either end notices."""
    qio_channel_shutdown(w.peer_ioc)


def destination(w: Source) -> None:
    """The other end, as far as the source can tell: it answers pings, and says SHUT(0) when it has everything."""
    while True:
        message = qio_channel_read(w.peer_ioc)
        if not message:
            return
        if message.startswith(PING):
            qio_channel_write(w.peer_ioc, PONG + message[5:9])
        if message.startswith(FOOTER) and b"globalstate" in message:
            qio_channel_write(w.peer_ioc, SHUT_0)
            return


class Word(str):
    """A table cell that is not put in quotes. `objects` is what it stands for in a picture, `drawn` as a pointer, a
    list or the count of one, and `word` what they are."""

    objects: tuple[Any, ...]
    drawn: str
    word: str
    __repr__ = str.__str__

    def __new__(cls, text: object, drawn: str = "pointer", objects: Iterable[Any] = (), word: str = "") -> Word:
        made = super().__new__(cls, text)
        made.objects, made.drawn, made.word = tuple(objects), drawn, word
        return made


def pointer(f: Any) -> Word:
    """Where a pointer to a file points."""
    if f is None:
        return Word("NULL")
    return Word("freed" if is_freed(f) else "shut down" if f.shutdown else "open", "pointer", [f], "file")


def references(ioc: QIOChannel) -> Word:
    return Word("freed" if is_freed(ioc) else ioc.ref, "count", [ioc], "connection")


def is_freed(obj: object) -> bool:
    return repr(obj).startswith("<freed")


def is_listed(ioc: QIOChannel) -> bool:
    """Looks without taking a step. Sound where whoever takes the entry out does so before dropping a reference."""
    entries = peek(ioc.process.yank, "yank_instance_list")
    listed = [opaque for entry in entries for _, opaque in peek(entry, "yankfns") if opaque is ioc]
    return bool(listed)


def yank_list(qemu: QemuProcess) -> Word:
    entries = qemu.yank.yank_instance_list
    if not entries:
        return Word("no instance", "list")
    listed = [opaque for entry in entries for _, opaque in entry.yankfns]
    return Word("[" + ", ".join("freed" if is_freed(o) else str(o.name) for o in listed) + "]", "list", listed)


def stall(w: Source, at: int) -> None:
    """The line will stall at the source's message number `at`. When it has been cut, tell each reader."""
    w.ioc.wire = Wire(Late("the line to the source"), Stalling("the line to the destination", at, w.stalled))
    w.peer_ioc.wire = w.ioc.wire.other_end()


def tell(w: Source, direction: str) -> None:
    line = w.ioc.wire.incoming if direction == "to source" else w.ioc.wire.outgoing
    assert isinstance(line, Late)
    line.tell()


def connects(w: Source) -> None:
    """The source's main thread: the connection is there."""
    qemu_mutex_lock_iothread(w.qemu)
    socket_outgoing_migration(w.ms, w.ioc)
    qemu_mutex_unlock_iothread(w.qemu)


def main_connects_then_cleans_up(w: Source) -> None:
    """The source's main thread: the connection is there; later, the bottom half that the migration leaves behind."""
    connects(w)
    main_loop_wait(w.qemu)


def main_starts_then_cleans_up(w: Source, live_migration: Callable[[Source], None]) -> None:
    """The source's main thread, from where `running` leaves off: starts both threads, and cleans up in the end."""
    start_return_path(w)
    w.ms.thread = qemu_thread_create("live_migration", live_migration, w, QEMU_THREAD_JOINABLE)
    w.ms.migration_thread_running = True
    main_loop_wait(w.qemu)
    reap(w)


def completes(w: Source) -> None:
    """The migration thread when there is nothing left to send."""
    migration_completion(w.ms)
    migration_iteration_finish(w.ms)


def reap(w: Source) -> None:
    """Join the return path thread if the migration has not.

    Upstream leaves it behind on cancel and on failure. That is a story of its own, and would only hide this one.
    """
    if w.ms.rp_state.rp_thread_created:
        qemu_thread_join(w.ms.rp_state.rp_thread)


def watch_source(w: Source) -> Mapping[str, Any]:
    return {
        "state": w.ms.state,
        "from_dst_file": pointer(w.ms.rp_state.from_dst_file),
        "to_dst_file": pointer(w.ms.to_dst_file),
        "rp_thread_created": w.ms.rp_state.rp_thread_created,
        "ioc.ref": references(w.ioc),
        "yank list": yank_list(w.qemu),
    }
