# SPDX-License-Identifier: GPL-2.0-or-later
"""Patch 3's class of mistake: who registers and who unregisters must agree on which channels count.

A precopy over TLS, without return path; nothing races. Until June 2021 (`history.yank_knows_tls` off) both sides
asked "a socket?", but about two objects: the bare socket was registered, and the last close asked the TLS channel
that wraps it. The entry stayed, and every TLS migration aborted at its end. With one predicate for both sides (patch
3) that cannot happen. Patch 5 without patch 3 turns it around: it unregisters the TLS channel, which nobody listed.
"""

from __future__ import annotations

from lessons.replace import edited
from lessons.scenarios.stage import SourceSide, source_scenario
from lessons.scenarios.story import Story, WrongFix
from mini_qemu.channel import socket_outgoing_migration
from mini_qemu.process import main_loop_wait, qemu_mutex_lock_iothread, qemu_mutex_unlock_iothread


def setup() -> SourceSide:
    w = SourceSide()
    w.ms.tls_creds = True
    return w


def main(w: SourceSide) -> None:
    qemu_mutex_lock_iothread(w.qemu)
    socket_outgoing_migration(w.ms, w.ioc)
    qemu_mutex_unlock_iothread(w.qemu)
    main_loop_wait(w.qemu)  # the handshake is over
    main_loop_wait(w.qemu)  # the clean-up

scenario = source_scenario("tls", "TLS", setup, {"main": main})
june_2021 = source_scenario("tls-june-2021", "TLS, June 2021", setup, {"main": main})

UNREGISTER = "yank.yank_unregister_function"
WRONG_FIXES = (
    WrongFix(
        "tolerate_missing",
        "Let the unregistering not mind when there is no such pair.",
        {
            UNREGISTER: edited(
                UNREGISTER,
                'abort(f"yank instance {instance} does not list this {func.__name__}")',
                "return",
                "not found is fine",
            )
        },
        "Here a pair is registered and never taken out: that is the other kind of disagreement. What this hides is"
        " channels that yank cannot reach.",
        frozenset({"crash"}),
        scenario=june_2021,
    ),
)

STORY = Story(scenario, "a precopy over TLS")
STORY_JUNE_2021 = Story(
    june_2021,
    "a precopy over TLS, before both sides asked about one channel",
    fixes=("one_yank_predicate",),
    wrong_fixes=WRONG_FIXES,
    history=(),
)
STORIES = (STORY, STORY_JUNE_2021)
