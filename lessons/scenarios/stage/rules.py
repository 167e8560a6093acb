# SPDX-License-Identifier: GPL-2.0-or-later
"""The rules that the five patches are about, as questions one can ask after each step of a run.

An assertion tells where it shows; these tell where it broke. Each takes a story's state and the step just made, and
its docstring is what the learner reads. They are about the source. With all five fixes a story may still break one:
the paths that do not join (cancel, failure) break INV-JOIN and INV-QUIESCE here as they do upstream.
Left out: rules about the past (a final state is never overwritten), and INV-YANK-PAIR, which yank.py asserts itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from lessons.scenarios.stage.source import SourceSide
from lessons.scenarios.stage.watched import is_freed
from mini_qemu.sched import Step

SHORT_LOCKS = ("qemu_file_lock", "yank_lock")
SLOW = {"close", "join", "recv", "recv_end", "send", "wait"}
OVER = ("cancelled", "completed", "failed")


def inv_join(w: SourceSide, step: Step) -> bool:
    """A migration that is over has joined the thread it created."""
    thread = w.ms.rp_state.rp_thread
    return w.ms.state not in OVER or thread is None or thread.handle.settled


def inv_quiesce(w: SourceSide, step: Step) -> bool:
    """While the yank instance is taken away, no file of this migration is open any more."""
    return not unregisters_instance(w, step) or is_freed(w.ioc)


def inv_yank_empty(w: SourceSide, step: Step) -> bool:
    """While the yank instance is taken away, it lists nothing."""
    return not unregisters_instance(w, step) or not listed(w)


def inv_yank_live(w: SourceSide, step: Step) -> bool:
    """What yank lists is alive."""
    return not any(is_freed(opaque) for opaque in listed(w))


def inv_ptr(w: SourceSide, step: Step) -> bool:
    """A pointer to a file is NULL, or the file is there."""
    return not any(is_freed(f) for f in (w.ms.to_dst_file, w.ms.rp_state.from_dst_file))


def inv_owner(w: SourceSide, step: Step) -> bool:
    """from_dst_file is used by the return path thread, or by somebody who holds qemu_file_lock."""
    uses = step.op in ("read", "write") and step.object.endswith("rp_state.from_dst_file")
    return not uses or step.thread == "return path" or "qemu_file_lock" in held(step)


def inv_lock_short(w: SourceSide, step: Step) -> bool:
    """Nobody waits, sends or closes while holding qemu_file_lock or yank_lock: an operator's command needs them."""
    waiting = any(step.locks.get(lock) in step.blocked for lock in SHORT_LOCKS)
    return not waiting and not (step.op in SLOW and held(step))


def inv_lock_leaf(w: SourceSide, step: Step) -> bool:
    """A thread that holds qemu_file_lock or yank_lock takes no other lock."""
    return step.op != "lock" or not held(step) - {step.object}


def held(step: Step) -> set[str]:
    """Which of the short locks the thread that made the step holds after it."""
    return {lock for lock in SHORT_LOCKS if step.locks.get(lock) == step.thread}


def unregisters_instance(w: SourceSide, step: Step) -> bool:
    """On the source that is main's work; a destination in the same story has an instance of its own."""
    return step.function == "yank_unregister_instance" and step.thread == "main"


def listed(w: SourceSide) -> list[Any]:
    return [opaque for entry in w.qemu.yank.yank_instance_list for _, opaque in entry.yankfns]


Rules = Mapping[str, Callable[[Any, Step], bool]]

SOURCE_RULES: Rules = {
    "INV-PTR": inv_ptr,
    "INV-OWNER": inv_owner,
    "INV-JOIN": inv_join,
    "INV-QUIESCE": inv_quiesce,
    "INV-YANK-EMPTY": inv_yank_empty,
    "INV-YANK-LIVE": inv_yank_live,
    "INV-LOCK-SHORT": inv_lock_short,
    "INV-LOCK-LEAF": inv_lock_leaf,
}
