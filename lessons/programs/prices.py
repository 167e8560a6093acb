# SPDX-License-Identifier: GPL-2.0-or-later
"""A cache that checks and then fills, each under the lock."""

import threading


class Prices:
    def __init__(self):
        self.known = {}
        self.asked = 0
        self.lock = threading.Lock()

    def of(self, item):
        with self.lock:
            price = self.known.get(item)
        if price is None:
            price = self.ask(item)
            with self.lock:
                self.known[item] = price
        return price

    def ask(self, item):
        with self.lock:
            self.asked += 1  # each question costs money
        return 7


def prices():
    shop = Prices()
    threads = [threading.Thread(target=shop.of, args=("tea",), name=name) for name in ("Ann", "Bob")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shop.asked == 1, f"asked {shop.asked} times for one price"
