"""The stream is the real one: compared with what QEMU 7.2 wrote for the machine type none."""

from __future__ import annotations

import threading
from pathlib import Path

from lessons.scenarios.stage import SHUT_0, SourceSide, main_connects_then_cleans_up
from mini_qemu.channel import socket_accept_incoming_migration
from mini_qemu.fixes import fixes
from mini_qemu.io_channel import qio_channel_socket_pair
from mini_qemu.migration_incoming import migration_incoming_get_current
from mini_qemu.monitor import qmp_migrate_incoming
from mini_qemu.process import QemuProcess, main_loop_wait
from mini_qemu.qemu_file import qemu_fopen_ops
from mini_qemu.ram import RAMBlock
from mini_qemu.savevm import buffer_input_ops, machine_init, qemu_loadvm_state

CAPTURES = Path(__file__).parent.parent / "data" / "captures"
TIMER = slice(109, 133)  # of the capture with a return path: the 24 bytes of the device "timer"
DESCRIPTION = 270


def written_by(*capabilities: str) -> bytes:
    """What a source writes, with real threads and every fix on."""
    w = SourceSide(*capabilities)
    stream = b""

    def reader() -> None:
        nonlocal stream
        while (message := w.peer_ioc.wire.incoming.recv()) is not None:
            stream += message
            if b"page_size" in message:
                w.peer_ioc.wire.outgoing.send(SHUT_0)

    thread = threading.Thread(target=reader)
    with fixes.all():
        thread.start()
        main_connects_then_cleans_up(w)
        thread.join(10)
    assert w.ms.state == "completed"
    return stream


def test_the_stream_equals_the_capture_but_for_clock_and_description():
    real = (CAPTURES / "none-return-path.mig").read_bytes()
    ours = written_by("return-path")
    assert real[DESCRIPTION - 1 :].startswith(b"\x00\x06")
    assert ours[: TIMER.start] == real[: TIMER.start]
    assert ours[TIMER.stop : DESCRIPTION + 1] == real[TIMER.stop : DESCRIPTION + 1]


def test_without_return_path_two_commands_are_missing():
    real = (CAPTURES / "none.mig").read_bytes()
    ours = written_by()
    shift = 14
    assert ours[: TIMER.start - shift] == real[: TIMER.start - shift]
    assert ours[TIMER.stop - shift : DESCRIPTION - shift + 1] == real[TIMER.stop - shift : DESCRIPTION - shift + 1]


def loaded(stream: bytes, *blocks: RAMBlock) -> tuple[int, QemuProcess]:
    qemu = QemuProcess("destination")
    machine_init(qemu, *blocks)
    mis = migration_incoming_get_current(qemu)
    mis.from_src_file = qemu_fopen_ops(bytearray(stream), buffer_input_ops, False)
    return qemu_loadvm_state(mis), qemu


def test_our_destination_reads_the_real_stream():
    ret, qemu = loaded((CAPTURES / "none.mig").read_bytes())
    assert ret == 0
    timer = next(se for se in qemu.savevm_handlers if se.idstr == "timer")
    assert any(timer.data)


def test_a_truncated_or_damaged_stream_is_refused():
    real = (CAPTURES / "none.mig").read_bytes()
    assert loaded(real[:200])[0] < 0
    assert loaded(b"\0" + real[1:])[0] < 0
    footer = real.index(b"\x7e\x00\x00\x00\x02")
    assert loaded(real[:footer] + b"\x7f" + real[footer + 1 :])[0] < 0


def test_our_destination_reads_a_real_postcopy():
    """RAM in three parts, the package, pages by the listen thread; on real threads, and the replies go nowhere."""
    stream = (CAPTURES / "none-postcopy.mig").read_bytes()
    peer = QemuProcess("source")
    qemu = QemuProcess("destination")
    machine_init(qemu, RAMBlock("ram", 4096))
    qmp_migrate_incoming(qemu)
    ioc, peer_ioc = qio_channel_socket_pair(qemu, peer)
    mis = migration_incoming_get_current(qemu)
    peer_ioc.wire.outgoing.send(stream)
    with fixes.all():
        socket_accept_incoming_migration(mis, ioc)
        main_loop_wait(qemu)
        for thread in threading.enumerate():
            if thread.name.startswith("postcopy/"):
                thread.join(10)
    assert mis.state == "completed"
    assert qemu.yank.yank_instance_list == ()
    answers = b""
    while not answers.endswith(SHUT_0):
        answers += peer_ioc.wire.incoming.recv()
    assert answers.count(bytes.fromhex("0002 0004")) >= 4  # one PONG for each PING
