# SPDX-License-Identifier: GPL-2.0-or-later
"""A bounded buffer with `if` for `while`."""

import threading


class Shelf:
    """Room for one loaf."""

    def __init__(self):
        self.loaves = []
        self.changed = threading.Condition()

    def put(self, loaf):
        with self.changed:
            if len(self.loaves) == 1:
                self.changed.wait()
            self.loaves.append(loaf)
            self.changed.notify_all()

    def take(self):
        with self.changed:
            if len(self.loaves) == 0:
                self.changed.wait()
            self.changed.notify_all()
            return self.loaves.pop()


def bakery():
    shelf = Shelf()

    def bake():
        shelf.put("rye")
        shelf.put("wheat")

    threads = [threading.Thread(target=shelf.take, name=name) for name in ("Ann", "Bob")]
    threads.append(threading.Thread(target=bake, name="baker"))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
