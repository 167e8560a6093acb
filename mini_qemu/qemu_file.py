# SPDX-License-Identifier: GPL-2.0-or-later
"""QEMUFile: a buffered stream in one direction. Mirrors migration/qemu-file.c.

One thread reads or writes, but shutdown may come from any thread: that is the whole difficulty. A file is not
reference counted; it has one owner, and `qemu_fclose` frees it. A pointer that is still held then points to nothing.
Two files may lie on one channel; each has its own buffer, its own error and its own `shutdown` flag.
Left out: keeping to the rate limit, compression, positions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from mini_qemu.fixes import fixes, later
from mini_qemu.io_channel import EIO, ENOSYS, QIO_CHANNEL, QIOChannel
from mini_qemu.qemu_thread import Shared, free


@dataclass(frozen=True)
class QEMUFileOps:
    """What a file can do with its payload. A file either reads or writes; what is missing is None."""

    get_buffer: Callable[[Any], bytes] | None = None
    writev_buffer: Callable[[Any, bytes], int] | None = None
    close: Callable[[Any], int] | None = None
    shut_down: Callable[[Any], int] | None = None
    get_return_path: Callable[[Any], QEMUFile] | None = None


class QEMUFile(Shared):
    # written by any thread that shuts the file down, no lock
    shutdown: bool = False
    # the first error stays; written by the owner and by any thread that shuts the file down, no lock
    last_error: int = 0
    # bytes a second; any thread that sets the parameter writes it, no lock. A real process has a clock of its own
    rate_limit_max: int = 0
    # never changed; a shared field so that asking a freed file is noticed
    has_ioc: bool = False

    def __init__(self, opaque: Any, ops: QEMUFileOps, has_ioc: bool) -> None:
        self.has_ioc = has_ioc
        # never changed
        self.opaque = opaque
        self.ops = ops
        # the owner's: what is to be written, or what has been read and how much of it is used up
        self.iov: list[bytes] = []
        self.iov_size = 0
        self.buf = b""
        self.buf_index = 0


IO_BUF_SIZE = 256 * 1024

# a C pointer: it may be NULL, and nothing makes anybody ask
QEMUFilePointer: TypeAlias = QEMUFile | Any


def qemu_fopen_ops(opaque: Any, ops: QEMUFileOps, has_ioc: bool) -> QEMUFile:
    return QEMUFile(opaque, ops, has_ioc)  # + file_knows_channel


def qemu_file_get_ioc(f: QEMUFile) -> QIOChannel | None:  # + file_knows_channel
    """The channel beneath the file, or None when the payload is something else."""
    if fixes.file_knows_channel:
        ioc = f.opaque if f.has_ioc else None
    else:
        ioc = QIO_CHANNEL(f.opaque)
    return ioc


def qemu_file_get_return_path(f: QEMUFile) -> QEMUFile | None:
    """A second file in the other direction over the same channel."""
    if f.ops.get_return_path is None:
        return None
    return f.ops.get_return_path(f.opaque)


def qemu_file_get_error(f: QEMUFile) -> int:
    return f.last_error


def qemu_file_set_error(f: QEMUFile, ret: int) -> None:
    if f.last_error == 0 and ret:
        f.last_error = ret


def qemu_file_shutdown(f: QEMUFile) -> int:
    """Stop all traffic, from any thread. First the channel, then the error: a reader may wake in between."""
    if later.error_before_shutdown:
        qemu_file_set_error(f, -EIO)
    f.shutdown = True
    if f.ops.shut_down is None:
        return -ENOSYS
    ret = f.ops.shut_down(f.opaque)
    if later.error_before_shutdown:
        pass
    else:
        qemu_file_set_error(f, -EIO)
    return ret


def qemu_file_set_rate_limit(f: QEMUFile, limit: int) -> None:
    f.rate_limit_max = limit


def qemu_file_is_writable(f: QEMUFile) -> bool:
    return f.ops.writev_buffer is not None


def qemu_fflush(f: QEMUFile) -> None:
    if f.ops.writev_buffer is None or not f.iov:
        return
    data = b"".join(f.iov)
    f.iov.clear()
    f.iov_size = 0
    if f.shutdown:
        return
    ret = f.ops.writev_buffer(f.opaque, data)
    if ret < 0:
        qemu_file_set_error(f, ret)


def qemu_fclose(f: QEMUFile) -> int:
    """Flush, close the payload, free the file. The earlier error, if there was one."""
    qemu_fflush(f)
    ret = f.last_error
    if f.ops.close is not None:
        ret2 = f.ops.close(f.opaque)
        if ret >= 0:
            ret = ret2
    free(f)
    return ret


def qemu_fill_buffer(f: QEMUFile) -> int:
    """Wait for the next bytes. 0 and a recorded error when there are none to come."""
    assert f.ops.get_buffer is not None, "this file is for writing"
    if f.shutdown:
        return 0
    assert f.buf_index == len(f.buf), "what was read before is not used up"
    data = f.ops.get_buffer(f.opaque)
    f.buf = data
    f.buf_index = 0
    if not data:
        qemu_file_set_error(f, -EIO)
    return len(data)


def qemu_put_buffer(f: QEMUFile, data: bytes) -> None:
    f.iov.append(data)
    f.iov_size += len(data)
    if f.iov_size >= IO_BUF_SIZE:
        qemu_fflush(f)


def qemu_put_buffers(f: QEMUFile, iov: list[bytes], size: int) -> None:
    """Many at once; together they have `size` bytes."""
    f.iov.extend(iov)
    f.iov_size += size
    if f.iov_size >= IO_BUF_SIZE:
        qemu_fflush(f)


def qemu_put_byte(f: QEMUFile, value: int) -> None:
    f.iov.append(value.to_bytes(1, "big"))


def qemu_put_be16(f: QEMUFile, value: int) -> None:
    f.iov.append(value.to_bytes(2, "big"))


def qemu_put_be32(f: QEMUFile, value: int) -> None:
    f.iov.append(value.to_bytes(4, "big"))


def qemu_put_be64(f: QEMUFile, value: int) -> None:
    f.iov.append(value.to_bytes(8, "big"))


def qemu_get_buffer(f: QEMUFile, size: int) -> bytes:
    """`size` bytes, or fewer when the stream ends or fails; many callers ignore the difference, as upstream's do."""
    data = f.buf[f.buf_index : f.buf_index + size]
    f.buf_index += len(data)
    while len(data) < size:
        if qemu_fill_buffer(f) <= 0:
            break
        more = f.buf[: size - len(data)]
        f.buf_index = len(more)
        data += more
    return data


def qemu_peek_buffer(f: QEMUFile) -> tuple[bytes, int]:
    """What has been read and where the unused part begins; never waits."""
    return f.buf, f.buf_index


def qemu_file_skip(f: QEMUFile, size: int) -> None:
    f.buf_index += size


def qemu_get_byte(f: QEMUFile) -> int:
    return int.from_bytes(qemu_get_buffer(f, 1), "big")


def qemu_get_be16(f: QEMUFile) -> int:
    return int.from_bytes(qemu_get_buffer(f, 2), "big")


def qemu_get_be32(f: QEMUFile) -> int:
    return int.from_bytes(qemu_get_buffer(f, 4), "big")


def qemu_get_be64(f: QEMUFile) -> int:
    return int.from_bytes(qemu_get_buffer(f, 8), "big")
