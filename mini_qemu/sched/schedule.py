# SPDX-License-Identifier: GPL-2.0-or-later
"""A schedule as a short text that can be pasted into a cell, an issue or a test: ``v1:A1 B2 A1#3f9c1e``.

Thread names in the order in which they move, each with how many steps it makes in a row; then six digits over the
sources, which tell a schedule recorded for other code. A name that is not made of letters and underscores is quoted:
``v1:main2 'return path'3``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import groupby
from operator import ne

from .errors import ScheduleError

_VERSION = "v1"
_TOKEN = re.compile(r"\s*(?:([A-Za-z_]+)|'((?:[^'\\]|\\.)*)')(\d+)(?=\s|$)")


def format_schedule(threads: Iterable[str], fingerprint: str = "") -> str:
    """The text for a sequence of thread names, one per step."""
    parts = []
    for name, group in groupby(threads):
        plain = re.fullmatch(r"[A-Za-z_]+", name)
        quoted = name if plain else "'" + name.replace("\\", "\\\\").replace("'", "\\'") + "'"
        parts.append(f"{quoted}{sum(1 for _ in group)}")
    return f"{_VERSION}:{' '.join(parts)}" + (f"#{fingerprint}" if fingerprint else "")


def parse_schedule(text: str) -> tuple[list[str], str]:
    """The thread of each step, and the fingerprint ("" if there is none). Raises ScheduleError with what is wrong."""
    example = "expected something like 'v1:A1 B2 A1#3f9c1e'"
    if not isinstance(text, str):
        raise ScheduleError(f"a schedule is a text, not {type(text).__name__}; {example}")
    version, colon, rest = text.strip().partition(":")
    if not colon or not re.fullmatch(r"v\d+", version):
        raise ScheduleError(f"{text!r} is not a schedule: {example}")
    if version != _VERSION:
        raise ScheduleError(f"the schedule is of version {version}; this program reads {_VERSION}")
    body, mark, fingerprint = rest.rpartition("#") if re.search(r"#[^']*$", rest) else (rest, "", "")
    if mark and not re.fullmatch(r"[0-9a-f]{6}", fingerprint):
        raise ScheduleError(f"the fingerprint {fingerprint!r} is not six hexadecimal digits; {example}")
    threads: list[str] = []
    position = 0
    while body[position:].strip():
        token = _TOKEN.match(body, position)
        if token is None:
            raise ScheduleError(f"the schedule cannot be read at {body[position:].strip()[:20]!r}; {example}")
        name = token[1] if token[1] is not None else re.sub(r"\\(.)", r"\1", token[2])
        count = int(token[3])
        if not 0 < count <= 1_000_000:
            raise ScheduleError(f"thread {name!r} is to make {count} steps in a row; expected 1 to 1,000,000")
        threads.extend([name] * count)
        position = token.end()
    return threads, fingerprint


def switches(threads: list[str]) -> int:
    """How often another thread goes on than the one that moved last."""
    return sum(map(ne, threads, threads[1:]))
