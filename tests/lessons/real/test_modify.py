"""What the lesson proposes to change does what the lesson says, and QEMU gives its reason."""

from __future__ import annotations

from types import FunctionType

import pytest

from lessons.functions import from_text
from lessons.real import play, recording
from lessons.real.play import text_of

SCENES = recording.scenes()


def changed(name: str, *edits: tuple[str, str]) -> FunctionType:
    """A scene as a learner leaves it."""
    text = text_of(SCENES[name])
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    return from_text(text, name, f"<changed {edits}>", {"__name__": "changed"})


SHUT = 'you.send(bytes.fromhex("0001 0004 00000000"))'


@pytest.mark.needs_qemu
@pytest.mark.parametrize("instead", ['you.send(bytes.fromhex("0001 0004 00000001"))', "you.hang_up()",
                                     'you.send(bytes.fromhex("0009 0000"))'])  # fmt: skip
def test_another_answer(instead: str):
    assert play(changed("you_answer", (SHUT, instead))).of("source")[-1] == "migration failed, guest running"


@pytest.mark.needs_qemu
@pytest.mark.parametrize(("old", "new", "reason"), [
    (" 08 0001 0000", "", "CMD_PING (0x7) received with no return path"),
    ("6e6f6e65", "6e6f6e66", "Machine type received is 'nonf' and local is 'none'"),
])  # fmt: skip
def test_another_stream(old: str, new: str, reason: str):
    transcript = play(changed("you_ask", (old, new), ("destination.outcome()", "destination.dies()")))
    assert transcript.of("destination")[-1].startswith(f"ends with status 1: {reason}; load of migration failed")


@pytest.mark.needs_qemu
def test_a_cancel_that_nobody_hears():
    transcript = play(changed("blocked", ("source.yank()", "source.cancel()")))
    assert transcript.of("source")[-2:] == ["migrate_cancel", "source did not answer within 5.0 s."]


@pytest.mark.parametrize("name", ["no_verdict", "survivor", "you_answer"])
def test_with_the_miniature_it_is_the_same(name: str):
    """The model's functions as a process, whether a QEMU is here or not."""
    transcript = play(changed(name, ("lab.qemu(", "lab.mini(")))
    assert transcript.entries[1:] == recording.of(name).transcript.entries[1:]
