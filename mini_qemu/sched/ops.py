# SPDX-License-Identifier: GPL-2.0-or-later
"""The vocabulary: every operation a thread can make visible, and when two of them depend on each other.

An instrumented thread yields its next operation as a plain tuple ``(KIND, object, ...)``; the world packs the part that
matters to the search into one integer, its *code*: ``object key, field number, kind``. Two operations commute unless
`depends` says otherwise, and everything that counts interleavings is a function of these codes.

Left out: memory models. Every step takes effect at once and in one order (sequential consistency).
"""

from __future__ import annotations

from enum import IntEnum

KIND_BITS = 4
FIELD_BITS = 6
FREE_FIELD = (1 << FIELD_BITS) - 1
"""The field number of ``free``: an object has at most this many shared fields."""


class Kind(IntEnum):
    """What a step does. The first sixteen are steps; the others are notes to the world and never scheduled."""

    READ = 0
    WRITE = 1
    CAS = 2
    LOCK = 3
    UNLOCK = 4
    WAIT = 5
    POST = 6
    SEND = 7
    RECV = 8
    RECV_END = 9  # a receive that finds the channel closed and drained; the world turns RECV into it
    CLOSE = 10
    SHUTDOWN = 11
    SPAWN = 12
    JOIN = 13  # through a handle, which may be joined once
    AWAIT = 14  # join(name) of a scenario's thread, as often as one likes
    FREE = 15

    ABORT = 16
    FAIL = 17
    BEAT = 18  # so many loop iterations went by


# Plain integers for the hot loops: an IntEnum comparison costs three times as much.
READ, WRITE, CAS, LOCK, UNLOCK, WAIT, POST, SEND = (int(k) for k in list(Kind)[:8])
RECV, RECV_END, CLOSE, SHUTDOWN, SPAWN, JOIN, AWAIT, FREE = (int(k) for k in list(Kind)[8:16])
ABORT, FAIL, BEAT = (int(k) for k in list(Kind)[16:])

VERBS = {
    READ: "reads", WRITE: "writes", CAS: "compares and exchanges", LOCK: "locks", UNLOCK: "unlocks", WAIT: "waits for",
    POST: "posts", SEND: "sends on", RECV: "receives from", RECV_END: "finds the end of", CLOSE: "closes",
    SHUTDOWN: "shuts down", SPAWN: "starts", JOIN: "joins", AWAIT: "joins", FREE: "frees",
}  # fmt: skip

DEPENDENCE = (
    "same thread; same variable and one of the two writes (values are not compared, a compare_exchange writes); "
    "any two operations on one mutex or on one semaphore; a thread's steps after its spawn, a join after its last "
    "step, two joins or detachments of one handle; "
    "two sends or two receives on one channel, a receive and the send of the item it takes, close/shutdown and a "
    "send, another close or "
    "a receive that finds the end; free(x) and any access of x"
)
"""The relation every count is relative to, in words: shown beside the counts."""


def _mask(*kinds: int) -> int:
    return sum(1 << kind for kind in kinds)


CONFLICTS = [0] * 16
"""``CONFLICTS[kind]``: bit mask of the kinds that conflict with it on the same variable or object."""
CONFLICTS[READ] = _mask(WRITE, CAS)
CONFLICTS[WRITE] = CONFLICTS[CAS] = _mask(READ, WRITE, CAS)
CONFLICTS[LOCK] = CONFLICTS[UNLOCK] = _mask(LOCK, UNLOCK)
CONFLICTS[WAIT] = CONFLICTS[POST] = _mask(WAIT, POST)
CONFLICTS[SEND] = _mask(SEND, CLOSE, SHUTDOWN)
CONFLICTS[RECV] = _mask(RECV, RECV_END)
CONFLICTS[RECV_END] = _mask(RECV, RECV_END, CLOSE, SHUTDOWN)
CONFLICTS[CLOSE] = CONFLICTS[SHUTDOWN] = _mask(SEND, RECV_END, CLOSE, SHUTDOWN)
CONFLICTS[JOIN] = _mask(JOIN)
CONFLICTS[FREE] = _mask(FREE)


def depends(a: int, b: int) -> bool:
    """Whether operations with codes ``a`` and ``b``, of different threads, must be tried in both orders.

    The order between a thread's spawn, steps and join, and between a send and the receive of its item, is not a choice
    and not asked here.
    """
    differ = a ^ b
    if differ < 16:  # the same variable, or the same lock, semaphore, channel, handle
        return CONFLICTS[a & 15] >> (b & 15) & 1 == 1
    if differ < 1024:  # another field of the same object
        return a & 15 == FREE or b & 15 == FREE
    return False
