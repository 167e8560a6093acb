# SPDX-License-Identifier: GPL-2.0-or-later
"""A scenario with parameters, to search in: where the migration stands, what the line does, what the operator types.

    ground(state="postcopy-active", line="dies", operator=("cancel",), oob=("pause",))

It begins with a migration that is under way. The migration thread looks for an error once, then completes; both threads
are created and joined as in QEMU. The operator's commands run in the main thread, one after the other, at any time;
out-of-band commands have a thread of their own. A migration that pauses without anybody to resume it has left the
stage: to wait for an operator is not a bug. At the end main joins the return path thread, which the model does not do
on cancel and on failure, so that what is found is something else.
Left out: the second migration's own threads; a destination that says nothing at all, or to a third connection.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lessons.scenarios.stage import (
    FOOTER,
    SHUT_0,
    Offstage,
    SourceSide,
    hangs_up,
    oob_yanks,
    reap,
    return_path,
    under_way,
    watch_source,
)
from mini_qemu.channel import socket_outgoing_migration
from mini_qemu.fixes import UnknownName
from mini_qemu.io_channel import (
    qio_channel_close,
    qio_channel_read,
    qio_channel_shutdown,
    qio_channel_socket_pair,
    qio_channel_write,
)
from mini_qemu.migration import (
    MIG_THR_ERR_FATAL,
    migration_completion,
    migration_detect_error,
    migration_iteration_finish,
    open_return_path_on_source,
    qmp_migrate,
)
from mini_qemu.monitor import QmpError, qmp_migrate_cancel, qmp_migrate_pause
from mini_qemu.process import main_loop_wait, qemu_mutex_lock_iothread, qemu_mutex_unlock_iothread
from mini_qemu.qemu_file_channel import qemu_fopen_channel_output
from mini_qemu.qemu_thread import QEMU_THREAD_JOINABLE, QemuSemaphore, qemu_thread_create, qemu_thread_join
from mini_qemu.sched import Scenario
from mini_qemu.yank_functions import migration_ioc_register_yank

SHUT_1 = bytes.fromhex("0001 0004 00000001")
RESUME = bytes.fromhex("08 0009 0000")
RESUME_ACK = bytes.fromhex("0006 0004 00000001")


class Pause(QemuSemaphore):
    """A thread that waits here is paused: it says so, and ends if nobody is going to resume."""

    def __init__(self, name: str, news: QemuSemaphore, resumes: int) -> None:
        super().__init__(name=name)
        self.news = news
        self.resumes = resumes

    def wait(self) -> None:
        self.news.post()
        if self.resumes == 0:
            raise Offstage
        self.resumes -= 1
        super().wait()


class Ground(SourceSide):
    """Under way, with a second connection for a resume."""

    def __init__(self, state: str, operator: Sequence[str]) -> None:
        super().__init__("return-path", *(["postcopy-ram"] if state != "active" else []))
        under_way(self, state)
        self.ioc2, self.peer_ioc2 = qio_channel_socket_pair(self.qemu, self.peer)
        self.ioc3, self.peer_ioc3 = qio_channel_socket_pair(self.qemu, self.peer)
        self.news = QemuSemaphore(name="news")
        self.ended = False  # written before `news` is posted, read after it was waited for
        self.cleaned_up = False  # main's
        resumes = operator.count("resume") + operator.count("resume-twice")
        self.ms.postcopy_pause_sem = Pause("postcopy_pause_sem", self.news, resumes)
        self.ms.postcopy_pause_rp_sem = Pause("postcopy_pause_rp_sem", QemuSemaphore(name="nobody"), resumes)


# ---- the threads


def main(w: Ground, operator: Sequence[str]) -> None:
    w.ms.rp_state.rp_thread = qemu_thread_create("return path", return_path, w, QEMU_THREAD_JOINABLE)
    w.ms.rp_state.rp_thread_created = True
    w.ms.thread = qemu_thread_create("live_migration", live_migration, w, QEMU_THREAD_JOINABLE)
    w.ms.migration_thread_running = True
    for command in operator:
        OPERATOR[command](w)
    if not w.cleaned_up:
        cleans_up(w)
    if w.ms.migration_thread_running:  # it has left the stage
        qemu_thread_join(w.ms.thread)
    reap(w)
    qio_channel_shutdown(w.peer_ioc2)  # nobody needs it any more, and somebody may still listen


def live_migration(w: Ground) -> None:
    try:
        if migration_detect_error(w.ms) != MIG_THR_ERR_FATAL:
            migration_completion(w.ms)
        migration_iteration_finish(w.ms)
        w.ended = True
    except Offstage:
        pass
    w.news.post()


def says(w: Ground, last: bytes) -> None:
    """A destination that gets everything, and says so or says that something is wrong."""
    while message := qio_channel_read(w.peer_ioc):
        if message.endswith(b"\0") or (message.startswith(FOOTER) and b"globalstate" in message):
            qio_channel_write(w.peer_ioc, last)
            return


def leaves(w: Ground) -> None:
    """A destination that dies without a word."""
    qio_channel_close(w.peer_ioc)


def acknowledges(w: Ground) -> None:
    """The destination at the other end of the second connection."""
    while message := qio_channel_read(w.peer_ioc2):
        if message.startswith(RESUME):
            qio_channel_write(w.peer_ioc2, RESUME_ACK)
        if message.endswith(b"\0"):
            qio_channel_write(w.peer_ioc2, SHUT_0)
            return


def asks_out_of_band(w: Ground, commands: Sequence[str]) -> None:
    for command in commands:
        OUT_OF_BAND[command](w)


# ---- the commands


def cancels(w: Ground) -> None:
    qemu_mutex_lock_iothread(w.qemu)
    qmp_migrate_cancel(w.qemu)
    qemu_mutex_unlock_iothread(w.qemu)


def cleans_up(w: Ground) -> None:
    """The main loop comes to the bottom half, once the migration thread has ended; not if it sleeps."""
    w.news.wait()
    if w.ended:
        main_loop_wait(w.qemu)
        w.cleaned_up = True


def migrates(w: Ground) -> None:
    """Once more, up to where the return path is open. A refusal is a fair answer."""
    qemu_mutex_lock_iothread(w.qemu)
    if qmp_migrate(w.ms) is None:
        migration_ioc_register_yank(w.ioc2)
        w.ms.to_dst_file = qemu_fopen_channel_output(w.ioc2)
        open_return_path_on_source(w.ms, create_thread=False)
    qemu_mutex_unlock_iothread(w.qemu)


def resumes(w: Ground) -> None:
    """When there is news, if they are that the migration is paused."""
    w.news.wait()
    qemu_mutex_lock_iothread(w.qemu)
    if qmp_migrate(w.ms, resume=True) is None:
        socket_outgoing_migration(w.ms, w.ioc2)
    else:
        w.news.post()  # for the clean-up
    qemu_mutex_unlock_iothread(w.qemu)


def resumes_twice(w: Ground) -> None:
    """An impatient operator: both commands are in before either of the two connections is there."""
    w.news.wait()
    qemu_mutex_lock_iothread(w.qemu)
    first = qmp_migrate(w.ms, resume=True)
    second = qmp_migrate(w.ms, resume=True)
    qemu_mutex_unlock_iothread(w.qemu)
    if first is not None or second is not None:
        w.news.post()  # for the clean-up
        return
    for ioc in (w.ioc2, w.ioc3):
        qemu_mutex_lock_iothread(w.qemu)
        socket_outgoing_migration(w.ms, ioc)
        qemu_mutex_unlock_iothread(w.qemu)


def pauses(w: Ground) -> None:
    try:
        qmp_migrate_pause(w.qemu)
    except QmpError:
        pass


STATES = ("active", "postcopy-active")
LINES = ("holds", "dies")
DESTINATIONS: dict[str, tuple[Any, ...]] = {"agrees": (says, SHUT_0), "refuses": (says, SHUT_1), "leaves": (leaves,)}
OPERATOR: dict[str, Callable[[Ground], None]] = {
    "cancel": cancels,
    "clean-up": cleans_up,
    "migrate": migrates,
    "resume": resumes,
    "resume-twice": resumes_twice,
}
OUT_OF_BAND: dict[str, Callable[[Ground], None]] = {"yank": oob_yanks, "pause": pauses}


def ground(
    state: str = "active",
    line: str = "holds",
    destination: str = "agrees",
    operator: Sequence[str] = (),
    oob: Sequence[str] = (),
) -> Scenario:
    """The scenario with these parameters. Raises UnknownName, with the choices there are."""
    operator = (operator,) if isinstance(operator, str) else tuple(operator)
    oob = (oob,) if isinstance(oob, str) else tuple(oob)
    for what, given, known in (
        ("state", (state,), STATES),
        ("line", (line,), LINES),
        ("destination", (destination,), DESTINATIONS),
        ("command of an operator", operator, OPERATOR),
        ("out-of-band command", oob, OUT_OF_BAND),
    ):
        for name in given:
            if name not in known:
                raise UnknownName(what, name, list(known))
    threads: dict[str, Any] = {"main": (main, operator), "destination": DESTINATIONS[destination]}
    if line == "dies":
        threads["network"] = hangs_up
    if "resume" in operator or "resume-twice" in operator:
        threads["destination 2"] = acknowledges
    if oob:
        threads["oob"] = (asks_out_of_band, oob)
    words = [state, line, destination, *operator, *(f"oob-{command}" for command in oob)]
    return Scenario("-".join(words), lambda: Ground(state, operator), threads, watch=watch_source, guarded=False)
