"""The unit tests in another order, with another hash seed, in another time zone and locale: each time the same result.

A run is `pytest --shuffle SEED` in a process of its own. The seed chooses everything, so that a failure comes again.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

from tests.reliability.figures import Figure

ROOT = Path(__file__).parents[2]
ZONES = ("UTC", "America/St_Johns", "Asia/Kathmandu", "Pacific/Kiritimati", "Pacific/Niue", "Europe/Berlin")
LOCALES = ("C", "C.UTF-8", "POSIX", "en_US.UTF-8", "de_DE.UTF-8", "tr_TR.UTF-8")  # one that is missing acts as C


def surroundings(seed: int) -> dict[str, str]:
    chance = random.Random(seed)
    return {
        "PYTHONHASHSEED": str(chance.randrange(1, 2**32)),
        "TZ": chance.choice(ZONES),
        "LC_ALL": chance.choice(LOCALES),
    }


def soak(to: Figure, count: int, seed: int) -> None:
    for number in range(seed, seed + count):
        chosen = surroundings(number)
        command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--shuffle", str(number), "tests"]
        ended = subprocess.run(
            command, cwd=ROOT, env={**os.environ, **chosen}, capture_output=True, encoding="utf-8", errors="replace"
        )
        lines = ended.stdout.splitlines()
        failed = [line for line in lines if line.startswith(("FAILED", "ERROR"))]
        words = " ".join(f"{name}={value}" for name, value in chosen.items())
        for line in failed or lines[-1:] if ended.returncode else []:
            to.found(f"{line[:200]}; --shuffle {number}, {words}")
        if not ended.returncode:
            to.count("all passed")
        print(number, words, lines[-1:], flush=True)
