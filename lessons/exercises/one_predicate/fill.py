# SPDX-License-Identifier: GPL-2.0-or-later
"""03, fill in: which channels belong on the list? The answer must not change from site to site."""

from __future__ import annotations

from lessons.exercises.model import Exercise
from lessons.exercises.mounting import instead_of
from lessons.exercises.one_predicate.trials import FILE, HUNG, HUNG_TLS, PREDICATE, SOCKET, TLS
from mini_qemu.io_channel import QIOChannelFile, QIOChannelSocket, QIOChannelTLS, qio_channel_shutdown

FILL = Exercise(
    name="one-predicate/fill",
    lesson="03_one_predicate",
    title="Fill in the predicate",
    statement="Which channels belong on the list? All sites ask this function now.",
    why="One function, one answer. (Since 2024 upstream asks whether the channel can be shut down at all;"
    " `ioc.has_shutdown` passes here as well.)",
    trials=(SOCKET, TLS, HUNG, HUNG_TLS, FILE),
    mount=instead_of(PREDICATE),
    hints=("Which kinds of channel are there? See mini_qemu/io_channel.py.", "Which of them can be shut down?"),
)


@FILL.starts_from(
    "TLS is forgotten on both sides, so nothing aborts any more. But nobody can cut a TLS connection that hangs: both"
    " sides agree, and both are wrong.",
    lambda o: o.during(HUNG_TLS),
)
def yank_supported(ioc):
    return isinstance(ioc, QIOChannelSocket)


@FILL.solved_by
def sockets_and_tls(ioc):
    # the same answer for the same channel, at every site and at any time
    return isinstance(ioc, QIOChannelSocket | QIOChannelTLS)


@FILL.refutes(
    "The answer changes in between: you ask about a state of the channel, which is not the same when it is registered"
    " and when it is closed. Ask what kind of channel it is.",
    lambda o: o.deeds.did("read", own=True),
)
def still_open(ioc):
    return ioc.fd != -1


@FILL.refutes(
    "You try it out, and the channel is cut. A question must leave the channel as it is: ask what kind it is.",
    lambda o: o.deeds.did("shutdown"),
)
def tries_it(ioc):
    return qio_channel_shutdown(ioc) == 0


@FILL.refutes(
    "The answer changes in between: what you say when a channel is registered is not what you say when it is closed."
    " Your function remembers something, or changes it. The answer may depend on the kind of the channel only.",
    lambda o: o.during(SOCKET, TLS, HUNG, HUNG_TLS) and (o.says("still lists") or o.says("does not list")),
)
def alternates(ioc):
    ioc.name = ioc.name.swapcase()
    return ioc.name.islower()


@FILL.refutes(
    "A pipe cannot be shut down. It is listed now, and an operator who cuts it cuts nothing.",
    lambda o: o.during(FILE),
)
def all_of_them(ioc):
    return True


@FILL.refutes(
    "No plain socket is ever listed, so nothing aborts; but nobody can cut a connection that hangs.",
    lambda o: o.during(HUNG),
)
def none(ioc):
    return False


@FILL.accepts
def has_shutdown(ioc):
    return ioc.has_shutdown


@FILL.accepts
def not_a_file(ioc):
    return not isinstance(ioc, QIOChannelFile)


@FILL.accepts
def by_name(ioc):
    return type(ioc).__name__ in ("QIOChannelSocket", "QIOChannelTLS")
