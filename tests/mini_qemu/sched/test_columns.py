from __future__ import annotations

import pytest

from mini_qemu.sched import Manual, columns, explore, replay
from tests import sample_scenarios


@pytest.fixture
def lost():
    return replay(sample_scenarios.lost_update, explore(sample_scenarios.lost_update).failure.schedule)


def test_a_column_per_thread_and_the_state_where_it_changed(lost):
    assert repr(columns(lost, width=18)).splitlines() == [
        "     A                   B                   value",
        "-" * 50,
        "                                             0",
        "  1  reads value: 0",
        "  2                      reads value: 0",
        "  3                      writes value = 1    1",
        "  4  writes value = 1",
        "     ✕ check: the check is false at the end",
    ]


def test_asked_for_a_prediction_it_shows_question_marks(lost):
    text = repr(columns(lost, ask=True))
    assert text.count("?") == 4
    assert columns(lost, ask=True)._repr_html_().count("<code>?</code>") == 4


def test_chosen_labels_only(lost):
    assert "value" not in repr(columns(lost, state=[])).splitlines()[0]
    with pytest.raises(LookupError, match="'vale' is not watched in lost-update; watched are: value"):
        columns(lost, state=["vale"])


def test_a_row_says_why_control_went_elsewhere():
    manual = Manual(sample_scenarios.door)
    for thread in ("host", "guest", "opener", "opener", "opener", "opener"):
        if thread in manual.choices():
            manual.step(thread)
    text = repr(columns(manual.trace))
    assert "(waits for lock, held by guest)" in text or "(waits for opener to end)" in text


def test_calls_are_indented():
    trace = replay(sample_scenarios.door, explore(sample_scenarios.door).failure.schedule)
    assert any(line.lstrip(" 0123456789").startswith("reads") for line in repr(columns(trace)).splitlines())
    reading = next(row for row in columns(trace).rows if "reads is_open" in row.text or "reads door" in row.text)
    assert reading.text.startswith(" ")


def test_html_escapes(lost):
    lost.steps[0].state["value"] = "<b>"
    lost.steps[0].changed.append("value")
    assert "<b>" not in columns(lost)._repr_html_()


def test_brief_keeps_what_is_about_the_state_shown_and_the_end(lost):
    assert len(columns(lost, brief=True).rows) == len(columns(lost).rows)  # every step is about `value`
    assert [row.text for row in columns(lost, state=[], brief=True).rows] == ["✕ check: the check is false at the end"]
