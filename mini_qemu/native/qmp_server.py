# SPDX-License-Identifier: GPL-2.0-or-later
"""Monitors: QMP over sockets. Mirrors monitor/qmp.c, monitor/monitor.c and qapi/qmp-dispatch.c.

One thread, "mon_iothread", reads and writes for all monitors. A command goes into its monitor's queue and is run by
the main thread, with the BQL, one after the other; an out-of-band command is run here at once, so it is answered even
when the main loop is stuck. A client that outpaces its answers, or does not read them, is not read until it catches up;
one that reads no events either is hung up on. A client that has closed its sending half gets all answers.
Left out: the human monitor, monitors that connect to somebody, rate limits of events.
"""

from __future__ import annotations

import json
import os
import selectors
import socket
import threading
from collections import deque
from collections.abc import Iterator
from typing import Any

from mini_qemu.monitor import QmpError
from mini_qemu.native.io_channel_socket import SocketAddress, socket_accept, socket_listen, unlink
from mini_qemu.native.json_streamer import JsonError, JSONMessageParser
from mini_qemu.native.main_loop import RealProcess, now
from mini_qemu.native.qmp_commands import COMMANDS, PACKAGE, VERSION, check
from mini_qemu.process import NOT_EXPECTED, qemu_bh_new, qemu_bh_schedule
from mini_qemu.qemu_thread import QEMU_THREAD_DETACHED, qemu_thread_create

QMP_REQ_QUEUE_LEN_MAX = 8
OUTBUF_FULL = 1 << 20
"""So many bytes of answers that a client has not read, and its next request waits."""
OUTBUF_MAX = 16 << 20
"""So many, mostly of events, and it is hung up on."""
VALUES_PER_TURN = 64
"""So many requests of one client, then it is the next one's turn."""

END = object()

STRICT = json.JSONEncoder(allow_nan=False)

GREETING = {"QMP": {"version": {"qemu": VERSION, "package": PACKAGE}, "capabilities": ["oob"]}}


class MonitorQMP:
    """One client."""

    def __init__(self, server: QmpServer, sock: socket.socket) -> None:
        self.server = server
        self.sock = sock
        # mon_iothread only: what has been read and not yet looked at, and whether more will come
        self.parser = JSONMessageParser()
        self.values: Iterator[Any] | None = None
        self.ended = False
        # the main thread sets them, mon_iothread looks
        self.negotiated = False
        self.oob = False
        # mon_iothread puts in, the main thread takes out when it has answered
        self.requests: deque[Any] = deque()
        # guarded by lock: events and answers come from every thread
        self.lock = threading.Lock()
        self.outbuf = bytearray()
        self.closed = False

    def send(self, message: dict[str, Any]) -> None:
        """Never waits: what the client does not take now, mon_iothread writes later."""
        data = encode(message)
        with self.lock:
            if self.closed:
                return
            idle = not self.outbuf
            self.outbuf += data
            if idle:
                self.flush()
            left = bool(self.outbuf)
        if left:
            self.server.wake()

    def flush(self) -> None:
        """The caller holds the lock."""
        try:
            while self.outbuf and not self.closed:
                del self.outbuf[: self.sock.send(self.outbuf)]
        except BlockingIOError:
            pass
        except OSError:
            self.outbuf.clear()  # the reader will notice too

    # mon_iothread

    def may_take_more(self) -> bool:
        return len(self.requests) < QMP_REQ_QUEUE_LEN_MAX and len(self.outbuf) < OUTBUF_FULL

    def read(self) -> None:
        try:
            data = self.sock.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self.ended = not data
        self.values = self.parser.feed(data)

    def take_requests(self) -> None:
        for _ in range(VALUES_PER_TURN):
            if self.values is None or not self.may_take_more():
                return
            value = next(self.values, END)
            if value is END:
                self.values = None
                return
            handle_qmp_command(self, value)

    def interest(self) -> int:
        wants = 0 if self.ended or self.values is not None or not self.may_take_more() else selectors.EVENT_READ
        return wants | (selectors.EVENT_WRITE if self.outbuf else 0)

    def is_finished(self) -> bool:
        """Nothing more will come, and all is answered; half a message at the end is forgotten."""
        all_answered = self.ended and self.values is None and not self.requests and not self.outbuf
        return all_answered or len(self.outbuf) > OUTBUF_MAX


def encode(message: dict[str, Any]) -> bytes:
    """JSON, and nothing else. An id that nests too deeply to be written is left out."""
    try:
        return STRICT.encode(message).encode() + b"\r\n"
    except (RecursionError, ValueError):
        return json.dumps({key: value for key, value in message.items() if key != "id"}).encode() + b"\r\n"


class QmpServer:
    """All monitors of a process, and where they come from."""

    def __init__(self, qemu: RealProcess, addresses: list[SocketAddress], stdio: bool = False) -> None:
        self.qemu = qemu
        self.selector = selectors.DefaultSelector()
        self.monitors: tuple[MonitorQMP, ...] = ()  # replaced as a whole by mon_iothread
        self.wake_r, self.wake_w = socket.socketpair()
        self.wake_r.setblocking(False)
        self.wake_w.setblocking(False)
        self.selector.register(self.wake_r, selectors.EVENT_READ)
        self.addresses = addresses
        for addr in addresses:
            try:
                listener = socket_listen(addr)
            except OSError as error:
                raise OSError(error.errno, error.strerror or str(error), f"-qmp: {addr}") from None
            listener.setblocking(False)
            self.selector.register(listener, selectors.EVENT_READ, "listener")
        qemu.events = self
        self.stdio = StdioBridge() if stdio else None
        if self.stdio is not None:
            self.add(self.stdio.inner)
            self.wake()  # so that mon_iothread begins to watch it
        qemu_thread_create("mon_iothread", QmpServer.run, self, QEMU_THREAD_DETACHED)

    def append(self, event: tuple[str, dict[str, Any]], /) -> None:
        """An event, from any thread."""
        name, data = event
        message: dict[str, Any] = {"event": name, "timestamp": now()}
        if data:
            message["data"] = data
        for mon in self.monitors:
            if mon.negotiated:
                mon.send(message)

    def wake(self) -> None:
        try:
            self.wake_w.send(b"\0")
        except BlockingIOError:
            pass

    def close(self) -> None:
        """The process ends: nobody shall wait at the door."""
        for addr in self.addresses:
            if addr.type == "unix":
                unlink(addr.path)
        if self.stdio is not None:
            self.stdio.close()

    # mon_iothread

    def run(self) -> None:
        more = False
        while True:
            for key, events in self.selector.select(0 if more else None):
                if key.fileobj is self.wake_r:
                    self.wake_r.recv(4096)
                elif key.data == "listener":
                    self.accept(key.fileobj)
                else:
                    self.serve(key.data, events)
            more = False
            for mon in self.monitors:
                mon.take_requests()
                if mon.is_finished():
                    self.hang_up(mon)
                    continue
                self.watch(mon)
                more = more or (mon.values is not None and mon.may_take_more())

    def accept(self, listener: Any) -> None:
        sock = socket_accept(listener)
        if sock is not None:
            self.add(sock)

    def add(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        mon = MonitorQMP(self, sock)
        self.monitors = (*self.monitors, mon)
        mon.send(GREETING)

    def watch(self, mon: MonitorQMP) -> None:
        wants = mon.interest()
        known = self.selector.get_map().get(mon.sock)
        if known is None and wants:
            self.selector.register(mon.sock, wants, mon)
        elif known is not None and not wants:
            self.selector.unregister(mon.sock)
        elif known is not None and known.events != wants:
            self.selector.modify(mon.sock, wants, mon)

    def serve(self, mon: MonitorQMP, events: int) -> None:
        if events & selectors.EVENT_WRITE:
            with mon.lock:
                mon.flush()
        if events & selectors.EVENT_READ and mon.values is None and not mon.ended:
            mon.read()

    def hang_up(self, mon: MonitorQMP) -> None:
        if mon.sock in self.selector.get_map():
            self.selector.unregister(mon.sock)
        self.monitors = tuple(m for m in self.monitors if m is not mon)
        with mon.lock:
            mon.closed = True
            mon.sock.close()


class StdioBridge:
    """Standard input and output as if they were a client's socket: two threads copy."""

    def __init__(self) -> None:
        self.inner, self.outer = socket.socketpair()
        threading.Thread(target=self.copy_in, name="stdio in", daemon=True).start()
        self.out = threading.Thread(target=self.copy_out, name="stdio out", daemon=True)
        self.out.start()

    def copy_in(self) -> None:
        try:
            while data := os.read(0, 4096):
                self.outer.sendall(data)
            self.outer.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the process ends

    def copy_out(self) -> None:
        try:
            while data := self.outer.recv(65536):
                while data:
                    data = data[os.write(1, data) :]
        except OSError:
            pass  # nobody reads

    def close(self) -> None:
        """Whatever has been answered is written, if somebody reads it."""
        try:
            self.inner.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        self.out.join(1)


def handle_qmp_command(mon: MonitorQMP, request: Any) -> None:
    """mon_iothread. At once if it may be, else the main thread does it."""
    if mon.oob and isinstance(request, dict) and "exec-oob" in request and "execute" not in request:
        mon.send(qmp_dispatch(mon, request, run_oob=True))
        return
    mon.requests.append(request)
    qemu = mon.server.qemu
    qemu_bh_schedule(qemu_bh_new(qemu, monitor_qmp_bh_dispatcher, mon))


def monitor_qmp_bh_dispatcher(mon: MonitorQMP) -> None:
    """Main thread, BQL held: the oldest request of this monitor."""
    mon.send(qmp_dispatch(mon, mon.requests[0], run_oob=False))
    was_full = not mon.may_take_more()
    mon.requests.popleft()
    if was_full or mon.ended:
        mon.server.wake()


def qmp_dispatch(mon: MonitorQMP, request: Any, run_oob: bool) -> dict[str, Any]:
    """The answer. Whatever a request makes Python raise is a refusal: it must not end the process."""
    reply: dict[str, Any]
    try:
        name, arguments = qmp_dispatch_check(mon, request)
        if name == "qmp_capabilities":
            reply = {"return": qmp_capabilities(mon, arguments)}
        else:
            command = COMMANDS[name]
            if run_oob and not command.oob:
                raise QmpError(f"the command {name} cannot be run out of band")
            check(arguments, command.arguments, "arguments")
            reply = {"return": command.function(mon.server.qemu, **arguments)}
    except QmpError as error:
        reply = error.reply()
    except NOT_EXPECTED as error:
        reply = QmpError(f"this cannot be done: {error!r}").reply()
    if isinstance(request, dict) and "id" in request:
        reply["id"] = request["id"]
    return reply


def qmp_dispatch_check(mon: MonitorQMP, request: Any) -> tuple[str, dict[str, Any]]:
    """The command's name and arguments, if this is a request that may be made now."""
    if isinstance(request, JsonError):
        raise QmpError(str(request))
    if not isinstance(request, dict):
        raise QmpError("a request must be a JSON object")
    for key in request:
        if key not in ("execute", "exec-oob", "arguments", "id") or (key == "exec-oob" and not mon.oob):
            raise QmpError(f"a request must not have a member {key!r}")
    if ("execute" in request) == ("exec-oob" in request):
        raise QmpError("a request must have one member 'execute'")
    name = request.get("execute", request.get("exec-oob"))
    arguments = request.get("arguments", {})
    if not isinstance(name, str):
        raise QmpError("the name of a command must be a string")
    if not isinstance(arguments, dict):
        raise QmpError("arguments must be an object")
    if not mon.negotiated and name != "qmp_capabilities":
        raise QmpError("capabilities must be negotiated first, by qmp_capabilities", "CommandNotFound")
    if mon.negotiated and name == "qmp_capabilities":
        raise QmpError("capabilities have been negotiated already", "CommandNotFound")
    if name != "qmp_capabilities" and name not in COMMANDS:
        raise QmpError(f"there is no command {name!r}", "CommandNotFound")
    return name, arguments


def qmp_capabilities(mon: MonitorQMP, arguments: dict[str, Any]) -> dict[str, Any]:
    check(arguments, {"enable?": [str]}, "arguments")
    wanted = arguments.get("enable", [])
    for capability in wanted:
        if capability not in GREETING["QMP"]["capabilities"]:
            raise QmpError(f"there is no capability {capability!r} of a monitor")
    mon.oob = "oob" in wanted
    mon.negotiated = True
    return {}
