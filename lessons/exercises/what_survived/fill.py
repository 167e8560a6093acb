# SPDX-License-Identifier: GPL-2.0-or-later
"""06, fill in: the return path thread on its way out. Its waiter must hear that no answer will come."""

from __future__ import annotations

from lessons.exercises.model import Exercise
from lessons.exercises.mounting import called_from
from lessons.exercises.what_survived.trials import CUT, ENOUGH, NONSENSE, TRIALS, WELL
from mini_qemu.migration_state import MIGRATION_STATUS_POSTCOPY_RECOVER, mark_source_rp_bad
from mini_qemu.qemu_file import qemu_file_get_error

FILL = Exercise(
    name="survived/fill",
    lesson="06_what_survived",
    title="Wake the one who waits",
    statement="The return path thread calls this when it stops reading. During a recovery the migration thread waits on"
    " `ms.rp_state.rp_sem` for its answer. Let it never wait for ever.",
    why="A wait has to end on every way out of the thread that could end it. Say why first, then post.",
    trials=TRIALS,
    mount=called_from(
        "migration.source_return_path_thread",
        """
        if later.kick_from_recover:
            if res and ms.state == MIGRATION_STATUS_POSTCOPY_RECOVER:
                mark_source_rp_bad(ms)
                ms.rp_state.rp_sem.post()
        """,
        "tell_who_waits(ms)",
    ),
    hints=(
        "Who waits, and on what? Which line of yours ends that wait?",
        "The migration thread looks at `ms.rp_state.error` when it wakes up. What must be there by then?",
    ),
)


@FILL.starts_from(
    "You say that no answer will come, and nobody hears it: the migration thread sleeps on the semaphore. A flag is no"
    " waker.",
    lambda o: not o.deeds.did("post"),
)
def tell_who_waits(ms):
    if ms.state == MIGRATION_STATUS_POSTCOPY_RECOVER:
        mark_source_rp_bad(ms)


@FILL.solved_by
def says_why_then_wakes(ms):
    # the state leaves RECOVER with the answer; a thread that ends before has not brought one
    if ms.state == MIGRATION_STATUS_POSTCOPY_RECOVER:
        mark_source_rp_bad(ms)
        ms.rp_state.rp_sem.post()


@FILL.refutes(
    "You report an error although the recovery has gone well, so the migration does not go on. Say it only in the state"
    " RECOVER.",
    lambda o: o.during(WELL) and o.says("does not go on"),
)
def always_an_error(ms):
    mark_source_rp_bad(ms)
    if ms.state == MIGRATION_STATUS_POSTCOPY_RECOVER:
        ms.rp_state.rp_sem.post()


@FILL.refutes(
    "You wait on the semaphore on which the migration thread waits, and nobody posts it. Your thread is the one that"
    " has to post.",
    lambda o: o.says("return path waits for"),
)
def waits_too(ms):
    if ms.state == MIGRATION_STATUS_POSTCOPY_RECOVER:
        ms.rp_state.rp_sem.wait()


@FILL.refutes(
    "Your function does nothing here: the migration thread sleeps on the semaphore, and nobody wakes it. Which state is"
    " it in while it waits for an answer?",
    lambda o: o.during(CUT)
    and not o.deeds.did("post")
    and not any(o.deeds.did("write", name) for name in ("error", "state")),
)
def in_another_state(ms):
    if ms.state == "postcopy-paused":
        mark_source_rp_bad(ms)
        ms.rp_state.rp_sem.post()


@FILL.refutes(
    "You post when nobody waits. The post stays, and the next recovery takes it for an answer.",
    lambda o: o.says("a post is left over"),
)
def always(ms):
    mark_source_rp_bad(ms)
    ms.rp_state.rp_sem.post()


@FILL.refutes(
    "You wake the migration thread only if the file has an error. The thread also ends when the destination says"
    " SHUT, or something that it does not understand: then the file is fine, and nobody is woken.",
    lambda o: o.during(NONSENSE, ENOUGH) and o.deeds.did("read", "last_error"),
)
def on_error(ms):
    if qemu_file_get_error(ms.rp_state.from_dst_file) and ms.state == MIGRATION_STATUS_POSTCOPY_RECOVER:
        mark_source_rp_bad(ms)
        ms.rp_state.rp_sem.post()


@FILL.refutes(
    "You wake the migration thread and do not say why. It finds that the state has not changed, and waits again.",
    lambda o: o.deeds.did("post", "rp_sem") and not any(o.deeds.did("write", name) for name in ("error", "state")),
)
def only_posts(ms):
    if ms.state == MIGRATION_STATUS_POSTCOPY_RECOVER:
        ms.rp_state.rp_sem.post()


@FILL.refutes(
    "You say that the recovery has succeeded, and the destination has acknowledged nothing. The migration goes on"
    " over a line that is lost. Report an error, not another state.",
    lambda o: o.says("has acknowledged nothing") and o.deeds.did("write", "state"),
)
def says_it_went_well(ms):
    if ms.state == MIGRATION_STATUS_POSTCOPY_RECOVER:
        ms.state = "postcopy-active"
        ms.rp_state.rp_sem.post()


@FILL.refutes(
    "You post more than once, and one thread waits. A post stays, and the next recovery takes it for an answer.",
    lambda o: o.says("only one thread waited"),
)
def posts_twice(ms):
    if ms.state == MIGRATION_STATUS_POSTCOPY_RECOVER:
        mark_source_rp_bad(ms)
        ms.rp_state.rp_sem.post()
        ms.rp_state.rp_sem.post()


@FILL.refutes(
    "You post a semaphore on which the migration thread does not wait. It waits on `rp_sem`.",
    lambda o: "deadlock" in o.kinds and o.deeds.did("post") and not o.deeds.did("post", "rp_sem"),
)
def another_semaphore(ms):
    if ms.state == MIGRATION_STATUS_POSTCOPY_RECOVER:
        mark_source_rp_bad(ms)
        ms.postcopy_pause_rp_sem.post()


@FILL.refutes(
    "You wake first and say why afterwards. The migration thread can look in between, see no error, and wait again.",
    lambda o: "deadlock" in o.kinds and o.deeds.did("post", "rp_sem") and not o.always,
)
def wakes_then_says_why(ms):
    if ms.state == MIGRATION_STATUS_POSTCOPY_RECOVER:
        ms.rp_state.rp_sem.post()
        mark_source_rp_bad(ms)


@FILL.accepts_but(
    "You end the migration: in your new state nobody can try another recovery, and the guest is lost in the middle of a"
    " postcopy. Report an error; the thread that waits decides what comes of it.",
    lambda o: o.deeds.did("write", "state", own=True),
)
def ends_the_migration(ms):
    if ms.state == MIGRATION_STATUS_POSTCOPY_RECOVER:
        ms.state = "failed"
        ms.rp_state.rp_sem.post()


@FILL.accepts
def field_by_field(ms):
    if ms.state == "postcopy-recover":
        ms.rp_state.error = True
        ms.rp_state.rp_sem.post()
