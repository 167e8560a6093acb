# SPDX-License-Identifier: GPL-2.0-or-later
"""What is put in place of a piece of the miniature, so that a story ends where it is told to end.

A story about one race is spared the interleavings of another: a thread leaves at a semaphore that nobody will post, a
line stalls at a given message, a reader hears only when it is told that the line is dead.
"""

from __future__ import annotations

from typing import Any

from mini_qemu.qemu_thread import Channel, QemuSemaphore


class Offstage(Exception):
    """A thread has come to where the story leaves it."""


class Bell(QemuSemaphore):
    """Put in place of a semaphore: rings before it waits, so that others know that a thread has come this far."""

    def __init__(self, rings: QemuSemaphore) -> None:
        super().__init__()
        self.rings = rings

    def wait(self) -> None:
        self.rings.post()
        super().wait()


class Late(Channel):
    """Put in place of a direction of the wire: its reader hears that the line is dead when `tell` is called.

    A story about something else is spared the orders in which closes and readers can meet.
    """

    over = False  # the reader's

    def recv(self) -> Any:
        if self.over:
            return None
        item = super().recv()
        if item is None:
            self.over = True
        return item

    def tell(self) -> None:
        super().send(None)

    def close(self) -> None:
        """Not heard."""

    def shutdown(self) -> None:
        """Not heard."""


class Stalling(Late):
    """And one of the sends does not return until somebody shuts the line down."""

    def __init__(self, name: str, at: int, stalled: QemuSemaphore) -> None:
        super().__init__(name)
        self.at = at
        self.stalled = stalled
        self.sent = 0  # there is one sender
        self.cut = QemuSemaphore(name="the line")

    def send(self, item: bytes) -> None:
        self.sent += 1
        if self.sent == self.at:
            self.stalled.post()
            self.cut.wait()
            raise BrokenPipeError
        super().send(item)

    def shutdown(self) -> None:
        self.cut.post()


class Curtain:
    """Put in place of a lock behind which this story shows nothing: who comes to it has left the stage."""

    def __enter__(self) -> None:
        raise Offstage

    def __exit__(self, *_: object) -> None:
        """Nobody comes here."""


class Wings(QemuSemaphore):
    """Put in place of a semaphore nobody will post in this story: who waits on it has left the stage."""

    def wait(self) -> None:
        raise Offstage
