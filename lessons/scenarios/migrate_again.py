# SPDX-License-Identifier: GPL-2.0-or-later
"""Cancel, then migrate again, while the first return path thread is still on its way out: survives the series (C.5).

Nobody joins that thread on cancel, and the next migration uses the same state. The thread lets go of whatever the
shared pointer holds by then: its own file, nothing at all, or the file of the second migration, which then fails for no
reason anybody can see. QEMU fixed it in 2023 by joining on every path (d50f5dc075, 36e9aab3c5). By reading; no report
is known. The second migration is followed until its return path is open; it starts no threads here.
"""

from __future__ import annotations

from lessons.scenarios.stage import (
    SourceSide,
    cancelled,
    cleans_up,
    created_return_path,
    pointer,
    return_path,
    source_scenario,
)
from lessons.scenarios.story import Story
from mini_qemu.io_channel import qio_channel_socket_pair
from mini_qemu.migration import open_return_path_on_source, qmp_migrate
from mini_qemu.qemu_file_channel import qemu_fopen_channel_output
from mini_qemu.yank_functions import migration_ioc_register_yank


def setup() -> SourceSide:
    w = cancelled()
    created_return_path(w)
    w.ioc2, w.peer_ioc2 = qio_channel_socket_pair(w.qemu, w.peer)
    return w


def main(w: SourceSide) -> None:
    cleans_up(w)
    error = qmp_migrate(w.ms)
    assert error is None, error
    migration_ioc_register_yank(w.ioc2)
    w.ms.to_dst_file = qemu_fopen_channel_output(w.ioc2)
    open_return_path_on_source(w.ms, create_thread=False)


def check(w: SourceSide) -> None:
    found = pointer(w.ms.rp_state.from_dst_file)
    assert found == "open", f"the second migration has opened its return path, and from_dst_file is {found}"


scenario = source_scenario(
    "migrate-again", "Cancel, then migrate again", setup, {"main": main, "return path": return_path}, check=check
)

STORY = Story(
    scenario,
    "cancel, then migrate again: survives the series",
    later=("lock_in_await", "join_on_every_path"),
)
STORIES = (STORY,)
