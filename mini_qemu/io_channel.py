# SPDX-License-Identifier: GPL-2.0-or-later
"""QIOChannel: a byte stream in both directions. Mirrors io/channel.c, channel-socket.c, channel-tls.c, channel-file.c.

Closing and shutting down are two things. `qio_channel_shutdown` acts on the socket: it wakes every thread that waits on
it, in both directions. `qio_channel_close` gives the descriptor back; a thread of this process that waits in a read
stays asleep. A channel counts references, and the thread that drops the last one finalises it.

Each flush arrives whole: one read returns exactly what one flush wrote.
Left out: partial reads and writes, non-blocking mode, the loss of data sent to a closed peer, encryption itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from mini_qemu.process import QEMUBH, QemuProcess, qemu_bh_schedule
from mini_qemu.qemu_thread import Channel
from mini_qemu.qom import Object, object_ref, object_unref

EIO = 5  # these are Linux's numbers wherever Python runs: traces show them, and a browser's errno.EIO is 29
EBADF = 9
EINVAL = 22
EPIPE = 32
ENOSYS = 38


class QIOChannel(Object):
    """Base class. `process` is the QEMU that owns the descriptor; upstream finds its lists through globals."""

    def __init__(self, process: QemuProcess, name: str) -> None:
        self.process = process
        self.name = name

    has_shutdown = True

    def __repr__(self) -> str:
        return self.name

    def io_readv(self) -> bytes:
        raise NotImplementedError(f"{self.name} cannot be read")

    def io_writev(self, data: bytes) -> int:
        raise NotImplementedError(f"{self.name} cannot be written")

    def io_shutdown(self) -> int:
        return -ENOSYS

    def io_close(self) -> int:
        return 0

    def io_handshake(self, tioc: QIOChannelTLS, bh: QEMUBH) -> None:
        """Agree on the encryption. In memory there is nothing to agree on."""
        qemu_bh_schedule(bh)


@dataclass(frozen=True)
class Wire:
    """A connection, as the kernel sees it: one queue in each direction."""

    incoming: Channel
    outgoing: Channel

    def other_end(self) -> Wire:
        return Wire(incoming=self.outgoing, outgoing=self.incoming)


class QIOChannelFd(QIOChannel):
    """A channel with a descriptor, whatever lies behind it: what sockets and files have in common."""

    def __init__(self, process: QemuProcess, name: str, wire: Wire) -> None:
        super().__init__(process, name)
        self.wire = wire

    def io_readv(self) -> bytes:
        data = self.wire.incoming.recv()
        if data is None:
            return b""
        return bytes(data)

    def io_writev(self, data: bytes) -> int:
        try:
            self.wire.outgoing.send(data)
        except BrokenPipeError:
            return -EPIPE
        return len(data)


class QIOChannelSocket(QIOChannelFd):
    # each QEMUFile's close comes here, so two threads may: test and store are not one step, and no lock protects them
    fd: int = -1

    def __init__(self, process: QemuProcess, name: str, fd: int, wire: Wire) -> None:
        super().__init__(process, name, wire)
        self.fd = fd

    def io_shutdown(self) -> int:
        if self.fd == -1:
            return -EBADF
        self.wire.incoming.shutdown()
        self.wire.outgoing.shutdown()
        return 0

    def io_close(self) -> int:
        if self.fd != -1:
            self.wire.outgoing.close()
            self.fd = -1
        return 0

    def instance_finalize(self) -> None:
        self.io_close()


class QIOChannelTLS(QIOChannel):
    """Encryption around another channel, on which it holds a reference."""

    def __init__(self, master: QIOChannel, name: str) -> None:
        super().__init__(master.process, name)
        self.master = master
        # set before the end of the handshake is told
        self.handshake_error: str | None = None

    def io_readv(self) -> bytes:
        return self.master.io_readv()

    def io_writev(self, data: bytes) -> int:
        return self.master.io_writev(data)

    def io_shutdown(self) -> int:
        return qio_channel_shutdown(self.master)

    def io_close(self) -> int:
        return qio_channel_close(self.master)

    def instance_finalize(self) -> None:
        object_unref(self.master)


class QIOChannelFile(QIOChannelFd):
    """A plain file descriptor, as `exec:` and `fd:` give. It cannot be shut down, so yank has nothing to do with it."""

    has_shutdown = False

    def io_close(self) -> int:
        self.wire.outgoing.close()
        return 0


def QIO_CHANNEL(obj: object) -> QIOChannel:
    """The checked cast: what is not a channel ends the process here rather than later."""
    assert isinstance(obj, QIOChannel), f"{obj!r} is not a QIOChannel"
    return obj


def qio_channel_socket_pair(a: QemuProcess, b: QemuProcess) -> tuple[QIOChannelSocket, QIOChannelSocket]:
    """Two ends of one connection, one in each process."""
    wire = Wire(Channel("the line to the source"), Channel("the line to the destination"))
    return QIOChannelSocket(a, "ioc", 7, wire), QIOChannelSocket(b, "ioc", 7, wire.other_end())


def qio_channel_tls_new(master: QIOChannel) -> QIOChannelTLS:
    object_ref(master)
    return QIOChannelTLS(master, "tls")


def qio_channel_tls_handshake(tioc: QIOChannelTLS, bh: QEMUBH) -> None:
    """`bh` is called when the handshake is over, well or not."""
    tioc.master.io_handshake(tioc, bh)


def qio_channel_read(ioc: QIOChannel) -> bytes:
    """Wait for bytes; empty when the other end has closed or somebody shut the channel down."""
    return ioc.io_readv()


def qio_channel_write(ioc: QIOChannel, data: bytes) -> int:
    return ioc.io_writev(data)


def qio_channel_shutdown(ioc: QIOChannel) -> int:
    """Both directions."""
    return ioc.io_shutdown()


def qio_channel_close(ioc: QIOChannel) -> int:
    return ioc.io_close()
