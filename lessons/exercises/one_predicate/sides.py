# SPDX-License-Identifier: GPL-2.0-or-later
"""03: the two sides that ask whether a channel is for the yank list, and the two desks of the library. For Asked."""

from __future__ import annotations

from lessons.player.asked import Place
from lessons.scenarios import twins

COMES, GOES = "asked here, when a channel comes", "asked there, when it goes"

TWO_SIDES = (
    Place(
        "channel.migration_channel_connect",
        "if isinstance(asked,",
        COMES,
        holds="asked",
        question="a socket, or TLS?",
        answer="isinstance(asked, QIOChannelSocket | QIOChannelTLS)",
    ),
    Place(
        "yank_functions.migration_ioc_register_yank",
        "if migration_ioc_yank_supported",
        COMES,
        holds="ioc",
        question="`migration_ioc_yank_supported`?",
        answer="migration_ioc_yank_supported(ioc)",
    ),
    Place(
        "qemu_file_channel.channel_close",
        "if isinstance(ioc, yankable)",
        GOES,
        holds="ioc",
        question="`{' or '.join(one.__name__ for one in yankable)}`?",
        answer="isinstance(ioc, yankable)",
    ),
    Place(
        "yank_functions.migration_ioc_unregister_yank",
        "if migration_ioc_yank_supported",
        GOES,
        holds="ioc",
        question="`migration_ioc_yank_supported`?",
        answer="migration_ioc_yank_supported(ioc)",
    ),
)

_LENDS = twins.lend_by_one_list_take_back_by_another
_ONE_NOTE = twins.lend_a_film_and_take_it_back
TWO_DESKS = (
    Place(_LENDS, 'if "film" in lends', "the desk that lends", "'a film'", "is it lent?", "'film' in lends"),
    Place(_LENDS, 'if "film" in takes_back', "the desk that takes back", "'a film'", "lent?", "'film' in takes_back"),
)
