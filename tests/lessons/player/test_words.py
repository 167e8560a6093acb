from __future__ import annotations

import pytest

from lessons.player import trace_data
from lessons.player.words import message, spoken
from lessons.scenarios.precopy_return_path import scenario
from mini_qemu.fixes import fixes
from mini_qemu.sched import minimise, replay


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (bytes.fromhex("5145564d 00000003"), "the header of the stream"),
        (bytes.fromhex("08 0002 0004 00000001"), "PING"),
        (bytes.fromhex("08 0009 0000"), "POSTCOPY RESUME"),
        (bytes.fromhex("0002 0004 00000001"), "PONG"),
        (bytes.fromhex("0001 0004 00000000"), "SHUT"),
        (bytes.fromhex("7e 00000002 00"), "the footer of a section"),
        (b"hello", ""),
        (b"", ""),
    ],
)
def test_messages_have_the_names_of_the_protocol(data, name):
    assert message(data) == name


def test_no_sentence_of_lesson_01_shows_bytes_or_says_a_change_twice():
    with fixes.none():
        trace = replay(scenario, minimise(scenario, kind="crash"))
        said = [step["text"] for step in trace_data(trace)["steps"]]
    assert not [text for text in said if "\\x" in text or "yankfns" in text]
    assert said[32 - 1] == "live_migration sends PING on the line to the destination"
    assert said[52 - 1] == "destination sends SHUT on the line to the source"
    assert said[92 - 1] == "main reads the yank instances: [migration]"
    assert said[93 - 1] == "main reads the yank list: [ioc]"
    assert said[87 - 1] == "main adds -1 to ioc.ref: 2 becomes 1"
    assert spoken(trace.steps[0]) == trace.steps[0].text, "what has no name stays as it is"
