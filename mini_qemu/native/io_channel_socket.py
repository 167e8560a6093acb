# SPDX-License-Identifier: GPL-2.0-or-later
"""A socket of the operating system as a channel. Mirrors io/channel-socket.c, channel-tls.c and net-listener.c.

The channel is the one of io_channel.py; only the two ends of its wire differ. Where a scenario has a queue, here is
one direction of a socket, with the queue's four operations. After a handshake the same two ends encrypt: each TLS
record is made and opened in memory under a lock, and nobody holds that lock while waiting for the network, because
one thread reads while another writes.
Left out: file descriptors as ancillary data, addresses other than unix and TCP, authorisation of peers by name.
"""

from __future__ import annotations

import errno
import os
import socket
import ssl
import stat
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mini_qemu.io_channel import EBADF, QIOChannelSocket, QIOChannelTLS, Wire
from mini_qemu.native.main_loop import EVENT_WRITE, AioContext, RealProcess, qemu_coroutine_self
from mini_qemu.process import NOT_EXPECTED, QEMUBH, qemu_bh_new, qemu_bh_schedule
from mini_qemu.qemu_thread import QEMU_THREAD_DETACHED, Channel, qemu_thread_create

READ_SIZE = 256 * 1024


class SocketReader(Channel):
    """What comes from the socket. Empty, broken and shut down are one and the same: there is no more."""

    def __init__(self, aio: AioContext, sock: socket.socket) -> None:
        super().__init__("from the socket")
        self.aio = aio
        self.sock = sock

    def recv(self) -> Any:
        try:
            coroutine = qemu_coroutine_self()
            if coroutine is None:
                return self.sock.recv(READ_SIZE) or None
            while True:
                try:
                    return self.sock.recv(READ_SIZE, socket.MSG_DONTWAIT) or None
                except BlockingIOError:
                    coroutine.wait_for_fd(self.aio, self.sock.fileno())
        except (OSError, ValueError):
            return None

    def shutdown(self) -> None:
        shut(self.sock, socket.SHUT_RD)


class SocketWriter(Channel):
    """What goes into the socket. Closing it closes the descriptor; a reader that sleeps in the kernel sleeps on."""

    def __init__(self, aio: AioContext, sock: socket.socket) -> None:
        super().__init__("into the socket")
        self.aio = aio
        self.sock = sock

    def send(self, item: Any) -> None:
        """A coroutine lets the main loop go on while the other end does not read; a thread of its own just waits."""
        try:
            coroutine = qemu_coroutine_self()
            if coroutine is None:
                self.sock.sendall(item)
                return
            view = memoryview(item)
            while view:
                try:
                    view = view[self.sock.send(view, socket.MSG_DONTWAIT) :]
                except BlockingIOError:
                    coroutine.wait_for_fd(self.aio, self.sock.fileno(), EVENT_WRITE)
        except (OSError, ValueError) as error:
            raise BrokenPipeError(str(error)) from error

    def shutdown(self) -> None:
        shut(self.sock, socket.SHUT_WR)

    def close(self) -> None:
        self.sock.close()


def shut(sock: socket.socket, how: int) -> None:
    try:
        sock.shutdown(how)
    except OSError:
        pass  # the other end was faster


class QIOChannelSocketOS(QIOChannelSocket):
    """The same channel, with the operating system's wire."""

    def __init__(self, process: RealProcess, sock: socket.socket, peer: str | None = None) -> None:
        """`peer` is the host that was connected to; None for a connection that was accepted."""
        self.aio = process.aio
        self.sock = sock
        self.peer = peer
        self.reader = SocketReader(process.aio, sock)
        self.writer = SocketWriter(process.aio, sock)
        super().__init__(process, "ioc", sock.fileno(), Wire(self.reader, self.writer))

    def io_shutdown(self) -> int:
        """Both directions in one call: between two, the reader could wake and close the descriptor."""
        if self.fd == -1:
            return -EBADF
        shut(self.sock, socket.SHUT_RDWR)
        return 0

    def io_handshake(self, tioc: QIOChannelTLS, bh: QEMUBH) -> None:
        """Goes on in the main loop, whenever the other end has answered."""
        try:
            session = TLSSession(self)
        except NOT_EXPECTED as error:
            tioc.handshake_error = f"TLS cannot be set up: {error}"
            qemu_bh_schedule(bh)
            return

        def go_on(_: Any) -> None:
            self.aio.set_fd_handler(self.fd, None)
            try:
                session.take_in()
                if session.handshake():
                    self.wire = Wire(TLSReader(session), TLSWriter(session))
                    qemu_bh_schedule(bh)
                else:
                    self.aio.set_fd_handler(self.fd, go_on)
            except NOT_EXPECTED as error:  # an ssl.SSLError is an OSError
                tioc.handshake_error = f"the TLS handshake has failed: {error}"
                qemu_bh_schedule(bh)

        go_on(None)


# TLS


class TLSSession:
    """The record layer between a socket's two ends and the two ends that a channel sees."""

    def __init__(self, ioc: QIOChannelSocketOS) -> None:
        process = ioc.process
        assert isinstance(process, RealProcess)
        self.raw = ioc
        self.lock = threading.Lock()  # the SSL object and its two buffers; never held while waiting
        self.send_lock = threading.Lock()  # records leave in the order in which they were made
        self.incoming = ssl.MemoryBIO()
        self.outgoing = ssl.MemoryBIO()
        context, hostname = tls_context(process, ioc.peer)
        server = context.protocol == ssl.PROTOCOL_TLS_SERVER
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=server, server_hostname=hostname)

    def take_in(self) -> None:
        """Whatever has arrived, without waiting."""
        try:
            data = self.raw.sock.recv(READ_SIZE, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        if not data:
            raise ConnectionError("the other end has hung up")
        self.incoming.write(data)

    def handshake(self) -> bool:
        """One more round; whether it was the last."""
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        finally:
            self.flush()
        return True

    def flush(self) -> None:
        with self.send_lock:
            with self.lock:
                records = self.outgoing.read()
            if records:
                self.raw.writer.send(records)


class TLSReader(Channel):
    def __init__(self, session: TLSSession) -> None:
        super().__init__("from TLS")
        self.session = session

    def recv(self) -> Any:
        session = self.session
        while True:
            try:
                with session.lock:
                    return session.tls.read(READ_SIZE) or None
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError:
                return None
            data = session.raw.reader.recv()
            if data is None:
                return None
            with session.lock:
                session.incoming.write(data)

    def shutdown(self) -> None:
        self.session.raw.reader.shutdown()


class TLSWriter(Channel):
    def __init__(self, session: TLSSession) -> None:
        super().__init__("into TLS")
        self.session = session

    def send(self, item: Any) -> None:
        session = self.session
        with session.send_lock:
            with session.lock:
                try:
                    view = memoryview(item)
                    while view:
                        view = view[session.tls.write(view) :]
                except ssl.SSLError as error:
                    raise BrokenPipeError(str(error)) from error
                records = session.outgoing.read()
            session.raw.writer.send(records)

    def shutdown(self) -> None:
        self.session.raw.writer.shutdown()

    def close(self) -> None:
        self.session.raw.writer.close()


TLS_ENDPOINTS = ("client", "server")
SWITCH = {"on": True, "yes": True, "true": True, "off": False, "no": False, "false": False}
"""How a switch is spelled on the command line. Anything else is refused: a typo must not switch a check off."""


def tls_context(qemu: RealProcess, peer: str | None) -> tuple[ssl.SSLContext, str | None]:
    """From the object that tls-creds names; the files are called as upstream's tls-creds-x509 calls them."""
    name = qemu.parameters["tls-creds"]
    creds = qemu.objects.get(name)
    if creds is None:
        raise ValueError(f"there is no object {name!r} with credentials for TLS")
    directory, endpoint = creds.get("dir", "."), creds.get("endpoint", "client")
    server = peer is None
    if server != (endpoint == "server"):
        raise ValueError(f"the object {name!r} is for a {endpoint}, this end of the connection is the other one")
    ca, cert, key = (os.path.join(directory, f) for f in ("ca-cert.pem", f"{endpoint}-cert.pem", f"{endpoint}-key.pem"))
    verify = SWITCH[creds.get("verify-peer", "on")]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = verify and not server
    context.verify_mode = ssl.CERT_REQUIRED if verify else ssl.CERT_NONE
    context.load_verify_locations(ca)
    if server or os.path.exists(cert):
        context.load_cert_chain(cert, key)
    if server:
        return context, None
    hostname = qemu.parameters.get("tls-hostname") or peer
    if verify and not hostname:
        raise ValueError("the other end's name is not known: set the parameter tls-hostname")
    return context, hostname or None


# Connecting and listening


@dataclass(frozen=True)
class SocketAddress:
    """`unix` with a path, or `inet` with host and port."""

    type: str
    path: str = ""
    host: str = ""
    port: int = 0

    def __str__(self) -> str:
        if self.type == "unix":
            return f"unix:{self.path}"
        return f"tcp:[{self.host}]:{self.port}" if ":" in self.host else f"tcp:{self.host}:{self.port}"

    def as_dict(self) -> dict[str, str]:
        if self.type == "unix":
            return {"type": "unix", "path": self.path}
        return {"type": "inet", "host": self.host, "port": str(self.port)}


def socket_parse(uri: str) -> SocketAddress | None:
    """`unix:PATH`, `tcp:HOST:PORT`, `tcp:[HOST]:PORT`; None for another protocol, ValueError with what is wrong."""
    if not is_text(uri):
        raise ValueError(f"{uri!r} holds a character that no address has")
    protocol, colon, rest = uri.partition(":")
    if protocol == "unix" and colon:
        if not rest or len(os.fsencode(rest)) > 107:
            raise ValueError(f"the path in {uri!r} must have 1 to 107 bytes")
        return SocketAddress("unix", path=rest)
    if protocol != "tcp" or not colon:
        return None
    host, colon, port = rest.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"{uri!r} is not of the form tcp:HOST:PORT, with a port from 0 to 65535")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError(f"the host of {uri!r} needs brackets, tcp:[HOST]:PORT")
    return SocketAddress("inet", host=host, port=int(port))


def is_text(text: str) -> bool:
    """Whether the operating system can take it: no zero, and no half of a surrogate pair (but undecodable bytes of a
    command line, which Python keeps as such)."""
    try:
        return "\0" not in text and bool(os.fsencode(text) or not text)
    except UnicodeError:
        return False


def reason(error: BaseException) -> str:
    """Describe the address in words, for the user who gave it."""
    if isinstance(error, UnicodeError):
        return "the host's name cannot be resolved"
    return (isinstance(error, OSError) and error.strerror) or str(error) or repr(error)


def socket_connect(addr: SocketAddress) -> socket.socket:
    """Waits for the network, so not for the main thread."""
    if addr.type == "inet":
        return socket.create_connection((addr.host or "localhost", addr.port))
    sock = socket.socket(socket.AF_UNIX)
    try:
        sock.connect(addr.path)
    except OSError:
        sock.close()
        raise
    return sock


def socket_connect_at_once(addr: SocketAddress) -> socket.socket | None:
    """None: not without waiting, or not at all; `socket_connect` knows more."""
    try:
        sock = socket.socket(socket.AF_UNIX)
    except OSError:
        return None
    sock.setblocking(False)
    try:
        sock.connect(addr.path)
    except NOT_EXPECTED:
        sock.close()
        return None
    sock.setblocking(True)
    return sock


Done = Callable[[socket.socket | None, str | None], None]


def qio_channel_socket_connect_async(qemu: RealProcess, addr: SocketAddress, done: Done) -> None:
    """Connect in a thread of its own; then, in the main thread, `done` with a socket or with what went wrong. A unix
    socket with somebody behind it needs no thread, because there is nothing to wait for."""
    ready = socket_connect_at_once(addr) if addr.type == "unix" else None
    if ready is not None:
        qemu_bh_schedule(qemu_bh_new(qemu, lambda _: done(ready, None), None))
        return

    def work(_: Any) -> None:
        sock, error = None, None
        try:
            sock = socket_connect(addr)
        except NOT_EXPECTED as problem:
            error = f"{addr} cannot be connected to: {reason(problem)}"
        qemu_bh_schedule(qemu_bh_new(qemu, lambda _: done(sock, error), None))

    qemu_thread_create("io-task-worker", work, None, QEMU_THREAD_DETACHED)


class QIONetListener:
    """Waits for connections in the main loop, until `close`."""

    def __init__(self, qemu: RealProcess, addr: SocketAddress, accepted: Callable[[socket.socket], None]) -> None:
        self.aio = qemu.aio
        self.accepted = accepted
        self.sock = socket_listen(addr)
        self.addr = addr
        if addr.type == "inet":
            host, port = self.sock.getsockname()[:2]
            self.addr = SocketAddress("inet", host=host, port=port)
        self.sock.setblocking(False)
        self.aio.set_fd_handler(self.sock.fileno(), self.accept)

    def accept(self, _: Any) -> None:
        sock = socket_accept(self.sock)
        if sock is not None:
            sock.setblocking(True)
            self.accepted(sock)

    def close(self) -> None:
        if self.sock.fileno() == -1:
            return
        self.aio.set_fd_handler(self.sock.fileno(), None)
        self.sock.close()
        if self.addr.type == "unix":
            unlink(self.addr.path)


_spare: list[int] = []
_spare_lock = threading.Lock()  # two loops accept; held for moments, since their listeners do not block


def socket_accept(listener: socket.socket) -> socket.socket | None:
    """The next connection, if it is still there.

    Without a free descriptor the connection would keep the listener ready and its loop busy: a spare descriptor makes
    room to accept it and hang up.
    """
    with _spare_lock:
        keep_a_spare()
        try:
            return listener.accept()[0]
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE):
                return None  # gone again
        if _spare:
            os.close(_spare.pop())
            try:
                listener.accept()[0].close()
            except OSError:
                pass
            keep_a_spare()
            return None
    time.sleep(0.01)  # somebody else took it: not too fast, until one is free
    return None


def keep_a_spare() -> None:
    try:
        if not _spare:
            _spare.append(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
    except OSError:
        pass


def socket_listen(addr: SocketAddress) -> socket.socket:
    """As upstream, a unix socket that is there already is taken over; a file of another kind is left alone. Whatever
    cannot be listened on raises OSError."""
    try:
        return socket_listen_there(addr)
    except OSError:
        raise
    except NOT_EXPECTED as error:
        raise OSError(errno.EINVAL, reason(error)) from None


def socket_listen_there(addr: SocketAddress) -> socket.socket:
    if addr.type == "unix":
        if os.path.exists(addr.path) and stat.S_ISSOCK(os.stat(addr.path).st_mode):
            unlink(addr.path)
        sock = socket.socket(socket.AF_UNIX)
        where: Any = addr.path
    else:
        info = socket.getaddrinfo(addr.host or None, addr.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, where = info[0]
        sock = socket.socket(family, kind, protocol)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind(where)
        sock.listen()
    except OSError:
        sock.close()
        raise
    return sock


def unlink(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass
