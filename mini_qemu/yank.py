# SPDX-License-Identifier: GPL-2.0-or-later
"""Yank: the list of things an operator may cut off by force. Mirrors util/yank.c.

One list of instances, each with (function, opaque) pairs, all under yank_lock. The rules are strict on purpose: an
instance may go only when its list is empty, a pair may be taken out only if it is there, nothing is deduplicated, and
the list owns no reference on what it names. The callbacks run under yank_lock, so they must be quick.
Left out: character devices and block nodes as instances. The list is an object, because two QEMUs may share one
Python.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mini_qemu.qemu_thread import QemuMutex, Shared, abort

YankFn = Callable[[Any], None]


@dataclass(frozen=True)
class YankInstance:
    type: str
    id: str = ""

    def __repr__(self) -> str:
        return self.type + (f":{self.id}" if self.id else "")


MIGRATION_YANK_INSTANCE = YankInstance("migration")


class YankInstanceEntry(Shared):
    # guarded by yank_lock
    yankfns: tuple[tuple[YankFn, Any], ...] = ()

    def __init__(self, instance: YankInstance) -> None:
        self.instance = instance


class YankList(Shared):
    # guarded by yank_lock
    yank_instance_list: tuple[YankInstanceEntry, ...] = ()

    def __init__(self) -> None:
        self.yank_lock = QemuMutex("yank_lock")


def _names(fns: tuple[tuple[YankFn, Any], ...]) -> str:
    return ", ".join([str(opaque.name) for _, opaque in fns])


def QLIST_EMPTY(items: tuple[Any, ...]) -> bool:
    return not items


def yank_find_entry(yank: YankList, instance: YankInstance) -> YankInstanceEntry | None:
    """The caller holds yank_lock."""
    for entry in yank.yank_instance_list:
        if entry.instance == instance:
            return entry
    return None


def yank_register_instance(yank: YankList, instance: YankInstance) -> bool:
    """False if the instance exists already."""
    with yank.yank_lock:
        if yank_find_entry(yank, instance) is not None:
            return False
        yank.yank_instance_list = (YankInstanceEntry(instance), *yank.yank_instance_list)
        return True


def yank_unregister_instance(yank: YankList, instance: YankInstance) -> None:
    with yank.yank_lock:
        entry = yank_find_entry(yank, instance)
        assert entry is not None, f"there is no yank instance {instance}"
        fns = entry.yankfns
        assert QLIST_EMPTY(fns), f"yank instance {instance} still lists {_names(fns)}"
        entries = yank.yank_instance_list
        yank.yank_instance_list = tuple([e for e in entries if e is not entry])


def yank_register_function(yank: YankList, instance: YankInstance, func: YankFn, opaque: Any) -> None:
    with yank.yank_lock:
        entry = yank_find_entry(yank, instance)
        assert entry is not None, f"there is no yank instance {instance}"
        entry.yankfns = ((func, opaque), *entry.yankfns)


def yank_unregister_function(yank: YankList, instance: YankInstance, func: YankFn, opaque: Any) -> None:
    with yank.yank_lock:
        entry = yank_find_entry(yank, instance)
        assert entry is not None, f"there is no yank instance {instance}"
        fns = entry.yankfns
        for i, (f, o) in enumerate(fns):
            if f is func and o is opaque:
                entry.yankfns = fns[:i] + fns[i + 1 :]
                return
        abort(f"yank instance {instance} does not list this {func.__name__}")


def yank_instances(yank: YankList, instances: tuple[YankInstance, ...]) -> YankInstance | None:
    """Call every function of these instances; if one does not exist, call none and name it. The middle of qmp_yank."""
    with yank.yank_lock:
        for instance in instances:
            if yank_find_entry(yank, instance) is None:
                return instance
        for instance in instances:
            entry = yank_find_entry(yank, instance)
            assert entry is not None
            for func, opaque in entry.yankfns:
                func(opaque)
        return None


def yank_query(yank: YankList) -> tuple[YankInstance, ...]:
    """The instances, without what they list. The middle of qmp_query_yank."""
    with yank.yank_lock:
        entries = yank.yank_instance_list
        return tuple([entry.instance for entry in entries])
