# SPDX-License-Identifier: GPL-2.0-or-later
"""03: every kind of channel, and a predicate that changes its mind for all sites at once.

Over a socket, over TLS, through a pipe that cannot be shut down; with a destination that hangs until an operator yanks,
where a predicate that says no to everything fails. For the unregistering also: a kind of channel that came later, a
predicate that no longer counts TLS, and a mistake elsewhere, which must stay loud.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from lessons.exercises.model import Trial
from lessons.replace import replace
from lessons.scenarios import hung_destination, tls
from lessons.scenarios.stage import SourceSide, connects, main_connects_then_cleans_up, watch_source
from mini_qemu.io_channel import QIOChannel, QIOChannelFile, QIOChannelSocket
from mini_qemu.process import main_loop_wait
from mini_qemu.sched import Scenario

ON = ("join_created_thread", "lock_from_dst_file", "one_yank_predicate")
PREDICATE = "yank_functions.migration_ioc_yank_supported"


def over_a_file() -> SourceSide:
    """As with exec: a pipe to another program, which cannot be shut down."""
    w = SourceSide()
    pipe: Any = QIOChannelFile(w.qemu, "ioc", w.ioc.wire)
    w.ioc = pipe
    return w


def main_looks_at_the_list(w: SourceSide) -> None:
    connects(w)
    for entry in w.qemu.yank.yank_instance_list:
        for _, ioc in entry.yankfns:
            assert ioc.has_shutdown, f"{ioc.name} is on the list, but nobody can cut it"
    main_loop_wait(w.qemu)


def hung_over_tls() -> SourceSide:
    w = SourceSide("return-path")
    w.ms.tls_creds = True
    return w


def main_over_tls(w: SourceSide) -> None:
    main_connects_then_cleans_up(w)  # the handshake
    main_loop_wait(w.qemu)


SOCKET = Trial(
    Scenario("over-a-socket", SourceSide, {"main": main_connects_then_cleans_up}, watch=watch_source, guarded=False),
    "a migration goes over a socket",
    ON,
)
TLS = Trial(tls.scenario, "a migration goes over TLS", ON)
FILE = Trial(
    Scenario("over-a-pipe", over_a_file, {"main": main_looks_at_the_list}, watch=watch_source, guarded=False),
    "a migration goes through a pipe, which cannot be shut down",
    ON,
)
HUNG = Trial(hung_destination.scenario, "the destination hangs, and an operator yanks", ON)
HUNG_TLS = Trial(
    Scenario(
        "hung-over-tls",
        hung_over_tls,
        {"main": main_over_tls, "destination": hung_destination.destination},
        hung_destination.check,
        watch_source,
        guarded=False,
    ),
    "the destination hangs, over TLS, and an operator yanks",
    ON,
)

# ---- the predicate changes, for all sites at once


class QIOChannelLater(QIOChannelFile):
    """A kind of channel that came after the series: no socket, and it can be shut down."""

    has_shutdown = True


def over_a_later_kind() -> SourceSide:
    w = SourceSide()
    ioc: Any = QIOChannelLater(w.qemu, "later", w.ioc.wire)
    w.ioc = ioc
    return w


def can_be_shut_down(ioc: QIOChannel) -> bool:
    return ioc.has_shutdown


def sockets_only(ioc: QIOChannel) -> bool:
    return isinstance(ioc, QIOChannelSocket)


def widened() -> AbstractContextManager[Any]:
    return replace(PREDICATE, can_be_shut_down)


def narrowed() -> AbstractContextManager[Any]:
    return replace(PREDICATE, sockets_only)


def registers_nothing(ioc: QIOChannel) -> None:
    return None


@contextmanager
def forgotten() -> Iterator[None]:
    with replace("yank_functions.migration_ioc_register_yank", registers_nothing):
        yield


LATER = Trial(
    Scenario(
        "over-a-later-kind",
        over_a_later_kind,
        {"main": main_connects_then_cleans_up},
        watch=watch_source,
        guarded=False,
    ),
    "a new kind of channel comes along, and the predicate counts it in",
    ON,
    widened,
)
NARROWED = Trial(tls.scenario, "the predicate no longer counts TLS", ON, narrowed)
FORGOTTEN = Trial(SOCKET.scenario, "somebody forgot to register the channel", ON, forgotten, must_abort="does not list")
