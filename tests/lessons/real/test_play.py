"""`play` with the QEMU that was tested, with another one, with none; and with scenes that go wrong."""

from __future__ import annotations

import asyncio
import builtins
from collections.abc import Callable
from types import FunctionType
from typing import Any

import pytest

from lessons.commands import real as command
from lessons.real import Lab, play, programs, recording
from lessons.real.transcript import Entry

SCENES = recording.scenes()


def quits(lab: Lab) -> bytes:
    lab.qemu("source").quit()
    return b"abc"


def play_now(scene: Any) -> Any:
    played = play(scene)
    return asyncio.run(played) if asyncio.iscoroutine(played) else played


def test_every_scene_has_a_recording_of_its_own():
    assert len(SCENES) == 8
    for name, scene in SCENES.items():
        found = recording.load(name, command.text_of(scene))
        assert found is not None, f"{name} has changed: mini-qemu real record {name}"
        assert not found.qemu or programs.tested(found.qemu)
    assert {path.stem for path in recording.FOLDER.glob("*.json")} == set(SCENES)


@pytest.mark.needs_qemu
@pytest.mark.parametrize("scene", SCENES.values(), ids=SCENES)
def test_what_happens_now_is_what_was_recorded(scene: FunctionType):
    version = programs.qemu().version
    if not programs.tested(version):
        pytest.skip(f"QEMU {version} is not {programs.TESTED}")
    transcript = play_now(scene)
    stored = recording.of(scene.__name__).transcript
    assert transcript.live
    assert transcript.text == stored.text
    assert transcript.result == stored.result


@pytest.mark.usefixtures("no_qemu")
@pytest.mark.parametrize("scene", SCENES.values(), ids=SCENES)
def test_without_a_qemu_the_recording_is_shown_and_says_so(scene: FunctionType):
    transcript = play_now(scene)
    stored = recording.of(scene.__name__)
    assert transcript.text == stored.transcript.text
    assert transcript.result == stored.transcript.result
    if stored.qemu:
        assert f"Recorded on {stored.day} with QEMU {stored.qemu}, not run now." in transcript.origin
        assert "There is no qemu-system-x86_64 here. To run this live: apt install qemu-system-x86" in transcript.origin


@pytest.mark.usefixtures("no_qemu")
def test_without_a_qemu_a_scene_of_ones_own_has_nothing_to_show():
    transcript = play(quits)
    assert not transcript
    assert repr(transcript).startswith("┊ There is no qemu-system-x86_64 here.")
    assert repr(transcript).endswith("┊ This scene is your own, so there is no recording to show instead.")


def changed(name: str, old: str, new: str) -> FunctionType:
    """A scene as a learner leaves it."""
    from lessons.functions import from_text

    text = command.text_of(SCENES[name])
    assert old in text
    return from_text(text.replace(old, new), name, f"<changed {new}>", {})


@pytest.mark.usefixtures("no_qemu")
def test_a_recording_belongs_to_the_text_of_its_scene():
    assert play(changed("no_verdict", "    source =", "    # comments do not count\n\n    source ="))
    assert not play(changed("no_verdict", "source.cancel", "source.quit"))


def test_another_version_that_does_the_same(another_version: Callable[[str], None]):
    another_version("9.9.9")
    transcript = play(SCENES["you_answer"])
    assert transcript.live
    assert transcript.origin == "Run now, with QEMU 9.9.9. This lesson was tested with 7.2. Both do the same."


def test_another_version_that_does_something_else(
    another_version: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
):
    """Both are shown, and which is which; what nbval compares is what was recorded."""
    another_version("6.1.0")
    monkeypatch.setattr(recording, "of", lambda name, of=recording.of: with_another_end(of(name)))
    transcript = play(SCENES["you_answer"])
    assert not transcript.live
    assert transcript.entries[-1].text == "something else"
    assert "Run now, with QEMU 6.1.0. This lesson was tested with 7.2. Yours does something else:" in transcript.origin
    assert "migration completed, guest postmigrate" in transcript.origin
    assert transcript.origin.endswith("This is what 7.2.22 did:")


def with_another_end(stored: recording.Recording) -> recording.Recording:
    *entries, _ = stored.transcript.entries
    stored.transcript.entries = (*entries, Entry("source", "shows", "something else"))
    return stored


def test_another_version_and_a_scene_of_ones_own(another_version: Callable[[str], None]):
    another_version("9.9.9")
    transcript = play(quits)
    assert transcript.origin == "Run now, with QEMU 9.9.9. This lesson was tested with 7.2."
    assert transcript.result == b"abc"


@pytest.mark.parametrize("version", ["", "of the future"])
def test_a_program_that_is_no_qemu(another_version: Callable[[str], None], version: str):
    another_version(version)
    assert "does not answer as QEMU does. To run this live: apt install" in play(quits).origin


def test_a_problem_ends_the_transcript_as_a_sentence():
    def dies(lab: Lab) -> None:
        source, you = lab.mini("source"), lab.listen()
        source.migrate(you)
        you.read(100)
        source.kill()
        you.read_stream()

    transcript = play(dies)
    assert not transcript
    assert transcript.entries[-1].kind == "stop"
    assert "cut after" in transcript.entries[-1].text


def test_a_mistake_in_the_scene_is_raised():
    with pytest.raises(ZeroDivisionError):
        play(lambda lab: lab.mini("a") and 1 // 0)
    with pytest.raises(TypeError, match="play takes a function of one parameter, the lab"):
        play("no_verdict")  # type: ignore[arg-type]


def test_without_the_library_the_recording_is_shown(monkeypatch: pytest.MonkeyPatch):
    def without(name: str, *rest: Any, load: Any = builtins.__import__) -> Any:
        if name == "qemu.qmp":
            raise ModuleNotFoundError("No module named 'qemu'", name="qemu")
        return load(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    transcript = play_now(SCENES["by_client"])
    assert transcript.origin.endswith("The package qemu.qmp is not installed: python -m pip install qemu.qmp")
    assert transcript


def test_in_a_browsers_python_the_recordings_are_shown(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("sys.platform", "emscripten")
    for name, scene in SCENES.items():
        transcript = play_now(scene)
        assert "A browser's Python starts no processes." in transcript.origin
        assert transcript.text == recording.of(name).transcript.text


def test_without_unix_sockets_the_recording_is_shown(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delattr("socket.AF_UNIX")
    transcript = play(SCENES["survivor"])
    assert "Python has no unix sockets on this system." in transcript.origin
    assert transcript


@pytest.mark.usefixtures("no_qemu")
def test_the_command(capsys: pytest.CaptureFixture[str]):
    assert command.main([]) == 0
    assert "There is no qemu-system-x86_64 here." in capsys.readouterr().out
    assert command.main(["play", "no-such-scene"]) == 2
    assert "There is no scene 'no-such-scene'; there are by_client, you_answer" in capsys.readouterr().err
    assert command.main(["record", "no_verdict"]) == 1, "what was not run is not recorded again"
    assert "no_verdict is not recorded" in capsys.readouterr().err


def test_the_command_records(monkeypatch: pytest.MonkeyPatch, tmp_path: Any, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(recording, "FOLDER", tmp_path / "recorded")
    assert command.main(["record", "by_client"]) == 0
    monkeypatch.undo()
    (written,) = (tmp_path / "recorded").iterdir()
    assert "query-yank" in capsys.readouterr().out
    stored = recording.FOLDER / "by_client.json"
    assert written.read_text().splitlines()[5:] == stored.read_text().splitlines()[5:], "all but the day"
