# SPDX-License-Identifier: GPL-2.0-or-later
"""The scenes of lesson 07 with the QEMU of this machine: `mini-qemu real`.

    mini-qemu real                      which QEMU is here, and which scenes there are
    mini-qemu real play [SCENE ...]     run them and show what happens
    mini-qemu real record [SCENE ...]   run them and store it as what is shown where no QEMU is

The exit status is 1 if a scene does not come to its end or, with another version, differs; 2 if nothing could be run.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import inspect
import sys
from collections.abc import Sequence
from types import FunctionType

from lessons.real import Missing, play, programs, recording
from lessons.real.play import text_of
from lessons.real.transcript import Transcript


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="mini-qemu real", description="The scenes of lesson 07, with this machine's QEMU."
    )
    parser.add_argument("action", nargs="?", choices=("list", "play", "record"), default="list")
    parser.add_argument("scenes", nargs="*", metavar="SCENE", help="all, if none is named")
    options = parser.parse_args(arguments)
    there = recording.scenes()
    if unknown := [name for name in options.scenes if name not in there]:
        print(f"There is no scene {unknown[0]!r}; there are {', '.join(there)}.", file=sys.stderr)
        return 2
    if options.action == "list":
        print(f"{which()}\nScenes: {', '.join(there)}")
        return 0
    done = [_one(there[name], options.action == "record") for name in options.scenes or there]
    return 0 if all(done) else 1


def which() -> str:
    try:
        found = programs.qemu()
    except Missing as missing:
        return str(missing)
    tested = (
        "with which the scenes were tested"
        if programs.tested(found.version)
        else f"the scenes were tested with {programs.TESTED}"
    )
    return f"QEMU {found.version} ({found.path}), {tested}."


def _one(scene: FunctionType, record: bool) -> bool:
    transcript = run(scene)
    print(f"{scene.__name__}\n{transcript}\n", flush=True)
    if not transcript or not transcript.live:
        if record:
            print(f"{scene.__name__} is not recorded: it did not run to its end here.", file=sys.stderr)
        return False
    if record:
        print(f"written: {recording.store(recorded(scene, transcript))}\n")
    return True


def run(scene: FunctionType) -> Transcript:
    played = play(scene)
    transcript: Transcript = asyncio.run(played) if inspect.iscoroutine(played) else played
    return transcript


def recorded(scene: FunctionType, transcript: Transcript) -> recording.Recording:
    """As it is stored, with the version and today's date."""
    day = datetime.datetime.now(datetime.UTC).date().isoformat()
    return recording.Recording(scene.__name__, recording.fingerprint(text_of(scene)), transcript.qemu, day, transcript)
