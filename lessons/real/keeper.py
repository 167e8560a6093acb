# SPDX-License-Identifier: GPL-2.0-or-later
"""Keep one process of a lab: `python -I -S keeper.py FOLDER LOG PROGRAM ARGUMENTS...`. Run as a file, not imported.

The kernel holds the other end of the keeper's standard input and never writes more than a byte to it. When the kernel
ends, by an exit, a crash or SIGKILL, the system closes that end; the keeper reads the end of its input, kills the
process and removes the lab's folder. A byte kills the process and leaves the folder. The keeper has a session of its
own, so the interrupt that Jupyter sends to the kernel's process group reaches neither it nor the process.
Exit status: the process's; 128 and the signal's number, if a signal ended it.
Left out: a process that leaves its keeper by a fork of its own. QEMU does not unless it is asked to (-daemonize).
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading


def die_with_me() -> None:
    """In the child, before the program runs: should somebody kill the keeper, Linux kills the process."""
    if sys.platform == "linux":
        import ctypes

        PR_SET_PDEATHSIG = 1
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def main(folder: str, log: str, *command: str) -> int:
    alone = threading.Event()
    with open(log, "wb") as out:
        try:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                preexec_fn=die_with_me,
            )
        except OSError as error:
            out.write(f"{command[0]}: {error.strerror}\n".encode())
            return 127

    def obey() -> None:
        while os.read(0, 1):
            child.kill()
        alone.set()
        child.kill()

    threading.Thread(target=obey, daemon=True).start()
    status = child.wait()
    if alone.is_set():
        shutil.rmtree(folder, ignore_errors=True)
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    os._exit(main(*sys.argv[1:]))  # the thread may still be reading
