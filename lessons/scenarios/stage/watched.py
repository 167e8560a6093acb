# SPDX-License-Identifier: GPL-2.0-or-later
"""What a story shows of its state after each step. Looking takes no step.

A cell of the table is a `Word`: what is written there, and which objects it stands for in a picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from lessons.scenarios.stage.source import SourceSide
from mini_qemu.io_channel import QIOChannel
from mini_qemu.process import QemuProcess
from mini_qemu.sched import peek


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
    """Looks without taking a step. Sound where the entry is taken out before the reference is dropped."""
    entries = peek(ioc.process.yank, "yank_instance_list")
    listed = [opaque for entry in entries for _, opaque in peek(entry, "yankfns") if opaque is ioc]
    return bool(listed)


def yank_list(qemu: QemuProcess) -> Word:
    entries = qemu.yank.yank_instance_list
    if not entries:
        return Word("no instance", "list")
    listed = [opaque for entry in entries for _, opaque in entry.yankfns]
    return Word("[" + ", ".join("freed" if is_freed(o) else str(o.name) for o in listed) + "]", "list", listed)


def watch_source(w: SourceSide) -> Mapping[str, Any]:
    return {
        "state": w.ms.state,
        "from_dst_file": pointer(w.ms.rp_state.from_dst_file),
        "to_dst_file": pointer(w.ms.to_dst_file),
        "rp_thread_created": w.ms.rp_state.rp_thread_created,
        "ioc.ref": references(w.ioc),
        "yank list": yank_list(w.qemu),
    }
