# SPDX-License-Identifier: GPL-2.0-or-later
"""A pool that shuts down while work comes in."""

import queue
import threading


class Printer:
    def __init__(self):
        self.jobs = queue.Queue()
        self.open = True
        self.printed = []
        self.thread = threading.Thread(target=self.work, name="printer")
        self.thread.start()

    def submit(self, job):
        if not self.open:
            return False
        self.jobs.put(job)
        return True

    def work(self):
        while (job := self.jobs.get()) is not None:
            self.printed.append(job)

    def close(self):
        self.open = False
        self.jobs.put(None)  # the last one
        self.thread.join()


def reports():
    printer = Printer()
    accepted = []

    def client():
        accepted.append(printer.submit("report"))

    thread = threading.Thread(target=client, name="client")
    thread.start()
    printer.close()
    thread.join()
    if accepted == [True]:
        assert printer.printed == ["report"], "accepted, and never printed"
