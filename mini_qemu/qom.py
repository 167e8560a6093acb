# SPDX-License-Identifier: GPL-2.0-or-later
"""Objects with a reference count. Mirrors qom/object.c, as far as the count.

Dropping the last reference finalises the object, and from then on every touch raises UseAfterFree: Python's own
memory management must not hide what C would not survive. The count is a field of its own for the same reason.
Left out: types, properties, the tree of objects.
"""

from __future__ import annotations

from mini_qemu.sched import Shared, fetch_add, free

__all__ = ["Object", "fetch_add", "object_ref", "object_unref"]


class Object(Shared):
    # changed by atomic instructions; reading it tells what it was, not what it is
    ref: int = 1

    def instance_finalize(self) -> None:
        """What this kind of object gives back with its last reference."""


def object_ref(obj: Object) -> None:
    fetch_add(obj, "ref", 1)


def object_unref(obj: Object) -> None:
    if fetch_add(obj, "ref", -1) == 1:
        obj.instance_finalize()
        free(obj)
