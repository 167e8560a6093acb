# SPDX-License-Identifier: GPL-2.0-or-later
"""Play a scene: run it in a lab of its own and show what happened.

| here is                     | shown                                                       |
|-----------------------------|-------------------------------------------------------------|
| the QEMU that was tested    | what happened now                                           |
| another version             | the same; if it did something else, both, and which is which |
| no QEMU                     | what was recorded, and what to install                      |

A problem ends the transcript as a sentence; an exception that is the scene's own mistake is raised, after everything
has been ended.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import FunctionType, TracebackType
from typing import Any

from lessons.real import recording
from lessons.real.lab import Lab
from lessons.real.problems import LabError, Missing
from lessons.real.programs import TESTED, tested
from lessons.real.recording import Recording
from lessons.real.transcript import Entry, Transcript

Scene = Callable[[Lab], Any]


def play(scene: Scene) -> Any:
    """Run a scene; its Transcript. For a scene that is `async def`, something to `await` for it."""
    if not isinstance(scene, FunctionType):
        raise TypeError(f"play takes a function of one parameter, the lab, not {scene!r}")
    return _play_async(scene) if inspect.iscoroutinefunction(scene) else _play(scene)


def _play(scene: FunctionType) -> Transcript:
    with Performance(scene) as performance:
        performance.result = scene(performance.enter())
    return performance.transcript()


async def _play_async(scene: FunctionType) -> Transcript:
    with Performance(scene) as performance:
        performance.result = await scene(performance.enter())
    return performance.transcript()


class Performance:
    """One run of a scene, and what to make of how it went."""

    def __init__(self, scene: FunctionType) -> None:
        self.scene = scene
        self.lab: Lab | None = None
        self.problem: LabError | None = None
        self.result: object = None

    def enter(self) -> Lab:
        """The lab. Raises Missing where no lab can be."""
        self.lab = Lab()
        return self.lab

    def __enter__(self) -> Performance:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _at: TracebackType | None
    ) -> bool:
        if self.lab is not None:
            self.lab.end()
        if isinstance(error, ModuleNotFoundError):
            package = "qemu.qmp" if error.name == "qemu" else error.name
            error = Missing(f"The package {package} is not installed: python -m pip install {package}")
        if isinstance(error, LabError):
            self.problem = error
        return self.problem is not None

    def transcript(self) -> Transcript:
        stored = recording.load(self.scene.__name__, text_of(self.scene))
        if isinstance(self.problem, Missing):
            return _instead(stored, self.problem)
        assert self.lab is not None
        entries = self.lab.entries
        if self.problem is not None:
            who = entries[-1].who if entries else "lab"
            entries = [*entries, Entry(who, "stop", self.lab.without_paths(str(self.problem)))]
        return _judged(Transcript(entries, self.result, "".join(self.lab.versions)), stored)


def _instead(stored: Recording | None, missing: Missing) -> Transcript:
    if stored is None:
        nothing = Transcript([], live=False)
        nothing.origin = f"{missing}\nThis scene is your own, so there is no recording to show instead."
        return nothing
    shown = stored.transcript
    shown.origin = f"{stored.origin()} {missing}"
    return shown


def _judged(live: Transcript, stored: Recording | None) -> Transcript:
    """Where a transcript comes from, and, for a version that was not tested, whether it did the same."""
    live.origin = f"Run now, with {f'QEMU {live.qemu}' if live.qemu else 'mini_qemu'}."
    if not live.qemu or tested(live.qemu):
        return live
    live.origin += f" This lesson was tested with {TESTED}."
    if stored is None:
        return live
    if live.entries == stored.transcript.entries:
        live.origin += " Both do the same."
        return live
    shown = stored.transcript
    shown.origin = f"{live.origin} Yours does something else:\n\n{live.text}\n\nThis is what {stored.qemu} did:"
    return shown


def text_of(scene: FunctionType) -> str:
    """The source of a scene, `def` or `async def`; "" if it cannot be found."""
    try:
        return inspect.getsource(scene)
    except (OSError, TypeError):
        return ""
